//! The ledger port's adapters against its contract.

use std::sync::Arc;

use adapters::ledger::dynamodb::DynamoDbLedger;
use flotilla_tests::emulators::{self, Emulator};
use shared::config::LedgerConfig;
use shared::ledger::SharedLedger;

/// A new table at an emulator of DynamoDB.
pub async fn dynamodb(emulator: &Emulator) -> Arc<DynamoDbLedger> {
    let config = LedgerConfig::new(emulators::unique_name("ledger"), emulator.connection());
    DynamoDbLedger::create(&config).await.unwrap();
    Arc::new(DynamoDbLedger::open(&config).await.unwrap())
}

mod dynamodb_at_ministack {
    async fn setup() -> (super::SharedLedger, ()) {
        (super::dynamodb(super::emulators::ministack()).await, ())
    }
    flotilla_tests::ledger_suite!(setup);
}

mod dynamodb_at_moto {
    async fn setup() -> (super::SharedLedger, ()) {
        (super::dynamodb(super::emulators::moto()).await, ())
    }
    flotilla_tests::ledger_suite!(setup, flotilla_tests::conformance::exceptions::LEDGER_AT_MOTO);
}

pub mod embedded {
    use std::sync::Arc;

    use adapters::ledger::sqlite::SqliteLedger;
    use adapters::sqlite::Database;
    use shared::ledger::SharedLedger;
    use tempfile::TempDir;

    pub fn open() -> (Arc<SqliteLedger>, TempDir) {
        let dir = tempfile::tempdir().expect("a folder");
        let database = Database::open(dir.path()).expect("a database");
        (Arc::new(SqliteLedger::open(&database)), dir)
    }

    async fn setup() -> (SharedLedger, TempDir) {
        let (ledger, folder) = open();
        (ledger, folder)
    }

    flotilla_tests::ledger_suite!(setup);
}
