//! Writes a whole object: first to `.flotilla-partial`, then into its place.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::AcqRel};
use std::time::SystemTime;

use bytes::Bytes;
use cap_fs_ext::DirExt as _;
use cap_std::fs::{Dir, File, MetadataExt as _, OpenOptions};
use futures::StreamExt as _;
use uuid::Uuid;

use super::fault::{CALL, blocking};
use super::folder::{Folder, descend, etag_of};
use super::name::{Name, PARTIALS};
use super::replace;
use shared::digest::{Algorithm, Checksum, Hasher};
use shared::object::Timestamp;
use shared::store::{Body, Write, Written};
use shared::{ErrorKind, Result};

/// Bytes gathered before a blocking call writes them: a thread hop per 1 MiB costs nothing, one
/// per 8-KiB chunk of a socket would cost more than the writing.
const GATHER_BYTES: u64 = 1 << 20;

/// How often a file is moved into a folder that a delete prunes at the same moment.
const PLACE_ATTEMPTS: u32 = 16;

/// Name of unfinished puts; unfinished uploads are folders named by their ids.
pub(super) const PUT_PREFIX: &str = "put-";

const PUT: &str = "put";

/// Where a body's bytes go. Every method blocks.
pub(super) trait Sink: Sized + Send + 'static {
    /// The result of the write.
    type Done: Send + 'static;
    /// Takes the next bytes.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;
    /// All bytes are there, and right; `checksum` is that of what was written, by CRC-64/NVME.
    fn finish(self, checksum: Checksum) -> Result<Self::Done>;
}

/// The expected size and checksum of a body, and the subject of its errors.
pub(super) struct Expected {
    pub operation: &'static str,
    pub folder: Folder,
    pub key: String,
    pub size: u64,
    pub checksum: Option<Checksum>,
}

/// Hashes the written bytes: always by CRC-64/NVME, and by the algorithm of the caller's checksum.
struct Hashers {
    own: Hasher,
    sent: Option<Hasher>,
}

impl Hashers {
    fn new(expected: &Expected) -> Hashers {
        let own = Hasher::new(Algorithm::Crc64Nvme).expect("CRC-64/NVME is computed");
        Hashers { own, sent: expected.checksum.as_ref().and_then(|checksum| Hasher::new(checksum.algorithm)) }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.own.update(bytes);
        self.sent.iter_mut().for_each(|hasher| hasher.update(bytes));
    }

    fn finish(self, expected: &Expected) -> Result<Checksum> {
        let found = self.sent.map(Hasher::finish);
        if found.is_some() && found != expected.checksum {
            let message = "the received bytes do not have the expected checksum";
            return Err(expected.folder.error(ErrorKind::BadDigest, expected.operation, &expected.key, message));
        }
        Ok(self.own.finish())
    }
}

/// Writes a body into a sink: 1 MiB per blocking call, and a small object in a single one. The
/// sink's `finish` is called only when the body ended well, with its exact size and checksum.
pub(super) async fn pour<S: Sink>(expected: Expected, body: Body, sink: S) -> Result<S::Done> {
    let subject = expected.folder.location.display_key(&expected.key);
    let hashers = Hashers::new(&expected);
    let (operation, mut state, mut body, mut taken) = (expected.operation, (expected, hashers, sink), body.fuse(), 0);
    loop {
        let mut batch: Vec<Bytes> = Vec::new();
        let mut batch_bytes = 0;
        let mut ended = false;
        while batch_bytes < GATHER_BYTES && !ended {
            match body.next().await.transpose()? {
                Some(chunk) => {
                    batch_bytes += chunk.len() as u64;
                    batch.push(chunk);
                }
                None => ended = true,
            }
        }
        taken += batch_bytes;
        if taken > state.0.size || ended && taken < state.0.size {
            let message = format!(
                "the body has {taken}{} bytes instead of {}",
                if ended { "" } else { " or more" },
                state.0.size
            );
            return Err(state.0.folder.error(ErrorKind::Corrupt, operation, &state.0.key, message));
        }
        let (expected, mut hashers, mut sink) = state;
        let step = blocking(CALL, operation, &subject, move || {
            for chunk in &batch {
                hashers.update(chunk);
                sink.write(chunk)?;
            }
            if ended {
                let checksum = hashers.finish(&expected)?;
                return sink.finish(checksum).map(Err);
            }
            Ok(Ok((expected, hashers, sink)))
        });
        match step.await? {
            Ok(next) => state = next,
            Err(done) => return Ok(done),
        }
    }
}

/// A file on its way, locked as long as it is, and deleted when dropped unless it was placed.
pub(super) struct Partial {
    root: Dir,
    partials: Dir,
    name: String,
    file: File,
    /// Unfinished files of this process: the last one removes their folder.
    under_way: Arc<AtomicUsize>,
}

/// The name of the file of an id.
pub(super) fn put_name(id: &str) -> String {
    format!("{PUT_PREFIX}{id}")
}

impl Partial {
    pub(super) fn create(folder: &Folder, root: &Dir, id: &str) -> io::Result<Self> {
        let name = put_name(id);
        let under_way = BegunWrite::begin(&folder.under_way);
        // Another process that goes away may remove the empty folder at any moment, and one that
        // comes sweeps what is not locked yet.
        retrying(|| {
            let partials = descend(root, &[PARTIALS.to_owned()], true)?;
            let file = partials.open_with(&name, OpenOptions::new().write(true).create_new(true))?;
            // A file system without locks sweeps by age.
            let _ = file.try_clone()?.into_std().lock();
            if file.metadata()?.nlink() == 0 {
                return Err(io::ErrorKind::NotFound.into());
            }
            Ok((partials, file))
        })
        .and_then(|(partials, file)| {
            let (root, name) = (root.try_clone()?, name.clone());
            Ok(Partial { root, partials, name, file, under_way: under_way.keep() })
        })
    }

    /// The file.
    pub(super) fn file(&self) -> &File {
        &self.file
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Not there any more if it was placed; if this fails, the sweep finds it.
        let _ = self.partials.remove_file(&self.name);
        // Leaves no empty folder behind. A folder with contents cannot be removed, and a writer that needs the folder
        // at this moment makes it again.
        if self.under_way.fetch_sub(1, AcqRel) == 1 {
            let _ = self.root.remove_dir(PARTIALS);
        }
    }
}

/// Counts a file as under way, until it is dropped or kept.
struct BegunWrite(Option<Arc<AtomicUsize>>);

impl BegunWrite {
    fn begin(count: &Arc<AtomicUsize>) -> BegunWrite {
        count.fetch_add(1, AcqRel);
        BegunWrite(Some(count.clone()))
    }

    fn keep(mut self) -> Arc<AtomicUsize> {
        self.0.take().expect("it is kept once")
    }
}

impl Drop for BegunWrite {
    fn drop(&mut self) {
        if let Some(count) = &self.0 {
            count.fetch_sub(1, AcqRel);
        }
    }
}

/// Does `attempt` again when a folder vanished under it.
pub(super) fn retrying<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 1..PLACE_ATTEMPTS {
        match attempt() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            answer => return answer,
        }
    }
    attempt()
}

/// Moves a finished file into its place, all at once, and makes the folders on the way. Where `replaces` says so, what
/// blocks its place is removed.
pub(super) fn place(
    folder: &Folder,
    from: &Dir,
    from_name: &str,
    root: &Dir,
    name: &Name,
    replaces: bool,
) -> io::Result<()> {
    match move_into(from, from_name, root, name) {
        Err(error) if replaces && is_blocked(&error) => replace::by_file(folder, from, from_name, root, name),
        placed => placed,
    }
}

/// Whether the error says that a file or a folder stands where the other is needed.
pub(super) fn is_blocked(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory)
}

/// As [`place`], where nothing blocks the place.
pub(super) fn move_into(from: &Dir, from_name: &str, root: &Dir, name: &Name) -> io::Result<()> {
    let Some(file_name) = &name.file else { return Err(io::ErrorKind::InvalidInput.into()) };
    // A delete may prune the folder between the two steps.
    retrying(|| from.rename(from_name, &descend(root, &name.folders, true)?, file_name)).map_err(|error| {
        // Renaming a file over a folder is EISDIR here and EEXIST, ENOTEMPTY elsewhere.
        match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => io::ErrorKind::IsADirectory.into(),
            _ => error,
        }
    })
}

/// Whether something else stands where a file is to be: better known before its bytes are written.
pub(super) fn check_place(root: &Dir, name: &Name) -> io::Result<()> {
    match (descend(root, &name.folders, false), &name.file) {
        (Ok(parent), Some(file_name)) if parent.symlink_metadata(file_name).is_ok_and(|metadata| metadata.is_dir()) => {
            Err(io::ErrorKind::IsADirectory.into())
        }
        (Err(error), _) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Gives an open file its time, if one is wanted.
fn set_modified(file: &File, modified: Option<Timestamp>) -> io::Result<()> {
    let Some(modified) = modified else { return Ok(()) };
    file.try_clone()?.into_std().set_modified(SystemTime::from(modified))
}

/// A put's file.
struct PutSink {
    folder: Folder,
    key: String,
    name: Name,
    write: Write,
    partial: Option<Partial>,
}

impl PutSink {
    /// A failed call. Folders are made as needed, so a missing folder can only be the root. A put must not return
    /// `NotFound`, which would mean a missing source.
    fn fault(folder: &Folder, key: &str, error: io::Error) -> shared::Error {
        match error.kind() {
            io::ErrorKind::NotFound => folder.no_container(PUT, "the folder was removed during the write"),
            _ => folder.fault(PUT, key, error),
        }
    }

    fn partial(&mut self) -> Result<&mut Partial> {
        if self.partial.is_none() {
            let root = self.folder.open(PUT)?;
            if self.write.size > GATHER_BYTES && !self.write.replaces {
                check_place(&root, &self.name).map_err(|error| self.folder.fault(PUT, &self.key, error))?;
            }
            let id = Uuid::now_v7().simple().to_string();
            let partial = Partial::create(&self.folder, &root, &id)
                .map_err(|error| Self::fault(&self.folder, PARTIALS, error))?;
            self.partial = Some(partial);
        }
        Ok(self.partial.as_mut().expect("it was created just now"))
    }
}

impl Sink for PutSink {
    type Done = Written;

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.partial()?.file.write_all(bytes);
        written.map_err(|error| self.folder.fault(PUT, &self.key, error))
    }

    fn finish(mut self, checksum: Checksum) -> Result<Written> {
        self.partial()?;
        let PutSink { folder, key, name, write, partial } = self;
        let partial = partial.expect("it was created just now");
        let fault = |error| Self::fault(&folder, &key, error);
        set_modified(&partial.file, write.modified).map_err(fault)?;
        place(&folder, &partial.partials, &partial.name, &folder.open(PUT)?, &name, write.replaces).map_err(fault)?;
        let metadata = partial.file.metadata().map_err(fault)?;
        let verified = write.checksum.filter(|checksum| Hasher::new(checksum.algorithm).is_some());
        let checksum = Some(verified.unwrap_or(checksum));
        Ok(Written { etag: Some(etag_of(&metadata)), etag_is_opaque: false, version: None, checksum })
    }
}

/// Makes the folder of a folder marker.
struct MarkerSink {
    folder: Folder,
    key: String,
    name: Name,
    replaces: bool,
}

impl Sink for MarkerSink {
    type Done = Written;

    fn write(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn finish(self, _: Checksum) -> Result<Written> {
        let root = self.folder.open(PUT)?;
        let made = match retrying(|| descend(&root, &self.name.folders, true)) {
            Err(error) if self.replaces && is_blocked(&error) => replace::by_folder(&self.folder, &root, &self.name),
            made => made.map(drop),
        };
        made.map_err(|error| self.folder.fault(PUT, &self.key, error))?;
        Ok(Written::default())
    }
}

/// Writes an object. If the answer is lost, the key has the whole object or its earlier state.
pub(super) async fn put(folder: &Folder, key: &str, write: &Write, body: Body) -> Result<Written> {
    let name = folder.name(PUT, key)?;
    let expected = Expected {
        operation: PUT,
        folder: folder.clone(),
        key: key.to_owned(),
        size: write.size,
        checksum: write.checksum.clone(),
    };
    if name.file.is_some() {
        let sink = PutSink { folder: folder.clone(), key: key.to_owned(), name, write: write.clone(), partial: None };
        return pour(expected, body, sink).await;
    }
    if write.size > 0 {
        let message = "the key cannot be a file name: it ends with /, and the object is not empty";
        return Err(folder.error(ErrorKind::Unrepresentable, PUT, key, message));
    }
    let (folder, key, replaces) = (folder.clone(), key.to_owned(), write.replaces);
    pour(expected, body, MarkerSink { folder, key, name, replaces }).await
}

/// Removes an object, and the folders that it leaves empty.
pub(super) fn delete(folder: &Folder, key: &str) -> Result<()> {
    const DELETE: &str = "delete";
    // A key that cannot be a file is not there.
    let Ok(name) = folder.name(DELETE, key) else { return Ok(()) };
    let root = folder.open(DELETE)?;
    match remove(&root, &name) {
        Ok(()) => {}
        // Not there, or something else is: no object of this key.
        Err(error) if is_no_object(&error) => return Ok(()),
        Err(error) => return Err(folder.fault(DELETE, key, error)),
    }
    prune(&root, &name.folders);
    Ok(())
}

fn remove(root: &Dir, name: &Name) -> io::Result<()> {
    let Some(file_name) = &name.file else {
        let (last, folders) = name.folders.split_last().ok_or(io::ErrorKind::NotFound)?;
        return descend(root, folders, false)?.remove_dir(last);
    };
    let parent = descend(root, &name.folders, false)?;
    // Some systems say EPERM for unlinking a folder, which would look like a denial.
    if parent.symlink_metadata(file_name)?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    parent.remove_file_or_symlink(file_name)
}

fn is_no_object(error: &io::Error) -> bool {
    use io::ErrorKind::*;
    matches!(error.kind(), NotFound | NotADirectory | IsADirectory | DirectoryNotEmpty | InvalidFilename)
}

/// Removes empty folders from the innermost outwards. Removing a folder that is not empty fails,
/// so a file put there meanwhile is safe.
fn prune(root: &Dir, folders: &[String]) {
    for depth in (1..=folders.len()).rev() {
        let removed = descend(root, &folders[..depth - 1], false).and_then(|dir| dir.remove_dir(&folders[depth - 1]));
        if removed.is_err_and(|error| error.kind() != io::ErrorKind::NotFound) {
            return;
        }
    }
}
