//! Reading a file's bytes, never a mix of two versions.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;

use bytes::Bytes;
use cap_std::fs::{File, Metadata};
use futures::{StreamExt as _, stream};

use super::fault::{CALL, blocking};
use super::folder::{Folder, Found, is_unchanged};
use shared::digest::{Algorithm, Checksum, Hasher};
use shared::object::Pin;
use shared::store::{Body, Object, Read, WHOLE_BYTES};
use shared::{Error, ErrorKind, Result};

/// Bytes read by one blocking call, and the size of a body's chunks.
const CHUNK_BYTES: u64 = WHOLE_BYTES;

const GET: &str = "get";

/// An open file, and how many of its bytes are still to be read.
struct Reading {
    folder: Folder,
    key: String,
    file: File,
    opened: Metadata,
    left: u64,
}

impl Reading {
    /// Opens a file at the beginning of a range.
    fn open(folder: &Folder, key: &str, mut file: File, opened: Metadata, range: &Range<u64>) -> Result<Self> {
        if range.end > opened.len() || range.start > range.end {
            let message =
                format!("the range is bytes {} to {}, but the file has {} bytes", range.start, range.end, opened.len());
            return Err(folder.error(ErrorKind::Invalid, GET, key, message));
        }
        if range.start > 0 {
            file.seek(SeekFrom::Start(range.start)).map_err(|error| folder.fault(GET, key, error))?;
        }
        Ok(Reading { folder: folder.clone(), key: key.to_owned(), file, opened, left: range.end - range.start })
    }

    /// The next bytes. After the last of them, the file is looked at again: if it changed while it
    /// was read, the body must not end well.
    fn next(&mut self) -> Result<Bytes> {
        let want = self.left.min(CHUNK_BYTES);
        let mut chunk = Vec::with_capacity(want as usize);
        let fault = |error| self.folder.fault(GET, &self.key, error);
        (&self.file).take(want).read_to_end(&mut chunk).map_err(fault)?;
        self.left -= chunk.len() as u64;
        let cut_short = (chunk.len() as u64) < want;
        if cut_short || self.left == 0 && !is_unchanged(&self.opened, &self.file.metadata().map_err(fault)?) {
            return Err(self.changed());
        }
        Ok(chunk.into())
    }

    fn changed(&self) -> Error {
        self.folder.error(ErrorKind::PreconditionFailed, GET, &self.key, "the file changed while it was read")
    }
}

/// Opens a read. What fits into one chunk is read in the same blocking call.
pub(super) async fn get(folder: &Folder, key: &str, read: &Read) -> Result<Object> {
    let (folder, key, read) = (folder.clone(), key.to_owned(), read.clone());
    let subject = folder.location.display_key(&key);
    let opened = blocking(CALL, GET, &subject, move || {
        let found = folder.find(GET, &key, &read.pin)?;
        let info = found.info();
        let Found::File(file, metadata) = found else { return Ok((info, Bytes::new(), None)) };
        let mut reading = Reading::open(&folder, &key, file, metadata, &read.range.unwrap_or(0..info.size))?;
        let whole = if reading.left <= CHUNK_BYTES { reading.next()? } else { Bytes::new() };
        Ok((info, whole, Some(reading)))
    });
    let (info, whole, reading) = opened.await?;
    let body = match reading.filter(|reading| reading.left > 0) {
        Some(reading) => Body::stream(stream::unfold(Some(reading), next_chunk)),
        None => whole.into(),
    };
    Ok(Object { info, body })
}

async fn next_chunk(reading: Option<Reading>) -> Option<(Result<Bytes>, Option<Reading>)> {
    let mut reading = reading?;
    let subject = reading.folder.location.display_key(&reading.key);
    let read = blocking(CALL, GET, &subject, move || {
        let chunk = reading.next()?;
        Ok((chunk, reading))
    });
    Some(match read.await {
        Ok((chunk, reading)) => (Ok(chunk), (reading.left > 0).then_some(reading)),
        Err(error) => (Err(error), None),
    })
}

/// Hashes a file where it is.
pub(super) async fn checksum(folder: &Folder, key: &str, pin: &Pin, algorithm: Algorithm) -> Result<Option<Checksum>> {
    let Some(mut hasher) = Hasher::new(algorithm) else { return Ok(None) };
    let mut body = get(folder, key, &Read { range: None, pin: pin.clone() }).await?.body;
    while let Some(chunk) = body.next().await {
        hasher.update(&chunk?);
    }
    Ok(Some(hasher.finish()))
}
