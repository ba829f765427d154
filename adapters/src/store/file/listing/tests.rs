//! Order, ranges, and entries that are no objects.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use proptest::prelude::*;

use super::*;
use shared::config::Find;
use shared::location::Location;

fn walk(root: &Path, range: KeyRange, pass_names: usize) -> Walk {
    filtered(root, range, pass_names, &[])
}

fn filtered(root: &Path, range: KeyRange, pass_names: usize, rules: &[&str]) -> Walk {
    let filters = rules.iter().map(|&rule| rule.to_owned()).collect();
    let filter = Filter::load(&Find { filters, ..Find::default() }, None).unwrap();
    let folder = Folder {
        location: Location::folder(root).unwrap(),
        path: root.to_owned(),
        under_way: Arc::default(),
        replacing: Arc::default(),
    };
    Walk::new(folder, range, Arc::new(filter), pass_names)
}

fn keys(mut walk: Walk) -> Result<Vec<String>> {
    let mut keys = Vec::new();
    loop {
        let page = walk.page()?;
        if page.is_empty() {
            return Ok(keys);
        }
        keys.extend(Listed::objects(page).map(|entry| entry.key));
    }
}

/// All items, each as its key, or as the span that is unknown with whether that is a failure.
fn items(mut walk: Walk) -> Vec<(String, Option<(Span, bool)>)> {
    let mut items = Vec::new();
    loop {
        let page = walk.page().unwrap();
        if page.is_empty() {
            return items;
        }
        items.extend(page.into_iter().map(|listed| {
            let position = listed.position().to_owned();
            match listed {
                Listed::Object(_) => (position, None),
                Listed::Unlisted(unlisted) => (position, Some((unlisted.keys, unlisted.is_failure))),
            }
        }));
    }
}

fn touch(root: &Path, key: &str) {
    let path = root.join(key);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, key).unwrap();
}

/// Keys that a folder can hold together: none lies below another.
fn tree() -> impl Strategy<Value = BTreeSet<String>> {
    let segment = "[a-b./0é-]{1,3}".prop_filter("a file name", |s| !s.contains('/') && s != "." && s != "..");
    let key = prop::collection::vec(segment, 1..4).prop_map(|segments| segments.join("/"));
    prop::collection::vec(key, 0..40).prop_map(|keys| {
        let mut tree: BTreeSet<String> = BTreeSet::new();
        for key in keys {
            let below = |upper: &str, lower: &str| lower.strip_prefix(upper).is_some_and(|rest| rest.starts_with('/'));
            if !tree.iter().any(|other| below(other, &key) || below(&key, other)) {
                tree.insert(key);
            }
        }
        tree
    })
}

/// Bounds near the keys: the same characters, at any length.
fn bound() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[a-b./0é-]{0,6}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_listing_is_sorted_however_few_names_fit_into_a_pass(
        tree in tree(), prefix in "[a-b./0-]{0,2}", after in bound(), until in bound(), pass_names in 1usize..6,
    ) {
        let dir = tempfile::tempdir().unwrap();
        tree.iter().for_each(|key| touch(dir.path(), key));
        prop_assert_eq!(keys(walk(dir.path(), KeyRange::default(), pass_names)).unwrap(), Vec::from_iter(tree.clone()));
        let range = KeyRange { prefix, after, until };
        let expected: Vec<String> = tree.iter().filter(|key| range.contains(key)).cloned().collect();
        prop_assert_eq!(keys(walk(dir.path(), range, pass_names)).unwrap(), expected);
    }
}

#[test]
fn pages_have_a_thousand_entries_and_passes_leave_no_gap() {
    let dir = tempfile::tempdir().unwrap();
    let expected: Vec<String> = (0..2_500).map(|n| format!("{n:05}")).collect();
    expected.iter().for_each(|key| touch(dir.path(), key));
    let mut walk = walk(dir.path(), KeyRange::default(), 700);
    let pages: Vec<usize> = std::iter::from_fn(|| Some(walk.page().unwrap().len()).filter(|&len| len > 0)).collect();
    assert_eq!(pages, [1000, 1000, 500]);
    assert_eq!(keys(super::tests::walk(dir.path(), KeyRange::default(), 700)).unwrap(), expected);
}

#[test]
fn a_tree_deeper_than_the_open_folders_is_listed_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut expected: Vec<String> = (0..80).map(|depth| format!("{}z", "d/".repeat(depth))).collect();
    expected.iter().for_each(|key| touch(dir.path(), key));
    expected.sort_unstable();
    assert_eq!(keys(walk(dir.path(), KeyRange::default(), 1)).unwrap(), expected);
}

#[test]
fn only_links_to_files_within_the_root_are_objects() {
    let (outside, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    touch(outside.path(), "secret");
    touch(dir.path(), "files/real");
    fs::create_dir(dir.path().join("links")).unwrap();
    for (name, target) in [
        ("inside", Path::new("../files/real")),
        ("to-folder", Path::new("../files")),
        ("dangling", Path::new("nowhere")),
        ("circle", Path::new("circle")),
        ("out-absolute", &outside.path().join("secret")),
        ("out-folder", outside.path()),
        ("out-relative", Path::new("../../../../../../../etc/passwd")),
        ("parent", Path::new("..")),
    ] {
        symlink(target, dir.path().join("links").join(name)).unwrap();
    }
    for pass_names in [1, 100] {
        let mut walk = walk(dir.path(), KeyRange::default(), pass_names);
        let mut found = Vec::new();
        while let Some(entry) = Some(walk.page().unwrap()).filter(|page| !page.is_empty()) {
            found.extend(Listed::objects(entry).map(|entry| (entry.key, entry.size)));
        }
        assert_eq!(found, [("files/real".to_owned(), 10), ("links/inside".to_owned(), 10)]);
        assert_eq!(walk.passed_over.count, 7, "each is counted once");
    }
}

#[test]
fn regression_a_warning_names_a_skipped_absolute_link() {
    let dir = tempfile::tempdir().unwrap();
    touch(dir.path(), "real");
    symlink(dir.path().join("real"), dir.path().join("link")).unwrap();
    let mut walk = walk(dir.path(), KeyRange::default(), 10);
    while !walk.page().unwrap().is_empty() {}
    let warning = walk.passed_over.describe(&walk.folder.location);
    assert!(
        warning.ends_with(
            ": left out \"link\" (a link that is absolute, or leads to no file in the folder); to avoid this \
             warning, exclude them"
        ),
        "{warning}"
    );
}

#[test]
fn unfinished_files_are_not_listed_but_deeper_namesakes_are() {
    let dir = tempfile::tempdir().unwrap();
    touch(dir.path(), ".flotilla-partial/put-1");
    touch(dir.path(), "a/.flotilla-partial/b");
    assert_eq!(keys(walk(dir.path(), KeyRange::default(), 10)).unwrap(), ["a/.flotilla-partial/b"]);
}

#[test]
fn regression_names_that_are_no_text_do_not_end_the_listing() {
    let dir = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..1_200).map(|n| format!("sub/{n:04}")).collect();
    names.iter().for_each(|name| touch(dir.path(), name));
    for name in [&b"caf\xe9"[..], b"\xff"] {
        fs::write(dir.path().join("sub").join(std::ffi::OsStr::from_bytes(name)), b"").unwrap();
    }
    let mut walk = walk(dir.path(), KeyRange::default(), 100);
    let Listed::Unlisted(first) = walk.page().unwrap().remove(0) else { panic!("an object came first") };
    assert_eq!((&first.keys, first.is_failure), (&Span::Nameless("sub/".into()), true));
    assert!(first.reason.contains("is not UTF-8") && first.reason.contains("1 more"), "{}", first.reason);
    let all = items(super::tests::walk(dir.path(), KeyRange::default(), 100));
    let found: Vec<String> = all.into_iter().filter(|(_, unlisted)| unlisted.is_none()).map(|(key, _)| key).collect();
    assert_eq!(found, names);
    let excluded = filtered(dir.path(), KeyRange::default(), 100, &["- sub/caf*", "- sub/?", "- sub/\u{fffd}"]);
    assert_eq!(keys(excluded).unwrap(), names);
}

/// Whether this process is no superuser, whom no permission stops. If it is one, runs the test again as
/// another user, in a process of its own, and asserts that it passes there.
fn is_ordinary_user(test: &str) -> bool {
    use std::os::unix::process::CommandExt as _;
    let probe = tempfile::tempdir().unwrap();
    fs::set_permissions(probe.path(), fs::Permissions::from_mode(0o0)).unwrap();
    if fs::read_dir(probe.path()).is_err() {
        return true;
    }
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", &format!("{}::{test}", module_path!().split_once("::").unwrap().1), "--nocapture"]);
    // This process's own folder for temporary files may be closed to others.
    let ended = again.env("TMPDIR", "/tmp").uid(65534).gid(65534).output().expect("another user may run this program");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&ended.stderr));
    false
}

/// A tree with folders that are closed in each way, until it is dropped.
struct Closed(tempfile::TempDir);

impl Closed {
    fn new() -> Closed {
        let dir = tempfile::tempdir().unwrap();
        ["a", "closed/x/y", "closed-2", "listable/a", "listable/b/c", "z"]
            .iter()
            .for_each(|key| touch(dir.path(), key));
        let closed = Closed(dir);
        closed.set(0o000, 0o444);
        closed
    }

    fn set(&self, closed: u32, listable: u32) {
        for (name, mode) in [("closed", closed), ("listable", listable)] {
            fs::set_permissions(self.0.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        self.set(0o700, 0o700);
    }
}

#[test]
fn regression_a_closed_folder_hides_only_what_is_below_it() {
    if !is_ordinary_user("regression_a_closed_folder_hides_only_what_is_below_it") {
        return;
    }
    let dir = Closed::new();
    let below = |folder: &str| (folder.to_owned(), Some((Span::Below(folder.to_owned()), true)));
    let object = |key: &str| (key.to_owned(), None);
    let expected = [object("a"), object("closed-2"), below("closed/"), below("listable/"), object("z")];
    for pass_names in [1, 100] {
        assert_eq!(items(walk(dir.0.path(), KeyRange::default(), pass_names)), expected);
    }
    // A range that begins within the folder, as one of a parallel listing does, has the span too.
    let within = KeyRange { after: Some("closed/m".into()), until: Some("listable".into()), ..KeyRange::default() };
    assert_eq!(items(walk(dir.0.path(), within, 10)), [below("closed/")]);
    let prefix = KeyRange { prefix: "closed/x/".into(), ..KeyRange::default() };
    assert_eq!(items(walk(dir.0.path(), prefix, 10)), [below("closed/")]);
    // What is excluded as a whole is not entered.
    let excluded = filtered(dir.0.path(), KeyRange::default(), 10, &["- closed/**", "- listable/*"]);
    assert_eq!(items(excluded), [object("a"), object("closed-2"), object("z")]);
    let in_part = filtered(dir.0.path(), KeyRange::default(), 10, &["- closed/x/**", "- listable/**"]);
    assert_eq!(items(in_part), [object("a"), object("closed-2"), below("closed/"), object("z")]);
}

#[test]
fn regression_keys_at_and_behind_passed_over_names_are_unknown() {
    let dir = tempfile::tempdir().unwrap();
    touch(dir.path(), "l0");
    for (name, target) in [("l", "nowhere"), ("loop", "loop"), ("up", ".."), ("file", "l0")] {
        symlink(target, dir.path().join(name)).unwrap();
    }
    let status = std::process::Command::new("mkfifo").arg(dir.path().join("pipe")).status().unwrap();
    assert!(status.success());
    let unknown = |span: Span| (span.position().to_owned(), Some((span, false)));
    let key = |key: &str| unknown(Span::Key(key.into()));
    let below = |folder: &str| unknown(Span::Below(folder.into()));
    let object = |key: &str| (key.to_owned(), None);
    let expected = [
        object("file"),
        key("l"),
        below("l/"),
        object("l0"),
        key("loop"),
        below("loop/"),
        key("pipe"),
        key("up"),
        below("up/"),
    ];
    for pass_names in [1, 3, 100] {
        let mut listing = walk(dir.path(), KeyRange::default(), pass_names);
        assert_eq!(listing.page().unwrap().len(), expected.len());
        assert_eq!(listing.passed_over.count, 4, "each is named once");
        assert_eq!(items(walk(dir.path(), KeyRange::default(), pass_names)), expected);
    }
    let behind = KeyRange { prefix: "up/etc".into(), ..KeyRange::default() };
    assert_eq!(items(walk(dir.path(), behind, 10)), [below("up/")]);
    let mut excluded = filtered(dir.path(), KeyRange::default(), 10, &["- pipe", "- l", "- loop*", "- up*"]);
    assert_eq!(excluded.page().unwrap().len(), 3);
    assert_eq!(excluded.passed_over.count, 0, "an exclude silences");
}

#[test]
fn a_root_that_vanishes_during_a_listing_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    (0..1_500).for_each(|n| touch(&root, &format!("{n:05}")));
    for put_another_in_its_place in [false, true] {
        let mut walk = walk(&root, KeyRange::default(), 100);
        assert_eq!(walk.page().unwrap().len(), 1000);
        fs::rename(&root, dir.path().join("moved")).unwrap();
        if put_another_in_its_place {
            fs::create_dir(&root).unwrap();
        }
        let error = loop {
            match walk.page() {
                Ok(page) => assert!(!page.is_empty(), "the listing ended well"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::NoSuchContainer);
        if !put_another_in_its_place {
            fs::rename(dir.path().join("moved"), &root).unwrap();
        }
    }
}

#[tokio::test]
async fn a_listing_that_failed_never_ends_well() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    let folder = Folder {
        location: Location::folder(&missing).unwrap(),
        path: missing.clone(),
        under_way: Arc::default(),
        replacing: Arc::default(),
    };
    let mut listing = FileListing::new(folder, KeyRange::default(), Arc::new(Filter::all()), 10);
    assert_eq!(listing.next_page().await.unwrap_err().kind(), ErrorKind::NoSuchContainer);
    fs::create_dir(&missing).unwrap();
    assert!(listing.next_page().await.is_err());
}
