//! One object: copy what the source holds, and look again where others may have been at it.
//!
//! Jobs are hints; the stores are the truth. A job that was redelivered may run beside, or after,
//! another delivery of it: it first looks whether the destination has the object already, and after
//! writing it looks at the source once more, so that whoever writes last has looked last.

use shared::job::{Job, JobObject};
use shared::ledger::{Outcome, State};
use shared::object::{ObjectInfo, Pin, Timestamp};
use shared::store::KeyRange;
use shared::{Error, ErrorKind, Result};

use crate::context::Context;
use crate::ending::{self, Copied, Ending, Try, Uploads, explained, failed};
use crate::{archive, integrity, multipart, version, whole};

/// A source that changes under every one of so many copies is left to a later attempt.
const MAX_LOOKS: u32 = 5;

/// Copies one object of a job.
pub(crate) async fn copy(context: &Context, job: &Job, object: &JobObject, redelivered: bool) -> Ending {
    let started = Timestamp::now();
    // A job that waited for a restore may have been sent twice.
    let look_again = redelivered || job.attempt > 1 || job.restoring.is_some();
    let mut uploads = if look_again { Uploads::Unknown } else { Uploads::None };
    let skipped = |reason, uploads| {
        let outcome = context.outcome(job, object, started, State::Skipped);
        Ending::Settled(explained(outcome, Some(reason), None), uploads)
    };
    match reconcile(context, job, object, look_again, &mut uploads).await {
        Ok(Some(Try::Copied(mut copied))) => {
            let uploads = copied.upload.take().map_or(uploads, Uploads::Completed);
            Ending::Settled(ending::copied(context, job, copied, started), uploads)
        }
        Ok(Some(Try::HandedOver)) => Ending::HandedOver,
        Ok(Some(Try::Superseded)) => skipped("taken over by a newer run", uploads),
        Ok(Some(Try::Archived(info))) => {
            let now = version::at_version(object, &info);
            archive::end(context, job, &now, started, uploads, Some(info)).await
        }
        Ok(None) => skipped("gone from the source", uploads),
        Err(error) if error.kind() == ErrorKind::Archived => {
            archive::end(context, job, object, started, uploads, None).await
        }
        Err(error) => failed(context, job, object, started, uploads, error),
    }
}

/// `None`: the source has no such object any more. Says whether there may be `uploads` of it.
async fn reconcile(
    context: &Context,
    job: &Job,
    object: &JobObject,
    look_again: bool,
    uploads: &mut Uploads,
) -> Result<Option<Try>> {
    let mut wanted = object.clone();
    for _ in 0..MAX_LOOKS {
        if look_again
            && !wanted.refresh
            && let Some(found) = already_there(context, &wanted).await?
        {
            return Ok(Some(Try::Copied(found)));
        }
        match copy_version(context, job, &wanted, uploads).await {
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
        Err(error) if error.kind() == ErrorKind::NotFound => {
            context.source_is_there().await?;
            if is_listed(context, &seen.key).await? {
                let subject = context.source.location().display_key(&seen.key);
                let message = "the source lists it, but answers that it is not there";
                return Err(Error::new(ErrorKind::Corrupt, "get", subject, message));
            }
            return Ok(Look::Gone);
        }
        Err(error) => return Err(error),
    };
    let now = version::at_version(seen, &info);
    Ok(if version::is_same(seen, &now) { Look::Same } else { Look::Changed(now) })
}

/// Whether the source still lists a key that it says it does not have: then it is not gone, and a copy that was
/// skipped for that would be one that is missing.
async fn is_listed(context: &Context, key: &str) -> Result<bool> {
    let range = KeyRange { prefix: key.to_owned(), ..KeyRange::default() };
    let page = context.source.list(range).next_page().await?;
    Ok(page.is_some_and(|entries| entries.iter().any(|entry| entry.key == key)))
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
    let (verified, checksum) = match by_etag {
        Some(true) => ("etag, found in place", integrity::known(&info, theirs)),
        Some(false) => return Ok(None),
        None => match recorded(context, wanted, &info).await? {
            Some(outcome) => ("record, found in place", outcome.checksum),
            None => return Ok(None),
        },
    };
    let (object, verified) = (wanted.clone(), verified.into());
    Ok(Some(Copied { object, etag: info.etag, checksum, verified, upload: None }))
}

/// The outcome by which what is at the destination was copied from the wanted version.
async fn recorded(context: &Context, wanted: &JobObject, info: &ObjectInfo) -> Result<Option<Outcome>> {
    let outcome = context.ledger.outcome(&context.task, &wanted.key).await?;
    Ok(outcome.filter(|o| {
        o.state == State::Copied && o.source == wanted.pin() && wanted.etag.is_some() && o.etag == info.etag
    }))
}

async fn copy_version(context: &Context, job: &Job, wanted: &JobObject, uploads: &mut Uploads) -> Result<Try> {
    if let Some(info) = archive::by_class(context, wanted).await? {
        return Ok(Try::Archived(info));
    }
    if whole::fits(context, wanted) {
        return Ok(Try::Copied(whole::copy(context, wanted, job.attempt).await?));
    }
    *uploads = Uploads::Unknown;
    multipart::copy(context, job, wanted).await
}
