//! Replaces a folder by a file, and a file by a folder.
//!
//! The new entry is made completely in `.flotilla-partial`. Then old and new are exchanged in one step, and the old entry
//! is removed. So the old or the new entry exists at any moment, also after a crash. The sweep removes the remains of a
//! crash when they are old enough.
//!
//! # Races
//!
//! - Several copies may need the place of one file (`a/b` and `a/c` that of `a`). One at a time looks at the place and
//!   changes it: in this process by a mutex, beside others by a lock of the root. The second finds a folder and
//!   moves its file into it. Copies that nothing blocks take no lock: until the exchange they are blocked, after it they
//!   find the folder.
//! - Where the file system cannot exchange two entries there are three renames instead. A crash between them leaves
//!   neither old nor new: the next run copies the new. Where it has no locks, two processes must not replace one entry.

use std::io;

use cap_fs_ext::DirExt as _;
use cap_std::fs::Dir;
use uuid::Uuid;

use super::folder::{Folder, descend};
use super::name::{Name, PARTIALS};
use super::write::{is_blocked, move_into, put_name, retrying};
use shared::sync::lock;

/// Moves a finished file into its place, and removes what blocks it.
pub(super) fn by_file(folder: &Folder, from: &Dir, from_name: &str, root: &Dir, name: &Name) -> io::Result<()> {
    let Some(file_name) = &name.file else { return Err(io::ErrorKind::InvalidInput.into()) };
    let old = alone(folder, root, || {
        match move_into(from, from_name, root, name) {
            Err(error) if is_blocked(&error) => {}
            placed => return placed.map(|()| None),
        }
        let Some(depth) = blocked_at(root, name)? else {
            exchange(from, from_name, &descend(root, &name.folders, false)?, file_name)?;
            return Ok(Some((from.try_clone()?, from_name.to_owned())));
        };
        let made = Made::begin(root, &name.folders[depth + 1..])?;
        from.rename(from_name, &made.inner, file_name)?;
        made.exchange(root, &name.folders[..=depth]).map(Some).inspect_err(|_| {
            // Back to where its owner looks for it.
            let _ = made.inner.rename(file_name, from, from_name);
            made.remove();
        })
    })?;
    remove(old);
    Ok(())
}

/// Makes the folders of a folder marker, and removes the file that blocks one of them.
pub(super) fn by_folder(folder: &Folder, root: &Dir, name: &Name) -> io::Result<()> {
    let old = alone(folder, root, || {
        match retrying(|| descend(root, &name.folders, true)) {
            Err(error) if is_blocked(&error) => {}
            made => return made.map(|_| None),
        }
        let Some(depth) = blocked_at(root, name)? else { return Err(io::ErrorKind::IsADirectory.into()) };
        let made = Made::begin(root, &name.folders[depth + 1..])?;
        made.exchange(root, &name.folders[..=depth]).map(Some).inspect_err(|_| made.remove())
    })?;
    remove(old);
    Ok(())
}

/// The replaced entry, which nobody needs any more.
type Old = Option<(Dir, String)>;

/// Runs `work` while nobody else replaces anything below the root.
fn alone(folder: &Folder, root: &Dir, work: impl FnOnce() -> io::Result<Old>) -> io::Result<Old> {
    let _one = lock(&folder.replacing);
    let root = root.try_clone()?.into_std_file();
    // A file system without locks; see the module's documentation.
    let _ = root.lock();
    let old = work();
    let _ = root.unlock();
    old
}

/// Which of a name's folders is a file or a link; `None` if none is.
fn blocked_at(root: &Dir, name: &Name) -> io::Result<Option<usize>> {
    for (depth, folder) in name.folders.iter().enumerate() {
        let parent = descend(root, &name.folders[..depth], false)?;
        match parent.symlink_metadata(folder) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Ok(Some(depth)),
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// A folder that is made beside its place.
struct Made {
    partials: Dir,
    name: String,
    /// Its innermost folder.
    inner: Dir,
}

impl Made {
    fn begin(root: &Dir, folders: &[String]) -> io::Result<Made> {
        let name = put_name(&Uuid::now_v7().simple().to_string());
        // Another process that goes away may remove the empty folder of partials at any moment.
        retrying(|| {
            let partials = descend(root, &[PARTIALS.to_owned()], true)?;
            let outer = descend(&partials, std::slice::from_ref(&name), true)?;
            Ok(Made { inner: descend(&outer, folders, true)?, partials, name: name.clone() })
        })
    }

    /// Changes places with the entry at this path.
    fn exchange(&self, root: &Dir, path: &[String]) -> io::Result<(Dir, String)> {
        let (last, folders) = path.split_last().ok_or(io::ErrorKind::InvalidInput)?;
        exchange(&self.partials, &self.name, &descend(root, folders, false)?, last)?;
        Ok((self.partials.try_clone()?, self.name.clone()))
    }

    fn remove(&self) {
        let _ = self.partials.remove_dir_all(&self.name);
    }
}

/// Exchanges two entries, in one step where the file system can.
fn exchange(new_dir: &Dir, new: &str, old_dir: &Dir, old: &str) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    {
        use rustix::fs::{RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(new_dir, new, old_dir, old, RenameFlags::EXCHANGE) {
            // Not known to the file system or to the kernel.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            exchanged => return Ok(exchanged?),
        }
    }
    exchange_by_renames(new_dir, new, old_dir, old)
}

fn exchange_by_renames(new_dir: &Dir, new: &str, old_dir: &Dir, old: &str) -> io::Result<()> {
    let aside = put_name(&Uuid::now_v7().simple().to_string());
    old_dir.rename(old, new_dir, &aside)?;
    if let Err(error) = new_dir.rename(new, old_dir, old) {
        let _ = new_dir.rename(&aside, old_dir, old);
        return Err(error);
    }
    new_dir.rename(&aside, new_dir, new)
}

/// Removes the replaced entry. No listing shows it any more: the sweep removes the rest after a failure.
fn remove(old: Old) {
    let Some((dir, name)) = old else { return };
    let removed = match dir.symlink_metadata(&name) {
        Ok(metadata) if metadata.is_dir() => dir.remove_dir_all(&name),
        Ok(_) => dir.remove_file_or_symlink(&name),
        Err(error) => Err(error),
    };
    if let Err(error) = removed {
        tracing::warn!(%error, "could not remove {PARTIALS}/{name}, a replaced file or folder: a later run removes it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_change_places_by_renames_too() {
        let folder = tempfile::tempdir().unwrap();
        let root = Dir::open_ambient_dir(folder.path(), cap_std::ambient_authority()).unwrap();
        root.create_dir_all("partial").unwrap();
        root.create_dir_all("a/b").unwrap();
        root.write("partial/new", "new").unwrap();
        let partials = root.open_dir("partial").unwrap();
        exchange_by_renames(&partials, "new", &root, "a").unwrap();
        assert_eq!(root.read_to_string("a").unwrap(), "new");
        assert!(partials.is_dir("new/b"));
        // What cannot be put in place leaves the old one.
        assert!(exchange_by_renames(&partials, "missing", &root, "a").is_err());
        assert_eq!(root.read_to_string("a").unwrap(), "new");
    }
}
