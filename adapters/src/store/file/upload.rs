//! Multipart uploads: a sparse file that several processes write into, and a record per part.
//!
//! An upload is a folder `.flotilla-partial/ID` with the file `data`, the file `upload` (key and
//! size), and a file `part-NNNNN` for each part that is wholly in `data`. The upload is there as long
//! as `data` is; completing renames `data` into place, which can happen once.
//!
//! A writer holds a shared lock on `data` and completing needs it alone, so that nobody writes into
//! what has become a visible object: not a worker that lost its lease, nor a call whose time was
//! up. On a file system without locks that rests on the parts being pinned to one source version:
//! a late writer writes the bytes that are there. Two writers of one part at once must bring the same
//! bytes for the same reason.

use std::fs::TryLockError;
use std::io::{self, Seek as _, SeekFrom, Write as _};

use cap_std::fs::{Dir, OpenOptions};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fault::{PAGE, blocking};
use super::folder::{Folder, descend, etag_of};
use super::name::PARTIALS;
use super::sweep::unfinished;
use super::write::{Expected, Partial, Sink, check_place, place, pour, retrying};
use shared::digest::{Algorithm, Checksum, combine, to_hex};
use shared::object::{ETag, Timestamp};
use shared::retry;
use shared::store::{Body, Part, PartWrite, Upload, Write, Written};
use shared::{ErrorKind, Result};

/// Most parts of an upload, as on S3: bounds what `list_parts` answers.
pub(super) const MAX_PARTS: u32 = 10_000;

/// Most uploads that are listed, by the port's contract.
const MAX_UPLOADS: usize = 10_000;

pub(super) const DATA: &str = "data";
const RECORD: &str = "upload";
const PART_PREFIX: &str = "part-";

/// The write of an upload.
#[derive(Serialize, Deserialize)]
struct Opened {
    key: String,
    size: u64,
    opened: Timestamp,
    /// [`Write::replaces`].
    #[serde(default)]
    replaces: bool,
}

/// A part that is wholly in `data`.
#[derive(Serialize, Deserialize)]
struct PartRecord {
    offset: u64,
    size: u64,
    /// CRC-64/NVME of the part, in hexadecimal.
    etag: ETag,
}

fn write_json(dir: &Dir, name: &str, value: &impl Serialize) -> io::Result<()> {
    dir.write(name, serde_json::to_vec(value)?)
}

/// A record; `None` if it is missing, or torn by a crash and so as good as missing.
fn read_json<T: for<'a> Deserialize<'a>>(dir: &Dir, name: &str) -> io::Result<Option<T>> {
    match dir.read(name) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn part_name(number: u32) -> String {
    format!("{PART_PREFIX}{number:05}")
}

/// An open upload's folder.
struct Open<'a> {
    folder: &'a Folder,
    operation: &'static str,
    upload: &'a Upload,
    dir: Dir,
    opened: Opened,
}

impl<'a> Open<'a> {
    fn find(folder: &'a Folder, operation: &'static str, upload: &'a Upload) -> Result<Self> {
        let gone = || folder.error(ErrorKind::NoSuchUpload, operation, &upload.key, "the upload is gone");
        // Only one of our ids may name a folder, never another text of a job.
        let id = Uuid::try_parse(&upload.id).map_err(|_| gone())?.simple().to_string();
        let root = folder.open(operation)?;
        let found = || -> io::Result<Option<(Dir, Opened)>> {
            let dir = descend(&root, &[PARTIALS.to_owned(), id], false)?;
            dir.symlink_metadata(DATA)?;
            Ok(read_json(&dir, RECORD)?.map(|opened| (dir, opened)))
        };
        match found() {
            Ok(Some((dir, opened))) if opened.key == upload.key => Ok(Open { folder, operation, upload, dir, opened }),
            Ok(_) => Err(gone()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(gone()),
            Err(error) => Err(folder.fault(operation, &upload.key, error)),
        }
    }

    fn error(&self, kind: ErrorKind, message: impl Into<String>) -> shared::Error {
        self.folder.error(kind, self.operation, &self.upload.key, message)
    }

    /// A failed call: if the upload went away under it, that is what it means.
    fn fault(&self, error: io::Error) -> shared::Error {
        match error.kind() {
            io::ErrorKind::NotFound => self.error(ErrorKind::NoSuchUpload, "the upload is gone"),
            _ => self.folder.fault(self.operation, &self.upload.key, error),
        }
    }

    fn open_data(&self) -> Result<std::fs::File> {
        let file = self.dir.open_with(DATA, OpenOptions::new().write(true)).map_err(|error| self.fault(error))?;
        Ok(file.into_std())
    }

    /// The records of the parts, by number.
    fn parts(&self) -> io::Result<Vec<(u32, PartRecord)>> {
        let mut parts = Vec::new();
        for entry in self.dir.entries()? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(PART_PREFIX)).and_then(|n| n.parse().ok());
            let Some(number) = number else { continue };
            parts.extend(read_json(&self.dir, &part_name(number))?.map(|record| (number, record)));
        }
        parts.sort_unstable_by_key(|(number, _)| *number);
        Ok(parts)
    }
}

/// Opens an upload. If the answer is lost the upload stays, and a listing of uploads finds it.
pub(super) fn create(folder: &Folder, key: &str, write: &Write) -> Result<Upload> {
    const CREATE: &str = "create";
    let name = folder.name(CREATE, key)?;
    if name.file.is_none() {
        return Err(folder.error(
            ErrorKind::Unrepresentable,
            CREATE,
            key,
            "the key cannot be a file name: it ends with /",
        ));
    }
    let root = folder.open(CREATE)?;
    let id = Uuid::now_v7().simple().to_string();
    let checked = if write.replaces { Ok(()) } else { check_place(&root, &name) };
    let made = checked.and_then(|()| {
        retrying(|| {
            // Locked until the upload is complete, so that the sweep does not remove it.
            let _partial = Partial::create(folder, &root, &id)?;
            let dir = descend(&root, &[PARTIALS.to_owned(), id.clone()], true)?;
            let (opened, replaces) = (Timestamp::now(), write.replaces);
            let opened = Opened { key: key.to_owned(), size: write.size, opened, replaces };
            write_json(&dir, RECORD, &opened)?;
            dir.create(DATA).map(drop)
        })
    });
    made.map_err(|error| folder.fault(CREATE, key, error))?;
    Ok(Upload { key: key.to_owned(), id })
}

/// One part on its way into `data`.
struct PartSink {
    folder: Folder,
    upload: Upload,
    part: PartWrite,
    /// The locked data file, from the first byte on.
    data: Option<std::fs::File>,
}

const PART: &str = "part";

impl PartSink {
    fn data(&mut self) -> Result<&mut std::fs::File> {
        if self.data.is_none() {
            self.data = Some(self.begin()?);
        }
        Ok(self.data.as_mut().expect("it was opened just now"))
    }

    fn begin(&self) -> Result<std::fs::File> {
        let open = Open::find(&self.folder, PART, &self.upload)?;
        if self.part.number == 0 || self.part.number > MAX_PARTS {
            return Err(open.error(ErrorKind::Invalid, format!("parts are numbered from 1 to {MAX_PARTS}")));
        }
        if self.part.offset.checked_add(self.part.size).is_none_or(|end| end > open.opened.size) {
            return Err(open.error(ErrorKind::Invalid, "the part reaches beyond the object's end"));
        }
        let mut data = open.open_data()?;
        // Locked until this part is written or dropped; a completion waits meanwhile. For file systems without
        // locks see the module's documentation.
        let _ = data.lock_shared();
        // Completed or aborted while we waited: the open file may be an object by now.
        open.dir.symlink_metadata(DATA).map_err(|error| open.fault(error))?;
        // From here until the new record is written, the part is not there.
        match open.dir.remove_file(part_name(self.part.number)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(open.fault(error)),
            _ => {}
        }
        data.seek(SeekFrom::Start(self.part.offset)).map_err(|error| open.fault(error))?;
        Ok(data)
    }
}

impl Sink for PartSink {
    type Done = Part;

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.data()?.write_all(bytes);
        written.map_err(|error| self.folder.fault(PART, &self.upload.key, error))
    }

    fn finish(mut self, checksum: Checksum) -> Result<Part> {
        self.data()?;
        let open = Open::find(&self.folder, PART, &self.upload)?;
        let etag = ETag::new(&checksum.to_hex());
        let record = PartRecord { offset: self.part.offset, size: self.part.size, etag: etag.clone() };
        write_json(&open.dir, &part_name(self.part.number), &record).map_err(|error| open.fault(error))?;
        Ok(Part {
            number: self.part.number,
            size: self.part.size,
            etag,
            etag_is_opaque: false,
            checksum: Some(checksum),
        })
    }
}

/// Writes a part. If the answer is lost the part may be there, and is written again.
pub(super) async fn upload_part(folder: &Folder, upload: &Upload, part: &PartWrite, body: Body) -> Result<Part> {
    let expected = Expected {
        operation: PART,
        folder: folder.clone(),
        key: upload.key.clone(),
        size: part.size,
        checksum: part.checksum.clone(),
    };
    let sink = PartSink { folder: folder.clone(), upload: upload.clone(), part: part.clone(), data: None };
    pour(expected, body, sink).await
}

/// The parts whose records are there.
pub(super) fn list_parts(folder: &Folder, upload: &Upload) -> Result<Vec<Part>> {
    let open = Open::find(folder, "list-parts", upload)?;
    let parts = open.parts().map_err(|error| open.fault(error))?;
    Ok(parts
        .into_iter()
        .map(|(number, record)| {
            let checksum = checksum_of(&record);
            Part { number, size: record.size, etag: record.etag, etag_is_opaque: false, checksum }
        })
        .collect())
}

/// Makes the object. If the answer is lost, the next call finds the upload gone and the caller looks.
pub(super) async fn complete(folder: &Folder, upload: &Upload, parts: &[Part], write: &Write) -> Result<Written> {
    let subject = folder.location.display_key(&upload.key);
    retry::run(&retry::COMPLETE, &subject, || {
        let (folder, upload, parts, write) = (folder.clone(), upload.clone(), parts.to_vec(), write.clone());
        blocking(PAGE, "complete", &subject, move || complete_once(&folder, &upload, &parts, &write))
    })
    .await
}

fn complete_once(folder: &Folder, upload: &Upload, parts: &[Part], write: &Write) -> Result<Written> {
    let open = Open::find(folder, "complete", upload)?;
    let data = open.open_data()?;
    if let Err(TryLockError::WouldBlock) = data.try_lock() {
        return Err(open.error(ErrorKind::Unavailable, "a part of the upload is still being written"));
    }
    let checksum = check_parts(&open, parts)?;
    if checksum.is_some()
        && write.checksum.as_ref().is_some_and(|c| c.algorithm == Algorithm::Crc64Nvme && checksum.as_ref() != Some(c))
    {
        return Err(open.error(ErrorKind::BadDigest, "the joined parts do not have the expected checksum"));
    }
    let name = folder.name("complete", &upload.key)?;
    let root = folder.open("complete")?;
    let fault = |error| folder.fault("complete", &upload.key, error);
    if let Some(modified) = write.modified {
        data.set_modified(modified.into()).map_err(fault)?;
    }
    // Only one of several can rename it; the others find it gone.
    place(folder, &open.dir, DATA, &root, &name, open.opened.replaces).map_err(|error| open.fault(error))?;
    let data = cap_std::fs::File::from_std(data);
    let etag = Some(etag_of(&data.metadata().map_err(fault)?));
    // A crash here leaves a folder without data, which is no upload; the sweep removes it.
    let _ = remove(&root, &upload.id);
    Ok(Written { etag, etag_is_opaque: false, version: None, checksum })
}

/// Checks that the named parts are the parts of the upload, and that they make up the object without a gap;
/// the checksum of the whole comes from theirs.
fn check_parts(open: &Open<'_>, parts: &[Part]) -> Result<Option<Checksum>> {
    let listed_parts = open.parts().map_err(|error| open.fault(error))?;
    let (mut end, mut whole) = (0, None);
    for (index, part) in parts.iter().enumerate() {
        let number = part.number;
        let found =
            listed_parts.binary_search_by_key(&number, |(number, _)| *number).ok().map(|at| &listed_parts[at].1);
        let in_order = index == 0 || parts[index - 1].number < number;
        let Some(record) = found.filter(|record| in_order && record.size == part.size && record.etag == part.etag)
        else {
            return Err(open.error(ErrorKind::Invalid, format!("part {number} differs from the uploaded part")));
        };
        if record.offset != end {
            let message =
                format!("part {number} begins at byte {}, but the part before it ends at {end}", record.offset);
            return Err(open.error(ErrorKind::Invalid, message));
        }
        end += record.size;
        let checksum = checksum_of(record);
        whole = if index == 0 { checksum } else { whole.zip(checksum).and_then(|(a, b)| combine(&a, &b, record.size)) };
    }
    if end != open.opened.size {
        let message = format!("the parts have {end} of {} bytes", open.opened.size);
        return Err(open.error(ErrorKind::Invalid, message));
    }
    Ok(whole)
}

fn checksum_of(record: &PartRecord) -> Option<Checksum> {
    let value = u64::from_str_radix(record.etag.as_str(), 16).ok()?.to_be_bytes().to_vec();
    (to_hex(&value) == record.etag.as_str()).then_some(Checksum { algorithm: Algorithm::Crc64Nvme, value })
}

/// Gives an upload up. A writer at work keeps writing into a file that nobody can see.
pub(super) fn abort(folder: &Folder, upload: &Upload) -> Result<()> {
    const ABORT: &str = "abort";
    let Ok(id) = Uuid::try_parse(&upload.id) else { return Ok(()) };
    remove(&folder.open(ABORT)?, &id.simple().to_string()).map_err(|error| folder.fault(ABORT, &upload.key, error))
}

pub(super) fn remove(root: &Dir, id: &str) -> io::Result<()> {
    let removed = descend(root, &[PARTIALS.to_owned()], false).and_then(|partials| {
        if let Ok(dir) = descend(&partials, &[id.to_owned()], false) {
            // First, for with it the upload is gone; the rest may take a moment.
            let _ = dir.remove_file(DATA);
        }
        // A writer may add its record between the reading and the removing of the folder.
        for _ in 0..3 {
            match partials.remove_dir_all(id) {
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
                removed => return removed,
            }
        }
        partials.remove_dir_all(id)
    });
    // Empty, it goes too. An upload that is created at this moment makes it again.
    let _ = root.remove_dir(PARTIALS);
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// The open uploads of a key.
pub(super) fn list(folder: &Folder, key: &str) -> Result<Vec<(Upload, Option<Timestamp>)>> {
    const LIST: &str = "list-uploads";
    let root = folder.open(LIST)?;
    let mut uploads = Vec::new();
    for id in unfinished(&root).map_err(|error| folder.fault(LIST, PARTIALS, error))? {
        let Ok(dir) = descend(&root, &[PARTIALS.to_owned(), id.clone()], false) else { continue };
        let Ok(Some(opened)) = read_json::<Opened>(&dir, RECORD) else { continue };
        if dir.exists(DATA) && opened.key == key && uploads.len() < MAX_UPLOADS {
            uploads.push((Upload { key: opened.key, id }, Some(opened.opened)));
        }
    }
    Ok(uploads)
}
