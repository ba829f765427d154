//! The ledger port's adapters against its contract.

mod embedded {
    use std::sync::Arc;

    use shared::database::Database;
    use shared::ledger::SharedLedger;
    use shared::ledger::embedded::EmbeddedLedger;
    use tempfile::TempDir;

    async fn setup() -> (SharedLedger, TempDir) {
        let dir = tempfile::tempdir().expect("a folder");
        let database = Database::open(dir.path()).expect("a database");
        (Arc::new(EmbeddedLedger::open(&database)), dir)
    }

    flotilla_tests::ledger_suite!(setup);
}
