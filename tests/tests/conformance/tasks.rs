//! The tasks port's adapters against its contract.

use std::sync::Arc;

use adapters::ledger::dynamodb::DynamoDbLedger;
use adapters::tasks::dynamodb::DynamoDbTasks;
use shared::tasks::SharedTasks;

/// A new fleet in a table.
fn fleet(ledger: &DynamoDbLedger) -> SharedTasks {
    Arc::new(DynamoDbTasks::of(ledger, "fleet"))
}

mod dynamodb_at_ministack {
    async fn setup() -> (super::SharedTasks, ()) {
        let ledger = crate::ledger::dynamodb(flotilla_tests::emulators::ministack()).await;
        (super::fleet(&ledger), ())
    }
    flotilla_tests::tasks_suite!(setup);
}

mod dynamodb_at_moto {
    async fn setup() -> (super::SharedTasks, crate::ledger::MotoTable) {
        let (ledger, table) = crate::ledger::dynamodb_of_moto().await;
        (super::fleet(&ledger), table)
    }
    flotilla_tests::tasks_suite!(setup, flotilla_tests::conformance::exceptions::TASKS_AT_MOTO);
}

mod embedded {
    use std::sync::Arc;

    use adapters::sqlite::Database;
    use adapters::tasks::sqlite::SqliteTasks;
    use shared::tasks::SharedTasks;
    use tempfile::TempDir;

    async fn setup() -> (SharedTasks, TempDir) {
        let dir = tempfile::tempdir().expect("a folder");
        let database = Database::open(dir.path()).expect("a database");
        (Arc::new(SqliteTasks::open(&database)), dir)
    }

    flotilla_tests::tasks_suite!(setup);
}
