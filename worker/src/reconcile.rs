//! One object: copy what the source holds, and look again where others may have been at it.
//!
//! Jobs are hints; the stores are the truth. A job that was redelivered may run beside, or after,
//! another delivery of it: it first looks whether the destination has the object already, and after
//! writing it looks at the source once more, so that whoever writes last has looked last.

use shared::job::{Job, JobObject};
use shared::ledger::{Outcome, State};
use shared::object::{ObjectInfo, Pin, Timestamp};
use shared::{Error, ErrorKind, Result};

use crate::context::{Context, explained};
use crate::execute::{Ending, failed};
use crate::{multipart, whole};

/// A source that changes under every one of so many copies is left to a later attempt.
const MAX_LOOKS: u32 = 5;

/// What a copy wrote.
pub(crate) struct Copied {
    /// The object as it was read.
    pub object: JobObject,
    /// The destination's description of it, as far as it goes into the outcome.
    pub etag: Option<shared::object::ETag>,
    /// Of the bytes.
    pub checksum: Option<shared::digest::Checksum>,
    /// What was compared.
    pub verified: String,
}

/// How one try at one version ended.
pub(crate) enum Try {
    Copied(Copied),
    HandedOver,
}

/// Copies one object of a job.
pub(crate) async fn copy(context: &Context, job: &Job, object: &JobObject, redelivered: bool) -> Ending {
    let started = Timestamp::now();
    match reconcile(context, job, object, redelivered || job.attempt > 1).await {
        Ok(Some(Try::Copied(copied))) => Ending::Settled(outcome(context, job, copied, started)),
        Ok(Some(Try::HandedOver)) => Ending::HandedOver,
        Ok(None) => {
            let outcome = context.outcome(job, object, started, State::Skipped);
            Ending::Settled(explained(outcome, Some("gone from the source"), None))
        }
        Err(error) => failed(context, job, object, started, error),
    }
}

/// The outcome of a copy.
pub(crate) fn outcome(context: &Context, job: &Job, copied: Copied, started: Timestamp) -> Outcome {
    let outcome = context.outcome(job, &copied.object, started, State::Copied);
    Outcome { etag: copied.etag, checksum: copied.checksum, verified: Some(copied.verified), ..outcome }
}

/// `None`: the source has no such object any more.
async fn reconcile(context: &Context, job: &Job, object: &JobObject, look_again: bool) -> Result<Option<Try>> {
    let mut wanted = object.clone();
    for _ in 0..MAX_LOOKS {
        if look_again && let Some(found) = already_there(context, &wanted).await? {
            return Ok(Some(Try::Copied(found)));
        }
        match copy_version(context, job, &wanted).await {
            Ok(Try::Copied(copied)) if look_again => match look(context, &copied.object).await? {
                Look::Same => return Ok(Some(Try::Copied(copied))),
                Look::Gone => return Ok(Some(Try::Copied(copied))),
                Look::Changed(now) => wanted = now,
            },
            Ok(done) => return Ok(Some(done)),
            Err(error) if is_stale(&error) => match look(context, &wanted).await? {
                Look::Gone => return Ok(None),
                // The listing may tell tags that reads do not honour; the error is the truth then.
                Look::Same => return Err(error),
                Look::Changed(now) => wanted = now,
            },
            Err(error) => return Err(error),
        }
    }
    let subject = context.source.location().display_key(&object.key);
    let message = format!("the source changed during each of {MAX_LOOKS} copies");
    Err(Error::new(ErrorKind::Conflict, "copy", subject, message))
}

/// Whether the error says that the version named in the job is no longer there.
fn is_stale(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::PreconditionFailed | ErrorKind::NotFound)
}

enum Look {
    Same,
    Changed(JobObject),
    Gone,
}

/// Looks at the source again.
async fn look(context: &Context, seen: &JobObject) -> Result<Look> {
    let info = match context.source.head(&seen.key, &Pin::default()).await {
        Ok(info) => info,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Look::Gone),
        Err(error) => return Err(error),
    };
    let now = at_version(seen, &info);
    Ok(if is_same_version(seen, &now) { Look::Same } else { Look::Changed(now) })
}

fn is_same_version(seen: &JobObject, now: &JobObject) -> bool {
    match (&seen.version, &now.version, &seen.etag, &now.etag) {
        (Some(a), Some(b), _, _) => a == b,
        (_, _, Some(a), Some(b)) => a == b && seen.size == now.size,
        _ => seen.size == now.size && seen.modified == now.modified,
    }
}

/// The object at the version that `info` describes.
pub(crate) fn at_version(object: &JobObject, info: &ObjectInfo) -> JobObject {
    // Headers tell whole seconds (RFC 9110 §5.6.7), listings may tell more: keep what tells more,
    // or a destination that keeps times would look older than its source for ever.
    let same_second = object.modified.as_secs() == info.modified.as_secs() && info.modified.is_whole_second();
    JobObject {
        size: info.size,
        modified: if same_second { object.modified } else { info.modified },
        etag: info.etag.clone(),
        version: info.version.clone(),
        ..object.clone()
    }
}

/// Whether the destination holds this version already, put there by an earlier delivery whose
/// outcome was not recorded. Decided by the destination's state; the ledger only tells which source
/// version that state was made from.
async fn already_there(context: &Context, wanted: &JobObject) -> Result<Option<Copied>> {
    let info = match context.destination.head(&wanted.key, &Pin::default()).await {
        Ok(info) => info,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if info.size != wanted.size {
        return Ok(None);
    }
    let ours = context.source.capabilities().etags;
    let theirs = context.destination.capabilities();
    let by_etag = match (&wanted.etag, &info.etag) {
        (Some(a), Some(b)) if !info.etag_is_opaque => ours.compare(a, theirs.etags, b),
        _ => None,
    };
    let by_time = theirs.keeps_modified && info.modified == wanted.modified;
    let verified = match by_etag {
        Some(true) => "etag, found in place",
        Some(false) => return Ok(None),
        None if by_time => "size and time, found in place",
        None if recorded(context, wanted, &info).await? => "record, found in place",
        None => return Ok(None),
    };
    Ok(Some(Copied { object: wanted.clone(), etag: info.etag, checksum: None, verified: verified.into() }))
}

/// Whether the ledger tells that what is at the destination was copied from the wanted version.
async fn recorded(context: &Context, wanted: &JobObject, info: &ObjectInfo) -> Result<bool> {
    let outcome = context.ledger.outcome(&context.task, &wanted.key).await?;
    Ok(outcome.is_some_and(|o| {
        o.state == State::Copied && o.source == wanted.pin() && wanted.etag.is_some() && o.etag == info.etag
    }))
}

async fn copy_version(context: &Context, job: &Job, wanted: &JobObject) -> Result<Try> {
    match whole::fits(context, wanted) {
        true => Ok(Try::Copied(whole::copy(context, wanted).await?)),
        false => multipart::copy(context, job, wanted).await,
    }
}
