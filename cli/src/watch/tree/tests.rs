use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use notify::{Config, EventHandler, WatcherKind};

use super::*;

/// What a watcher was asked for; it watches so many folders and no more.
#[derive(Debug, Default)]
struct Asked {
    watched: BTreeSet<PathBuf>,
    unwatched: Vec<PathBuf>,
    limit: Option<usize>,
}

#[derive(Debug, Default)]
struct Fake(Arc<Mutex<Asked>>);

impl Watcher for Fake {
    fn new<F: EventHandler>(_: F, _: Config) -> notify::Result<Self> {
        Ok(Fake::default())
    }

    fn watch(&mut self, path: &Path, mode: RecursiveMode) -> notify::Result<()> {
        assert_eq!(mode, RecursiveMode::NonRecursive);
        let mut asked = self.0.lock().unwrap();
        if asked.limit.is_some_and(|limit| asked.watched.len() >= limit && !asked.watched.contains(path)) {
            return Err(notify::Error::new(ErrorKind::MaxFilesWatch));
        }
        asked.watched.insert(path.to_owned());
        Ok(())
    }

    fn unwatch(&mut self, path: &Path) -> notify::Result<()> {
        let mut asked = self.0.lock().unwrap();
        asked.unwatched.push(path.to_owned());
        if asked.watched.remove(path) { Ok(()) } else { Err(notify::Error::new(ErrorKind::WatchNotFound)) }
    }

    fn kind() -> WatcherKind {
        WatcherKind::NullWatcher
    }
}

struct Watched {
    folder: tempfile::TempDir,
    asked: Arc<Mutex<Asked>>,
    tree: Tree<Fake>,
}

impl Watched {
    fn new(folders: &[&str]) -> Watched {
        let folder = tempfile::tempdir().unwrap();
        let fake = Fake::default();
        let (asked, tree) = (fake.0.clone(), Tree::new(folder.path(), fake));
        let watched = Watched { folder, asked, tree };
        folders.iter().for_each(|name| watched.make(name));
        watched
    }

    fn make(&self, name: &str) {
        fs::create_dir_all(self.folder.path().join(name)).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.folder.path().join(from), self.folder.path().join(to)).unwrap();
    }

    fn watched(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let name = |path: &PathBuf| path.strip_prefix(self.folder.path()).unwrap().to_str().unwrap().to_owned();
        asked.watched.iter().map(name).collect()
    }
}

#[test]
fn all_folders_are_watched_but_links_and_our_own() {
    let mut watched = Watched::new(&["a/b", "c", ".flotilla-partial/upload"]);
    std::os::unix::fs::symlink(watched.folder.path().join("a"), watched.folder.path().join("link")).unwrap();
    assert_eq!(watched.tree.watch_all().count, 0);
    assert_eq!(watched.watched(), ["", "a", "a/b", "c"]);
    watched.rename("c", "d");
    watched.make("a/e");
    watched.tree.watch_all();
    assert_eq!(watched.watched(), ["", "a", "a/b", "a/e", "d"]);
    assert_eq!(watched.tree.len(), 5);
}

#[test]
fn what_has_left_is_watched_no_more_and_its_namesakes_are() {
    let mut watched = Watched::new(&["a/b", "a-b", "ab", "c"]);
    watched.tree.watch_all();
    watched.tree.unwatch_below("a/");
    assert_eq!(watched.watched(), ["", "a-b", "ab", "c"]);
    assert!(!watched.tree.holds("a/b/") && watched.tree.holds("ab/"));
    watched.tree.watch_below("a/");
    assert_eq!(watched.watched(), ["", "a", "a/b", "a-b", "ab", "c"]);
}

#[test]
fn a_renamed_folder_is_watched_under_its_new_name_only() {
    let mut watched = Watched::new(&["old/in", "new"]);
    watched.tree.watch_all();
    watched.rename("old", "new/home");
    watched.tree.watch_below("new/");
    assert_eq!(watched.watched(), ["", "new", "new/home", "new/home/in"]);
    // Its removal is reported only now.
    assert!(watched.tree.holds("old/"), "its keys at the destination are still to be looked at");
    watched.tree.unwatch_below("old/");
    assert_eq!(watched.watched(), ["", "new", "new/home", "new/home/in"]);
    assert!(!watched.tree.holds("old/"));
}

#[test]
fn regression_a_folder_that_replaces_another_is_watched() {
    let mut watched = Watched::new(&["a", "elsewhere"]);
    watched.tree.watch_all();
    let outside = tempfile::tempdir().unwrap();
    fs::rename(watched.folder.path().join("a"), outside.path().join("a")).unwrap();
    watched.rename("elsewhere", "a");
    watched.tree.watch_all();
    assert_eq!(watched.watched(), ["", "a"]);
    let unwatched = watched.asked.lock().unwrap().unwatched.clone();
    assert!(unwatched.contains(&watched.folder.path().join("a")), "or it would be reported as the one that left");
}

#[test]
fn what_cannot_be_watched_is_counted_with_the_reason() {
    let mut watched = Watched::new(&["a", "b", "c"]);
    watched.asked.lock().unwrap().limit = Some(2);
    let unwatched = watched.tree.watch_all();
    assert_eq!((unwatched.count, unwatched.at_limit), (2, true));
    assert!(unwatched.first.is_some());
    watched.asked.lock().unwrap().limit = None;
    assert_eq!(watched.tree.watch_all().count, 0, "once there is room again");
    assert_eq!(watched.tree.watch_below("absent/").count, 0, "what has gone is not to be watched");
}
