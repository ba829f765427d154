//! What processes leave behind in `.flotilla-partial` when they are killed, and its removal.
//!
//! A put's file is locked for as long as it is written, and so is a file of the same kind beside an
//! upload that is being made. The kernel drops the lock when the process dies: what is not locked is
//! nobody's. Uploads that are whole outlive their process, for the next one to go on with.
//!
//! # Races
//!
//! - A file is there a moment before it is locked. Whoever removes it holds its lock meanwhile, and its
//!   writer, once it has the lock, looks whether the file is still there and makes another one if not.
//! - A file that is finished and renamed has no name here any more to be removed by.
//! - Where the file system has no locks everything looks held, and goes by age.

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

/// What was left unfinished for this long belongs to nobody any more, seconds: seven days, twice a
/// queue's usual retention, and what S3's documentation proposes for its own incomplete uploads.
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

/// Removes what nobody works on and nobody can go on with, and what has not changed since `before`. Goes by
/// the time of the last change, which, other than the modification time, is nobody's to set. What cannot be
/// removed is left for the next time.
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
            let left = Held::of(&partials, &name);
            if matches!(left, Held::ByNobody(_)) || is_old {
                let _ = partials.remove_file(&name);
            }
        } else if Uuid::try_parse(&name).is_ok() {
            // In this order: an upload that is not being made any more is whole, or will never be.
            let is_made = !matches!(Held::of(&partials, &put_name(&name)), Held::BySomebody);
            let is_whole = partials.exists(format!("{name}/{DATA}"));
            let last = changed(&format!("{name}/{DATA}")).max(changed(&name));
            if is_made && !is_whole || last.is_some_and(|time| time < before) {
                let _ = upload::remove(&root, &name);
            }
        }
    }
    Ok(())
}

/// Whether someone works on a file.
enum Held {
    /// Or it cannot be told.
    BySomebody,
    /// It is ours to remove, as long as this lives.
    ByNobody(#[expect(dead_code, reason = "its lock")] File),
    /// It is not there.
    Gone,
}

impl Held {
    fn of(partials: &Dir, name: &str) -> Held {
        match partials.open_with(name, OpenOptions::new().write(true).follow(FollowSymlinks::No)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Held::Gone,
            Err(_) => Held::BySomebody,
            Ok(file) => {
                let file = file.into_std();
                if file.try_lock().is_ok() { Held::ByNobody(file) } else { Held::BySomebody }
            }
        }
    }
}
