//! Parts that must never become part of an object.

use shared::ErrorKind;
use shared::object::{ETag, Pin};
use shared::store::{Part, PartWrite};

use super::multipart::{cut, object_of, send, send_all};
use super::*;

/// Shorter and longer bodies.
pub async fn a_part_of_another_length_is_refused(fixture: &Fixture) {
    let (store, (bytes, part_bytes)) = (&fixture.store, object_of(fixture, 2));
    let upload = store.create_upload("key", &plain(&bytes)).await.unwrap();
    let (part, slice) = cut(&bytes, part_bytes, 2);
    assert!(store.upload_part(&upload, &part, body(&slice.slice(1..))).await.is_err(), "a short part was taken");
    assert!(store.upload_part(&upload, &part, body(&bytes)).await.is_err(), "a long part was taken");
    assert_eq!(store.list_parts(&upload).await.unwrap(), []);
}

/// A source that is cut off leaves no part, and the upload can go on.
pub async fn a_part_that_fails_leaves_nothing(fixture: &Fixture) {
    let (store, (bytes, part_bytes)) = (&fixture.store, object_of(fixture, 2));
    let upload = store.create_upload("key", &plain(&bytes)).await.unwrap();
    let (part, slice) = cut(&bytes, part_bytes, 1);
    assert!(store.upload_part(&upload, &part, broken_body(&slice.slice(..50_000))).await.is_err());
    assert_eq!(store.list_parts(&upload).await.unwrap(), []);
    let parts = send_all(store, &upload, &bytes, part_bytes, &[1, 2]).await;
    store.complete_upload(&upload, &parts, &plain(&bytes)).await.unwrap();
    assert_stored(store, "key", &bytes).await;
}

/// As for whole objects.
pub async fn a_part_with_a_wrong_checksum_is_refused_where_it_is_verified(fixture: &Fixture) {
    let (store, (bytes, part_bytes)) = (&fixture.store, object_of(fixture, 1));
    let upload = store.create_upload("key", &plain(&bytes)).await.unwrap();
    let (part, slice) = cut(&bytes, part_bytes, 1);
    for &algorithm in &store.capabilities().verifies {
        let wrong = PartWrite { checksum: checksum_of(algorithm, b"something else"), ..part.clone() };
        let answer = store.upload_part(&upload, &wrong, body(&slice)).await;
        assert_eq!(kind_of(answer), ErrorKind::BadDigest, "{algorithm}");
        assert_eq!(store.list_parts(&upload).await.unwrap(), []);
    }
    let right = PartWrite {
        checksum: store.capabilities().verifies.first().and_then(|&first| checksum_of(first, &slice)),
        ..part
    };
    let sent = store.upload_part(&upload, &right, body(&slice)).await.unwrap();
    store.complete_upload(&upload, &[sent], &plain(&bytes)).await.unwrap();
    assert_stored(store, "key", &bytes).await;
}

/// Naming a part that the store does not hold.
pub async fn a_part_that_was_never_sent_is_not_completed(fixture: &Fixture) {
    let (store, (bytes, part_bytes)) = (&fixture.store, object_of(fixture, 2));
    let upload = store.create_upload("key", &plain(&bytes)).await.unwrap();
    let first = send(store, &upload, &bytes, part_bytes, 1).await;
    let second = Part { number: 2, size: 777, ..first.clone() };
    assert!(store.complete_upload(&upload, &[first, second], &plain(&bytes)).await.is_err());
    assert_absent(store, "key").await;
}

/// Naming a part by the tag of bytes that were replaced since.
pub async fn a_part_under_a_wrong_tag_is_not_completed(fixture: &Fixture) {
    let (store, (bytes, part_bytes)) = (&fixture.store, object_of(fixture, 2));
    let upload = store.create_upload("key", &plain(&bytes)).await.unwrap();
    let mut parts = send_all(store, &upload, &bytes, part_bytes, &[1, 2]).await;
    let right = std::mem::replace(&mut parts[0].etag, ETag::new("0123456789abcdef0123456789abcdef"));
    assert!(store.complete_upload(&upload, &parts, &plain(&bytes)).await.is_err());
    assert_absent(store, "key").await;
    parts[0].etag = right;
    store.complete_upload(&upload, &parts, &plain(&bytes)).await.unwrap();
    assert_stored(store, "key", &bytes).await;
}

/// Parts that do not make up the size that the upload was opened with.
pub async fn parts_that_leave_a_gap_are_not_completed(fixture: &Fixture) {
    let (store, (bytes, part_bytes)) = (&fixture.store, object_of(fixture, 3));
    let upload = store.create_upload("key", &plain(&bytes)).await.unwrap();
    let parts = send_all(store, &upload, &bytes, part_bytes, &[1, 2, 3]).await;
    for some in [&parts[..2], &parts[1..], &[parts[0].clone(), parts[2].clone()], &[]] {
        assert!(store.complete_upload(&upload, some, &plain(&bytes)).await.is_err(), "{some:?} made an object");
        assert_absent(store, "key").await;
    }
}

/// If the store reports how an object was cut, the report is true.
pub async fn a_reported_layout_is_the_uploaded_one(fixture: &Fixture) {
    let (store, (bytes, part_bytes)) = (&fixture.store, object_of(fixture, 3));
    let upload = store.create_upload("key", &plain(&bytes)).await.unwrap();
    let parts = send_all(store, &upload, &bytes, part_bytes, &[1, 2, 3]).await;
    store.complete_upload(&upload, &parts, &plain(&bytes)).await.unwrap();
    if let Some(layout) = store.part_layout("key", &Pin::default()).await.unwrap() {
        assert_eq!((layout.part_bytes, layout.count), (part_bytes, 3));
    }
}
