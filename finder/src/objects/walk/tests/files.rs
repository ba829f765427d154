//! Keys below other keys of a bucket, copied to a folder.

use std::sync::atomic::Ordering::SeqCst;

use shared::store::KeyRange;

use super::*;

/// A walk of a bucket with these keys into a folder, over ranges that begin after these keys.
async fn copied(
    source: &BTreeSet<String>,
    destination: Shelf,
    begins: &BTreeSet<String>,
    lists: usize,
) -> (Vec<String>, u64, usize) {
    let source = Arc::new(Shelf::new(source.iter().map(|key| entry(key, 1, 5)).collect()));
    let notes = Arc::new(Notes::default());
    let options = Find { job_objects: 3, list_concurrency: lists, ..Find::default() };
    let walk = walk(Shelf::of([""; 0]), destination, options, notes.clone());
    let mut walk = Arc::into_inner(walk).unwrap();
    walk.sides.source = source.clone();
    walk.comparer = Comparer::new(&walk.sides, &walk.options);
    let range = |after: Option<&String>| KeyRange { after: after.cloned(), ..KeyRange::default() };
    let starts = std::iter::once(None).chain(begins.iter().map(Some));
    let checkpoints =
        (0..).zip(starts).map(|(id, after)| Checkpoint { id, range: range(after), ..Checkpoint::default() });
    let found = Arc::new(walk).run(checkpoints.collect()).await.unwrap().found;
    let mut keys = std::mem::take(&mut notes.0.lock().unwrap().1);
    keys.sort();
    (keys, found.not_judged, source.heads.load(SeqCst))
}

fn folder(keys: &BTreeMap<String, i64>) -> Shelf {
    let mut shelf = Shelf::new(keys.iter().map(|(key, seconds)| entry(key, 1, *seconds)).collect());
    shelf.capabilities.has_folders = true;
    shelf
}

fn is_below(key: &str, file: &str) -> bool {
    !file.is_empty() && !file.ends_with('/') && key.strip_prefix(file).is_some_and(|rest| rest.starts_with('/'))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn regression_the_first_of_exclusive_keys_is_copied(
        source in prop::collection::btree_set("q[-q/]{0,4}", 0..30),
        there in prop::collection::btree_map("q[-q/]{0,4}", 4i64..7, 0..8),
        begins in prop::collection::btree_set("q[-q/]{0,4}", 0..4), lists in 1usize..5,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (keys, left, heads) = runtime.block_on(copied(&source, folder(&there), &begins, lists));
        let differs = |key: &&String| there.get(*key).is_none_or(|seconds| *seconds < 5);
        let (below, first): (Vec<&String>, Vec<&String>) = source
            .iter()
            .filter(differs)
            .partition(|key| source.iter().any(|file| is_below(key, file)));
        prop_assert_eq!(keys.iter().collect::<Vec<_>>(), first);
        prop_assert_eq!(left as usize, below.len());
        // One HEAD for each folder that the beginning of a range lies in, at most.
        let parents: usize = begins.iter().map(|begin| begin.len()).sum();
        prop_assert!(heads <= parents, "{} HEADs for {:?}", heads, begins);
    }
}

#[tokio::test]
async fn a_resumed_walk_asks_once_for_each_parent() {
    let mut source: BTreeSet<String> = (0..500).map(|n| format!("a/q/{n:03}")).collect();
    source.extend(["a/q".to_owned(), "a/q-".to_owned()]);
    let begins = BTreeSet::from(["a/q-".to_owned(), "a/q/100".to_owned()]);
    let (keys, left, heads) = copied(&source, folder(&BTreeMap::new()), &begins, 1).await;
    assert_eq!((keys, left), (vec!["a/q".to_owned(), "a/q-".to_owned()], 500));
    // `a` and `a/q`, for both ranges.
    assert_eq!(heads, 4);
    // A bucket holds them all.
    let (keys, left, heads) = copied(&source, Shelf::of([""; 0]), &begins, 1).await;
    assert_eq!((keys.len(), left, heads), (502, 0, 0));
}

#[tokio::test]
async fn parallel_ranges_copy_no_key_below_a_file() {
    let mut source: BTreeSet<String> = (0..500).map(|n| format!("q-{n:06}")).collect();
    source.extend((0..500).map(|n| format!("q/{n:06}")).chain(["q".to_owned()]));
    // They begin at the file, between it and the keys below it, and among these.
    let begins = ["q", "q-000100", "q-000400", "q-000499", "q/", "q/000100", "q/000300"].map(str::to_owned);
    let (keys, left, _) = copied(&source, folder(&BTreeMap::new()), &BTreeSet::from(begins), 8).await;
    assert_eq!((keys.len(), left), (501, 500));
}

#[tokio::test]
async fn an_error_about_a_parent_leaves_the_key() {
    let begins = BTreeSet::from(["q-".to_owned()]);
    for (fails, expected) in [(None, (2, 0)), (Some(ErrorKind::Unavailable), (1, 1))] {
        let mut source = Shelf::of(["q-", "q/x"]);
        source.head_fails = fails;
        let notes = Arc::new(Notes::default());
        let walk = walk(source, folder(&BTreeMap::new()), Find::default(), notes.clone());
        let first = Checkpoint::default();
        let second = Checkpoint {
            id: 1,
            range: KeyRange { after: begins.first().cloned(), ..KeyRange::default() },
            ..Checkpoint::default()
        };
        let found = walk.run(vec![first, second]).await.unwrap().found;
        assert_eq!((found.enqueued, found.not_judged), expected, "{fails:?}");
    }
}

#[tokio::test]
async fn a_key_that_filters_exclude_hides_nothing_below_it() {
    let notes = Arc::new(Notes::default());
    let options = Find { filters: vec!["- q".into()], ..Find::default() };
    let walk = walk(Shelf::of(["q", "q/x"]), folder(&BTreeMap::new()), options, notes.clone());
    let found = walk.run(vec![]).await.unwrap().found;
    assert_eq!((found.enqueued, found.not_judged, found.filtered), (1, 0, 1));
}
