//! Promises of puts, whole or failed, and of deletes.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use shared::ErrorKind;
use shared::digest::Algorithm;
use shared::object::{Attributes, Pin, Timestamp};
use shared::store::{KeyRange, Write};

use super::*;

/// Put, get and head agree.
pub async fn an_object_comes_back_as_it_was_put(fixture: &Fixture) {
    let (store, bytes) = (&fixture.store, bytes_of(1234, 1));
    let written = put(store, "a/b", &bytes).await;
    assert_stored(store, "a/b", &bytes).await;
    let info = store.head("a/b", &Pin::default()).await.unwrap();
    assert_eq!(info.size, 1234);
    if written.etag.is_some() {
        assert_eq!(info.etag, written.etag);
    }
    let object = store.get("a/b", &Default::default()).await.unwrap();
    assert_eq!((object.info.size, object.info.etag), (info.size, info.etag));
    let clock_skew_ms = (info.modified.0 - Timestamp::now().0).abs();
    assert!(clock_skew_ms < 600_000, "modified {} is not about now", info.modified);
}

/// Zero bytes are bytes too.
pub async fn an_empty_object_is_an_object(fixture: &Fixture) {
    put(&fixture.store, "empty", &Bytes::new()).await;
    assert_stored(&fixture.store, "empty", b"").await;
    assert_eq!(fixture.store.head("empty", &Pin::default()).await.unwrap().size, 0);
    assert_eq!(keys_in(&fixture.store, KeyRange::default()).await, ["empty"]);
}

/// Bodies of many chunks, of uneven lengths and some of them empty.
pub async fn an_object_of_many_chunks_comes_back_whole(fixture: &Fixture) {
    let bytes = bytes_of(3 << 20, 2);
    let mut chunks = vec![Ok(Bytes::new())];
    let (mut at, mut step) = (0, 1);
    while at < bytes.len() {
        let end = bytes.len().min(at + step);
        chunks.push(Ok(bytes.slice(at..end)));
        chunks.push(Ok(Bytes::new()));
        (at, step) = (end, step * 3 % 100_003);
    }
    fixture.store.put("many", &plain(&bytes), Body::stream(stream::iter(chunks))).await.unwrap();
    assert_stored(&fixture.store, "many", &bytes).await;
}

/// The last put wins, shorter or longer, and its tag is a new one.
pub async fn a_put_replaces_what_was_there(fixture: &Fixture) {
    let mut last = None;
    for (seed, len) in [(1, 5000), (2, 10), (3, 0), (4, 9000)] {
        let bytes = bytes_of(len, seed);
        let etag = put(&fixture.store, "key", &bytes).await.etag;
        assert_stored(&fixture.store, "key", &bytes).await;
        assert!(etag.is_none() || etag != last, "the tag is that of the version before");
        last = etag;
    }
    assert_eq!(keys_in(&fixture.store, KeyRange::default()).await, ["key"]);
}

/// A body that ends early is not an object.
pub async fn a_body_shorter_than_its_size_makes_no_object(fixture: &Fixture) {
    let bytes = bytes_of(100_000, 1);
    for missing in [1, 99_999] {
        let write = Write { size: 100_000, ..Write::default() };
        let answer = fixture.store.put("short", &write, body(&bytes.slice(missing..))).await;
        assert!(answer.is_err(), "a body that lacks {missing} bytes was taken");
        assert_absent(&fixture.store, "short").await;
    }
    let write = Write { size: 1, ..Write::default() };
    assert!(fixture.store.put("none", &write, body(&Bytes::new())).await.is_err());
    assert_absent(&fixture.store, "none").await;
}

/// A body that goes on is not an object, nor is its beginning.
pub async fn a_body_longer_than_its_size_makes_no_object(fixture: &Fixture) {
    for (size, len) in [(0, 1), (99_999, 100_000), (100, 3 << 20)] {
        let write = Write { size, ..Write::default() };
        let answer = fixture.store.put("long", &write, body(&bytes_of(len, 1))).await;
        assert!(answer.is_err(), "a body of {len} bytes was taken for {size}");
        assert_absent(&fixture.store, "long").await;
    }
}

/// A source that is cut off, also after its last byte, makes no object.
pub async fn a_body_that_fails_makes_no_object(fixture: &Fixture) {
    let bytes = bytes_of(200_000, 1);
    for sent in [0, 100, 199_999, 200_000] {
        let answer = fixture.store.put("broken", &plain(&bytes), broken_body(&bytes.slice(..sent))).await;
        assert!(answer.is_err(), "a body that failed after {sent} bytes was taken");
        assert_absent(&fixture.store, "broken").await;
    }
}

/// Replacing is all or nothing.
pub async fn a_failed_put_leaves_the_old_object(fixture: &Fixture) {
    let old = bytes_of(1000, 1);
    put(&fixture.store, "key", &old).await;
    let new = bytes_of(2000, 2);
    assert!(fixture.store.put("key", &plain(&new), broken_body(&new.slice(..1500))).await.is_err());
    assert_stored(&fixture.store, "key", &old).await;
}

/// Dropping the call's future cancels it.
pub async fn a_put_that_is_dropped_makes_no_object(fixture: &Fixture) {
    let bytes = bytes_of(100_000, 1);
    let (asked_for_more, wait) = tokio::sync::oneshot::channel::<()>();
    let stuck = stream::once(async move {
        let _ = asked_for_more.send(());
        std::future::pending().await
    });
    let stuck = Body::stream(body(&bytes.slice(..70_000)).chain(stuck));
    let write = plain(&bytes);
    tokio::select! {
        answer = fixture.store.put("dropped", &write, stuck) => panic!("the put ended: {answer:?}"),
        asked = wait => asked.unwrap(),
    }
    assert_absent(&fixture.store, "dropped").await;
}

/// End-to-end integrity: the destination refuses bytes that differ from the sent ones.
pub async fn a_wrong_checksum_is_refused_where_it_is_verified(fixture: &Fixture) {
    let bytes = bytes_of(100_000, 1);
    for &algorithm in &fixture.store.capabilities().verifies {
        let checksum = checksum_of(algorithm, b"something else");
        assert!(checksum.is_some(), "{algorithm} is said to be verified and cannot be computed");
        let answer = fixture.store.put("key", &Write { checksum, ..plain(&bytes) }, body(&bytes)).await;
        assert_eq!(kind_of(answer), ErrorKind::BadDigest, "{algorithm}");
        assert_absent(&fixture.store, "key").await;
    }
}

/// A right checksum does no harm, verified or ignored; what comes back is right.
pub async fn a_right_checksum_is_accepted(fixture: &Fixture) {
    let bytes = bytes_of(100_000, 1);
    for checksum in Algorithm::ALL.map(|algorithm| checksum_of(algorithm, &bytes)) {
        let write = Write { checksum: checksum.clone(), ..plain(&bytes) };
        let written = fixture.store.put("key", &write, body(&bytes)).await.unwrap();
        if let Some(ours) = written.checksum {
            assert_eq!(Some(&ours), checksum_of(ours.algorithm, &bytes).as_ref());
        }
        assert_stored(&fixture.store, "key", &bytes).await;
    }
}

/// Attributes with every header set.
pub fn all_attributes() -> Attributes {
    Attributes {
        content_type: Some("text/html; charset=utf-8".into()),
        content_encoding: Some("identity".into()),
        content_disposition: Some("attachment; filename=\"a b.html\"".into()),
        content_language: Some("de, en".into()),
        cache_control: Some("max-age=60, public".into()),
        expires: Some("Wed, 21 Oct 2065 07:28:00 GMT".into()),
        user: BTreeMap::from([("colour".into(), "blue".into()), ("note-2".into(), "a, b = c".into())]),
    }
}

/// Headers and user metadata.
pub async fn attributes_are_kept_where_the_store_says_so(fixture: &Fixture) {
    let (store, bytes) = (&fixture.store, bytes_of(10, 1));
    let write = Write { attributes: all_attributes(), ..plain(&bytes) };
    store.put("key", &write, body(&bytes)).await.unwrap();
    assert_stored(store, "key", &bytes).await;
    if store.capabilities().keeps_attributes {
        assert_eq!(store.head("key", &Pin::default()).await.unwrap().attributes, write.attributes);
        assert_eq!(store.get("key", &Default::default()).await.unwrap().info.attributes, write.attributes);
    }
}

/// The source's time becomes the object's, to the millisecond.
pub async fn the_modification_time_is_kept_where_the_store_says_so(fixture: &Fixture) {
    let (store, bytes) = (&fixture.store, bytes_of(10, 1));
    for modified in [Timestamp(1_600_000_000_123), Timestamp(1), Timestamp(4_000_000_000_000)] {
        store.put("key", &Write { modified: Some(modified), ..plain(&bytes) }, body(&bytes)).await.unwrap();
        if store.capabilities().keeps_modified {
            assert_eq!(store.head("key", &Pin::default()).await.unwrap().modified, modified);
            assert_eq!(list(store, KeyRange::default()).await[0].modified, modified);
        }
    }
}

/// Deleting a missing key is `Ok`, and touches no neighbour.
pub async fn deleting_removes_and_may_be_repeated(fixture: &Fixture) {
    let store = &fixture.store;
    for key in ["d/e/f", "d/e/f-2", "d.txt"] {
        put(store, key, &bytes_of(3, 1)).await;
    }
    for _ in 0..2 {
        store.delete("d/e/f").await.unwrap();
        assert_absent(store, "d/e/f").await;
    }
    for missing in ["never", "d", "d/e", "d/e/f/g", "never/there"] {
        store.delete(missing).await.unwrap();
    }
    assert_eq!(keys_in(store, KeyRange::default()).await, ["d.txt", "d/e/f-2"]);
    store.delete("d/e/f-2").await.unwrap();
    assert_eq!(keys_in(store, KeyRange::default()).await, ["d.txt"]);
    put(store, "d/e/f", &bytes_of(3, 1)).await;
    assert_eq!(keys_in(store, KeyRange::default()).await, ["d.txt", "d/e/f"]);
}
