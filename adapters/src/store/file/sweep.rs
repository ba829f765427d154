//! Removes files that killed processes left behind in `.flotilla-partial`.
//!
//! A writer locks a put's file as long as it writes, and also a file beside an upload that it creates. The kernel
//! releases the lock when the process dies, so an unlocked file has no owner. Complete uploads outlive their process:
//! another one continues them.
//!
//! # Races
//!
//! - A file exists a moment before it is locked. The sweep holds the lock while it removes the file. The writer, once it
//!   has the lock, checks that the file still exists, and makes another one if not.
//! - A file that is finished and renamed has no name here any more to be removed by.
//! - Where the file system has no locks all files look owned, and the age decides.

use std::fs::File;
use std::io;

use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt as _};
use cap_std::fs::{Dir, MetadataExt as _, OpenOptions};
use uuid::Uuid;

use super::folder::{Folder, descend};
use super::name::PARTIALS;
use super::upload::{self, DATA};
use super::write::{PUT_PREFIX, put_name};
use shared::Result;
use shared::object::Timestamp;

/// After this time an unfinished object has no owner, seconds: seven days, twice a queue's usual retention, as S3's
/// documentation proposes for incomplete uploads.
pub(super) const KEPT_SECONDS: i64 = 7 * 24 * 3600;

/// The names below `.flotilla-partial`.
pub(super) fn unfinished(root: &Dir) -> io::Result<impl Iterator<Item = String>> {
    let entries = match descend(root, &[PARTIALS.to_owned()], false) {
        Ok(partials) => Some(partials.entries()?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    Ok(entries.into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok()))
}

/// Removes entries that nobody writes or can continue, and entries that have not changed since `before`. It uses the
/// change time, because programs can set the modification time. The next sweep removes what cannot be removed now.
pub(super) fn sweep(folder: &Folder, before: Timestamp) -> Result<()> {
    const PREPARE: &str = "prepare";
    let root = folder.open(PREPARE)?;
    let before = before.as_secs();
    for name in unfinished(&root).map_err(|error| folder.fault(PREPARE, PARTIALS, error))? {
        let Ok(partials) = descend(&root, &[PARTIALS.to_owned()], false) else { break };
        let changed = |path: &str| partials.symlink_metadata(path).ok().map(|metadata| metadata.ctime());
        if name.starts_with(PUT_PREFIX) {
            let is_folder = partials.symlink_metadata(&name).is_ok_and(|metadata| metadata.is_dir());
            let is_old = changed(&name).is_some_and(|time| time < before);
            if is_folder {
                // A replacement that was cut short; see `replace`.
                let _ = if is_old { partials.remove_dir_all(&name) } else { Ok(()) };
                continue;
            }
            let left = Ownership::of(&partials, &name);
            if matches!(left, Ownership::Unowned(_)) || is_old {
                let _ = partials.remove_file(&name);
            }
        } else if Uuid::try_parse(&name).is_ok() {
            // In this order: an upload that is not being made any more is whole, or will never be.
            let is_made = !matches!(Ownership::of(&partials, &put_name(&name)), Ownership::Owned);
            let is_whole = partials.exists(format!("{name}/{DATA}"));
            let last = changed(&format!("{name}/{DATA}")).max(changed(&name));
            if is_made && !is_whole || last.is_some_and(|time| time < before) {
                let _ = upload::remove(&root, &name);
            }
        }
    }
    Ok(())
}

/// The owner of a file: a process that writes it, or none.
enum Ownership {
    /// A process writes it, or that is unknown.
    Owned,
    /// No process writes it; the lock keeps others away while this value lives.
    Unowned(#[expect(dead_code, reason = "its lock")] File),
    /// The file does not exist.
    Gone,
}

impl Ownership {
    fn of(partials: &Dir, name: &str) -> Ownership {
        match partials.open_with(name, OpenOptions::new().write(true).follow(FollowSymlinks::No)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ownership::Gone,
            Err(_) => Ownership::Owned,
            Ok(file) => {
                let file = file.into_std();
                if file.try_lock().is_ok() { Ownership::Unowned(file) } else { Ownership::Owned }
            }
        }
    }
}
