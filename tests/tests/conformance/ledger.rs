//! The ledger port's adapters against its contract.

use std::sync::Arc;

use flotilla_tests::emulators::{self, Emulator};
use shared::config::LedgerConfig;
use shared::ledger::SharedLedger;
use shared::ledger::dynamodb::DynamoDbLedger;

/// A new table at an emulator of DynamoDB.
async fn dynamodb(emulator: &Emulator) -> (SharedLedger, ()) {
    let config = LedgerConfig { table: emulators::unique_name("ledger"), connection: emulator.connection() };
    DynamoDbLedger::create(&config).await.unwrap();
    (Arc::new(DynamoDbLedger::open(&config).await.unwrap()), ())
}

mod dynamodb_at_ministack {
    async fn setup() -> (super::SharedLedger, ()) {
        super::dynamodb(super::emulators::ministack()).await
    }
    flotilla_tests::ledger_suite!(setup);
}

mod dynamodb_at_moto {
    async fn setup() -> (super::SharedLedger, ()) {
        super::dynamodb(super::emulators::moto()).await
    }
    flotilla_tests::ledger_suite!(setup);
}
