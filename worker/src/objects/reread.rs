//! Reading written objects again, where nothing else shows that their bytes are right; and removing wrong ones.

mod ranges;

use shared::digest::{Algorithm, Checksum, Hasher, MultipartHasher};
use shared::limits::{Lane, RANGE_BYTES, RangeBuffer};
use shared::object::ETag;
use shared::retry::{self, TRANSFER};
use shared::store::{Body, Right, Written};
use shared::{Error, ErrorKind, Result};

use crate::objects::context::{Context, TransferPermit};
use crate::objects::integrity;
use crate::objects::pipe::{hasher, read_through};
use crate::objects::reread::ranges::WrittenObject;
use crate::objects::suspects;

/// Hashes the bytes of a body of the source.
pub(crate) async fn hash(context: &Context, subject: &str, body: Body, algorithm: Algorithm) -> Result<Checksum> {
    let mut hasher = hasher(subject, algorithm)?;
    read_through(body, context.objects.limits.bandwidth(), |chunk| hasher.update(chunk)).await?;
    Ok(hasher.finish())
}

/// What the bytes of a written object must make.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expected<'a> {
    /// This checksum.
    Checksum(&'a Checksum),
    /// This tag, when they are cut into parts of so many bytes.
    Etag(u64, &'a ETag),
}

/// The hash of the bytes that were read so far.
enum Digest {
    Whole(Hasher),
    Parts(MultipartHasher),
}

impl Digest {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Digest::Whole(hasher) => hasher.update(bytes),
            Digest::Parts(hasher) => hasher.update(bytes),
        }
    }
}

impl Expected<'_> {
    fn digest(&self, subject: &str) -> Result<Digest> {
        match self {
            Expected::Checksum(known) => Ok(Digest::Whole(hasher(subject, known.algorithm)?)),
            Expected::Etag(part_bytes, _) => Ok(Digest::Parts(MultipartHasher::new(*part_bytes))),
        }
    }

    fn judge(&self, subject: &str, digest: Digest) -> Result<()> {
        match (self, digest) {
            (Expected::Checksum(known), Digest::Whole(hasher)) => {
                integrity::same(subject, known, &hasher.finish(), "what the destination holds")
            }
            (Expected::Etag(_, known), Digest::Parts(hasher)) => {
                integrity::same_etag(subject, &ETag::new(&hasher.finish()), known)
            }
            _ => unreachable!("the digest is the one of what is expected"),
        }
    }
}

/// The right to read an object of this size again: the permit of a transfer, and for a large object the buffer with which
/// it is read in ranges. A scan waits for the buffer, an event takes one that is free.
pub(crate) async fn right(context: &Context, size: u64) -> (TransferPermit, Option<RangeBuffer>) {
    if context.lane.lane == Lane::Scan && ranges::are_of_use(context, size) {
        let (permit, buffer) = context.buffered_transfer_permit(RANGE_BYTES).await;
        return (permit, Some(buffer));
    }
    (context.transfer_permit().await, free_buffer(context, size))
}

/// The buffer with which a large object is read again in ranges, if one is free; `None` for any other object.
pub(crate) fn free_buffer(context: &Context, size: u64) -> Option<RangeBuffer> {
    ranges::are_of_use(context, size).then(|| context.engine.range_buffers.take()).flatten()
}

/// Reads the written object: `BadDigest` unless its bytes make what is expected. With a buffer it is read in ranges, else
/// in one stream. The caller has the permit of one transfer.
pub(crate) async fn expect(
    context: &Context,
    key: &str,
    written: &Written,
    size: u64,
    expected: Expected<'_>,
    buffer: Option<RangeBuffer>,
) -> Result<()> {
    let subject = context.objects.destination.location().display_key(key);
    let object = WrittenObject { context, key, written, size, subject: &subject };
    let in_one_stream = || async {
        let mut digest = expected.digest(&subject)?;
        object.read(|bytes| digest.update(bytes)).await?;
        expected.judge(&subject, digest)
    };
    let in_ranges = || async {
        let mut digest = expected.digest(&subject)?;
        let read = object.read_ranges(|bytes| digest.update(bytes)).await;
        // Each range was tried again by itself: all ranges are read once more only if their bytes are wrong.
        match read {
            Ok(()) => expected.judge(&subject, digest).map(Ok),
            Err(error) => Ok(Err(error)),
        }
    };
    let judged = match buffer.is_some() {
        true => retry::run(&TRANSFER, &subject, in_ranges).await.flatten(),
        false => retry::run(&TRANSFER, &subject, in_one_stream).await,
    };
    let judged = match judged {
        Err(error) if error.kind() == ErrorKind::RangeIgnored => {
            tracing::debug!(%error, "the destination ignores ranges: reading the object in one stream");
            retry::run(&TRANSFER, &subject, in_one_stream).await
        }
        judged => judged,
    };
    judged.map_err(|error| overtaken(&subject, error))
}

/// What another has overwritten since cannot be judged any more: it is copied again.
fn overtaken(subject: &str, error: Error) -> Error {
    if !matches!(error.kind(), ErrorKind::PreconditionFailed | ErrorKind::NotFound) {
        return error;
    }
    let message = format!("another program changed it before it could be verified: {}", error.message());
    Error::new(ErrorKind::Corrupt, "verify", subject, message)
}

/// Removes an object that was written and is wrong, and returns the error. A missing object is found by the next run;
/// one of the right size and a later time perhaps never. So if it cannot be removed, or if what was written could not
/// be verified, the error says that wrong bytes may be there.
pub(crate) async fn withdraw(context: &Context, key: &str, error: Error) -> Error {
    if error.kind() != ErrorKind::BadDigest {
        return remaining(context, key, error.and("the object was written but could not be verified")).await;
    }
    // Done and its answer lost, or done twice: a key that is not there counts as deleted.
    match context.objects.destination.delete(key).await {
        Ok(()) => {
            context.objects.wrong_bytes.take(key);
            if context.objects.wrong_bytes.is_first(key) {
                tracing::warn!("removed a copy with wrong bytes: {error}");
            }
            error
        }
        Err(why) => {
            let right = context.objects.destination.capabilities().rights.name(Right::Delete);
            let remedy = if why.kind() == ErrorKind::Denied { format!(": allow {right}") } else { String::new() };
            let fact =
                format!("the wrong copy is still at the destination, because it could not be removed ({why}){remedy}");
            remaining(context, key, error.and(&fact)).await
        }
    }
}

/// Marks a key under which wrong bytes may remain: unmarked, the next run would take their size and time for those of a
/// good copy. If the mark cannot be recorded, the error is the ledger's, and the job comes again.
async fn remaining(context: &Context, key: &str, error: Error) -> Error {
    context.objects.wrong_bytes.remain(key);
    match suspects::mark(context, key).await {
        Ok(()) => error.leaving_wrong_bytes(),
        Err(unmarked) => unmarked,
    }
}
