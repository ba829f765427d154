//! The S3 adapter against the store in this process, as Amazon's and under each vendor's limits.

use std::sync::Arc;

use adapters::store::s3::S3Store;
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

mod requester_pays {
    flotilla_tests::store_conformance!(super::charging);
}

/// Modules of suites over the adapter, one for each profile.
macro_rules! suites {
    ($suite:ident! $($name:ident: $profile:expr, $scheme:ident;)*) => {
        $(mod $name {
            use flotilla_tests::cloud::Profile;
            use flotilla_tests::conformance::store::Fixture;
            use shared::location::Scheme;

            async fn open() -> Fixture {
                super::fixture($profile, Scheme::$scheme).await
            }

            super::$suite!(open);
        })*
    };
}

/// The whole suite.
macro_rules! all {
    ($open:ident) => {
        flotilla_tests::store_conformance!($open);
    };
}

/// What a vendor's limits touch; the rest is the same code as for a store that nobody has heard of.
macro_rules! limited {
    ($open:ident) => {
        flotilla_tests::store_conformance! { @each $open;
            writes::an_object_comes_back_as_it_was_put,
            writes::a_failed_put_leaves_the_old_object,
            writes::a_wrong_checksum_is_refused_where_it_is_verified,
            writes::a_right_checksum_is_accepted,
            writes::attributes_are_kept_where_the_store_says_so,
            writes::deleting_removes_and_may_be_repeated,
            reads::what_is_missing_is_not_found,
            reads::any_range_can_be_read,
            reads::a_pinned_read_sees_its_version_or_fails,
            reads::a_computed_checksum_is_right,
            reads::a_put_object_has_no_more_than_one_part,
            reads::a_missing_container_is_named_as_such,
            keys::odd_keys_come_back_exactly,
            keys::an_unrepresentable_key_is_refused_and_nothing_written,
            keys::a_key_and_keys_below_it_are_stored_or_one_is_refused,
            keys::a_folder_marker_is_found_again,
            listings::keys_come_in_byte_order,
            listings::any_range_lists_exactly_its_keys,
            listings::more_than_a_page_lists_completely,
            multipart::parts_in_any_order_make_the_object,
            multipart::parts_are_listed_by_number,
            multipart::an_aborted_upload_is_gone,
            multipart::a_completed_upload_is_gone,
            multipart::what_is_open_is_listed_where_the_store_can,
            multipart::completing_keeps_attributes_and_time,
            parts::a_part_with_a_wrong_checksum_is_refused_where_it_is_verified,
            parts::a_part_under_a_wrong_tag_is_not_completed,
            parts::a_reported_layout_is_the_uploaded_one,
            copies::the_service_copies_the_pinned_version,
            copies::the_service_copies_ranges_into_parts,
        }
    };
}

use {all, limited};

suites! { all!
    amazon: Profile::AMAZON, S3;
    unknown: Profile::UNKNOWN, S3;
}

suites! { limited!
    oss: Profile::OSS, Oss;
    cos: Profile::COS, Cos;
    kodo: Profile::KODO, Kodo;
    gcs: Profile::GCS, Gs;
    r2: Profile::R2, R2;
    b2: Profile::B2, S3;
    ceph: Profile::CEPH, S3;
    minio: Profile::MINIO, S3;
}
