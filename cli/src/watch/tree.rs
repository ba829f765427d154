//! The folders that are watched.
//!
//! A folder is watched first and read afterwards: a file that appears before is read, one that appears later is reported.
//! The system knows a watched folder by its inode and reports its old name after a rename, so a folder that is found
//! under another name is watched anew.
//!
//! Links to folders are not followed, as the store's listings do not.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use adapters::store::file::is_unfinished;
use notify::{ErrorKind, RecursiveMode, Watcher};

/// Device and inode.
type Inode = (u64, u64);

/// The folders of a tree, watched. All calls block.
pub struct Tree<W> {
    root: PathBuf,
    watcher: W,
    /// By name relative to the root, each but the root's with a slash at its end.
    watched: BTreeMap<String, Inode>,
    places: HashMap<Inode, String>,
    /// Folders that were found under another name before the system reported that they moved.
    displaced: BTreeSet<String>,
}

/// Folders that could not be watched.
#[derive(Debug, Default)]
pub struct Unwatched {
    /// How many.
    pub count: u64,
    /// Whether the system watches no more.
    pub at_limit: bool,
    /// The first of them, and why.
    pub first: Option<String>,
}

impl Unwatched {
    /// Counts these too.
    pub fn add(&mut self, more: Unwatched) {
        self.count += more.count;
        self.at_limit |= more.at_limit;
        self.first = self.first.take().or(more.first);
    }
}

impl<W: Watcher> Tree<W> {
    /// Watches nothing yet.
    pub fn new(root: &Path, watcher: W) -> Self {
        let (watched, places, displaced) = Default::default();
        Tree { root: root.to_owned(), watcher, watched, places, displaced }
    }

    /// How many folders are watched.
    pub fn len(&self) -> usize {
        self.watched.len()
    }

    /// Watches all folders, also those that are watched already. From now on every change is reported.
    pub fn watch_all(&mut self) -> Unwatched {
        let mut found = HashSet::new();
        let unwatched = self.watch_from(String::new(), |folder| {
            found.insert(folder.to_owned());
        });
        let gone: Vec<String> = self.watched.keys().filter(|folder| !found.contains(*folder)).cloned().collect();
        gone.iter().for_each(|folder| self.forget(folder));
        self.displaced.clear();
        unwatched
    }

    /// Watches a folder and all below it. The caller reads its contents afterwards.
    pub fn watch_below(&mut self, folder: &str) -> Unwatched {
        self.watch_from(folder.to_owned(), |_| {})
    }

    /// Watches a folder no more, nor any below it.
    pub fn unwatch_below(&mut self, folder: &str) {
        let below = |name: &&String| name.starts_with(folder);
        let gone: Vec<String> =
            self.watched.range(folder.to_owned()..).map(|(name, _)| name).take_while(below).cloned().collect();
        gone.iter().for_each(|folder| self.forget(folder));
        self.displaced.retain(|name| !name.starts_with(folder));
    }

    /// Whether the folder is known: watched, or seen to have left.
    pub fn holds(&self, folder: &str) -> bool {
        self.watched.contains_key(folder) || self.displaced.contains(folder)
    }

    /// Whether a folder stands there, and not a link to one.
    pub fn is_folder(&self, name: &str) -> bool {
        fs::symlink_metadata(self.root.join(name)).is_ok_and(|about| about.is_dir())
    }

    /// Whether a folder stands there with nothing in it.
    pub fn is_empty_folder(&self, folder: &str) -> bool {
        self.is_folder(folder.trim_end_matches('/'))
            && fs::read_dir(self.root.join(folder)).is_ok_and(|mut entries| entries.next().is_none())
    }

    fn watch_from(&mut self, first: String, mut found: impl FnMut(&str)) -> Unwatched {
        let mut unwatched = Unwatched::default();
        // One folder's subfolders after the other's: as many names wait as lie beside the way.
        let mut waiting = vec![first];
        while let Some(folder) = waiting.pop() {
            found(&folder);
            if let Err(why) = self.watch(&folder) {
                if is_gone(&why) && !folder.is_empty() {
                    continue;
                }
                unwatched.count += 1;
                unwatched.at_limit |= matches!(why.kind, ErrorKind::MaxFilesWatch);
                unwatched.first.get_or_insert_with(|| format!("{}: {why}", self.root.join(&folder).display()));
            }
            // One that is closed to us, or vanishes, is the listing's to complain of.
            let Ok(entries) = fs::read_dir(self.root.join(&folder)) else { continue };
            for entry in entries.flatten() {
                let Ok(name) = entry.file_name().into_string() else { continue };
                let below = format!("{folder}{name}");
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) && !is_unfinished(&below) {
                    waiting.push(below + "/");
                }
            }
        }
        unwatched
    }

    fn watch(&mut self, folder: &str) -> notify::Result<()> {
        let path = self.root.join(folder);
        let about = fs::metadata(&path).map_err(notify::Error::io)?;
        let inode = (about.dev(), about.ino());
        // Otherwise the system would report another folder under that name as this one.
        if self.watched.get(folder).is_some_and(|before| *before != inode) {
            self.forget(folder);
        }
        if let Some(elsewhere) = self.places.get(&inode).filter(|place| *place != folder).cloned() {
            self.forget(&elsewhere);
            self.displaced.insert(elsewhere);
        }
        self.watcher.watch(&path, RecursiveMode::NonRecursive)?;
        self.watched.insert(folder.to_owned(), inode);
        self.places.insert(inode, folder.to_owned());
        Ok(())
    }

    fn forget(&mut self, folder: &str) {
        if let Some(inode) = self.watched.remove(folder) {
            if self.places.get(&inode).is_some_and(|place| place == folder) {
                self.places.remove(&inode);
            }
            // The watcher may have noticed by itself that it is gone.
            let _ = self.watcher.unwatch(&self.root.join(folder));
        }
    }
}

fn is_gone(error: &notify::Error) -> bool {
    match &error.kind {
        ErrorKind::PathNotFound => true,
        ErrorKind::Io(why) => matches!(why.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
