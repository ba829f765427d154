//! The queue port's adapters against its contract.

mod embedded {
    use std::sync::Arc;

    use shared::database::Database;
    use shared::queue::Queue;
    use shared::queue::embedded::EmbeddedQueue;
    use tempfile::TempDir;

    async fn setup() -> (Queue, TempDir) {
        let dir = tempfile::tempdir().expect("a folder");
        let database = Database::open(dir.path()).expect("a database");
        (Arc::new(EmbeddedQueue::open(&database, "jobs")), dir)
    }

    flotilla_tests::queue_suite!(setup);
}
