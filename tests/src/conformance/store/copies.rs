//! Copies that the service makes itself. A store may refuse any of them; what it does is right.

use shared::ErrorKind;
use shared::object::Pin;
use shared::store::{CopySource, PartWrite, Write, copy_source};

use super::multipart::object_of;
use super::writes::all_attributes;
use super::*;

/// The result, unless the store refuses as it may.
fn unless_refused<T>(result: Result<T>) -> Option<T> {
    use ErrorKind::*;
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            assert!(matches!(error.kind(), Denied | Unsupported | Invalid | NotFound), "{error}");
            eprintln!("refused: {error}");
            None
        }
    }
}

/// Bytes and metadata, of the version named.
pub async fn the_service_copies_the_pinned_version(fixture: &Fixture) {
    let store = &fixture.store;
    let Some(source) = copy_source(&**store, "from here", &**store) else { return };
    let bytes = bytes_of(100_000, 1);
    let write = Write { attributes: all_attributes(), ..plain(&bytes) };
    store.put("from here", &write, body(&bytes)).await.unwrap();
    let pin = Pin { version: None, ..store.head("from here", &Pin::default()).await.unwrap().pin() };
    let Some(written) = unless_refused(store.copy(&source, &pin, "to/there", &write).await) else { return };
    assert_stored(store, "to/there", &bytes).await;
    let info = store.head("to/there", &Pin::default()).await.unwrap();
    assert!(written.etag.is_none() || written.etag == info.etag);
    if store.capabilities().keeps_attributes {
        assert_eq!(info.attributes, write.attributes);
    }
    put(store, "from here", &bytes_of(100_000, 2)).await;
    let answer = store.copy(&source, &pin, "to/elsewhere", &write).await;
    assert_eq!(kind_of(answer), ErrorKind::PreconditionFailed);
    assert_absent(store, "to/elsewhere").await;
}

/// Each part from its range.
pub async fn the_service_copies_ranges_into_parts(fixture: &Fixture) {
    let (store, (bytes, part_bytes)) = (&fixture.store, object_of(fixture, 2));
    let Some(source) = copy_source(&**store, "from", &**store) else { return };
    put(store, "from", &bytes).await;
    let pin = Pin { version: None, ..store.head("from", &Pin::default()).await.unwrap().pin() };
    let upload = store.create_upload("to", &plain(&bytes)).await.unwrap();
    let mut parts = Vec::new();
    for (number, range) in [(2, part_bytes..bytes.len() as u64), (1, 0..part_bytes)] {
        let part = PartWrite { number, offset: range.start, size: range.end - range.start, checksum: None };
        let Some(copied) = unless_refused(store.copy_part(&source, &pin, range, &upload, &part).await) else {
            return;
        };
        assert_eq!((copied.number, copied.size), (number, part.size));
        parts.insert(0, copied);
    }
    store.complete_upload(&upload, &parts, &plain(&bytes)).await.unwrap();
    assert_stored(store, "to", &bytes).await;
}

/// Where no service can copy, the answer is `Unsupported` and nothing is written.
pub async fn a_store_without_a_service_says_so(fixture: &Fixture) {
    let store = &fixture.store;
    if store.service().is_some() {
        return;
    }
    let bytes = bytes_of(10, 1);
    put(store, "from", &bytes).await;
    let source = CopySource {
        bucket: store.location().bucket().to_owned(),
        key: store.location().full_key("from"),
        requester_pays: false,
    };
    let answer = store.copy(&source, &Pin::default(), "to", &plain(&bytes)).await;
    assert_eq!(kind_of(answer), ErrorKind::Unsupported);
    let upload = store.create_upload("to", &plain(&bytes)).await.unwrap();
    let part = PartWrite { number: 1, offset: 0, size: 10, checksum: None };
    let answer = store.copy_part(&source, &Pin::default(), 0..10, &upload, &part).await;
    assert_eq!(kind_of(answer), ErrorKind::Unsupported);
    store.abort_upload(&upload).await.unwrap();
    assert_absent(store, "to").await;
}
