//! Promises of listings: order, completeness, ranges, pages.

use futures::{StreamExt as _, stream};
use shared::object::Pin;
use shared::store::KeyRange;

use super::*;

/// In byte order: `-` and `.` before `/` before letters, and UTF-8 order where UTF-16's differs.
const SORTED: &[&str] = &[
    "A",
    "a-b",
    "a-b-c/x",
    "a-b.c",
    "a.b",
    "a/-",
    "a/b-c/d",
    "a/b.c",
    "a/b/c",
    "a/b/d",
    "a/b0",
    "a/c",
    "a0",
    "ab/c",
    "b",
    "\u{e9}",
    "\u{ff5e}",
    "\u{1f680}",
];

/// An empty location has no page at all.
pub async fn an_empty_location_lists_nothing(fixture: &Fixture) {
    let mut listing = fixture.store.list(KeyRange::default());
    assert_eq!(listing.next_page().await.unwrap(), None);
    assert_eq!(listing.next_page().await.unwrap(), None, "the end stays the end");
}

/// Byte order of the keys, not that of folders.
pub async fn keys_come_in_byte_order(fixture: &Fixture) {
    assert!(SORTED.is_sorted());
    for key in SORTED.iter().rev() {
        put(&fixture.store, key, &bytes_of(3, 1)).await;
    }
    assert_eq!(keys_in(&fixture.store, KeyRange::default()).await, SORTED);
}

/// Size, tag and time are those that a head reports (times to the second).
pub async fn a_listing_agrees_with_head(fixture: &Fixture) {
    for (n, key) in ["x", "y/z"].into_iter().enumerate() {
        put(&fixture.store, key, &bytes_of(n * 1000, 1)).await;
    }
    let entries = list(&fixture.store, KeyRange::default()).await;
    assert_eq!(entries.len(), 2);
    for entry in entries {
        let info = fixture.store.head(&entry.key, &Pin::default()).await.unwrap();
        assert_eq!(entry.size, info.size);
        assert!(entry.etag.is_none() || entry.etag == info.etag, "{:?} is not {:?}", entry.etag, info.etag);
        assert_eq!(entry.modified.as_secs(), info.modified.as_secs());
    }
}

/// Every combination of prefix, after and until, on keys and between them.
pub async fn any_range_lists_exactly_its_keys(fixture: &Fixture) {
    for key in SORTED {
        put(&fixture.store, key, &bytes_of(3, 1)).await;
    }
    let prefixes = ["", "a", "a/", "a/b", "a/b/", "a/b/c", "missing", "missing/x", "\u{ff5e}"];
    let bounds = [None, Some("a"), Some("a-b"), Some("a/"), Some("a/b"), Some("a/b/c"), Some("a0"), Some("zz")];
    for prefix in prefixes {
        for after in bounds {
            for until in bounds {
                let range =
                    KeyRange { prefix: prefix.into(), after: after.map(Into::into), until: until.map(Into::into) };
                let expected: Vec<&str> = SORTED.iter().copied().filter(|key| range.contains(key)).collect();
                assert_eq!(keys_in(&fixture.store, range.clone()).await, expected, "{range:?}");
            }
        }
    }
}

/// More keys than any store's page holds: each once.
pub async fn more_than_a_page_lists_completely(fixture: &Fixture) {
    let keys: Vec<String> =
        (0..1_100).map(|n| if n < 1_050 { format!("flat/{n:05}") } else { format!("tree/{n:05}/leaf") }).collect();
    let bytes = bytes_of(1, 1);
    stream::iter(&keys).for_each_concurrent(16, |key| async { drop(put(&fixture.store, key, &bytes).await) }).await;
    assert_eq!(keys_in(&fixture.store, KeyRange::default()).await, keys);
    for (after, until) in [(0, 1_099), (999, 1_001), (1_049, 1_051), (500, 501)] {
        let range =
            KeyRange { after: Some(keys[after].clone()), until: Some(keys[until].clone()), ..KeyRange::default() };
        assert_eq!(keys_in(&fixture.store, range).await, keys[after + 1..until]);
    }
}
