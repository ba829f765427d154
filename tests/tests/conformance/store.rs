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

    // Left out, for it keeps both of two parts of one number and distinguishes them by seconds only:
    // a_part_may_be_replaced.
    flotilla_tests::store_conformance! { @each open;
        writes::an_object_comes_back_as_it_was_put,
        writes::an_empty_object_is_an_object,
        writes::an_object_of_many_chunks_comes_back_whole,
        writes::a_put_replaces_what_was_there,
        writes::a_body_shorter_than_its_size_makes_no_object,
        writes::a_body_longer_than_its_size_makes_no_object,
        writes::a_body_that_fails_makes_no_object,
        writes::a_failed_put_leaves_the_old_object,
        writes::a_put_that_is_dropped_makes_no_object,
        writes::a_wrong_checksum_is_refused_where_it_is_verified,
        writes::a_right_checksum_is_accepted,
        writes::attributes_are_kept_where_the_store_says_so,
        writes::the_modification_time_is_kept_where_the_store_says_so,
        writes::deleting_removes_and_may_be_repeated,
        reads::what_is_missing_is_not_found,
        reads::any_range_can_be_read,
        reads::a_range_beyond_the_end_never_ends_well,
        reads::a_pinned_read_sees_its_version_or_fails,
        reads::a_read_beside_overwrites_sees_one_version_whole,
        reads::a_computed_checksum_is_right,
        reads::a_put_object_has_no_more_than_one_part,
        reads::a_ready_location_answers_and_preparing_changes_nothing,
        reads::a_missing_container_is_named_as_such,
        keys::odd_keys_come_back_exactly,
        keys::an_unrepresentable_key_is_refused_and_nothing_written,
        keys::a_key_and_keys_below_it_are_stored_or_one_is_refused,
        keys::a_folder_marker_is_found_again,
        listings::an_empty_location_lists_nothing,
        listings::keys_come_in_byte_order,
        listings::a_listing_agrees_with_head,
        listings::any_range_lists_exactly_its_keys,
        listings::more_than_a_page_lists_completely,
        multipart::parts_in_any_order_make_the_object,
        multipart::parts_are_listed_by_number,
        multipart::nothing_is_visible_before_completion,
        multipart::one_part_may_be_all,
        multipart::an_aborted_upload_is_gone,
        multipart::a_completed_upload_is_gone,
        multipart::what_is_open_is_listed_where_the_store_can,
        multipart::completing_keeps_attributes_and_time,
        multipart::two_uploads_of_one_key_do_not_mix,
        parts::a_part_of_another_length_is_refused,
        parts::a_part_that_fails_leaves_nothing,
        parts::a_part_with_a_wrong_checksum_is_refused_where_it_is_verified,
        parts::a_part_that_was_never_sent_is_not_completed,
        parts::a_part_under_a_wrong_tag_is_not_completed,
        parts::parts_that_leave_a_gap_are_not_completed,
        parts::a_reported_layout_is_the_uploaded_one,
        copies::the_service_copies_the_pinned_version,
        copies::the_service_copies_ranges_into_parts,
        copies::a_store_without_a_service_says_so,
    }
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

    // Left out, for it verifies no checksums: a_wrong_checksum…, a_part_with_a_wrong_checksum…; for it
    // ignores a copy's condition: the_service_copies_the_pinned_version; for it lists parts under a wrong
    // name, and uploads without their times: a_part_of_another_length…, a_part_that_fails…,
    // a_part_may_be_replaced, parts_are_listed…, an_aborted_upload…, what_is_open_is_listed….
    flotilla_tests::store_conformance! { @each open;
        writes::an_object_comes_back_as_it_was_put,
        writes::an_empty_object_is_an_object,
        writes::an_object_of_many_chunks_comes_back_whole,
        writes::a_put_replaces_what_was_there,
        writes::a_body_shorter_than_its_size_makes_no_object,
        writes::a_body_longer_than_its_size_makes_no_object,
        writes::a_body_that_fails_makes_no_object,
        writes::a_failed_put_leaves_the_old_object,
        writes::a_put_that_is_dropped_makes_no_object,
        writes::a_right_checksum_is_accepted,
        writes::attributes_are_kept_where_the_store_says_so,
        writes::the_modification_time_is_kept_where_the_store_says_so,
        writes::deleting_removes_and_may_be_repeated,
        reads::what_is_missing_is_not_found,
        reads::any_range_can_be_read,
        reads::a_range_beyond_the_end_never_ends_well,
        reads::a_pinned_read_sees_its_version_or_fails,
        reads::a_read_beside_overwrites_sees_one_version_whole,
        reads::a_computed_checksum_is_right,
        reads::a_put_object_has_no_more_than_one_part,
        reads::a_ready_location_answers_and_preparing_changes_nothing,
        reads::a_missing_container_is_named_as_such,
        keys::odd_keys_come_back_exactly,
        keys::an_unrepresentable_key_is_refused_and_nothing_written,
        keys::a_key_and_keys_below_it_are_stored_or_one_is_refused,
        keys::a_folder_marker_is_found_again,
        listings::an_empty_location_lists_nothing,
        listings::keys_come_in_byte_order,
        listings::a_listing_agrees_with_head,
        listings::any_range_lists_exactly_its_keys,
        listings::more_than_a_page_lists_completely,
        multipart::parts_in_any_order_make_the_object,
        multipart::nothing_is_visible_before_completion,
        multipart::one_part_may_be_all,
        multipart::a_completed_upload_is_gone,
        multipart::completing_keeps_attributes_and_time,
        multipart::two_uploads_of_one_key_do_not_mix,
        parts::a_part_that_was_never_sent_is_not_completed,
        parts::a_part_under_a_wrong_tag_is_not_completed,
        parts::parts_that_leave_a_gap_are_not_completed,
        parts::a_reported_layout_is_the_uploaded_one,
        copies::the_service_copies_ranges_into_parts,
        copies::a_store_without_a_service_says_so,
    }
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
