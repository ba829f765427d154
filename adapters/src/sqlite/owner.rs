//! Owners of records in the database, and whether they still live.
//!
//! Each open database has its own file in `owners/` and an exclusive lock on it. The kernel releases the
//! lock when the process dies. So a process that gets the lock knows that the owner is dead, and its
//! records are free at once instead of at the end of a lease.
//!
//! # Races
//!
//! - A file is made and locked under another name, then renamed. Its id enters the database only after
//!   that. So a live owner's file is always locked, and an id without a file belongs to a dead owner.
//! - Two processes check a dead owner at once: one gets the lock, the other assumes that the owner lives
//!   and checks again later. If the first one dies too, the kernel releases its lock.
//! - Conditions in transactions free the records of a dead owner, so freeing them twice changes nothing.
//!   The owner's file is only a hint, and may be removed before, after, or never.
//! - A lock belongs to the open file, so this works between two handles in one process too.

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
        // If it stays, the next process that opens the folder removes it.
        let _ = fs::remove_file(path_of(&self.dir, &self.id));
    }
}

fn path_of(dir: &Path, id: &str) -> PathBuf {
    dir.join(format!("{id}.lock"))
}

/// Whether the owner lives; `true` if that is unknown: then the lease decides.
pub(super) fn is_alive(dir: &Path, id: &str) -> bool {
    match try_lock(&path_of(dir, id)) {
        Ok(locked) => locked.is_none(),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

/// The locked file, or `None` if another process has its lock.
fn try_lock(path: &Path) -> std::io::Result<Option<File>> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Removes a file. A file that cannot be removed stays: a file without an owner does no harm.
fn remove_dead(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "lock") && matches!(try_lock(&path), Ok(Some(_))) {
            let _ = fs::remove_file(&path);
        }
    }
}
