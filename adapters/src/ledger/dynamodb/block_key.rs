//! Sort keys of blocks: by stream and first key of a job, so that a key's job is found by one query.
//!
//! A sort key is the stream, the first key, [`END`], the job's name, and the name of the settlement. Keys may hold any
//! character: a NUL in one is followed by U+0001, so [`END`] stands in none, and sort keys have the order of keys.

use shared::ledger::{Span, Stream};

/// Longest sort key, bytes.
const MAX_SORT_KEY_BYTES: usize = 1024;

/// Ends the first key. It sorts before all else that may follow a key's beginning.
const END: &str = "\0\0";

/// Sorts behind [`END`], and before all keys that begin with another.
const BEHIND_END: &str = "\0\u{1}";

/// Before the settlement's name, which has none.
const LAST_SEPARATOR: char = '#';

/// The common beginning of the sort keys of a job's blocks.
pub(super) fn of_job(span: &Span<'_>, origin: &str) -> String {
    format!("{}{END}{origin}{LAST_SEPARATOR}", begin(span.stream, span.first))
}

/// The sort key of a block; `None` if it were too long.
pub(super) fn of_block(job: &str, settlement: &str) -> Option<String> {
    Some(format!("{job}{settlement}")).filter(|key| key.len() <= MAX_SORT_KEY_BYTES)
}

/// The bounds, both inclusive, of the blocks whose jobs begin at this key or before it.
///
/// An end that is too long for a request is cut off. A block's sort key is no longer, and has [`END`] in it, so none lies
/// between the two ends.
pub(super) fn up_to(stream: Stream, key: &str) -> (String, String) {
    let mut end = format!("{}{BEHIND_END}", begin(stream, key));
    end.truncate(end.floor_char_boundary(MAX_SORT_KEY_BYTES));
    (stream.as_str().to_owned(), end)
}

/// The common beginning of the sort keys of a block's job.
pub(super) fn job_of(sort_key: &str) -> &str {
    sort_key.rfind(LAST_SEPARATOR).map_or(sort_key, |at| &sort_key[..=at])
}

fn begin(stream: Stream, key: &str) -> String {
    format!("{}{}", stream.as_str(), key.replace('\0', BEHIND_END))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn sort_key(first: &str) -> Option<String> {
        let span = Span { range: 0, stream: Stream::Copies, first, own_records: &BTreeSet::new() };
        of_block(&of_job(&span, "c0-1"), &"f".repeat(32))
    }

    fn keys() -> impl Strategy<Value = String> {
        let odd = prop::sample::select(vec!["\0", "\0\0", "\0\u{1}", "\u{1}", "\u{2}", "a", "#", "b", "\u{10ffff}"]);
        let short = prop::collection::vec(odd, 0..6).prop_map(|parts| parts.concat());
        (prop_oneof![short, any::<String>()], 0usize..1_000).prop_map(|(key, fill)| match fill {
            900.. => "k".repeat(fill) + &key,
            _ => key,
        })
    }

    proptest! {
        #[test]
        fn a_block_lies_within_the_bounds_of_the_keys_from_its_first_on(first in keys(), key in keys()) {
            if let Some(block) = sort_key(&first) {
                let (from, to) = up_to(Stream::Copies, &key);
                prop_assert!(to.len() <= MAX_SORT_KEY_BYTES);
                prop_assert_eq!(from <= block && block <= to, first <= key);
                prop_assert!(up_to(Stream::Deletes, &key).0 > block, "of the other stream");
            }
        }

        #[test]
        fn sort_keys_have_the_order_of_first_keys(a in keys(), b in keys()) {
            if let (Some(block_a), Some(block_b)) = (sort_key(&a), sort_key(&b)) {
                prop_assert_eq!(block_a.cmp(&block_b), a.cmp(&b));
            }
        }
    }

    #[test]
    fn a_key_that_is_too_long_has_no_block() {
        assert!(sort_key(&"k".repeat(900)).is_some());
        assert_eq!(sort_key(&"k".repeat(1_000)), None);
        assert_eq!(sort_key(&"\0".repeat(500)), None);
    }

    #[test]
    fn the_job_is_what_a_sort_key_has_before_its_settlement() {
        assert_eq!(job_of("ca#b\0\0c0-1#ff"), "ca#b\0\0c0-1#");
    }
}
