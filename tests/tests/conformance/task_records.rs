//! The removal of a task's records against its contract.

use flotilla_tests::conformance::task_records::Records;
use flotilla_tests::emulators;

mod dynamodb_at_ministack {
    async fn setup() -> (super::Records, ()) {
        (super::Records::of(crate::ledger::dynamodb(super::emulators::ministack()).await), ())
    }
    flotilla_tests::task_records_suite!(setup);
}

mod dynamodb_at_moto {
    async fn setup() -> (super::Records, crate::ledger::MotoTable) {
        let (ledger, table) = crate::ledger::dynamodb_of_moto().await;
        (super::Records::of(ledger), table)
    }
    flotilla_tests::task_records_suite!(setup);
}

mod embedded {
    async fn setup() -> (super::Records, tempfile::TempDir) {
        let (ledger, folder) = crate::ledger::embedded::open();
        (super::Records::of(ledger), folder)
    }
    flotilla_tests::task_records_suite!(setup);
}
