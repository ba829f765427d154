//! An object in parts: here, or, if it is giant, by the whole fleet.

use shared::job::{Job, JobObject};
use shared::ledger::UploadRecord;
use shared::object::Access;
use shared::{Error, ErrorKind, Result};

use crate::complete::complete;
use crate::context::Context;
use crate::ending::{Copied, Try};
use crate::part_limit::COMMON_PARTS;
use crate::upload::{discard, is_void, open_or_resume, upload_parts};
use crate::{giant, whole};

/// An upload may turn out to be gone (expired, or aborted from outside), or to lack a part that another
/// delivery of the job is sending again, or to have more parts than the destination takes: it is gone about anew
/// so often.
const MAX_ROUNDS: u32 = 3;

/// Copies the pinned version in parts, here or, if it is giant, by the whole fleet.
pub(crate) async fn copy(context: &Context, job: &Job, wanted: &JobObject) -> Result<Try> {
    let mut last = None;
    for _ in 0..MAX_ROUNDS {
        // Each time: an upload that is gone may have been taken away for a newer version.
        let info = context.source.head(&wanted.key, &wanted.pin()).await?;
        if info.access != Access::Readable {
            return Ok(Try::Archived(info));
        }
        let Some(record) = open_or_resume(context, job, wanted, &info).await? else { return Ok(Try::Superseded) };
        let error = match copy_parts(context, job, &record).await {
            Ok(copied) => return Ok(copied),
            Err(error) => error,
        };
        match error.kind() {
            _ if error.is_of_carrier() => return Err(error),
            ErrorKind::NoSuchUpload => discard(context, &record).await?,
            // Sent again: those that are listed stay.
            ErrorKind::Conflict => {}
            ErrorKind::TooManyParts => {
                context.part_limit.learn(record.part_count());
                discard(context, &record).await?;
            }
            ErrorKind::RangeIgnored => {
                discard(context, &record).await?;
                return in_one_request(context, job, wanted, error).await;
            }
            _ if is_void(&error) => {
                discard(context, &record).await?;
                return Err(error);
            }
            _ => return Err(error),
        }
        last = Some(error);
    }
    if let Some(error) = last.filter(|error| error.kind() == ErrorKind::TooManyParts) {
        return Err(error.and("give a larger --part-size"));
    }
    let subject = context.destination.location().display_key(&wanted.key);
    Err(Error::new(
        ErrorKind::NoSuchUpload,
        "part",
        subject,
        "NoSuchUpload: the destination loses the upload again and again; look for a lifecycle rule that aborts uploads",
    ))
}

async fn copy_parts(context: &Context, job: &Job, record: &UploadRecord) -> Result<Try> {
    let count = record.part_count();
    let encoding = record.attributes.content_encoding.as_deref();
    let may_have_no_ranges = encoding.is_some_and(|encoding| encoding.contains("gzip"));
    if count > COMMON_PARTS || may_have_no_ranges {
        // A destination that does not take so many parts refuses the last one, before the others are sent in vain. A
        // source without ranges of packed objects shows it before the parts are handed to others.
        upload_parts(context, record, count, count).await.or_else(completed_elsewhere)?;
    }
    if record.size >= context.options.giant_threshold && count > 1 {
        giant::share(context, job, record).await?;
        return Ok(Try::HandedOver);
    }
    upload_and_complete(context, record).await.map(Try::Copied)
}

/// An earlier delivery may have completed the upload and died before it was recorded: what follows finds that out.
fn completed_elsewhere(error: Error) -> Result<()> {
    if error.kind() == ErrorKind::NoSuchUpload { Ok(()) } else { Err(error) }
}

/// Copies an object whose source ignores ranges, as some stores do of objects with `Content-Encoding: gzip`.
async fn in_one_request(context: &Context, job: &Job, wanted: &JobObject, why: Error) -> Result<Try> {
    let most = context.destination.capabilities().max_put_bytes;
    if wanted.size > most {
        let fact = format!("it cannot be read in parts, and the destination takes {most} bytes in one request");
        return Err(why.and(&fact));
    }
    tracing::debug!(key = ?wanted.key, error = %why, "the source ignores ranges: the object goes in one request");
    whole::copy(context, wanted, job.attempt).await.map(Try::Copied)
}

async fn upload_and_complete(context: &Context, record: &UploadRecord) -> Result<Copied> {
    match upload_parts(context, record, 1, record.part_count()).await {
        Ok(()) => complete(context, record).await,
        // An earlier delivery may have completed it and died before it was recorded.
        Err(error) if error.kind() == ErrorKind::NoSuchUpload => complete(context, record).await,
        Err(error) => Err(error),
    }
}
