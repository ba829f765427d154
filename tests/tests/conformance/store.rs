//! The store port's adapters against its contract.

mod file {
    use std::path::Path;
    use std::sync::Arc;

    use flotilla_tests::conformance::store::Fixture;
    use shared::location::Location;
    use shared::store::Store;
    use shared::store::file::FileStore;

    async fn open() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let store_at = |path: &Path| -> Store { Arc::new(FileStore::open(&Location::folder(path).unwrap()).unwrap()) };
        let store = store_at(&dir.path().join("deep/root"));
        store.prepare().await.unwrap();
        Fixture::new(store).with_missing(store_at(&dir.path().join("missing"))).keeping(dir)
    }

    flotilla_tests::store_conformance!(open);
}
