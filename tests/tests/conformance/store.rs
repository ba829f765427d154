//! The store port's adapters against its contract.

mod file {
    use std::path::Path;
    use std::sync::Arc;

    use adapters::store::file::FileStore;
    use flotilla_tests::conformance::store::Fixture;
    use shared::location::Location;
    use shared::store::Store;

    #[allow(clippy::unwrap_used, reason = "a fixture that cannot be made is a failed test")]
    async fn open() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let store_at = |path: &Path| -> Store { Arc::new(FileStore::open(&Location::folder(path).unwrap()).unwrap()) };
        let store = store_at(&dir.path().join("deep/root"));
        store.prepare().await.unwrap();
        Fixture::new(store).with_missing(store_at(&dir.path().join("missing"))).keeping(dir)
    }

    flotilla_tests::store_conformance!(open);
}

/// SeaweedFS: real bytes on disk, signatures that are checked, an object store's atomicity.
mod s3_weed {
    use flotilla_tests::conformance::store::Fixture;
    use flotilla_tests::emulators::{side, weed};

    async fn open() -> Fixture {
        let weed = weed();
        let bucket = weed.create_bucket("store").await;
        let missing = side(&weed.endpoint, "no-such-bucket", "");
        super::s3_fixture(side(&weed.endpoint, &bucket, "in/"), missing).await
    }

    flotilla_tests::store_conformance!(open, flotilla_tests::conformance::exceptions::STORE_AT_SEAWEEDFS);
}

/// moto: what SeaweedFS does not do as Amazon does, which is to list in byte order and to hold every key.
mod s3_moto {
    use flotilla_tests::conformance::store::Fixture;
    use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, moto, s3_client, side, unique_name};

    async fn open() -> Fixture {
        let endpoint = &moto().endpoint;
        let bucket = unique_name("store");
        s3_client(endpoint, ACCESS_KEY, SECRET_KEY).create_bucket().bucket(&bucket).send().await.unwrap();
        super::s3_fixture(side(endpoint, &bucket, "in/"), side(endpoint, "no-such-bucket", "")).await
    }

    flotilla_tests::store_conformance!(open, flotilla_tests::conformance::exceptions::STORE_AT_MOTO);
}

/// Garage, where the machine has one: `FLOTILLA_GARAGE=/usr/local/bin/garage tests/run --test conformance
/// garage -- --ignored`.
mod s3_garage {
    use flotilla_tests::conformance::store::Fixture;
    use flotilla_tests::emulators::garage;

    async fn open() -> Fixture {
        let garage = garage();
        super::s3_fixture(garage.fresh_side("in/"), garage.side("no-such-bucket", "")).await
    }

    flotilla_tests::store_conformance!(
        #[ignore = "needs a garage binary, named by FLOTILLA_GARAGE"]
        open
    );
}

async fn s3_fixture(
    side: shared::config::Side,
    missing: shared::config::Side,
) -> flotilla_tests::conformance::store::Fixture {
    use adapters::store::s3::S3Store;
    use std::sync::Arc;
    let store = Arc::new(S3Store::open(&side).await.unwrap());
    let missing = Arc::new(S3Store::open(&missing).await.unwrap());
    flotilla_tests::conformance::store::Fixture::new(store).with_missing(missing)
}
