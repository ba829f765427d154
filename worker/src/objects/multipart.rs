//! An object in parts: here, or, if it is giant, by the whole fleet.

pub(crate) mod complete;
pub(crate) mod giant;
pub(crate) mod in_order;
pub(crate) mod orphaned_uploads;
pub(crate) mod part;
pub(crate) mod part_limit;
pub(crate) mod parts;
pub(crate) mod pending_creates;
pub(crate) mod precedence;
pub(crate) mod session;
pub(crate) mod slow_parts;
pub(crate) mod unrecorded_parts;
pub(crate) mod upload;

use shared::object::Access;
use shared::objects::job::JobObject;
use shared::objects::{PartSet, UploadRecord};
use shared::{Error, ErrorKind, Result};

use crate::engine::progress::ObjectProgress;
use crate::objects::context::Context;
use crate::objects::item::Item;
use crate::objects::metadata;
use crate::objects::multipart::complete::{Completion, complete};
use crate::objects::multipart::part_limit::COMMON_PARTS;
use crate::objects::multipart::session::{Opened, open_or_resume};
use crate::objects::multipart::upload::{discard, is_void};
use crate::objects::verdict::{Skip, Verdict};
use crate::objects::whole;

/// Most rounds of one try. A round ends without the object if another job records an upload first, if the upload is
/// gone (expired, or aborted from outside), if the destination lists parts otherwise than they were sent, or if it takes
/// fewer parts.
const MAX_ROUNDS: u32 = 3;

/// How a round ended without an error.
enum Round {
    Ended(Verdict),
    /// These parts are to be sent again.
    Unlisted(Vec<u32>),
}

/// Copies the pinned version in parts, here or, if it is giant, by the whole fleet.
pub(crate) async fn copy(item: &Item, wanted: &JobObject) -> Result<Verdict> {
    let context = &*item.context;
    let (mut last, mut again) = (None, Vec::new());
    for _ in 0..MAX_ROUNDS {
        // Each time: an upload that is gone may have been taken away for a newer version.
        let (info, tags) = metadata::described_with_tags(item, wanted).await?;
        if info.access != Access::Readable {
            return Ok(Verdict::Archived(Box::new(info)));
        }
        let record = match open_or_resume(item, wanted, &info, tags).await? {
            Opened::Upload(record) => record,
            Opened::GaveWay => return Ok(Verdict::Skipped(Skip::TakenOver)),
            Opened::Lost => {
                last = Some(opened_at_once(context, wanted));
                continue;
            }
        };
        let progress = context.engine.moved.object(&record.run, &record.upload.key, record.size);
        let error = match copy_parts(item, &record, std::mem::take(&mut again), &progress).await {
            Ok(Round::Ended(verdict)) => return Ok(verdict),
            Ok(Round::Unlisted(numbers)) => {
                last = Some(parts::unlisted(context, &record, &numbers));
                again = numbers;
                continue;
            }
            Err(error) => error,
        };
        give_up_round(context, &record, &progress, &error).await?;
        match error.kind() {
            ErrorKind::RangeIgnored => return in_one_request(item, wanted, error).await,
            ErrorKind::NoSuchUpload | ErrorKind::TooManyParts => last = Some(error),
            _ => return Err(error),
        }
    }
    let subject = context.objects.destination.location().display_key(&wanted.key);
    Err(match last {
        Some(error) if error.kind() == ErrorKind::TooManyParts => error.and("give a larger --part-size"),
        Some(error) if error.kind() == ErrorKind::Conflict => error,
        _ => Error::new(
            ErrorKind::NoSuchUpload,
            "part",
            subject,
            "NoSuchUpload: the destination lost the upload several times: look for a lifecycle rule that aborts uploads",
        ),
    })
}

/// Other jobs record an upload of the key each time that this one creates one.
fn opened_at_once(context: &Context, wanted: &JobObject) -> Error {
    let subject = context.objects.destination.location().display_key(&wanted.key);
    Error::new(ErrorKind::Conflict, "create", subject, "another upload of this key was created at the same time")
}

/// Discards the upload if the error makes its parts useless. Any other error leaves it open: the next delivery goes on
/// with it.
async fn give_up_round(
    context: &Context,
    record: &UploadRecord,
    progress: &ObjectProgress,
    error: &Error,
) -> Result<()> {
    let is_useless =
        matches!(error.kind(), ErrorKind::NoSuchUpload | ErrorKind::TooManyParts | ErrorKind::RangeIgnored)
            || is_void(error);
    if error.is_backend() || !is_useless {
        return Ok(());
    }
    if error.kind() == ErrorKind::TooManyParts {
        context.objects.part_limit.learn(record.part_count());
    }
    progress.undo();
    discard(context, record).await
}

async fn copy_parts(item: &Item, record: &UploadRecord, again: Vec<u32>, progress: &ObjectProgress) -> Result<Round> {
    let (context, count) = (&*item.context, record.part_count());
    let mut known = context.objects.upload_log.part_set(&record.task, &record.upload).await?;
    let encoding = record.attributes.content_encoding.as_deref();
    let may_have_no_ranges = encoding.is_some_and(|encoding| encoding.contains("gzip"));
    if (count > COMMON_PARTS || may_have_no_ranges) && !known.contains(count) {
        // A destination that does not take so many parts refuses the last one, before the others are sent in vain. A
        // source without ranges of packed objects shows it before the parts are handed to others.
        match parts::send(context, record, vec![count], known.clone(), progress).await {
            Ok(sent) => known = sent.recorded,
            // An earlier delivery may have completed the upload and died before it was recorded: the code below finds
            // that out.
            Err(error) if error.kind() == ErrorKind::NoSuchUpload => {}
            Err(error) => return Err(error),
        }
    }
    if record.size >= context.objects.options.giant_threshold && count > 1 {
        giant::share(context, &item.job, record, &known).await?;
        return Ok(Round::Ended(Verdict::HandedOver));
    }
    match upload_and_complete(context, record, again, known, progress).await? {
        Completion::Copied(copied) => Ok(Round::Ended(Verdict::Copied(copied))),
        Completion::Unlisted(numbers) => Ok(Round::Unlisted(numbers)),
    }
}

/// Copies an object whose source ignores ranges, as some stores do of objects with `Content-Encoding: gzip`.
async fn in_one_request(item: &Item, wanted: &JobObject, why: Error) -> Result<Verdict> {
    let most = item.context.objects.destination.capabilities().max_put_bytes;
    if wanted.size > most {
        let fact = format!(
            "the source cannot serve the object in parts, and the destination accepts at most {most} bytes in one request"
        );
        return Err(why.and(&fact));
    }
    tracing::debug!(key = ?wanted.key, error = %why, "the source ignores ranges: sending the object in one request");
    whole::copy(item, wanted).await.map(Verdict::Copied)
}

/// Sends the parts that are missing, and the parts to send `again` although they are recorded.
async fn upload_and_complete(
    context: &Context,
    record: &UploadRecord,
    again: Vec<u32>,
    known: PartSet,
    progress: &ObjectProgress,
) -> Result<Completion> {
    let mut numbers = parts::missing(1, record.part_count(), &known);
    numbers.extend(again.into_iter().filter(|number| known.contains(*number)));
    match parts::send(context, record, numbers, known, progress).await {
        Ok(sent) => complete(context, record, sent.compared).await,
        // An earlier delivery may have completed it and died before it was recorded.
        Err(error) if error.kind() == ErrorKind::NoSuchUpload => complete(context, record, None).await,
        Err(error) => Err(error),
    }
}
