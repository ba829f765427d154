use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use proptest::prelude::*;
use shared::ErrorKind;
use shared::object::Timestamp;
use shared::objects::job::{ObjectJob, ObjectWork};
use shared::store::{Span, Unlisted};

use super::*;
use crate::fakes::{Book, Shelf, entry};
use crate::run::context::RunRef;
use crate::run::journal::Journal;

/// A journal that keeps the last checkpoint of each range, and all keys.
#[derive(Debug, Default)]
struct Notes(Mutex<Noted>);

/// Checkpoints by range, keys to copy, keys to delete.
type Noted = (BTreeMap<u32, Checkpoint>, Vec<String>, Vec<String>);

#[async_trait]
impl Journal for Notes {
    async fn defer(&self, _: u32, _: u32, body: &str) -> Result<(), FindError> {
        let ObjectWork::Delete { objects } = ObjectJob::parse(body).unwrap().work else { panic!("not a delete job") };
        self.0.lock().unwrap().2.extend(objects.into_iter().map(|o| o.key));
        Ok(())
    }
    async fn checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), FindError> {
        self.0.lock().unwrap().0.insert(checkpoint.id, checkpoint.clone());
        Ok(())
    }
    async fn send(&self, bodies: &[String]) -> Result<(), FindError> {
        for body in bodies {
            let ObjectWork::Copy { objects } = ObjectJob::parse(body).unwrap().work else { panic!("not a copy job") };
            self.0.lock().unwrap().1.extend(objects.into_iter().map(|o| o.key));
        }
        Ok(())
    }
}

fn walk(source: Shelf, destination: Shelf, options: Find, notes: Arc<Notes>) -> Arc<Walk> {
    let sides =
        Sides { source: Arc::new(source), destination: Arc::new(destination), destination_may_be_missing: false };
    let filter = Arc::new(Filter::load(&options, Some(Timestamp(0))).unwrap());
    let names = RunRef { task: "t".into(), run: "r".into(), definition: 3 };
    let (progress, stop, abort) = Default::default();
    Arc::new(Walk::new(sides, filter, &options, None, RunContext { names, journal: notes, progress, stop, abort }))
}

#[tokio::test]
async fn a_flat_prefix_is_cut_and_every_key_is_listed_once() {
    let keys: Vec<String> = (0..50_000).map(|n| format!("img/{:08}", n * 7)).collect();
    let mut source = Shelf::of(&keys);
    source.page = 500;
    let notes = Arc::new(Notes::default());
    let options = Find { list_concurrency: 8, ..Find::default() };
    let walked = walk(source, Shelf::of([""; 0]), options, notes.clone()).run(vec![]).await.unwrap();
    assert_eq!(walked.found.listed, 50_000);
    let mut notes = std::mem::take(&mut *notes.0.lock().unwrap());
    notes.1.sort();
    assert_eq!(notes.1, keys);
    let busy = notes.0.values().filter(|checkpoint| checkpoint.found.listed > 1_000).count();
    assert!(busy >= 8, "only {busy} of {} ranges had work", notes.0.len());
    assert!(notes.0.values().all(|checkpoint| checkpoint.done));
}

#[tokio::test]
async fn a_store_not_faster_in_parallel_is_listed_in_one_range() {
    let keys: Vec<String> = (0..20_000).map(|n| format!("{n:08}")).collect();
    let mut source = Shelf::of(&keys);
    (source.page, source.capabilities.parallel_listing) = (500, false);
    let notes = Arc::new(Notes::default());
    walk(source, Shelf::of([""; 0]), Find::default(), notes.clone()).run(vec![]).await.unwrap();
    assert_eq!(notes.0.lock().unwrap().0.len(), 1);
}

fn objects() -> impl Strategy<Value = BTreeMap<String, (u64, i64)>> {
    prop::collection::btree_map("[a-c/é0]{0,3}", (0u64..3, 0i64..3), 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_walk_finds_what_a_comparison_of_two_maps_finds(
        source in objects(), destination in objects(), delete in any::<bool>(), page in 1usize..9, lists in 1usize..5, job_objects in 1u32..9,
    ) {
        let shelf = |map: &BTreeMap<String, (u64, i64)>| {
            let mut shelf = Shelf::new(map.iter().map(|(key, (size, time))| entry(key, *size, *time)).collect());
            shelf.page = page;
            shelf
        };
        let copies: Vec<&String> = source
            .iter()
            .filter(|(key, ours)| destination.get(*key).is_none_or(|theirs| theirs.0 != ours.0 || theirs.1 < ours.1))
            .map(|(key, _)| key)
            .collect();
        let deletes: Vec<&String> = destination.keys().filter(|key| delete && !source.contains_key(*key)).collect();
        let notes = Arc::new(Notes::default());
        let options = Find { delete, list_concurrency: lists, job_objects, ..Find::default() };
        let walk = walk(shelf(&source), shelf(&destination), options, notes.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let found = runtime.block_on(walk.run(vec![])).unwrap().found;
        let mut notes = std::mem::take(&mut *notes.0.lock().unwrap());
        notes.1.sort();
        notes.2.sort();
        prop_assert_eq!(notes.1.iter().collect::<Vec<_>>(), copies);
        prop_assert_eq!(notes.2.iter().collect::<Vec<_>>(), deletes);
        prop_assert_eq!(found.listed, source.len() as u64);
        prop_assert_eq!(found.listed_destination, destination.len() as u64);
        let common = source.keys().filter(|key| destination.contains_key(*key)).count() as u64;
        prop_assert_eq!(found.unchanged, source.len() as u64 - notes.1.len() as u64);
        prop_assert!(found.unchanged <= common);
    }
}

fn below(folder: &str) -> Unlisted {
    Unlisted { keys: Span::Below(folder.to_owned()), reason: format!("list {folder}: closed"), is_failure: true }
}

/// A prefix that folders closed on one side, and the keys that a side has outside of them.
fn without(map: &BTreeMap<String, (u64, i64)>, closed: &[String]) -> BTreeMap<String, (u64, i64)> {
    let known = |key: &String| !closed.iter().any(|folder| key.starts_with(folder.as_str()));
    map.iter().filter(|(key, _)| known(key)).map(|(key, about)| (key.clone(), *about)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn regression_keys_in_a_closed_folder_are_left_alone(
        source in objects(), destination in objects(), page in 1usize..9, lists in 1usize..5,
        closed in prop::collection::btree_set("[a-c]/", 0..3), there in prop::collection::btree_set("[a-c]/", 0..2),
    ) {
        let (closed, there): (Vec<String>, Vec<String>) = (closed.into_iter().collect(), there.into_iter().collect());
        let (ours, theirs) = (without(&source, &closed), without(&destination, &there));
        let shelf = |map: &BTreeMap<String, (u64, i64)>, closed: &[String]| {
            let mut shelf = Shelf::new(map.iter().map(|(key, (size, time))| entry(key, *size, *time)).collect());
            (shelf.page, shelf.unlisted) = (page, closed.iter().map(|folder| below(folder)).collect());
            shelf
        };
        let known = |key: &&String| without(&BTreeMap::from([((*key).clone(), (0, 0))]), &[closed.clone(), there.clone()].concat()).len() == 1;
        let differs = |key: &&String| theirs.get(*key).is_none_or(|old| old.0 != ours[*key].0 || old.1 < ours[*key].1);
        let copies: Vec<&String> = ours.keys().filter(|key| known(key) && differs(key)).collect();
        let deletes: Vec<&String> = theirs.keys().filter(|key| known(key) && !ours.contains_key(*key)).collect();
        let notes = Arc::new(Notes::default());
        let options = Find { delete: true, list_concurrency: lists, job_objects: 3, ..Find::default() };
        let walk = walk(shelf(&ours, &closed), shelf(&theirs, &there), options, notes.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let found = runtime.block_on(walk.clone().run(vec![])).unwrap().found;
        let mut notes = std::mem::take(&mut *notes.0.lock().unwrap());
        notes.1.sort();
        notes.2.sort();
        prop_assert_eq!(notes.1.iter().collect::<Vec<_>>(), copies);
        prop_assert_eq!(notes.2.iter().collect::<Vec<_>>(), deletes);
        prop_assert_eq!(found.unlisted as usize, closed.len() + there.len(), "each is counted once");
        prop_assert_eq!(walk.run.progress.unlisted_count(), found.unlisted);
    }
}

/// Ranges that are cut within a closed folder: each part has the span, and one counts it.
#[tokio::test]
async fn regression_a_closed_folder_is_kept_in_a_parallel_listing() {
    let keys: Vec<String> = (0..20_000).map(|n| format!("img/{:08}", n * 7)).collect();
    let mut destination = Shelf::of(&keys);
    destination.page = 500;
    let mut source = Shelf::of(["a"]);
    source.unlisted.push(below("img/"));
    let notes = Arc::new(Notes::default());
    let options = Find { delete: true, list_concurrency: 8, ..Find::default() };
    let walked = walk(source, destination, options, notes.clone()).run(vec![]).await.unwrap();
    let notes = notes.0.lock().unwrap();
    assert!(notes.0.len() >= 4, "only {} ranges", notes.0.len());
    assert_eq!((walked.found.deletes, walked.found.unlisted), (0, 1));
    assert!(notes.2.is_empty(), "{:?}", notes.2);
}

#[tokio::test]
async fn regression_suspect_keys_are_copied_whatever_time_and_size() {
    let key = |n: u32| format!("k/{n:04}");
    let sides = || (Shelf::of((0..2_000).map(key)), Shelf::of((0..2_000).map(key)));
    // More than a page of them; some that neither side has, some that are excluded.
    let taken: BTreeSet<String> = (0..2_000).filter(|n| n % 3 == 0).map(key).collect();
    let mut suspects = taken.clone();
    suspects.extend(["", "a", "k/0000x", "k/1999x", "z"].map(str::to_owned));
    let excluded = BTreeSet::from(["k/0003".to_owned(), "k/1998".to_owned()]);
    let filters: Vec<String> = excluded.iter().map(|key| format!("- {key}")).collect();
    for (prefixes, list_concurrency) in [(None, 1), (None, 4), (Some("k/00\nk/1"), 4)] {
        let list = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(list.path(), prefixes.unwrap_or_default()).unwrap();
        let prefix_list = prefixes.map(|_| list.path().to_owned());
        let options = Find { list_concurrency, filters: filters.clone(), prefix_list, ..Find::default() };
        let notes = Arc::new(Notes::default());
        let (source, destination) = sides();
        let mut walk = Arc::into_inner(walk(source, destination, options, notes.clone())).unwrap();
        let book = Book::default();
        book.pages.lock().unwrap().suspects = suspects.iter().map(|key| (key.clone(), Timestamp(1))).collect();
        walk.suspects = Some(Arc::new(book));
        let walked = Arc::new(walk).run(Vec::new()).await.unwrap();
        let reached = |key: &&String| prefixes.is_none() || key.starts_with("k/00") || key.starts_with("k/1");
        let expected: BTreeSet<String> = taken.difference(&excluded).filter(reached).cloned().collect();
        let copied: BTreeSet<String> = notes.0.lock().unwrap().1.iter().cloned().collect();
        assert!(copied == expected, "{} copied, {} expected", copied.len(), expected.len());
        assert_eq!(walked.found.enqueued, expected.len() as u64);
    }
}

mod files;
