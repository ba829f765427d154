//! The ledger port's adapters against its contract.

use std::sync::Arc;

use adapters::ledger::dynamodb::DynamoDbLedger;
use flotilla_tests::emulators::{self, Emulator};
use shared::config::LedgerConfig;
use shared::ledger::SharedLedger;

/// A new table at an emulator of DynamoDB.
pub async fn dynamodb(emulator: &Emulator) -> Arc<DynamoDbLedger> {
    new_table(emulator, &emulators::unique_name("ledger")).await
}

/// A new table at moto, which goes with its test.
pub async fn dynamodb_of_moto() -> (Arc<DynamoDbLedger>, MotoTable) {
    let table = MotoTable(emulators::unique_name("ledger"));
    (new_table(emulators::moto(), &table.0).await, table)
}

async fn new_table(emulator: &Emulator, name: &str) -> Arc<DynamoDbLedger> {
    let config = LedgerConfig::new(name.to_owned(), emulator.connection());
    DynamoDbLedger::create(&config).await.unwrap();
    Arc::new(DynamoDbLedger::open(&config).await.unwrap())
}

/// A table at moto. Dropped, it is deleted: moto copies all its tables at each transaction, and would need longer for each
/// than the one before.
pub struct MotoTable(pub String);

impl Drop for MotoTable {
    fn drop(&mut self) {
        let name = self.0.clone();
        let delete = async move {
            let client = aws_sdk_dynamodb::Client::new(&emulators::moto().sdk_config());
            // A table that stays costs time alone.
            let _ = client.delete_table().table_name(name).send().await;
        };
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        // On a thread of its own: the test's runtime may be ending.
        let _ = std::thread::spawn(move || runtime().block_on(delete)).join();
    }
}

mod dynamodb_at_ministack {
    async fn setup() -> (super::SharedLedger, ()) {
        (super::dynamodb(super::emulators::ministack()).await, ())
    }
    flotilla_tests::ledger_suite!(setup);
}

mod dynamodb_at_moto {
    async fn setup() -> (super::SharedLedger, super::MotoTable) {
        let (ledger, table) = super::dynamodb_of_moto().await;
        (ledger, table)
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
