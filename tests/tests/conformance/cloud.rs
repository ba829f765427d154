//! The S3 adapter against the store in this process, as Amazon's and under each vendor's limits.

use std::sync::Arc;

use adapters::store::s3::{FrequentCalls, S3Store};
use flotilla_tests::cloud::{Cloud, Profile};
use flotilla_tests::conformance::store::Fixture;
use shared::config::Addressing;
use shared::config::Side;
use shared::location::{Location, Scheme};

/// A side as its provider's scheme names it: region and addressing are the adapter's to know.
fn side(cloud: &Cloud, scheme: Scheme, bucket: &str, prefix: &str) -> Side {
    let mut side = cloud.side(bucket, prefix);
    if scheme != Scheme::S3 {
        side.location = Location::bucket_at(scheme, bucket, prefix);
        // A name, for buckets to stand before it.
        side.connection.endpoint_url = Some(cloud.endpoint.replace("127.0.0.1", "localhost"));
        side.addressing_style = Addressing::Auto;
        if cloud.profile().region.is_some() {
            side.connection.region = None;
        }
    }
    side
}

async fn fixture(profile: Profile, scheme: Scheme) -> Fixture {
    let cloud = Cloud::start(profile).await;
    let bucket = cloud.create_bucket("store");
    let store = S3Store::open(&side(&cloud, scheme, &bucket, "in/")).await.unwrap();
    let missing = S3Store::open(&side(&cloud, scheme, "no-such-bucket", "")).await.unwrap();
    Fixture::new(Arc::new(store)).with_missing(Arc::new(missing)).keeping(cloud)
}

/// A bucket that charges its requesters.
async fn charging() -> Fixture {
    let cloud = Cloud::start(Profile::AMAZON).await;
    let bucket = cloud.create_bucket("store");
    cloud.charge_requesters(&bucket);
    let opened = async |bucket: &str, prefix: &str| {
        let side = Side { requester_pays: true, ..side(&cloud, Scheme::S3, bucket, prefix) };
        S3Store::open(&side).await.unwrap()
    };
    let (store, missing) = (opened(&bucket, "in/").await, opened("no-such-bucket", "").await);
    Fixture::new(Arc::new(store)).with_missing(Arc::new(missing)).keeping(cloud)
}

/// All calls by the SDK. The suites below use the lean client.
async fn by_sdk() -> Fixture {
    let cloud = Cloud::start(Profile::AMAZON).await;
    let bucket = cloud.create_bucket("store");
    let opened = async |bucket: &str, prefix: &str| {
        let side = side(&cloud, Scheme::S3, bucket, prefix);
        S3Store::open_with(&side, FrequentCalls::Sdk).await.unwrap()
    };
    let (store, missing) = (opened(&bucket, "in/").await, opened("no-such-bucket", "").await);
    Fixture::new(Arc::new(store)).with_missing(Arc::new(missing)).keeping(cloud)
}

mod sdk {
    flotilla_tests::store_conformance!(super::by_sdk);
}

mod requester_pays {
    flotilla_tests::store_conformance!(super::charging);
}

/// The suite over the adapter, under each profile's limits.
macro_rules! suites {
    ($($name:ident: $profile:expr, $scheme:ident;)*) => {
        $(mod $name {
            use flotilla_tests::cloud::Profile;
            use flotilla_tests::conformance::store::Fixture;
            use shared::location::Scheme;

            async fn open() -> Fixture {
                super::fixture($profile, Scheme::$scheme).await
            }

            flotilla_tests::store_conformance!(open);
        })*
    };
}

suites! {
    amazon: Profile::AMAZON, S3;
    unknown: Profile::UNKNOWN, S3;
    oss: Profile::OSS, Oss;
    cos: Profile::COS, Cos;
    kodo: Profile::KODO, Kodo;
    gcs: Profile::GCS, Gs;
    r2: Profile::R2, R2;
    b2: Profile::B2, S3;
    ceph: Profile::CEPH, S3;
    minio: Profile::MINIO, S3;
}
