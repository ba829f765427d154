//! The queue port's adapters against its contract.

use std::sync::Arc;

use adapters::queue::sqs::SqsQueue;
use flotilla_tests::emulators::{self, Emulator};
use shared::config::QueueConfig;
use shared::queue::Queue;

/// A new queue at an emulator of SQS.
async fn sqs(emulator: &Emulator) -> (Queue, ()) {
    let config =
        QueueConfig { name: emulators::unique_name("jobs"), dead_letter: None, connection: emulator.connection() };
    SqsQueue::create(&config).await.unwrap();
    (Arc::new(SqsQueue::open(&config).await.unwrap()), ())
}

mod sqs_at_ministack {
    async fn setup() -> (super::Queue, ()) {
        super::sqs(super::emulators::ministack()).await
    }
    flotilla_tests::queue_suite!(setup);
}

mod sqs_at_moto {
    async fn setup() -> (super::Queue, ()) {
        super::sqs(super::emulators::moto()).await
    }
    flotilla_tests::queue_suite!(setup, flotilla_tests::conformance::exceptions::QUEUE_AT_MOTO);
}

mod embedded {
    use std::sync::Arc;

    use adapters::queue::sqlite::SqliteQueue;
    use adapters::sqlite::Database;
    use shared::queue::Queue;
    use tempfile::TempDir;

    async fn setup() -> (Queue, TempDir) {
        let dir = tempfile::tempdir().expect("a folder");
        let database = Database::open(dir.path()).expect("a database");
        (Arc::new(SqliteQueue::open(&database, "jobs")), dir)
    }

    flotilla_tests::queue_suite!(setup);
}
