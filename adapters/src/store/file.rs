//! A folder as a store.
//!
//! - A key is a path below the root, by exact string. What cannot be one is refused by name: an empty
//!   segment, `.` or `..`, a NUL, too long a name or path, a key below a file, the key of a folder.
//!   `name/` without bytes (a folder marker) makes the folder, and is not listed.
//! - Regular files are objects, and so are links to regular files within the root. Other links (broken,
//!   in a circle, out of the root, to folders) are passed over and never followed: no key and no link
//!   leads out of the root. Listings have them as [`Unlisted`](shared::store::Unlisted), so that nothing is
//!   deleted because it stands behind one. All access is through `cap-std`.
//! - A file is written in `.flotilla-partial` below the root, and renamed into place when it is
//!   whole. That is safe against crashes of the process at any moment. It is *not* safe against
//!   power loss: nothing is flushed to the disk (`fsync`) before its name appears, for that would
//!   cost some milliseconds a file. After a power loss run the task again: files that lost bytes
//!   differ in size.
//! - The entity tag is the file's state (modification time, size, inode, change time), looked at
//!   when a read begins and again when it ends.
//! - Where the file system does not distinguish `a` from `A` (macOS, Windows shares), or é from é, such keys
//!   are one file, and the last written wins. Only the file system knows; nothing here asks it.
//! - Nothing is tried again: what a disk refuses, it refuses again at once. The exception is
//!   completing an upload into which a part is still being written.

mod fault;
mod folder;
mod listing;
mod name;
mod read;
mod replace;
mod sweep;
mod times;
mod upload;
mod write;

use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use cap_std::ambient_authority;
use cap_std::fs::Dir;

use self::fault::{blocking, fault, kind_of, times_out_of_files};
use self::folder::{Folder, short};
use self::listing::{FileListing, PASS_NAMES};
use self::times::Times;
use shared::acl::Acl;
use shared::digest::{Algorithm, Checksum, Hasher};
use shared::filter::Filter;
use shared::location::Location;
use shared::object::{ObjectInfo, Pin, Tags, Timestamp, Uncarried};
use shared::store::{
    Body, Capabilities, CopySource, EtagMeaning, KeyRange, Listing, MetadataSupport, Object, ObjectStore, Part,
    PartLayout, PartWrite, Read, Restore, RightNames, Service, Upload, Write, Written,
};
use shared::{Error, ErrorKind, Result};

/// Largest file, bytes: what a signed 64-bit offset reaches. Smaller limits are the file system's.
const MAX_FILE_BYTES: u64 = i64::MAX as u64;

/// A folder as a store. See the [module's documentation](self).
#[derive(Debug)]
pub struct FileStore {
    folder: Folder,
    capabilities: Capabilities,
    /// Known after `prepare`.
    times: Arc<OnceLock<Times>>,
}

impl FileStore {
    /// The store of a folder, which need not exist yet. `Invalid` if the location is no folder.
    pub fn open(location: &Location) -> Result<Self> {
        let path = location
            .path()
            .ok_or_else(|| Error::new(ErrorKind::Invalid, "open", location.to_string(), "not a folder's location"))?;
        let capabilities = Capabilities {
            etags: EtagMeaning::Opaque,
            parallel_listing: false,
            max_put_bytes: MAX_FILE_BYTES,
            min_part_bytes: 1,
            max_part_bytes: MAX_FILE_BYTES,
            max_parts: upload::MAX_PARTS,
            max_object_bytes: MAX_FILE_BYTES,
            max_copy_bytes: 0,
            copies_parts: false,
            max_delete_keys: 0,
            verifies: Algorithm::ALL.into_iter().filter(|&algorithm| Hasher::new(algorithm).is_some()).collect(),
            keeps_attributes: false,
            keeps_modified: true,
            metadata: MetadataSupport::NOTHING,
            surely_verifies: true,
            lists_consistently: false,
            reports_tag_counts: true,
            has_folders: true,
            is_remote: false,
            rights: RightNames::Folder,
        };
        let folder = Folder { location: location.clone(), path, under_way: Arc::default(), replacing: Arc::default() };
        Ok(FileStore { folder, capabilities, times: Arc::default() })
    }

    fn no_copies(&self, key: &str) -> Error {
        self.folder.error(ErrorKind::Unsupported, "copy", key, "a folder has no server-side copy")
    }
}

impl Drop for FileStore {
    fn drop(&mut self) {
        // Leaves no empty folder behind. A folder with contents cannot be removed, and a writer that needs the
        // folder at this moment makes it again.
        if let Ok(root) = Dir::open_ambient_dir(&self.folder.path, ambient_authority()) {
            let _ = root.remove_dir(name::PARTIALS);
        }
    }
}

/// Whether a key is the folder of unfinished objects or lies below it. No listing shows these keys.
pub fn is_unfinished(key: &str) -> bool {
    key.strip_prefix(name::PARTIALS).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[async_trait]
impl ObjectStore for FileStore {
    fn location(&self) -> &Location {
        &self.folder.location
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn throttles(&self) -> u64 {
        times_out_of_files()
    }

    fn latency(&self) -> Option<Duration> {
        None
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn probe_listing(&self) -> Result<()> {
        self.probe().await
    }

    async fn probe(&self) -> Result<()> {
        short(&self.folder, "probe", "", |folder| {
            let readable = folder.open("probe")?.entries().and_then(|mut entries| entries.next().transpose());
            readable.map(drop).map_err(|error| folder.fault("probe", "", error))
        })
        .await
    }

    async fn prepare(&self) -> Result<()> {
        let (folder, times) = (self.folder.clone(), self.times.clone());
        blocking(fault::PAGE, "prepare", &self.folder.location.to_string(), move || {
            match Dir::create_ambient_dir_all(&folder.path, ambient_authority()) {
                // A file, or a link to nowhere, in its place: opening it says which.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                made => made.map_err(|error| fault("prepare", folder.location.to_string(), error))?,
            }
            sweep::sweep(&folder, Timestamp(Timestamp::now().0 - sweep::KEPT_SECONDS * 1000))?;
            // The first file that is written: an error that refuses it refuses all, and is reported once.
            match Times::probe(&folder, &folder.open("prepare")?) {
                Err(error) if kind_of(&error) == ErrorKind::Denied => {
                    let message = format!("the destination folder is not writable ({error})");
                    let error = Error::new(ErrorKind::Denied, "prepare", folder.location.to_string(), message)
                        .with_source(error);
                    return Err(error);
                }
                // No room, or the like: the first object shows whether that lasts.
                Err(_) => {}
                Ok(probed) => drop(times.set(probed)),
            }
            Ok(())
        })
        .await
    }

    fn stored_time(&self, time: Timestamp) -> Timestamp {
        self.times.get().map_or(time, |times| times.stored(time))
    }

    fn list(&self, range: KeyRange) -> Box<dyn Listing> {
        self.list_filtered(range, &Arc::new(Filter::all()))
    }

    fn list_filtered(&self, range: KeyRange, filter: &Arc<Filter>) -> Box<dyn Listing> {
        Box::new(FileListing::new(self.folder.clone(), range, filter.clone(), PASS_NAMES))
    }

    async fn head(&self, key: &str, pin: &Pin) -> Result<ObjectInfo> {
        let (name, pin) = (key.to_owned(), pin.clone());
        short(&self.folder, "head", key, move |folder| Ok(folder.find("head", &name, &pin)?.info())).await
    }

    async fn checksum(&self, key: &str, pin: &Pin, algorithm: Algorithm) -> Result<Option<Checksum>> {
        read::checksum(&self.folder, key, pin, algorithm).await
    }

    async fn tags(&self, key: &str, _: &Pin) -> Result<Tags> {
        Err(self.folder.error(ErrorKind::Unsupported, "tags", key, "a folder keeps no tags"))
    }

    async fn acl(&self, key: &str, _: &Pin) -> Result<Acl> {
        Err(self.folder.error(ErrorKind::Unsupported, "acl", key, "a folder keeps no access control lists"))
    }

    async fn restore(&self, key: &str, _: &Pin, _: &Restore) -> Result<()> {
        Err(self.folder.error(ErrorKind::Unsupported, "restore", key, "a folder archives nothing"))
    }

    async fn part_layout(&self, _key: &str, _pin: &Pin) -> Result<Option<PartLayout>> {
        Ok(None)
    }

    async fn get(&self, key: &str, read: &Read) -> Result<Object> {
        read::get(&self.folder, key, read).await
    }

    async fn put(&self, key: &str, write: &Write, body: Body) -> Result<Written> {
        write::put(&self.folder, key, write, body).await
    }

    async fn create_upload(&self, key: &str, write: &Write) -> Result<Upload> {
        let (name, write) = (key.to_owned(), write.clone());
        short(&self.folder, "create", key, move |folder| upload::create(folder, &name, &write)).await
    }

    async fn upload_part(&self, upload: &Upload, part: &PartWrite, body: Body) -> Result<Part> {
        upload::upload_part(&self.folder, upload, part, body).await
    }

    async fn list_parts(&self, upload: &Upload) -> Result<Vec<Part>> {
        let owned = upload.clone();
        short(&self.folder, "list-parts", &upload.key, move |folder| upload::list_parts(folder, &owned)).await
    }

    async fn complete_upload(&self, upload: &Upload, parts: &[Part], write: &Write) -> Result<Written> {
        upload::complete(&self.folder, upload, parts, write).await
    }

    async fn abort_upload(&self, upload: &Upload) -> Result<()> {
        let owned = upload.clone();
        short(&self.folder, "abort", &upload.key, move |folder| upload::abort(folder, &owned)).await
    }

    async fn list_uploads(&self, key: &str) -> Result<Vec<(Upload, Option<Timestamp>)>> {
        let name = key.to_owned();
        short(&self.folder, "list-uploads", key, move |folder| upload::list(folder, &name)).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        let name = key.to_owned();
        short(&self.folder, "delete", key, move |folder| write::delete(folder, &name)).await
    }

    async fn delete_many(&self, _: &[String]) -> Result<Vec<Result<()>>> {
        Err(self.folder.error(ErrorKind::Unsupported, "delete", "", "a folder deletes one file at a time"))
    }

    fn service(&self) -> Option<&Service> {
        None
    }

    async fn may_lose(&self) -> Uncarried {
        Uncarried::default()
    }

    async fn copy(&self, _source: &CopySource, _pin: &Pin, key: &str, _write: &Write) -> Result<Written> {
        Err(self.no_copies(key))
    }

    async fn copy_part(
        &self,
        _source: &CopySource,
        _pin: &Pin,
        _range: Range<u64>,
        upload: &Upload,
        _part: &PartWrite,
    ) -> Result<Part> {
        Err(self.no_copies(&upload.key))
    }
}

#[cfg(test)]
mod tests;
