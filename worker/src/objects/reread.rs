//! Reading written objects again, where nothing else shows that their bytes are right; and removing wrong ones.

use std::sync::atomic::Ordering;

use shared::digest::{Algorithm, Checksum, MultipartHasher};
use shared::object::{ETag, Pin};
use shared::retry::{self, TRANSFER};
use shared::store::{Body, Read, Right, Written};
use shared::{Error, ErrorKind, Result};

use crate::objects::context::Context;
use crate::objects::integrity;
use crate::objects::pipe::{hasher, read_through};
use crate::objects::suspects;

/// Hashes the bytes of a body of the source.
pub(crate) async fn hash(context: &Context, subject: &str, body: Body, algorithm: Algorithm) -> Result<Checksum> {
    let mut hasher = hasher(subject, algorithm)?;
    read_through(body, &context.objects.limits, |chunk| hasher.update(chunk)).await?;
    Ok(hasher.finish())
}

/// Reads the written object: `BadDigest` unless it has this checksum.
pub(crate) async fn expect_checksum(context: &Context, key: &str, written: &Written, known: &Checksum) -> Result<()> {
    let subject = context.objects.destination.location().display_key(key);
    let once = || async {
        let body = open(context, key, written).await?;
        let found = hash(context, &subject, body, known.algorithm).await?;
        integrity::same(&subject, known, &found, "what the destination holds")
    };
    retry::run(&TRANSFER, &subject, once).await.map_err(|error| overtaken(&subject, error))
}

/// Reads the written object: `BadDigest` unless it makes this tag when it is cut into parts of `part_bytes`.
pub(crate) async fn expect_etag(
    context: &Context,
    key: &str,
    written: &Written,
    part_bytes: u64,
    known: &ETag,
) -> Result<()> {
    let subject = context.objects.destination.location().display_key(key);
    let once = || async {
        let body = open(context, key, written).await?;
        let mut hasher = MultipartHasher::new(part_bytes);
        read_through(body, &context.objects.limits, |chunk| hasher.update(chunk)).await?;
        integrity::same_etag(&subject, &ETag::new(&hasher.finish()), known)
    };
    retry::run(&TRANSFER, &subject, once).await.map_err(|error| overtaken(&subject, error))
}

/// Opens a read of the written object. Reading a named version needs a right of its own (`s3:GetObjectVersion`):
/// without it the current version is read, if it still has the tag and the version that were answered.
async fn open(context: &Context, key: &str, written: &Written) -> Result<Body> {
    let pin = Pin { etag: written.etag.clone(), version: written.version.clone() };
    if pin.version.is_some() && !context.objects.denies_versions.load(Ordering::Relaxed) {
        match context.objects.destination.get(key, &Read { range: None, pin: pin.clone() }).await {
            Err(error) if error.kind() == ErrorKind::Denied => {}
            object => return Ok(object?.body),
        }
        context.objects.denies_versions.store(true, Ordering::Relaxed);
    }
    let object =
        context.objects.destination.get(key, &Read { range: None, pin: Pin { version: None, ..pin.clone() } }).await;
    let object = object.map_err(|error| match error.kind() {
        ErrorKind::Denied if pin.version.is_some() => {
            let names = context.objects.destination.capabilities().rights;
            error.and(&format!("allow {} or {}", names.name(Right::Get), names.name(Right::GetVersion)))
        }
        _ => error,
    })?;
    if object.info.version.is_some() && pin.version.is_some() && object.info.version != pin.version {
        let subject = context.objects.destination.location().display_key(key);
        return Err(Error::new(ErrorKind::PreconditionFailed, "get", subject, "the key holds another version now"));
    }
    Ok(object.body)
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
