//! The tasks port's adapters against its contract.

use std::sync::Arc;

use adapters::ledger::dynamodb::DynamoDbLedger;
use adapters::tasks::dynamodb::DynamoDbTasks;
use flotilla_tests::emulators::{self, Emulator};
use shared::config::LedgerConfig;
use shared::tasks::SharedTasks;

/// A new fleet in a new table at an emulator of DynamoDB.
async fn dynamodb(emulator: &Emulator) -> (SharedTasks, ()) {
    let config = LedgerConfig::new(emulators::unique_name("tasks"), emulator.connection());
    DynamoDbLedger::create(&config).await.unwrap();
    let ledger = DynamoDbLedger::open(&config).await.unwrap();
    (Arc::new(DynamoDbTasks::of(&ledger, "fleet")), ())
}

mod dynamodb_at_ministack {
    async fn setup() -> (super::SharedTasks, ()) {
        super::dynamodb(super::emulators::ministack()).await
    }
    flotilla_tests::tasks_suite!(setup);
}

mod dynamodb_at_moto {
    async fn setup() -> (super::SharedTasks, ()) {
        super::dynamodb(super::emulators::moto()).await
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
