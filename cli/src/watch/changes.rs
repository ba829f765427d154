//! Changes that the system reports of a folder, gathered by name.
//!
//! Architecture invariant: no I/O and no clock. The caller looks whether a name is a file or a folder.
//!
//! - A file that is written to counts when it is closed; until then, one that was created waits for [`SETTLES`]
//!   without a write. (What a link or a linked temporary file makes is never closed.)
//! - A change of attributes counts: some programs set the time of a file after they have closed it.
//! - Reads and opens do not count.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use adapters::store::file::is_unfinished;
use notify::event::{AccessKind, AccessMode, CreateKind, Event, EventKind, ModifyKind, RenameMode};
use shared::object::Timestamp;
use tokio::time::Instant;

/// A file that was created counts when it was not written to for so long, though nobody has closed it.
pub const SETTLES: Duration = Duration::from_secs(2);

/// Most that is gathered, bytes of names: some hundred thousand. What comes on top is for a scan to find.
const MAX_BYTES: usize = 16 << 20;

/// What a name takes beside its bytes.
const NAME_BYTES: usize = 64;

/// How a name may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameChange {
    /// Something may have appeared there: a folder is looked through.
    pub arrived: bool,
    /// Something has gone from there: what the destination has below a folder is looked at.
    pub removed: bool,
    /// When the first report came.
    pub time: Timestamp,
}

/// Names that may have changed since they were last taken, relative to the folder, without a slash at their end.
#[derive(Debug)]
pub struct Changes {
    root: PathBuf,
    names: BTreeMap<String, NameChange>,
    /// Files that were created and not closed, and when they settle.
    young: BTreeMap<String, (Instant, Timestamp)>,
    bytes: usize,
    missed: bool,
    nameless: Option<PathBuf>,
}

/// What was gathered.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// The names.
    pub names: BTreeMap<String, NameChange>,
    /// The first name that is not UTF-8, and so no key.
    pub nameless: Option<PathBuf>,
}

impl Changes {
    /// Nothing yet of this folder.
    pub fn of(root: &Path) -> Self {
        let (names, young) = Default::default();
        Changes { root: root.to_owned(), names, young, bytes: 0, missed: false, nameless: None }
    }

    /// Notes a report of the watcher. Returns whether it changes anything. After an error or a lost report a scan finds
    /// the changes.
    pub fn note(&mut self, report: notify::Result<Event>, now: Instant, time: Timestamp) -> bool {
        match report {
            Ok(event) if event.need_rescan() => {
                tracing::warn!(
                    "the system dropped reports of changes, because too many came at once: scanning the folder"
                );
                self.miss();
                true
            }
            Ok(event) => {
                event.paths.iter().fold(false, |news, path| self.note_path(&event.kind, path, now, time) | news)
            }
            Err(error) => {
                tracing::warn!(%error, "could not watch the folder: scanning it");
                self.miss();
                true
            }
        }
    }

    fn note_path(&mut self, kind: &EventKind, path: &Path, now: Instant, time: Timestamp) -> bool {
        use {AccessKind::Close, EventKind::*};
        let (arrived, removed) = match kind {
            Access(Close(AccessMode::Write)) => (false, false),
            Access(_) => return false,
            // The third report of a rename, after one for each name.
            Modify(ModifyKind::Name(RenameMode::Both)) => return false,
            Modify(ModifyKind::Name(RenameMode::From)) | Remove(_) => (false, true),
            Modify(ModifyKind::Name(_)) | Create(_) => (true, false),
            Modify(ModifyKind::Data(_)) | Modify(ModifyKind::Metadata(_)) => (false, false),
            // No system reports these today.
            Any | Other | Modify(_) => (true, true),
        };
        let Ok(below) = path.strip_prefix(&self.root) else { return false };
        let Some(name) = below.to_str() else {
            self.nameless.get_or_insert_with(|| path.to_owned());
            return true;
        };
        let name = name.trim_end_matches('/');
        if name.is_empty() {
            // The folder itself: gone, or its attributes changed.
            if removed {
                self.miss();
            }
            return removed;
        }
        if is_unfinished(name) {
            return false;
        }
        let is_young = self.young.contains_key(name);
        match kind {
            Create(kind) if *kind != CreateKind::Folder => self.keep_young(name, now, time),
            Modify(ModifyKind::Data(_)) if is_young => self.keep_young(name, now, time),
            // The system reports later that the file is closed.
            Modify(ModifyKind::Data(_)) => return false,
            Modify(ModifyKind::Metadata(_)) if is_young => return false,
            _ => self.add(name, NameChange { arrived, removed, time }),
        }
        true
    }

    fn keep_young(&mut self, name: &str, now: Instant, time: Timestamp) {
        let settles = now + SETTLES;
        match self.young.get_mut(name) {
            Some((at, _)) => *at = settles,
            None => {
                self.young.insert(name.to_owned(), (settles, time));
                self.count(name);
            }
        }
    }

    fn add(&mut self, name: &str, change: NameChange) {
        if self.young.remove(name).is_some() {
            self.bytes -= name.len() + NAME_BYTES;
        }
        match self.names.get_mut(name) {
            Some(before) => {
                before.arrived |= change.arrived;
                before.removed |= change.removed;
            }
            None => {
                self.names.insert(name.to_owned(), change);
                self.count(name);
            }
        }
    }

    fn count(&mut self, name: &str) {
        self.bytes += name.len() + NAME_BYTES;
        if self.bytes > MAX_BYTES {
            self.miss();
        }
    }

    /// Notes that a change was not reported, or not kept: a scan finds it, and all names gathered here.
    pub fn miss(&mut self) {
        self.missed = true;
        self.names.clear();
        self.young.clear();
        self.bytes = 0;
    }

    /// Whether something was missed since this was last asked.
    pub fn take_missed(&mut self) -> bool {
        std::mem::take(&mut self.missed)
    }

    /// Whether something was missed.
    pub fn has_missed(&self) -> bool {
        self.missed
    }

    /// When the next name can be taken: at once if there is one, else when the first file settles.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        let settles = self.young.values().map(|(at, _)| *at).min();
        if self.names.is_empty() && self.nameless.is_none() { settles } else { Some(now) }
    }

    /// Takes what there is by now; `all`: also files that have not settled.
    pub fn take(&mut self, now: Instant, all: bool) -> Taken {
        let settled = |at: Instant| all || at <= now;
        let ready: Vec<String> =
            self.young.iter().filter(|(_, (at, _))| settled(*at)).map(|(name, _)| name.clone()).collect();
        for name in ready {
            if let Some((_, time)) = self.young.get(&name).copied() {
                self.add(&name, NameChange { arrived: true, removed: false, time });
            }
        }
        let names = std::mem::take(&mut self.names);
        self.bytes = self.young.keys().map(|name| name.len() + NAME_BYTES).sum();
        Taken { names, nameless: self.nameless.take() }
    }
}

#[cfg(test)]
mod tests;
