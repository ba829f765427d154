//! Who holds things in the database, and whether they still live.
//!
//! Each open database has a file of its own in `owners/` and an exclusive lock on it. The kernel drops
//! the lock when the process dies, however it dies: who can take the lock knows that the owner is gone,
//! and what it held is free at once instead of at the end of a lease.
//!
//! # Races
//!
//! - A file appears under its final name when it is locked already (it is made and locked under
//!   another name, then renamed), and its id stands in the database only after that: a live owner's
//!   file is never there unlocked, and an id that is in use without a file is a dead owner's.
//! - Two that look at a dead owner at once: one gets the lock, the other takes the owner for alive and
//!   looks again later. The first may die too: its lock goes with it, and the next one finds the same.
//! - What a dead owner held is freed by conditions in the database's own transactions, so that doing it
//!   twice changes nothing; its file is only a hint, and may be removed before, after, or never.
//! - A lock belongs to the open file, so this holds between two handles in one process as well.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::failure;
use shared::{Error, ErrorKind, Result};

/// This handle's name in the database, until it is dropped or the process dies.
#[derive(Debug)]
pub(super) struct Owner {
    id: String,
    dir: PathBuf,
    _locked: File,
}

impl Owner {
    /// Registers a new owner in the folder `dir`, and removes the files of those that died.
    pub(super) fn register(dir: &Path) -> Result<Owner> {
        fs::create_dir_all(dir).map_err(|e| failure::of_file(dir, e))?;
        remove_dead(dir);
        let id = Uuid::now_v7().to_string();
        let unlocked = dir.join(format!("{id}.new"));
        let file = File::create_new(&unlocked).map_err(|e| failure::of_file(&unlocked, e))?;
        file.try_lock().map_err(|e| {
            let message = format!("{e}; give a state folder on a file system with file locks");
            Error::new(ErrorKind::Unsupported, "open", unlocked.display().to_string(), message)
        })?;
        let locked = path_of(dir, &id);
        fs::rename(&unlocked, &locked).map_err(|e| failure::of_file(&locked, e))?;
        Ok(Owner { id, dir: dir.to_owned(), _locked: file })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // If it stays, the next one to open the folder removes it.
        let _ = fs::remove_file(path_of(&self.dir, &self.id));
    }
}

fn path_of(dir: &Path, id: &str) -> PathBuf {
    dir.join(format!("{id}.lock"))
}

/// Whether the owner lives. Whoever cannot tell says yes: then the lease decides.
pub(super) fn is_alive(dir: &Path, id: &str) -> bool {
    match try_lock(&path_of(dir, id)) {
        Ok(locked) => locked.is_none(),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

/// The locked file, or `None` if another holds its lock.
fn try_lock(path: &Path) -> std::io::Result<Option<File>> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Tidies up. What cannot be removed now may be removed later: a file without an owner harms nobody.
fn remove_dead(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "lock") && matches!(try_lock(&path), Ok(Some(_))) {
            let _ = fs::remove_file(&path);
        }
    }
}
