use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::fakes::entry;

fn merge() -> Merge {
    Merge::new(KeyRange::default())
}

fn page(entries: &[Entry]) -> Vec<Listed> {
    entries.iter().cloned().map(Listed::Object).collect()
}

fn join(source: &[Entry], destination: &[Entry], pages: (usize, usize)) -> Result<Vec<Pair>> {
    let mut merge = merge();
    let mut pairs = Vec::new();
    let mut source = source.chunks(pages.0);
    let mut destination = destination.chunks(pages.1);
    loop {
        match merge.frontier() {
            Frontier::End => return Ok(pairs),
            Frontier::NeedsPage(ListingSide::Source) => merge.give(ListingSide::Source, source.next().map(page))?,
            Frontier::NeedsPage(ListingSide::Destination) => {
                merge.give(ListingSide::Destination, destination.next().map(page))?
            }
            Frontier::Key(key) => {
                let taken = merge.take(&key);
                assert!(!taken.is_empty() && taken.iter().all(|pair| pair.key() <= key.as_str()));
                pairs.extend(taken);
            }
        }
    }
}

#[test]
fn an_unordered_key_ends_the_join_and_names_both_keys() {
    for (second, words) in [("a", "key \"a\" came after \"b\""), ("b", "key \"b\" is listed twice")] {
        let error = join(&[entry("b", 1, 1), entry(second, 1, 1)], &[], (1, 1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_key_outside_of_the_range_ends_the_join() {
    let range = KeyRange { prefix: "p/".into(), after: Some("p/b".into()), until: Some("p/d".into()) };
    for (key, inside) in [("p/b", false), ("p/c", true), ("p/d", false), ("q", false)] {
        let given = Merge::new(range.clone()).give(ListingSide::Destination, Some(vec![entry(key, 1, 1).into()]));
        assert_eq!(given.is_ok(), inside, "{key}");
    }
}

proptest! {
    #[test]
    fn every_key_of_either_side_is_paired_once_and_in_order(
        source in any::<BTreeMap<String, u64>>(), destination in any::<BTreeMap<String, u64>>(),
        common in any::<BTreeSet<String>>(), pages in (1usize..5, 1usize..5),
    ) {
        let side = |map: &BTreeMap<String, u64>, size| {
            let mut all = map.clone();
            all.extend(common.iter().map(|key| (key.clone(), size)));
            all
        };
        let (source, destination) = (side(&source, 1), side(&destination, 2));
        let entries = |side: &BTreeMap<String, u64>| side.iter().map(|(k, s)| entry(k, *s, 1)).collect::<Vec<_>>();
        let keys: BTreeSet<&String> = source.keys().chain(destination.keys()).collect();
        let expected: Vec<_> = keys.into_iter().map(|k| (k.clone(), source.get(k).copied(), destination.get(k).copied())).collect();
        let pairs = join(&entries(&source), &entries(&destination), pages).unwrap();
        let found: Vec<_> = pairs
            .iter()
            .map(|p| (p.key().to_owned(), p.source().map(|e| e.size), p.destination().map(|e| e.size)))
            .collect();
        prop_assert_eq!(found, expected);
    }
}

/// The keys with whether they are in sync: what a folder holds beside a store that lists markers.
fn with_folders(side: ListingSide, folder: &[&str], other: &[&str]) -> Vec<(String, bool)> {
    let mut merge = merge().with_folders(side, true);
    let entries = |keys: &[&str], time| keys.iter().map(|key| entry(key, 0, time).into()).collect();
    let opposite = if side == ListingSide::Source { ListingSide::Destination } else { ListingSide::Source };
    for (side, page) in [(side, entries(folder, 1)), (opposite, entries(other, 2))] {
        merge.give(side, Some(page)).unwrap();
        merge.give(side, None).unwrap();
    }
    let pairs = merge.take("~");
    pairs
        .iter()
        .map(|pair| (pair.key().to_owned(), matches!(pair, Pair::Both(a, b) if a.modified == b.modified)))
        .collect()
}

#[test]
fn a_folder_marker_is_in_sync_with_any_folder_of_its_name() {
    for side in [ListingSide::Source, ListingSide::Destination] {
        let found = with_folders(side, &["a/b/c", "e/", "f/g"], &["a/", "a/b/", "d/", "e/", "f-"]);
        let in_sync: Vec<&str> = found.iter().filter(|(_, same)| *same).map(|(key, _)| key.as_str()).collect();
        assert_eq!(in_sync, ["a/", "a/b/", "e/"], "{side:?}: {found:?}");
        assert_eq!(found.len(), 7, "{found:?}");
    }
}

/// The keys that only the destination has and that may block a copy.
fn blocking(range: KeyRange, source: &[&str], destination: &[&str]) -> Vec<String> {
    let mut merge = Merge::new(range).with_folders(ListingSide::Destination, true);
    for (side, keys) in [(ListingSide::Source, source), (ListingSide::Destination, destination)] {
        merge.give(side, Some(keys.iter().map(|key| entry(key, 1, 1).into()).collect())).unwrap();
        merge.give(side, None).unwrap();
    }
    let pairs = merge.take("~").into_iter();
    pairs.filter(|pair| matches!(pair, Pair::Blocking(_))).map(|pair| pair.key().to_owned()).collect()
}

#[test]
fn regression_keys_that_block_a_copy_are_recognised() {
    let all = KeyRange::default;
    for (source, destination, expected) in [
        (&["a/b/c"][..], &["a", "b"][..], &["a"][..]),
        (&["a/b/c"], &["a/b", "a/c"], &["a/b"]),
        (&["a", "a-b", "b"], &["a/b", "a/d/e", "ab/c", "c/d"], &["a/b", "a/d/e"]),
        (&["a"], &["a/"], &["a/"]),
        (&["a/b", "b"], &["a/", "ab"], &[]),
        // The next key hides whether one below comes.
        (&["a-", "b"], &["a"], &["a"]),
        (&[], &["a", "a-", "b/c"], &[]),
    ] {
        assert_eq!(blocking(all(), source, destination), expected, "{source:?} {destination:?}");
    }
    // What lies before the range, or after it, is not seen.
    let after = KeyRange { after: Some("a/b".into()), ..all() };
    assert_eq!(blocking(after, &[], &["a/c", "b/d"]), ["a/c"]);
    let until = KeyRange { until: Some("b/".into()), ..all() };
    assert_eq!(blocking(until, &[], &["a", "b"]), ["b"]);
    // A store without folders holds both.
    let mut merge = merge();
    merge.give(ListingSide::Source, Some(page(&[entry("a/b", 1, 1)]))).unwrap();
    merge.give(ListingSide::Destination, Some(page(&[entry("a", 1, 1)]))).unwrap();
    assert!(matches!(merge.take("a")[..], [Pair::Destination(_)]));
}
