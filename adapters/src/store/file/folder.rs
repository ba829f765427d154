//! The root folder, and paths that stay within it.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use cap_fs_ext::{DirExt as _, FollowSymlinks, OpenOptionsFollowExt as _, OpenOptionsSyncExt as _};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, Metadata, MetadataExt as _, OpenOptions};

use super::fault::{CALL, blocking, fault, is_loop};
use super::name::Name;
use shared::location::Location;
use shared::object::{ETag, ObjectInfo, Pin, Timestamp};
use shared::{Error, ErrorKind, Result};

/// The store's folder. Each call opens it again: a cached handle would show a folder that was deleted or unmounted
/// meanwhile as an empty one.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    pub location: Location,
    pub path: PathBuf,
    /// Files that this process is writing.
    pub under_way: Arc<AtomicUsize>,
    /// Locked while a file replaces a folder or the reverse: one at a time in this process.
    pub replacing: Arc<Mutex<()>>,
}

impl Folder {
    /// Opens the root; `NoSuchContainer` if there is none.
    pub fn open(&self, operation: &'static str) -> Result<Dir> {
        Dir::open_ambient_dir(&self.path, ambient_authority()).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => self.no_container(operation, "the folder does not exist"),
            io::ErrorKind::NotADirectory => self.no_container(operation, "it is not a folder"),
            _ => fault(operation, self.location.to_string(), error),
        })
    }

    /// The error for a root that does not exist.
    pub fn no_container(&self, operation: &'static str, message: &str) -> Error {
        Error::new(ErrorKind::NoSuchContainer, operation, self.location.to_string(), message)
    }

    /// The key as a path, for writing: `Unrepresentable` if it cannot be one.
    pub fn name(&self, operation: &'static str, key: &str) -> Result<Name> {
        Name::parse(key, self.path.as_os_str().len()).map_err(|why| {
            self.error(ErrorKind::Unrepresentable, operation, key, format!("the key cannot be a file name: {why}"))
        })
    }

    /// An error about a key.
    pub fn error(&self, kind: ErrorKind, operation: &'static str, key: &str, message: impl Into<String>) -> Error {
        Error::new(kind, operation, self.location.display_key(key), message)
    }

    /// A failed system call about a key.
    pub fn fault(&self, operation: &'static str, key: &str, error: io::Error) -> Error {
        let subject = self.location.display_key(key);
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                let what = if error.kind() == io::ErrorKind::StorageFull { "disk full" } else { "disk quota used up" };
                let message = format!("{what} at {}: {error}", self.location);
                Error::new(ErrorKind::Exhausted, operation, subject, message).with_source(error)
            }
            io::ErrorKind::InvalidFilename => {
                let longest = key.split('/').map(str::len).max().unwrap_or_default();
                let message =
                    format!("{error}: the longest name in it has {longest} bytes, the path {} bytes", key.len());
                Error::new(ErrorKind::Unrepresentable, operation, subject, message).with_source(error)
            }
            _ => fault(operation, subject, error),
        }
    }

    /// Opens what a key names, for reading: the file and its state, or a folder's state for the
    /// key of a folder marker. `NotFound` for keys that cannot be files, too: they are not there.
    pub fn find(&self, operation: &'static str, key: &str, pin: &Pin) -> Result<Found> {
        let root = self.open(operation)?;
        let missing = || self.error(ErrorKind::NotFound, operation, key, "no such file");
        // Without a limit of the path: what is listed folder by folder is opened folder by folder.
        let name = Name::cut(key).map_err(|_| missing())?;
        let found = look_up(&root, &name, key).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename => missing(),
            _ => self.fault(operation, key, error),
        })?;
        let found = found.ok_or_else(missing)?;
        self.check_pin(operation, key, pin, &found)?;
        Ok(found)
    }

    fn check_pin(&self, operation: &'static str, key: &str, pin: &Pin, found: &Found) -> Result<()> {
        if pin.version.is_some() || pin.etag.is_some() && pin.etag != found.info().etag {
            return Err(self.error(ErrorKind::PreconditionFailed, operation, key, "the file has changed"));
        }
        Ok(())
    }
}

/// The file or folder of a key.
#[derive(Debug)]
pub(super) enum Found {
    /// A regular file, open for reading.
    File(File, Metadata),
    /// A folder, under the key of its marker.
    Folder(Metadata),
}

impl Found {
    /// Its description.
    pub fn info(&self) -> ObjectInfo {
        let (size, etag, metadata) = match self {
            Found::File(_, metadata) => (metadata.len(), Some(etag_of(metadata)), metadata),
            // A folder's state changes with what is put below it: no version to pin.
            Found::Folder(metadata) => (0, None, metadata),
        };
        ObjectInfo { size, modified: modified_of(metadata), etag, etag_is_opaque: true, ..ObjectInfo::default() }
    }
}

fn look_up(root: &Dir, name: &Name, key: &str) -> io::Result<Option<Found>> {
    let parent = descend(root, &name.folders, false)?;
    let Some(file_name) = &name.file else {
        return Ok(Some(Found::Folder(parent.dir_metadata()?)));
    };
    // Neither waits for the other end of a pipe, and neither leaves the root.
    let mut options = OpenOptions::new();
    options.read(true).nonblock(true);
    let file = if parent.symlink_metadata(file_name)?.is_symlink() {
        match root.open_with(key, &options) {
            // A dangling link, one in a circle, or one that leads out: not an object, and not listed either.
            Err(error) if error.kind() == io::ErrorKind::NotFound || is_loop(&error) || leads_out(&error) => {
                return Ok(None);
            }
            file => file?,
        }
    } else {
        parent.open_with(file_name, options.follow(FollowSymlinks::No))?
    };
    let metadata = file.metadata()?;
    Ok(metadata.is_file().then_some(Found::File(file, metadata)))
}

/// Whether cap-std refused a path because it leaves its root: a denial that no system call made.
pub(super) fn leads_out(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

/// Opens a folder below `root`, and makes it if asked to. A link in the way is `NotADirectory`, for it
/// would make two keys of one file.
pub(super) fn descend(root: &Dir, folders: &[String], create: bool) -> io::Result<Dir> {
    let mut dir = root.try_clone()?;
    for name in folders {
        let mut next = dir.open_dir_nofollow(name);
        if create && next.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            match dir.create_dir(name) {
                // Made by another put just now.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made?,
            }
            next = dir.open_dir_nofollow(name);
        }
        dir = match next {
            Ok(next) => next,
            // Opening a link without following it has other error numbers on other systems.
            Err(_) if dir.symlink_metadata(name).is_ok_and(|metadata| !metadata.is_dir()) => {
                return Err(io::ErrorKind::NotADirectory.into());
            }
            Err(error) => return Err(error),
        };
    }
    Ok(dir)
}

/// The tag of a file's state: modification time, size, inode, change time. A writer that changes
/// bytes in place, keeps the size, and does so within one tick of the file system's clock (some
/// milliseconds on older kernels) goes unseen; nothing short of reading the bytes would see it.
pub(super) fn etag_of(metadata: &Metadata) -> ETag {
    ETag::new(&format!(
        "{:x}.{:x}-{:x}-{:x}-{:x}.{:x}",
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.len(),
        metadata.ino(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    ))
}

/// Whether the bytes of an open file are still those of `before`. A file that was replaced or
/// deleted while it is open keeps its bytes, though that changes its change time.
pub(super) fn is_unchanged(before: &Metadata, after: &Metadata) -> bool {
    etag_of(before) == etag_of(after)
        || after.nlink() == 0
            && (before.len(), before.mtime(), before.mtime_nsec()) == (after.len(), after.mtime(), after.mtime_nsec())
}

/// The modification time to the millisecond.
pub(super) fn modified_of(metadata: &Metadata) -> Timestamp {
    Timestamp(metadata.mtime().saturating_mul(1000).saturating_add(metadata.mtime_nsec() / 1_000_000))
}

/// Runs a short call about a key on a thread that may block.
pub(super) async fn short<T: Send + 'static>(
    folder: &Folder,
    operation: &'static str,
    key: &str,
    work: impl FnOnce(&Folder) -> Result<T> + Send + 'static,
) -> Result<T> {
    let subject = folder.location.display_key(key);
    let folder = folder.clone();
    blocking(CALL, operation, &subject, move || work(&folder)).await
}
