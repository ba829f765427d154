//! Keys map by exact string: stored exactly, or refused by name.

use shared::ErrorKind;
use shared::object::Pin;
use shared::store::KeyRange;

use super::*;

/// Keys that every store can hold.
const ODD: &[&str] = &[
    " leading space",
    "trailing space ",
    "two  spaces",
    "plus+plus",
    "per%cent",
    "literal%2Fslash",
    "literal%20space",
    "literal+%2B",
    "caf\u{e9}",
    "cafe\u{301}",
    "emoji \u{1f680}\u{1f468}\u{200d}\u{1f469}",
    "\u{4e2d}\u{6587}/\u{6587}\u{4ef6}",
    "quotes '\"`",
    "markup <a href=\"x\">&amp;</a>",
    "glob *?[a-z]{b,c}",
    "query?versionId=1&uploads",
    "fragment#a",
    "colon:semi;comma,equals=at@dollar$",
    "brackets()[]{}|~^!",
    "-dash",
    ".hidden",
    "..two dots",
    "dots...",
    "a/.hidden/b",
    "UPPER",
    "upper",
];

/// Keys that a store may refuse; if it takes one it holds it exactly.
const HARD: &[&str] = &[
    "",
    "/leading",
    "/",
    "a//b",
    "//",
    ".",
    "..",
    "./a",
    "../escape",
    "a/./b",
    "a/../b",
    "a/..",
    "c/.",
    "back\\slash",
    "new\nline",
    "carriage\rreturn",
    "tab\tkey",
    "\u{1}control",
    "delete\u{7f}",
    "nul\0",
    "bom\u{feff}",
    "nonchar\u{ffff}",
];

fn with_long_keys(keys: &[&str]) -> Vec<String> {
    let mut keys: Vec<String> = keys.iter().map(|&key| key.to_owned()).collect();
    keys.push(format!("{0}/{0}/{0}/{0}", "l".repeat(190)));
    keys.push("\u{1f680}".repeat(50));
    keys
}

/// Odd keys live beside each other, each under its exact name.
pub async fn odd_keys_come_back_exactly(fixture: &Fixture) {
    let store = &fixture.store;
    let mut keys = with_long_keys(ODD);
    for (seed, key) in keys.iter().enumerate() {
        put(store, key, &bytes_of(20, seed as u64)).await;
    }
    for (seed, key) in keys.iter().enumerate() {
        assert_stored(store, key, &bytes_of(20, seed as u64)).await;
        assert_eq!(keys_in(store, KeyRange { prefix: key.clone(), ..KeyRange::default() }).await, [key.as_str()]);
    }
    keys.sort_unstable();
    assert_eq!(keys_in(store, KeyRange::default()).await, keys);
    for key in &keys {
        store.delete(key).await.unwrap();
    }
    assert_eq!(keys_in(store, KeyRange::default()).await, [""; 0]);
}

/// A key that the store cannot have is `Unrepresentable`, for single puts and for uploads.
pub async fn an_unrepresentable_key_is_refused_and_nothing_written(fixture: &Fixture) {
    let store = &fixture.store;
    let mut keys = with_long_keys(HARD);
    keys.extend(["s".repeat(300), format!("{}k", "deep/".repeat(240)), "m".repeat(1030), "n/".repeat(3000)]);
    let mut stored = Vec::new();
    for key in keys {
        let bytes = bytes_of(20, stored.len() as u64);
        match store.put(&key, &plain(&bytes), body(&bytes)).await {
            Ok(_) => {
                assert_stored(store, &key, &bytes).await;
                stored.push(key.clone());
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unrepresentable, "{key:?}: {error}");
                let kind = kind_of(store.create_upload(&key, &plain(&bytes)).await);
                assert_eq!(kind, ErrorKind::Unrepresentable, "an upload to {key:?}");
                let kind = kind_of(store.head(&key, &Pin::default()).await);
                assert!(matches!(kind, ErrorKind::NotFound | ErrorKind::Unrepresentable), "head {key:?}: {kind}");
            }
        }
        stored.sort_unstable();
        assert_eq!(keys_in(store, KeyRange::default()).await, stored, "after {key:?}");
    }
}

/// `a` beside `a/b`: a store of folders cannot, and says so whichever comes first.
pub async fn a_key_and_keys_below_it_are_stored_or_one_is_refused(fixture: &Fixture) {
    let store = &fixture.store;
    for (first, second) in [("a", "a/b"), ("c/d/e", "c"), ("f", "f/g/h"), ("i/j", "i")] {
        let (old, new) = (bytes_of(30, 1), bytes_of(40, 2));
        put(store, first, &old).await;
        match store.put(second, &plain(&new), body(&new)).await {
            Ok(_) => assert_stored(store, second, &new).await,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unrepresentable, "{error}");
                assert_absent(store, second).await;
            }
        }
        assert_stored(store, first, &old).await;
        store.delete(second).await.unwrap();
        assert_stored(store, first, &old).await;
    }
}

/// `folder/` without bytes, as consoles make it; below it live others.
pub async fn a_folder_marker_is_found_again(fixture: &Fixture) {
    let store = &fixture.store;
    for _ in 0..2 {
        put(store, "folder/", &Bytes::new()).await;
        assert_eq!(store.head("folder/", &Pin::default()).await.unwrap().size, 0);
        assert_stored(store, "folder/", b"").await;
    }
    put(store, "folder/key", &bytes_of(3, 1)).await;
    assert!(keys_in(store, KeyRange::default()).await.contains(&"folder/key".to_owned()));
    store.delete("folder/").await.unwrap();
    assert_stored(store, "folder/key", &bytes_of(3, 1)).await;
    assert_eq!(keys_in(store, KeyRange::default()).await, ["folder/key"]);
}
