//! Reading again, where nothing else tells that the bytes are right; and taking back what is wrong.

use shared::digest::{Algorithm, Checksum, MultipartHasher};
use shared::object::{ETag, Pin};
use shared::retry::{self, TRANSFER};
use shared::store::{Body, Read, Written};
use shared::{Error, ErrorKind, Result};

use crate::context::Context;
use crate::integrity;
use crate::pipe::{hasher, read_through};

/// Hashes the bytes of a body of the source.
pub(crate) async fn hash(context: &Context, subject: &str, body: Body, algorithm: Algorithm) -> Result<Checksum> {
    let mut hasher = hasher(subject, algorithm)?;
    read_through(body, context.bandwidth.as_deref(), |chunk| hasher.update(chunk)).await?;
    Ok(hasher.finish())
}

/// Reads what was written: `BadDigest` unless it has this checksum.
pub(crate) async fn expect_checksum(context: &Context, key: &str, written: &Written, known: &Checksum) -> Result<()> {
    let subject = context.destination.location().display_key(key);
    let once = || async {
        let body = context.destination.get(key, &read(written)).await?.body;
        let found = hash(context, &subject, body, known.algorithm).await?;
        integrity::same(&subject, known, &found, "what the destination holds")
    };
    retry::run(&TRANSFER, &subject, once).await.map_err(|error| overtaken(&subject, error))
}

/// Reads what was written: `BadDigest` unless it makes this tag when it is cut into parts of `part_bytes`.
pub(crate) async fn expect_etag(
    context: &Context,
    key: &str,
    written: &Written,
    part_bytes: u64,
    known: &ETag,
) -> Result<()> {
    let subject = context.destination.location().display_key(key);
    let once = || async {
        let body = context.destination.get(key, &read(written)).await?.body;
        let mut hasher = MultipartHasher::new(part_bytes);
        read_through(body, context.bandwidth.as_deref(), |chunk| hasher.update(chunk)).await?;
        integrity::same_etag(&subject, &ETag::new(&hasher.finish()), known)
    };
    retry::run(&TRANSFER, &subject, once).await.map_err(|error| overtaken(&subject, error))
}

fn read(written: &Written) -> Read {
    Read { range: None, pin: Pin { etag: written.etag.clone(), version: written.version.clone() } }
}

/// What another has overwritten since cannot be judged any more: it is copied again.
fn overtaken(subject: &str, error: Error) -> Error {
    if !matches!(error.kind(), ErrorKind::PreconditionFailed | ErrorKind::NotFound) {
        return error;
    }
    let message = format!("it was changed by another before it could be checked: {}", error.message());
    Error::new(ErrorKind::Corrupt, "verify", subject, message)
}

/// Removes an object that was written and is wrong: if no other try succeeds, a missing object is found
/// by the next run, and a wrong one of the right size and a later time perhaps never. Other errors than
/// `BadDigest` say nothing of the bytes. Returns the error.
pub(crate) async fn withdraw(context: &Context, key: &str, error: Error) -> Error {
    if error.kind() != ErrorKind::BadDigest {
        return error;
    }
    tracing::warn!(?key, %error, "what was written is wrong: removing it");
    if let Err(why) = context.destination.delete(key).await {
        tracing::error!(?key, error = %why, "the wrong object could not be removed");
    }
    error
}
