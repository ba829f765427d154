use std::collections::BTreeSet;
use std::sync::Mutex;

use proptest::prelude::*;

use super::*;
use crate::store::s3::list_mode::{ListMode, Next};
use shared::object::{ETag, Timestamp};

/// A store that lists by folder, as SeaweedFS does: an object and the folder of its name come
/// together, and are both skipped by a beginning after that name.
#[derive(Debug, Default)]
struct Fake {
    keys: BTreeSet<String>,
    page_names: usize,
    asked: Mutex<Vec<PageRequest>>,
    in_byte_order: bool,
}

fn fake(keys: impl IntoIterator<Item = impl Into<String>>, page_names: usize) -> Fake {
    Fake { keys: keys.into_iter().map(Into::into).collect(), page_names, ..Fake::default() }
}

fn entry(key: &str) -> Entry {
    let etag = Some(ETag::new("e"));
    Entry { key: key.to_owned(), size: 1, modified: Timestamp(0), etag, version: None, storage_class: None }
}

#[async_trait]
impl Folders for Fake {
    async fn folder(&self, ask: &PageRequest) -> Result<Page> {
        assert!(ask.by_folder);
        self.asked.lock().unwrap().push(ask.clone());
        let folder = &ask.prefix[..ask.prefix.rfind('/').map_or(0, |at| at + 1)];
        // By name, with whether there are an object and a folder of that name.
        let mut names = std::collections::BTreeMap::<String, (bool, bool)>::new();
        let after = ask
            .next
            .as_ref()
            .map(|next| &*next.position)
            .or(ask.after.as_deref())
            .and_then(|after| after.strip_prefix(folder));
        for key in self.keys.iter().filter(|key| key.starts_with(&ask.prefix)) {
            let rest = &key[folder.len()..];
            let (name, is_folder) = rest.split_once('/').map_or((rest, false), |(name, _)| (name, true));
            if after.is_none_or(|after| name > after) {
                let place = if self.in_byte_order && is_folder { format!("{name}/") } else { name.to_owned() };
                let entry = names.entry(place).or_default();
                (entry.0, entry.1) = (entry.0 | !is_folder, entry.1 | is_folder);
            }
        }
        let mut page = Page::default();
        let mut last = None;
        for (name, (object, is_folder)) in names {
            if page.objects.len() + page.folders.len() >= self.page_names {
                page.next = last.map(|place| Next { list_mode: ListMode::default(), position: place });
                break;
            }
            page.objects.extend(object.then(|| entry(&format!("{folder}{name}"))));
            page.folders.extend(is_folder.then(|| format!("{folder}{}/", name.trim_end_matches('/'))));
            last = Some(format!("{folder}{name}"));
        }
        Ok(page)
    }

    fn subject(&self, folder: &str) -> String {
        folder.to_owned()
    }

    fn can_be(&self, folder: &str) -> bool {
        folder.is_empty() || not_folder_like(folder, 0).is_none()
    }
}

async fn walk(fake: &Arc<Fake>, range: KeyRange) -> Result<Vec<String>> {
    let mut walk = Walk::new(fake.clone(), range);
    let mut keys = Vec::new();
    loop {
        let page = walk.next_page().await?;
        if page.is_empty() {
            return Ok(keys);
        }
        keys.extend(page.into_iter().map(|entry| entry.key));
    }
}

fn range(prefix: &str, after: Option<&str>, until: Option<&str>) -> KeyRange {
    KeyRange { prefix: prefix.into(), after: after.map(Into::into), until: until.map(Into::into) }
}

#[tokio::test]
async fn a_folder_comes_where_its_keys_belong() {
    let sorted = ["a", "a b/c", "a-b", "a-b/x", "a.c", "a/", "a/-", "a/b", "a/b-/d", "a/b/c", "a0", "ab/c", "b"];
    assert!(sorted.is_sorted());
    for page_names in 1..5 {
        let fake = Arc::new(fake(sorted, page_names));
        assert_eq!(walk(&fake, KeyRange::default()).await.unwrap(), sorted);
    }
}

#[tokio::test]
async fn only_folders_of_the_range_are_asked_for_and_each_once() {
    let fake = Arc::new(fake((0..50).map(|n| format!("d/{n:02}/key")), 1000));
    let keys = walk(&fake, range("d/", Some("d/20/z"), Some("d/24"))).await.unwrap();
    assert_eq!(keys, ["d/21/key", "d/22/key", "d/23/key"]);
    let mut asked: Vec<_> = fake.asked.lock().unwrap().iter().map(|ask| ask.prefix.clone()).collect();
    asked.sort();
    // The folder that the range begins in is asked for its end, which might be a folder.
    assert_eq!(asked, ["d/", "d/20/", "d/20/z/", "d/21/", "d/22/", "d/23/"]);
}

#[tokio::test]
async fn a_flat_folder_costs_no_more_than_its_pages() {
    let fake = Arc::new(fake((0..5000).map(|n| format!("{n:04}")), 1000));
    assert_eq!(walk(&fake, range("", Some("2499"), None)).await.unwrap().len(), 2500);
    // The third page is full, and the folder that the beginning might be is looked for.
    assert!(fake.asked.lock().unwrap().len() <= 4);
}

#[tokio::test]
async fn folders_that_come_in_another_order_are_corrupt() {
    let mut fake = fake(["a/x", "a-b/x"], 1000);
    fake.in_byte_order = true;
    let error = walk(&Arc::new(fake), KeyRange::default()).await;
    // `a-b/` before `a/`: byte order, which is not what the table says.
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Corrupt);
}

#[tokio::test]
async fn what_cannot_be_a_folder_is_not_asked_for() {
    let fake = Arc::new(fake(["a/b", "a/c", "z"], 1000));
    for (range, keys) in [
        (range("a//", None, None), &[][..]),
        (range("a/../", None, None), &[]),
        (range("a\\b", None, None), &[]),
        (range("", Some("a//b"), None), &["a/b", "a/c", "z"]),
        (range("", Some("a/../b"), None), &["a/b", "a/c", "z"]),
        (range("", Some("a/b\\x"), None), &["a/c", "z"]),
        (range("", Some("./a"), None), &["a/b", "a/c", "z"]),
    ] {
        assert_eq!(walk(&fake, range.clone()).await.unwrap(), keys, "{range:?}");
    }
    let is_odd =
        |ask: &PageRequest| [Some(&ask.prefix), ask.after.as_ref()].into_iter().flatten().any(|key| key.contains("//"));
    assert!(!fake.asked.lock().unwrap().iter().any(is_odd));
}

#[tokio::test]
async fn folders_asked_for_ahead_are_bounded() {
    let keys = (0..20).flat_map(|a| (0..20).flat_map(move |b| (0..20).map(move |c| format!("{a}/{b}/{c}/key"))));
    let fake = Arc::new(fake(keys, 1000));
    let mut walk = Walk::new(fake.clone(), KeyRange::default());
    assert_eq!(walk.next_page().await.unwrap().len(), PAGE_ENTRIES);
    assert!(walk.ahead.available_permits() >= AHEAD_TOTAL - 3 * AHEAD);
    walk.levels.clear();
    assert_eq!(walk.ahead.available_permits(), AHEAD_TOTAL);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn any_range_of_any_tree_gives_exactly_its_keys_in_byte_order(
        keys in proptest::collection::btree_set("[ab!.0/-]{1,7}|[a-]{1,3}(/[b.]{1,2}){0,3}/?", 0..40),
        prefix in "|[ab-]|[ab.]/|[ab/.-]{0,4}",
        after in proptest::option::of("[ab!.0/\\\\-]{0,7}"),
        until in proptest::option::of("[ab!.0/-]{0,7}"),
        pick in proptest::option::of(any::<proptest::sample::Index>()),
        page_names in 1_usize..6,
    ) {
        let keys: BTreeSet<String> = keys.into_iter().filter(|key| not_folder_like(key, 0).is_none()).collect();
        let picked = pick.filter(|_| !keys.is_empty()).map(|pick| keys.iter().nth(pick.index(keys.len())).unwrap().clone());
        let range = KeyRange { prefix, after: picked.or(after), until };
        let expected: Vec<String> = keys.iter().filter(|key| range.contains(key)).cloned().collect();
        let fake = Arc::new(fake(keys, page_names));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let found = runtime.block_on(walk(&fake, range));
        prop_assert_eq!(found.unwrap(), expected);
    }
}
