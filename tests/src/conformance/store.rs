//! The store port's contract, as tests over any adapter.
//!
//! One function per promise; each takes a [`Fixture`] over a fresh, empty location. An adapter runs
//! them all by [`store_conformance!`](crate::store_conformance), one named test per promise. What a
//! store cannot do it says in its [`Capabilities`](shared::store::Capabilities), and the promises
//! go by that.

// A failed expectation is a failed test here, which Clippy cannot see outside of test targets.
#![allow(clippy::unwrap_used)]

pub mod copies;
pub mod deletes;
pub mod keys;
pub mod listings;
pub mod multipart;
pub mod parts;
pub mod reads;
pub mod writes;

use std::any::Any;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use shared::digest::{Algorithm, Checksum, Hasher};
use shared::object::{Entry, Pin};
use shared::store::{Body, KeyRange, Listed, Read, Store, Write, Written};
use shared::{Error, ErrorKind, Result};

/// A fresh, empty location of the adapter under test.
pub struct Fixture {
    /// The store, ready for reading and writing.
    pub store: Store,
    /// A store over a container (bucket or folder) that does not exist, if one can be had.
    pub missing: Option<Store>,
    /// What must live as long as the location.
    keep: Vec<Box<dyn Any + Send>>,
}

impl Fixture {
    /// A fixture over a store.
    pub fn new(store: Store) -> Self {
        Fixture { store, missing: None, keep: Vec::new() }
    }

    /// With a store over a container that does not exist.
    pub fn with_missing(mut self, missing: Store) -> Self {
        self.missing = Some(missing);
        self
    }

    /// With something that is dropped together with the fixture.
    pub fn keeping(mut self, kept: impl Any + Send) -> Self {
        self.keep.push(Box::new(kept));
        self
    }
}

impl std::fmt::Debug for Fixture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fixture({}, keeping {})", self.store.location(), self.keep.len())
    }
}

/// Makes one `#[tokio::test]` per promise of the store port. The argument is the path of an
/// `async fn() -> Fixture` that opens a fresh, empty location, behind attributes that all tests get. The
/// [exceptions](super::exceptions) of the component behind the adapter may follow.
#[macro_export]
macro_rules! store_conformance {
    ($(#[$attribute:meta])* $open:path) => {
        $crate::store_conformance!($(#[$attribute])* $open, $crate::conformance::exceptions::NONE);
    };
    ($(#[$attribute:meta])* $open:path, $exceptions:path) => {
        $crate::store_conformance! { @tests [$(#[$attribute])*] $open, $exceptions;
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
            deletes::many_are_deleted_in_one_request_and_no_others,
            deletes::each_key_of_many_has_its_own_result,
            deletes::a_store_without_the_request_deletes_none_by_it,
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
            multipart::a_part_may_be_replaced,
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
    };
    (@tests $attributes:tt $open:path, $exceptions:path; $($module:ident::$promise:ident),* $(,)?) => {
        $($crate::store_conformance! { @test $attributes $open, $exceptions; $module $promise })*

        #[test]
        fn every_exception_names_a_case() {
            $exceptions.assert_known(&[$(stringify!($promise)),*]);
        }
    };
    (@test [$(#[$attribute:meta])*] $open:path, $exceptions:path; $module:ident $promise:ident) => {
        #[tokio::test]
        $(#[$attribute])*
        async fn $promise() {
            if $exceptions.leaves_out(stringify!($promise)) {
                return;
            }
            let fixture: $crate::conformance::store::Fixture = $open().await;
            let case = $crate::conformance::store::$module::$promise(&fixture);
            $exceptions.run(stringify!($promise), case).await;
        }
    };
}

/// Bytes that compress badly and differ by seed, so that no mix-up goes unseen.
pub fn bytes_of(len: usize, seed: u64) -> Bytes {
    crate::stage::numbered_content(seed, len).into()
}

/// The bytes as a body of 64-KiB chunks.
pub fn body(bytes: &Bytes) -> Body {
    let chunks: Vec<_> =
        (0..bytes.len()).step_by(64 << 10).map(|at| Ok(bytes.slice(at..bytes.len().min(at + (64 << 10))))).collect();
    Body::stream(stream::iter(chunks))
}

/// The bytes as a body that then ends in an error.
pub fn broken_body(bytes: &Bytes) -> Body {
    let error = Error::new(ErrorKind::Connection, "get", "the source", "cut off");
    Body::stream(body(bytes).chain(stream::iter([Err(error)])))
}

/// What to write besides these bytes, plainly.
pub fn plain(bytes: &Bytes) -> Write {
    Write { size: bytes.len() as u64, ..Write::default() }
}

/// The checksum of the bytes; `None` if it is never computed here.
pub fn checksum_of(algorithm: Algorithm, bytes: &[u8]) -> Option<Checksum> {
    let mut hasher = Hasher::new(algorithm)?;
    hasher.update(bytes);
    Some(hasher.finish())
}

/// Puts an object.
pub async fn put(store: &Store, key: &str, bytes: &Bytes) -> Written {
    store.put(key, &plain(bytes), body(bytes)).await.unwrap_or_else(|error| panic!("{key:?} was not taken: {error}"))
}

/// Reads as asked, to the body's end.
pub async fn try_read(store: &Store, key: &str, read: &Read) -> Result<Vec<u8>> {
    let object = store.get(key, read).await?;
    let chunks: Vec<Bytes> = object.body.try_collect().await?;
    Ok(chunks.concat())
}

/// Asserts that the object holds exactly these bytes.
pub async fn assert_stored(store: &Store, key: &str, bytes: &[u8]) {
    let found = try_read(store, key, &Read::default()).await.unwrap_or_else(|error| panic!("{key:?}: {error}"));
    assert!(found == bytes, "{key:?} holds {} other bytes instead of {}", found.len(), bytes.len());
}

/// Asserts that there is no such object.
pub async fn assert_absent(store: &Store, key: &str) {
    let answer = store.head(key, &Pin::default()).await;
    assert_eq!(kind_of(answer), ErrorKind::NotFound, "{key:?} is there");
    assert!(!keys_in(store, KeyRange::default()).await.iter().any(|k| k == key), "{key:?} is listed");
}

/// The kind of the error that a call must have ended in.
pub fn kind_of<T>(result: Result<T>) -> ErrorKind {
    match result {
        Ok(_) => panic!("an error was expected"),
        Err(error) => error.kind(),
    }
}

/// Lists a range to its end and asserts that pages are bounded and never empty, and keys ascend.
pub async fn list(store: &Store, range: KeyRange) -> Vec<Entry> {
    let mut listing = store.list(range.clone());
    let mut entries: Vec<Entry> = Vec::new();
    while let Some(page) = listing.next_page().await.unwrap_or_else(|error| panic!("listing {range:?}: {error}")) {
        assert!(!page.is_empty(), "a page is empty");
        assert!(page.len() <= 5_000, "a page has {} entries", page.len());
        entries.extend(page.into_iter().map(object));
    }
    for pair in entries.windows(2) {
        assert!(pair[0].key < pair[1].key, "{:?} is listed before {:?}", pair[0].key, pair[1].key);
    }
    entries
}

/// The object that an item of a listing is.
pub fn object(listed: Listed) -> Entry {
    match listed {
        Listed::Object(entry) => entry,
        Listed::Unlisted(unlisted) => panic!("{unlisted:?} was not to be expected"),
    }
}

/// The keys of a range.
pub async fn keys_in(store: &Store, range: KeyRange) -> Vec<String> {
    list(store, range).await.into_iter().map(|entry| entry.key).collect()
}
