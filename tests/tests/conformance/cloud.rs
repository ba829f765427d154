//! The S3 adapter against the store in this process, as Amazon's and under each vendor's limits.

use std::sync::Arc;

use flotilla_tests::cloud::{Cloud, Profile};
use flotilla_tests::conformance::store::Fixture;
use shared::store::s3::S3Store;

async fn fixture(profile: Profile) -> Fixture {
    let cloud = Cloud::start(profile).await;
    let bucket = cloud.create_bucket("store");
    let store = S3Store::open(&cloud.side(&bucket, "in/")).await.unwrap();
    let missing = S3Store::open(&cloud.side("no-such-bucket", "")).await.unwrap();
    Fixture::new(Arc::new(store)).with_missing(Arc::new(missing)).keeping(cloud)
}

/// One suite over the adapter for each profile.
macro_rules! suites {
    ($($name:ident: $profile:expr),* $(,)?) => {
        $(mod $name {
            use flotilla_tests::cloud::Profile;
            use flotilla_tests::conformance::store::Fixture;

            async fn open() -> Fixture {
                super::fixture($profile).await
            }

            flotilla_tests::store_conformance!(open);
        })*
    };
}

suites! {
    amazon: Profile::AMAZON,
}
