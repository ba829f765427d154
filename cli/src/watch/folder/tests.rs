use std::fs;

use super::*;

/// A folder with a watcher of the system's that nobody listens to.
fn tree(root: &Path) -> Tree<INotifyWatcher> {
    let mut tree = Tree::new(root, INotifyWatcher::new(|_| {}, Config::default()).unwrap());
    tree.watch_all();
    tree
}

fn change(arrived: bool, removed: bool) -> NameChange {
    NameChange { arrived, removed, time: Timestamp(7) }
}

fn names(of: &[(&str, NameChange)]) -> BTreeMap<String, NameChange> {
    of.iter().map(|(name, change)| ((*name).to_owned(), *change)).collect()
}

/// Keys, folders (with a `-` where the destination's are looked at too), and what is reported later.
fn sorted(tree: &mut Tree<INotifyWatcher>, of: &[(&str, NameChange)], deletes: bool) -> [Vec<String>; 3] {
    let (sorted, unwatched) = sort(tree, names(of), deletes);
    assert_eq!(unwatched.count, 0);
    let folder = |(name, change): (String, NameChange)| format!("{name}{}", if change.removed { "-" } else { "" });
    let key = |(key, _): (String, Timestamp)| key;
    [
        sorted.keys.into_iter().map(key).collect(),
        sorted.folders.into_iter().map(folder).collect(),
        sorted.later.into_iter().map(key).collect(),
    ]
}

fn words(of: &[&str]) -> Vec<String> {
    of.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_missing_file_is_a_change_only_if_deletes_are_followed() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("a"), "a").unwrap();
    let mut tree = tree(root.path());
    let reports = [("a", change(false, false)), ("gone", change(false, true)), ("swapped", change(true, true))];
    assert_eq!(sorted(&mut tree, &reports, true), [words(&["a", "gone", "swapped"]), vec![], vec![]]);
    assert_eq!(sorted(&mut tree, &reports, false), [words(&["a", "swapped"]), vec![], vec![]]);
}

#[test]
fn a_new_folder_is_read_once_with_everything_below_it() {
    let root = tempfile::tempdir().unwrap();
    let mut tree = tree(root.path());
    for folder in ["new/in/deep", "new-er", "other"] {
        fs::create_dir_all(root.path().join(folder)).unwrap();
    }
    let came = change(true, false);
    let reports = [("new", came), ("new/in", came), ("new/in/deep", came), ("new-er", came), ("other", came)];
    assert_eq!(sorted(&mut tree, &reports, true), [vec![], words(&["new/", "new-er/", "other/"]), vec![]]);
    assert!(tree.holds("new/in/deep/"), "watched before it is read");
    // Its attributes alone are nothing to look through it for.
    let found = sorted(&mut tree, &[("new", change(false, false))], true);
    assert!(found.iter().all(Vec::is_empty), "{found:?}");
}

#[test]
fn a_removed_folder_is_listed_at_the_destination() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("z/in")).unwrap();
    let mut tree = tree(root.path());
    fs::rename(root.path().join("z"), root.path().join("a")).unwrap();
    // The new name is read first, and knows the old one's inode.
    let reports = [("a", change(true, false)), ("z", change(false, true))];
    assert_eq!(sorted(&mut tree, &reports, true), [words(&["z"]), words(&["a/", "z/-"]), vec![]]);
    assert!(tree.holds("a/in/") && !tree.holds("z/") && !tree.holds("z/in/"));
}

#[test]
fn a_folder_reported_gone_after_its_move_is_listed_too() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("z/in")).unwrap();
    let mut tree = tree(root.path());
    fs::create_dir(root.path().join("a")).unwrap();
    fs::rename(root.path().join("z"), root.path().join("a/z")).unwrap();
    assert_eq!(sorted(&mut tree, &[("a", change(true, false))], true)[1], ["a/"]);
    assert_eq!(sorted(&mut tree, &[("z", change(false, true))], true), [words(&["z"]), words(&["z/-"]), vec![]]);
    assert!(tree.holds("a/z/in/"));
}

#[test]
fn a_folder_whose_last_file_is_gone_is_reported_empty() {
    let root = tempfile::tempdir().unwrap();
    for folder in ["empty", "full/in"] {
        fs::create_dir_all(root.path().join(folder)).unwrap();
    }
    let mut tree = tree(root.path());
    let gone = change(false, true);
    let reports = [("empty/a", gone), ("empty/b", gone), ("full/a", gone), ("away/a", gone), ("top", gone)];
    assert_eq!(sorted(&mut tree, &reports, false), [vec![], vec![], words(&["empty/"])]);
}

#[test]
fn a_file_that_replaces_a_folder_is_a_key_beside_its_keys() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("a/in")).unwrap();
    let mut tree = tree(root.path());
    fs::remove_dir_all(root.path().join("a")).unwrap();
    fs::write(root.path().join("a"), "a").unwrap();
    let found = sorted(&mut tree, &[("a", change(true, true))], true);
    assert_eq!(found, [vec![], words(&["a/-"]), words(&["a"])], "after what is in its way");
}

#[test]
fn regression_a_folder_that_replaces_a_file_is_read() {
    let root = tempfile::tempdir().unwrap();
    let mut tree = tree(root.path());
    fs::create_dir(root.path().join("a")).unwrap();
    let reports = [("a", change(true, true))];
    assert_eq!(sorted(&mut tree, &reports, true), [words(&["a"]), words(&["a/-"]), vec![]]);
}
