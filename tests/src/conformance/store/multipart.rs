//! Promises of multipart uploads, from opening to end.

use shared::ErrorKind;
use shared::object::{Pin, Timestamp};
use shared::store::{KeyRange, Part, PartWrite, Upload, Write};

use super::writes::all_attributes;
use super::*;

/// The whole object of an upload of `count` parts, the last of them short, and the part size.
pub fn object_of(fixture: &Fixture, count: u32) -> (Bytes, u64) {
    let part_bytes = fixture.store.capabilities().min_part_bytes.max(100_000);
    (bytes_of((part_bytes * u64::from(count - 1) + 777) as usize, u64::from(count)), part_bytes)
}

/// The part of that number, and its bytes.
pub fn cut(bytes: &Bytes, part_bytes: u64, number: u32) -> (PartWrite, Bytes) {
    let offset = part_bytes * u64::from(number - 1);
    let end = (offset + part_bytes).min(bytes.len() as u64);
    let slice = bytes.slice(offset as usize..end as usize);
    (PartWrite { number, offset, size: end - offset, checksum: None }, slice)
}

/// Uploads one part.
pub async fn send(store: &Store, upload: &Upload, bytes: &Bytes, part_bytes: u64, number: u32) -> Part {
    let (part, slice) = cut(bytes, part_bytes, number);
    let sent = store.upload_part(upload, &part, body(&slice)).await.unwrap();
    assert_eq!((sent.number, sent.size), (part.number, part.size));
    sent
}

/// Uploads all parts in this order and gives them back by number.
pub async fn send_all(store: &Store, upload: &Upload, bytes: &Bytes, part_bytes: u64, order: &[u32]) -> Vec<Part> {
    let mut parts = Vec::new();
    for &number in order {
        parts.push(send(store, upload, bytes, part_bytes, number).await);
    }
    parts.sort_by_key(|part| part.number);
    parts
}

/// Out of order, the last part first.
pub async fn parts_in_any_order_make_the_object(fixture: &Fixture) {
    let (store, (bytes, part_bytes)) = (&fixture.store, object_of(fixture, 4));
    let upload = store.create_upload("deep/key", &plain(&bytes)).await.unwrap();
    let parts = send_all(store, &upload, &bytes, part_bytes, &[4, 2, 1, 3]).await;
    let written = store.complete_upload(&upload, &parts, &plain(&bytes)).await.unwrap();
    assert_stored(store, "deep/key", &bytes).await;
    let info = store.head("deep/key", &Pin::default()).await.unwrap();
    assert_eq!(info.size, bytes.len() as u64);
    assert!(written.etag.is_none() || written.etag == info.etag);
    if let Some(checksum) = written.checksum {
        assert_eq!(Some(&checksum), checksum_of(checksum.algorithm, &bytes).as_ref());
    }
}

/// The last upload of a number counts, also when an earlier one was sent in full.
pub async fn a_part_may_be_replaced(fixture: &Fixture) {
    let (store, (bytes, part_bytes)) = (&fixture.store, object_of(fixture, 2));
    let upload = store.create_upload("key", &plain(&bytes)).await.unwrap();
    let wrong = bytes_of(bytes.len(), 99);
    let replaced = send(store, &upload, &wrong, part_bytes, 1).await;
    let parts = send_all(store, &upload, &bytes, part_bytes, &[1, 2]).await;
    assert_ne!(replaced.etag, parts[0].etag);
    assert_eq!(store.list_parts(&upload).await.unwrap(), parts);
    store.complete_upload(&upload, &parts, &plain(&bytes)).await.unwrap();
    assert_stored(store, "key", &bytes).await;
}

/// What is listed can be completed from: another worker has no other knowledge.
pub async fn parts_are_listed_by_number(fixture: &Fixture) {
    let (store, (bytes, part_bytes)) = (&fixture.store, object_of(fixture, 3));
    let upload = store.create_upload("key", &plain(&bytes)).await.unwrap();
    assert_eq!(store.list_parts(&upload).await.unwrap(), []);
    let some = send_all(store, &upload, &bytes, part_bytes, &[3, 1]).await;
    assert_eq!(store.list_parts(&upload).await.unwrap(), some);
    send(store, &upload, &bytes, part_bytes, 2).await;
    let listed = store.list_parts(&upload).await.unwrap();
    assert_eq!(listed.iter().map(|part| part.number).collect::<Vec<_>>(), [1, 2, 3]);
    store.complete_upload(&upload, &listed, &plain(&bytes)).await.unwrap();
    assert_stored(store, "key", &bytes).await;
}

/// Neither a new object nor a change of the old one, nor anything else in a listing.
pub async fn nothing_is_visible_before_completion(fixture: &Fixture) {
    let (store, (bytes, part_bytes)) = (&fixture.store, object_of(fixture, 2));
    let old = bytes_of(10, 1);
    put(store, "old", &old).await;
    for key in ["old", "new"] {
        let upload = store.create_upload(key, &plain(&bytes)).await.unwrap();
        let parts = send_all(store, &upload, &bytes, part_bytes, &[1, 2]).await;
        if key == "new" {
            assert_absent(store, key).await;
        } else {
            assert_stored(store, key, &old).await;
        }
        assert_eq!(keys_in(store, KeyRange::default()).await, ["old"]);
        if key == "old" {
            store.complete_upload(&upload, &parts, &plain(&bytes)).await.unwrap();
            assert_stored(store, key, &bytes).await;
        }
    }
}

/// An upload of a single, short part.
pub async fn one_part_may_be_all(fixture: &Fixture) {
    let (store, (bytes, part_bytes)) = (&fixture.store, object_of(fixture, 1));
    let upload = store.create_upload("key", &plain(&bytes)).await.unwrap();
    let parts = send_all(store, &upload, &bytes, part_bytes, &[1]).await;
    store.complete_upload(&upload, &parts, &plain(&bytes)).await.unwrap();
    assert_stored(store, "key", &bytes).await;
}

/// After an abort every verb says `NoSuchUpload`; aborting again is `Ok`.
pub async fn an_aborted_upload_is_gone(fixture: &Fixture) {
    let (store, (bytes, part_bytes)) = (&fixture.store, object_of(fixture, 2));
    let upload = store.create_upload("key", &plain(&bytes)).await.unwrap();
    let parts = send_all(store, &upload, &bytes, part_bytes, &[1, 2]).await;
    for _ in 0..2 {
        store.abort_upload(&upload).await.unwrap();
    }
    assert_eq!(kind_of(store.list_parts(&upload).await), ErrorKind::NoSuchUpload);
    let (part, slice) = cut(&bytes, part_bytes, 2);
    assert_eq!(kind_of(store.upload_part(&upload, &part, body(&slice)).await), ErrorKind::NoSuchUpload);
    assert_eq!(kind_of(store.complete_upload(&upload, &parts, &plain(&bytes)).await), ErrorKind::NoSuchUpload);
    assert_absent(store, "key").await;
}

/// Completing again is `NoSuchUpload`, or `Ok` where the store remembers; the object stays.
pub async fn a_completed_upload_is_gone(fixture: &Fixture) {
    let (store, (bytes, part_bytes)) = (&fixture.store, object_of(fixture, 2));
    let upload = store.create_upload("key", &plain(&bytes)).await.unwrap();
    let parts = send_all(store, &upload, &bytes, part_bytes, &[1, 2]).await;
    store.complete_upload(&upload, &parts, &plain(&bytes)).await.unwrap();
    if let Err(error) = store.complete_upload(&upload, &parts, &plain(&bytes)).await {
        assert_eq!(error.kind(), ErrorKind::NoSuchUpload, "{error}");
    }
    assert_eq!(kind_of(store.list_parts(&upload).await), ErrorKind::NoSuchUpload);
    store.abort_upload(&upload).await.unwrap();
    assert_stored(store, "key", &bytes).await;
}

/// Orphaned uploads of a key can be found, and differ from older ones and from those of other keys.
pub async fn what_is_open_is_listed_where_the_store_can(fixture: &Fixture) {
    let (store, (bytes, _)) = (&fixture.store, object_of(fixture, 2));
    // Its first answer may show what kind of store it is, and so that it cannot.
    for _ in 0..2 {
        match store.list_uploads("a/key").await {
            Err(error) if error.kind() == ErrorKind::Unsupported => return,
            uploads => assert_eq!(uploads.unwrap(), []),
        }
    }
    let before = store.now();
    let gone = store.create_upload("a/key", &plain(&bytes)).await.unwrap();
    let kept = store.create_upload("a/key", &plain(&bytes)).await.unwrap();
    let others = ["a/key2", "a/kez", "a/ke", "b"];
    for other in others {
        store.create_upload(other, &plain(&bytes)).await.unwrap();
    }
    assert_eq!(store.list_uploads("a/key").await.unwrap().len(), 2);
    store.abort_upload(&gone).await.unwrap();
    let uploads = store.list_uploads("a/key").await.unwrap();
    assert_eq!(uploads.iter().map(|(upload, _)| upload).collect::<Vec<_>>(), [&kept]);
    let opened = uploads[0].1.expect("the stores here report the time");
    assert!(before.as_secs() <= opened.as_secs(), "opened {opened}, after {before}");
    assert!((store.now().0 - opened.0).abs() < 600_000, "opened {opened}");
    for other in others {
        assert_eq!(store.list_uploads(other).await.unwrap().len(), 1, "{other}");
    }
}

/// Headers and times survive the cutting.
pub async fn completing_keeps_attributes_and_time(fixture: &Fixture) {
    let (store, (bytes, part_bytes)) = (&fixture.store, object_of(fixture, 2));
    let modified = Some(Timestamp(1_600_000_000_123));
    let write = Write { attributes: all_attributes(), modified, ..plain(&bytes) };
    let upload = store.create_upload("key", &write).await.unwrap();
    let parts = send_all(store, &upload, &bytes, part_bytes, &[1, 2]).await;
    store.complete_upload(&upload, &parts, &write).await.unwrap();
    let info = store.head("key", &Pin::default()).await.unwrap();
    if store.capabilities().keeps_attributes {
        assert_eq!(info.attributes, write.attributes);
    }
    if store.capabilities().keeps_modified {
        assert_eq!(Some(info.modified), modified);
    }
}

/// Two workers that each opened an upload of the same key: the last to complete wins, whole.
pub async fn two_uploads_of_one_key_do_not_mix(fixture: &Fixture) {
    let (store, (bytes, part_bytes)) = (&fixture.store, object_of(fixture, 2));
    let other = bytes_of(bytes.len(), 99);
    let first = store.create_upload("key", &plain(&bytes)).await.unwrap();
    let second = store.create_upload("key", &plain(&other)).await.unwrap();
    assert_ne!(first.id, second.id);
    let parts = send_all(store, &first, &bytes, part_bytes, &[1, 2]).await;
    let other_parts = send_all(store, &second, &other, part_bytes, &[1, 2]).await;
    store.complete_upload(&first, &parts, &plain(&bytes)).await.unwrap();
    assert_stored(store, "key", &bytes).await;
    store.complete_upload(&second, &other_parts, &plain(&other)).await.unwrap();
    assert_stored(store, "key", &other).await;
}
