//! The upload log port's adapters against its contract.

use shared::objects::SharedUploadLog;

mod dynamodb_at_ministack {
    async fn setup() -> (super::SharedUploadLog, ()) {
        (crate::ledger::dynamodb(flotilla_tests::emulators::ministack()).await, ())
    }
    flotilla_tests::upload_log_suite!(setup);
}

mod dynamodb_at_moto {
    async fn setup() -> (super::SharedUploadLog, crate::ledger::MotoTable) {
        let (ledger, table) = crate::ledger::dynamodb_of_moto().await;
        (ledger, table)
    }
    flotilla_tests::upload_log_suite!(setup, flotilla_tests::conformance::exceptions::UPLOAD_LOG_AT_MOTO);
}

mod embedded {
    async fn setup() -> (super::SharedUploadLog, tempfile::TempDir) {
        let (ledger, folder) = crate::ledger::embedded::open();
        (ledger, folder)
    }
    flotilla_tests::upload_log_suite!(setup);
}
