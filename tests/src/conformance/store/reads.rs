//! Promises of reads: ranges, pins, checksums, missing objects.

use shared::ErrorKind;
use shared::digest::Algorithm;
use shared::object::{ETag, Pin};
use shared::store::{KeyRange, Read};

use super::*;

/// A missing object is `NotFound`, whatever its neighbours.
pub async fn what_is_missing_is_not_found(fixture: &Fixture) {
    let store = &fixture.store;
    put(store, "a/b", &bytes_of(3, 1)).await;
    for key in ["missing", "a", "a/b/c", "a/c", "a/b "] {
        assert_eq!(kind_of(store.head(key, &Pin::default()).await), ErrorKind::NotFound, "head {key:?}");
        assert_eq!(kind_of(store.get(key, &Read::default()).await), ErrorKind::NotFound, "get {key:?}");
    }
    let pin = Pin { etag: Some(ETag::new("0123456789abcdef0123456789abcdef")), version: None };
    let kind = kind_of(store.head("missing", &pin).await);
    assert!(matches!(kind, ErrorKind::NotFound | ErrorKind::PreconditionFailed), "{kind}");
}

/// First byte, middle, last byte, all.
pub async fn any_range_can_be_read(fixture: &Fixture) {
    let len = 300_000u64;
    let bytes = bytes_of(len as usize, 1);
    put(&fixture.store, "key", &bytes).await;
    for range in [0..1, 1..2, 65_535..65_537, 100_000..299_999, len - 1..len, 0..len, 1..len] {
        let read = Read { range: Some(range.clone()), pin: Pin::default() };
        let object = fixture.store.get("key", &read).await.unwrap();
        assert_eq!(object.info.size, len, "a ranged read reports the whole object's size");
        let found = try_read(&fixture.store, "key", &read).await.unwrap();
        assert!(found == bytes[range.start as usize..range.end as usize], "{range:?} is not what was put");
    }
}

/// A read beyond the end must not look like a complete one.
pub async fn a_range_beyond_the_end_never_ends_well(fixture: &Fixture) {
    put(&fixture.store, "key", &bytes_of(100, 1)).await;
    put(&fixture.store, "empty", &Bytes::new()).await;
    for (key, range) in [("key", 0..101), ("key", 99..200), ("key", 100..101), ("key", 5000..5001), ("empty", 0..1)] {
        let read = Read { range: Some(range.clone()), pin: Pin::default() };
        assert!(try_read(&fixture.store, key, &read).await.is_err(), "{range:?} of {key:?} ended well");
    }
}

/// A pin holds for head, for whole and for ranged reads; it is the listing's tag too.
pub async fn a_pinned_read_sees_its_version_or_fails(fixture: &Fixture) {
    let (store, old) = (&fixture.store, bytes_of(1000, 1));
    put(store, "key", &old).await;
    let first = store.head("key", &Pin::default()).await.unwrap().pin();
    assert!(first.etag.is_some() || first.version.is_some(), "nothing to pin a read by");
    let whole = Read { range: None, pin: first.clone() };
    let ranged = Read { range: Some(10..20), pin: first.clone() };
    assert_eq!(try_read(store, "key", &whole).await.unwrap(), old);
    assert_eq!(try_read(store, "key", &ranged).await.unwrap(), old[10..20]);
    assert_eq!(store.head("key", &first).await.unwrap().pin(), first);

    // Of the same size, at once: a tag made of size and a coarse time would not see it.
    put(store, "key", &bytes_of(1000, 2)).await;
    let by_etag = Pin { version: None, ..first };
    for read in [whole, ranged].map(|read| Read { pin: by_etag.clone(), ..read }) {
        assert_eq!(kind_of(try_read(store, "key", &read).await), ErrorKind::PreconditionFailed);
    }
    assert_eq!(kind_of(store.head("key", &by_etag).await), ErrorKind::PreconditionFailed);
}

/// While a writer replaces the object over and over, a read gives one version or fails by its pin.
pub async fn a_read_beside_overwrites_sees_one_version_whole(fixture: &Fixture) {
    let store = &fixture.store;
    let version = |n: u8| Bytes::from(vec![n; 200_000 + usize::from(n)]);
    put(store, "key", &version(0)).await;
    let write = async {
        for n in 1..20 {
            put(store, "key", &version(n)).await;
        }
    };
    let read = async {
        for _ in 0..20 {
            match try_read(store, "key", &Read::default()).await {
                Ok(bytes) => assert_eq!(bytes, version(bytes[0]), "a mix of versions was read"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::PreconditionFailed, "{error}"),
            }
        }
    };
    tokio::join!(write, read);
}

/// Where the store has a checksum it is the right one.
pub async fn a_computed_checksum_is_right(fixture: &Fixture) {
    let (store, bytes) = (&fixture.store, bytes_of(200_000, 1));
    put(store, "key", &bytes).await;
    for algorithm in Algorithm::ALL {
        if let Some(checksum) = store.checksum("key", &Pin::default(), algorithm).await.unwrap() {
            assert_eq!(Some(checksum), checksum_of(algorithm, &bytes));
        }
    }
    for checksum in store.head("key", &Pin::default()).await.unwrap().checksums {
        assert_eq!(Some(&checksum), checksum_of(checksum.algorithm, &bytes).as_ref());
    }
    let old = store.head("key", &Pin::default()).await.unwrap().pin();
    put(store, "key", &bytes_of(200_000, 2)).await;
    let pin = Pin { version: None, ..old };
    match store.checksum("key", &pin, Algorithm::Crc64Nvme).await {
        Ok(found) => assert_eq!(found, None, "a checksum of another version"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::PreconditionFailed),
    }
}

/// What was put in one piece was not cut.
pub async fn a_put_object_has_no_more_than_one_part(fixture: &Fixture) {
    put(&fixture.store, "key", &bytes_of(1000, 1)).await;
    let layout = fixture.store.part_layout("key", &Pin::default()).await.unwrap();
    assert!(layout.is_none_or(|layout| layout.count <= 1), "{layout:?}");
}

/// Probing and preparing are harmless and may be repeated.
pub async fn a_ready_location_answers_and_preparing_changes_nothing(fixture: &Fixture) {
    put(&fixture.store, "key", &bytes_of(3, 1)).await;
    for _ in 0..2 {
        fixture.store.probe().await.unwrap();
        fixture.store.prepare().await.unwrap();
    }
    assert_eq!(keys_in(&fixture.store, KeyRange::default()).await, ["key"]);
}

/// No bucket, no folder: said so by the probe, and never taken for an empty listing.
pub async fn a_missing_container_is_named_as_such(fixture: &Fixture) {
    let Some(missing) = &fixture.missing else { return };
    for _ in 0..2 {
        assert_eq!(kind_of(missing.probe().await), ErrorKind::NoSuchContainer);
    }
    assert_eq!(kind_of(missing.list(KeyRange::default()).next_page().await), ErrorKind::NoSuchContainer);
    let kind = kind_of(missing.get("key", &Read::default()).await);
    assert!(matches!(kind, ErrorKind::NoSuchContainer | ErrorKind::NotFound), "{kind}");
}
