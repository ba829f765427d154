//! Order, ranges, and what is no object.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::location::Location;

fn walk(root: &Path, range: KeyRange, pass_names: usize) -> Walk {
    let folder = Folder { location: Location::folder(root).unwrap(), path: root.to_owned() };
    Walk::new(folder, range, pass_names)
}

fn keys(mut walk: Walk) -> Result<Vec<String>> {
    let mut keys = Vec::new();
    loop {
        let page = walk.page()?;
        if page.is_empty() {
            return Ok(keys);
        }
        keys.extend(page.into_iter().map(|entry| entry.key));
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
    fn a_listing_is_the_sorted_keys_of_its_range_however_few_names_fit_into_a_pass(
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
fn pages_hold_a_thousand_entries_and_passes_meet_without_a_seam() {
    let dir = tempfile::tempdir().unwrap();
    let expected: Vec<String> = (0..2_500).map(|n| format!("{n:05}")).collect();
    expected.iter().for_each(|key| touch(dir.path(), key));
    let mut walk = walk(dir.path(), KeyRange::default(), 700);
    let pages: Vec<usize> = std::iter::from_fn(|| Some(walk.page().unwrap().len()).filter(|&len| len > 0)).collect();
    assert_eq!(pages, [1000, 1000, 500]);
    assert_eq!(keys(super::tests::walk(dir.path(), KeyRange::default(), 700)).unwrap(), expected);
}

#[test]
fn a_tree_deeper_than_the_folders_held_open_is_listed_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut expected: Vec<String> = (0..80).map(|depth| format!("{}z", "d/".repeat(depth))).collect();
    expected.iter().for_each(|key| touch(dir.path(), key));
    expected.sort_unstable();
    assert_eq!(keys(walk(dir.path(), KeyRange::default(), 1)).unwrap(), expected);
}

#[test]
fn links_to_files_within_the_root_are_objects_and_all_others_are_passed_over() {
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
            found.extend(entry.into_iter().map(|entry| (entry.key, entry.size)));
        }
        assert_eq!(found, [("files/real".to_owned(), 10), ("links/inside".to_owned(), 10)]);
        assert_eq!(walk.passed_over, 7, "each is counted once");
    }
}

#[test]
fn unfinished_files_are_not_listed_and_namesakes_deeper_down_are() {
    let dir = tempfile::tempdir().unwrap();
    touch(dir.path(), ".flotilla-partial/put-1");
    touch(dir.path(), "a/.flotilla-partial/b");
    assert_eq!(keys(walk(dir.path(), KeyRange::default(), 10)).unwrap(), ["a/.flotilla-partial/b"]);
}

#[test]
fn file_names_that_are_no_text_fail_the_listing_by_name_after_all_others_have_come() {
    let dir = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..1_200).map(|n| format!("sub/{n:04}")).collect();
    names.iter().for_each(|name| touch(dir.path(), name));
    for name in [&b"caf\xe9"[..], b"\xff"] {
        fs::write(dir.path().join("sub").join(std::ffi::OsStr::from_bytes(name)), b"").unwrap();
    }
    let mut walk = walk(dir.path(), KeyRange::default(), 100);
    let mut listed = Vec::new();
    let error = loop {
        match walk.page() {
            Ok(page) => listed.extend(page.into_iter().map(|entry| entry.key)),
            Err(error) => break error,
        }
        assert!(listed.len() <= names.len());
    };
    assert_eq!(listed, names);
    assert_eq!(error.kind(), ErrorKind::Unrepresentable);
    assert!(error.to_string().contains("is not UTF-8") && error.to_string().contains("1 more"), "{error}");
}

#[test]
fn a_folder_that_may_not_be_read_ends_the_listing_by_name() {
    let dir = tempfile::tempdir().unwrap();
    touch(dir.path(), "a");
    touch(dir.path(), "closed/b");
    let closed = dir.path().join("closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o0)).unwrap();
    // The superuser may read everything.
    if fs::read_dir(&closed).is_err() {
        let error = keys(walk(dir.path(), KeyRange::default(), 10)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert!(error.to_string().contains("closed/"), "{error}");
    }
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_root_that_vanishes_under_a_listing_is_not_taken_for_an_empty_one() {
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
    let folder = Folder { location: Location::folder(&missing).unwrap(), path: missing.clone() };
    let mut listing = FileListing::new(folder, KeyRange::default(), 10);
    assert_eq!(listing.next_page().await.unwrap_err().kind(), ErrorKind::NoSuchContainer);
    fs::create_dir(&missing).unwrap();
    assert!(listing.next_page().await.is_err());
}
