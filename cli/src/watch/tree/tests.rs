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

struct Place {
    folder: tempfile::TempDir,
    asked: Arc<Mutex<Asked>>,
    tree: Tree<Fake>,
}

impl Place {
    fn new(folders: &[&str]) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let fake = Fake::default();
        let (asked, tree) = (fake.0.clone(), Tree::new(folder.path(), fake));
        let place = Place { folder, asked, tree };
        folders.iter().for_each(|name| place.make(name));
        place
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
    let mut place = Place::new(&["a/b", "c", ".flotilla-partial/upload"]);
    std::os::unix::fs::symlink(place.folder.path().join("a"), place.folder.path().join("link")).unwrap();
    assert_eq!(place.tree.watch_all().count, 0);
    assert_eq!(place.watched(), ["", "a", "a/b", "c"]);
    place.rename("c", "d");
    place.make("a/e");
    place.tree.watch_all();
    assert_eq!(place.watched(), ["", "a", "a/b", "a/e", "d"]);
    assert_eq!(place.tree.len(), 5);
}

#[test]
fn what_has_left_is_watched_no_more_and_its_namesakes_are() {
    let mut place = Place::new(&["a/b", "a-b", "ab", "c"]);
    place.tree.watch_all();
    place.tree.unwatch_below("a/");
    assert_eq!(place.watched(), ["", "a-b", "ab", "c"]);
    assert!(!place.tree.holds("a/b/") && place.tree.holds("ab/"));
    place.tree.watch_below("a/");
    assert_eq!(place.watched(), ["", "a", "a/b", "a-b", "ab", "c"]);
}

#[test]
fn a_renamed_folder_is_watched_under_its_new_name_only() {
    let mut place = Place::new(&["old/in", "new"]);
    place.tree.watch_all();
    place.rename("old", "new/home");
    place.tree.watch_below("new/");
    assert_eq!(place.watched(), ["", "new", "new/home", "new/home/in"]);
    // That it has left is told only now.
    assert!(place.tree.holds("old/"), "its keys at the destination are still to be looked at");
    place.tree.unwatch_below("old/");
    assert_eq!(place.watched(), ["", "new", "new/home", "new/home/in"]);
    assert!(!place.tree.holds("old/"));
}

#[test]
fn regression_a_folder_that_replaces_another_is_watched() {
    let mut place = Place::new(&["a", "elsewhere"]);
    place.tree.watch_all();
    let outside = tempfile::tempdir().unwrap();
    fs::rename(place.folder.path().join("a"), outside.path().join("a")).unwrap();
    place.rename("elsewhere", "a");
    place.tree.watch_all();
    assert_eq!(place.watched(), ["", "a"]);
    let unwatched = place.asked.lock().unwrap().unwatched.clone();
    assert!(unwatched.contains(&place.folder.path().join("a")), "or it would be told as the one that left");
}

#[test]
fn what_cannot_be_watched_is_counted_with_the_reason() {
    let mut place = Place::new(&["a", "b", "c"]);
    place.asked.lock().unwrap().limit = Some(2);
    let unwatched = place.tree.watch_all();
    assert_eq!((unwatched.count, unwatched.at_limit), (2, true));
    assert!(unwatched.first.is_some());
    place.asked.lock().unwrap().limit = None;
    assert_eq!(place.tree.watch_all().count, 0, "once there is room again");
    assert_eq!(place.tree.watch_below("absent/").count, 0, "what has gone is not to be watched");
}
