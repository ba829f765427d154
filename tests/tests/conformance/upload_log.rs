//! The upload log port's adapters against its contract.

use shared::objects::SharedUploadLog;

mod dynamodb_at_ministack {
    async fn setup() -> (super::SharedUploadLog, ()) {
        (crate::ledger::dynamodb(flotilla_tests::emulators::ministack()).await, ())
    }
    flotilla_tests::upload_log_suite!(setup);
}

mod dynamodb_at_moto {
    async fn setup() -> (super::SharedUploadLog, ()) {
        (crate::ledger::dynamodb(flotilla_tests::emulators::moto()).await, ())
    }
    // moto does not isolate conditional updates of one item: see `ledger.rs`.
    flotilla_tests::upload_log_suite!(setup, but_not[of_many_uploads_opened_at_once_one_is_kept]);
}

mod embedded {
    async fn setup() -> (super::SharedUploadLog, tempfile::TempDir) {
        let (ledger, folder) = crate::ledger::embedded::open();
        (ledger, folder)
    }
    flotilla_tests::upload_log_suite!(setup);
}
