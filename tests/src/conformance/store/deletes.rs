//! Deleting many objects in one request.

use shared::ErrorKind;
use shared::store::KeyRange;

use super::{Fixture, bytes_of, keys_in, put};

fn names(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

/// Neighbours stay, keys that are not there are `Ok`, and the request may be repeated.
pub async fn many_are_deleted_in_one_request_and_no_others(fixture: &Fixture) {
    let store = &fixture.store;
    if store.capabilities().max_delete_keys == 0 {
        return;
    }
    let gone = ["d/e/f", "d/&<>'\"+%20?#\u{e9}", "z"];
    for key in gone.iter().chain(&["d/e/f-2", "d.txt", "d/%"]) {
        put(store, key, &bytes_of(3, 1)).await;
    }
    for _ in 0..2 {
        let keys = [&gone[..], &["never", "never/there"]].concat();
        let results = store.delete_many(&names(&keys)).await.unwrap();
        assert_eq!(results.len(), keys.len());
        for (key, result) in keys.iter().zip(results) {
            result.unwrap_or_else(|error| panic!("{key}: {error}"));
        }
    }
    assert_eq!(keys_in(store, KeyRange::default()).await, ["d.txt", "d/%", "d/e/f-2"]);
}

/// A key is deleted, or its result is an error and it stays: then its own delete removes it.
pub async fn each_key_of_many_has_its_own_result(fixture: &Fixture) {
    let store = &fixture.store;
    if store.capabilities().max_delete_keys == 0 {
        return;
    }
    let odd = ["a\u{1}b", "line\nfeed", "return\r", " blank ", "tab\t", "a\u{2028}b", "\u{10ffff}", "plain"];
    let mut stored = Vec::new();
    for key in odd {
        if store.put(key, &super::plain(&bytes_of(1, 1)), super::body(&bytes_of(1, 1))).await.is_ok() {
            stored.push(key.to_owned());
        }
    }
    let results = store.delete_many(&stored).await.unwrap();
    for (key, result) in stored.iter().zip(results) {
        match result {
            Ok(()) => super::assert_absent(store, key).await,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{key:?}: {error}");
                super::assert_stored(store, key, &bytes_of(1, 1)).await;
                store.delete(key).await.unwrap();
            }
        }
    }
    assert!(keys_in(store, KeyRange::default()).await.is_empty());
}

/// Where the store says that it has no such request.
pub async fn a_store_without_the_request_deletes_none_by_it(fixture: &Fixture) {
    let store = &fixture.store;
    if store.capabilities().max_delete_keys > 0 || store.capabilities().is_remote {
        return;
    }
    put(store, "kept", &bytes_of(1, 1)).await;
    assert_eq!(store.delete_many(&names(&["kept"])).await.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(keys_in(store, KeyRange::default()).await, ["kept"]);
}
