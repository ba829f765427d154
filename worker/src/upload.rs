//! An upload in parts, from its opening to the finished object.
//!
//! Every upload is written to the ledger before its first part is sent, and every part after it is
//! verified: a crash anywhere leaves an upload that the redelivered job finds and goes on with. A part
//! is trusted only if the ledger has it recorded for this upload, which was opened for one pinned
//! version of the source, and the destination lists it with the right size.

use std::collections::{BTreeMap, HashSet};

use futures::stream::{self, StreamExt, TryStreamExt};
use shared::digest::{Checksum, multipart_etag};
use shared::job::{Job, JobObject};
use shared::ledger::{Outcome, PartRecord, Settlement, State, UploadRecord};
use shared::object::{ETag, ObjectInfo, Pin, Timestamp};
use shared::retry::{self, TRANSFER};
use shared::store::{EtagMeaning, Part, PartWrite, Read, Upload, Write, Written, copy_source};
use shared::{Error, ErrorKind, Result};

use crate::context::Context;
use crate::ending::{self, Copied, explained};
use crate::integrity::{self, PartsCheck};
use crate::pipe::{Pipe, read_checksum};
use crate::version::at_version;
use crate::{plan, whole};

/// The upload to send parts to: the one that is recorded, if it is of this version, else a new one.
pub(crate) async fn open_or_resume(
    context: &Context,
    job: &Job,
    wanted: &JobObject,
    info: &ObjectInfo,
) -> Result<UploadRecord> {
    if let Some(found) = context.ledger.upload(&job.task, &wanted.key).await? {
        let same_version = found.source == info.pin() && found.size == info.size && found.source != Pin::default();
        // A giant that is begun anew is enqueued before its old upload is given up: its parts jobs would
        // find no upload if they were made for the old one.
        let outlived = found.size >= context.options.giant_threshold && found.attempt < job.attempt;
        if same_version && found.run == job.run && found.origin == job.origin && !outlived {
            return Ok(found);
        }
        // Another run's, or another version's. Its object is settled, so that its run can end.
        discard(context, &found).await?;
        if (&found.run, &found.origin) != (&job.run, &job.origin) {
            settle_superseded(context, &found).await?;
        }
    }
    let record = open(context, job, wanted, info).await?;
    let stored = context.ledger.open_upload(&record).await?;
    if stored.upload == record.upload {
        return Ok(stored);
    }
    // Another delivery of the job opened one at the same moment; its record came first.
    context.destination.abort_upload(&record.upload).await?;
    if stored.source == record.source && stored.origin == record.origin && stored.run == record.run {
        return Ok(stored);
    }
    let subject = context.destination.location().display_key(&wanted.key);
    Err(Error::new(ErrorKind::Conflict, "create", subject, "another upload of this key was opened at the same moment"))
}

async fn open(context: &Context, job: &Job, wanted: &JobObject, info: &ObjectInfo) -> Result<UploadRecord> {
    let (source, destination) = (context.source.capabilities(), context.destination.capabilities());
    let cut_alike = source.etags == EtagMeaning::Md5AndParts && destination.etags == source.etags;
    let source_count = info.etag.as_ref().filter(|_| cut_alike).and_then(|tag| tag.part_count());
    // Only the first part's size and their number are told: where the others were cut unevenly, the ETags
    // cannot come out equal, and the next attempt does without.
    let first_attempt = job.attempt == 1;
    let layout = match first_attempt && source_count.is_some() && !info.etag_is_opaque {
        true => context.source.part_layout(&wanted.key, &info.pin()).await?,
        false => None,
    };
    let subject = || context.destination.location().display_key(&wanted.key);
    let plan = plan::cut(info.size, context.options.part_size, layout, destination)
        .map_err(|why| Error::new(ErrorKind::Unrepresentable, "create", subject(), why))?;
    let plan = plan::told_apart(plan, info.size, source_count, destination);
    let mut record = UploadRecord {
        task: job.task.clone(),
        run: job.run.clone(),
        origin: job.origin.clone(),
        index: wanted.index,
        upload: Upload { key: wanted.key.clone(), id: String::new() },
        source: info.pin(),
        modified: at_version(wanted, info).modified,
        size: info.size,
        part_bytes: plan.part_bytes,
        attributes: info.attributes.clone(),
        same_parts: plan.same_parts,
        checksum: integrity::known_for_parts(info, source),
        attempt: job.attempt,
        opened: Timestamp::now(),
    };
    // If the answer is lost, or we die before the record is written, an upload without parts stays
    // behind at the destination: it holds no bytes.
    record.upload = context.destination.create_upload(&wanted.key, &write(&record)).await?;
    Ok(record)
}

/// What the upload was created with.
fn write(record: &UploadRecord) -> Write {
    Write {
        size: record.size,
        attributes: record.attributes.clone(),
        modified: Some(record.modified),
        checksum: record.checksum.clone(),
        ..Write::default()
    }
}

/// Whether the parts sent so far are of no use: the source changed, or the bytes are wrong.
pub(crate) fn is_void(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::PreconditionFailed | ErrorKind::NotFound | ErrorKind::BadDigest)
}

/// Sends those parts from `first` to `last` that are not there yet, as many at once as there are permits.
pub(crate) async fn upload_parts(context: &Context, record: &UploadRecord, first: u32, last: u32) -> Result<()> {
    let there = trusted_parts(context, record).await?;
    stream::iter((first..=last).filter(|number| !there.contains(number)))
        .map(|number| upload_part(context, record, number))
        .buffer_unordered(context.brake.limit().max(1))
        .try_collect()
        .await
}

/// The numbers of the parts that need not be sent again.
pub(crate) async fn trusted_parts(context: &Context, record: &UploadRecord) -> Result<HashSet<u32>> {
    let recorded = context.ledger.recorded_parts(&record.task, &record.upload).await?;
    if recorded.is_empty() {
        return Ok(HashSet::new());
    }
    let listed = context.destination.list_parts(&record.upload).await?;
    let whole = listed.iter().filter(|part| part.size == part_size(record, part.number)).map(|part| part.number);
    let listed: HashSet<u32> = whole.collect();
    Ok(recorded.iter().map(|part| part.number).filter(|number| listed.contains(number)).collect())
}

fn part_size(record: &UploadRecord, number: u32) -> u64 {
    let range = plan::part_range(record.size, record.part_bytes, number);
    range.end.saturating_sub(range.start)
}

async fn upload_part(context: &Context, record: &UploadRecord, number: u32) -> Result<()> {
    let _permit = context.transfer_permit().await;
    let subject = context.destination.location().display_key(&record.upload.key);
    let hashed = match part_by_service(context, record, number).await? {
        true => None,
        false => Some(retry::run(&TRANSFER, &subject, || stream_part(context, record, number, &subject)).await?),
    };
    context.brake.succeeded();
    let part = PartRecord { number, checksum: hashed.and_then(|sums| sums.into_iter().next()) };
    context.ledger.record_parts(&record.task, &record.upload, &[part]).await?;
    Ok(())
}

fn part_write(record: &UploadRecord, number: u32) -> PartWrite {
    let range = plan::part_range(record.size, record.part_bytes, number);
    PartWrite { number, offset: range.start, size: range.end - range.start, checksum: None }
}

async fn stream_part(context: &Context, record: &UploadRecord, number: u32, subject: &str) -> Result<Vec<Checksum>> {
    let range = plan::part_range(record.size, record.part_bytes, number);
    let read = Read { range: Some(range.clone()), pin: record.source.clone() };
    let object = context.source.get(&record.upload.key, &read).await?;
    if object.info.size != record.size {
        let message = format!("{} bytes where there were {}", object.info.size, record.size);
        return Err(Error::new(ErrorKind::PreconditionFailed, "get", subject, message));
    }
    let destination = context.destination.capabilities();
    let pipe = Pipe {
        subject: format!("{subject} part {number}"),
        size: range.end - range.start,
        hash: integrity::part_hashes(integrity::parts(record), destination),
        expect: None,
        bandwidth: context.bandwidth.clone(),
        moved: context.moved.clone(),
    };
    let (body, hashed) = pipe.through(object.body);
    let part = context.destination.upload_part(&record.upload, &part_write(record, number), body).await?;
    let hashed = hashed.take();
    integrity::judge_part(subject, &part, &hashed, destination)?;
    Ok(hashed)
}

/// Whether the service copied the part itself.
async fn part_by_service(context: &Context, record: &UploadRecord, number: u32) -> Result<bool> {
    let destination = &context.destination;
    let source = copy_source(&*context.source, &record.upload.key, &**destination);
    let may_copy = context.may_copy_server_side() && destination.capabilities().copies_parts;
    let Some(source) = source.filter(|_| may_copy) else { return Ok(false) };
    let range = plan::part_range(record.size, record.part_bytes, number);
    let part = part_write(record, number);
    match destination.copy_part(&source, &record.source, range, &record.upload, &part).await {
        Ok(_) => Ok(true),
        Err(error) if whole::is_refusal(&error) => {
            context.no_server_side_copy(&error);
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Makes the object of its parts and checks it. An upload that is gone, or an unclear answer, is no
/// verdict: the destination is looked at, and done by another is done.
pub(crate) async fn complete(context: &Context, record: &UploadRecord) -> Result<Copied> {
    let parts = match context.destination.list_parts(&record.upload).await {
        Ok(parts) => parts,
        Err(error) => return finish(context, record, look(context, record, None, error).await?).await,
    };
    let expected = expected_etag(context, record, &parts)?;
    let written = match context.destination.complete_upload(&record.upload, &parts, &write(record)).await {
        Ok(written) => written,
        Err(error) => look(context, record, expected.as_ref(), error).await?,
    };
    finish(context, record, written).await
}

/// The tag that the object must get, where the destination's tags mean something. `NoSuchUpload` if
/// the destination lacks parts that were sent: the upload is no longer what it was.
fn expected_etag(context: &Context, record: &UploadRecord, parts: &[Part]) -> Result<Option<ETag>> {
    let sizes: BTreeMap<u32, u64> = parts.iter().map(|part| (part.number, part.size)).collect();
    let wrong = (1..=record.part_count()).find(|number| sizes.get(number) != Some(&part_size(record, *number)));
    if wrong.is_some() || parts.len() != record.part_count() as usize {
        let subject = context.destination.location().display_key(&record.upload.key);
        let message = format!("the destination does not list part {} as it was sent", wrong.unwrap_or(0));
        return Err(Error::new(ErrorKind::NoSuchUpload, "complete", subject, message));
    }
    if context.destination.capabilities().etags != EtagMeaning::Md5AndParts {
        return Ok(None);
    }
    let md5s: Option<Vec<[u8; 16]>> = parts.iter().map(|part| part.etag.md5_form()).collect();
    Ok(md5s.map(|md5s| ETag::new(&multipart_etag(&md5s))))
}

/// Looks whether the object is there after `error` said that it could not be completed.
async fn look(context: &Context, record: &UploadRecord, expected: Option<&ETag>, error: Error) -> Result<Written> {
    let unclear = error.kind() == ErrorKind::NoSuchUpload || error.is_retryable();
    if !unclear {
        return Err(error);
    }
    let info = match context.destination.head(&record.upload.key, &Pin::default()).await {
        Ok(info) => info,
        Err(absent) if absent.kind() == ErrorKind::NotFound => return Err(error),
        Err(failed) => return Err(failed),
    };
    let as_expected = match (expected, &info.etag) {
        (Some(expected), Some(etag)) if !info.etag_is_opaque => expected == etag,
        _ if record.same_parts && !info.etag_is_opaque => record.source.etag == info.etag,
        // Nothing tells this upload's object from an older one of the same size but its time. The
        // store's clock may be some minutes behind ours, never mind: then the object is sent again.
        _ => {
            info.modified >= record.opened
                || context.destination.capabilities().keeps_modified && info.modified == record.modified
        }
    };
    if info.size != record.size || !as_expected {
        return Err(error);
    }
    tracing::info!(key = ?record.upload.key, %error, "the upload is gone, but its object is there");
    Ok(Written { etag: info.etag, etag_is_opaque: info.etag_is_opaque, version: info.version, checksum: None })
}

/// Checks the finished object.
async fn finish(context: &Context, record: &UploadRecord, written: Written) -> Result<Copied> {
    let key = &record.upload.key;
    let subject = context.destination.location().display_key(key);
    let combined = || async {
        let parts = context.ledger.recorded_parts(&record.task, &record.upload).await?;
        let sums: Vec<_> = parts.into_iter().map(|p| (p.checksum, part_size(record, p.number))).collect();
        Ok::<_, Error>(integrity::combined(&sums).filter(|_| sums.len() == record.part_count() as usize))
    };
    let pin = Pin { etag: written.etag.clone(), version: written.version.clone() };
    let read_again = |known: Checksum| async move {
        let ours = read_checksum(&*context.destination, key, pin, known.algorithm).await?;
        integrity::same(&context.destination.location().display_key(key), &ours, &known, "the source's")?;
        Ok::<_, Error>((Some(ours), format!("source {}, read again", known.algorithm)))
    };
    let etag = written.etag.clone();
    let (checksum, verified) = match (integrity::parts(record), &record.checksum) {
        (PartsCheck::Etag, _) if !written.etag_is_opaque => {
            if etag != record.source.etag {
                let message = format!("the ETag is not the source's: {etag:?}, {:?}", record.source.etag);
                return Err(Error::new(ErrorKind::BadDigest, "verify", subject, message));
            }
            (record.checksum.clone(), "etag".to_owned())
        }
        // An opaque tag says nothing, and nothing was hashed on the way.
        (PartsCheck::Etag, Some(known)) => read_again(known.clone()).await?,
        (PartsCheck::Etag, None) => (None, "size".to_owned()),
        (PartsCheck::SourceCrc(algorithm), Some(known)) if written.checksum.as_ref() == Some(known) => {
            (Some(known.clone()), format!("source {algorithm}, destination {algorithm}"))
        }
        (PartsCheck::SourceCrc(algorithm), Some(known)) => match combined().await? {
            Some(ours) => {
                integrity::same(&subject, &ours, known, "the source's")?;
                (Some(ours), format!("source {algorithm}, destination parts"))
            }
            None => read_again(known.clone()).await?,
        },
        (PartsCheck::ReadAgain(_), Some(known)) => read_again(known.clone()).await?,
        _ => (combined().await?, "destination parts".to_owned()),
    };
    let object = JobObject {
        index: record.index,
        key: key.clone(),
        size: record.size,
        modified: record.modified,
        etag: record.source.etag.clone(),
        version: record.source.version.clone(),
    };
    Ok(Copied { object, etag, checksum, verified })
}

/// Gives an upload up: its parts are of no use any more.
pub(crate) async fn discard(context: &Context, record: &UploadRecord) -> Result<()> {
    context.destination.abort_upload(&record.upload).await?;
    forget(context, record).await
}

/// Removes the record of an upload that the destination no longer has.
pub(crate) async fn forget(context: &Context, record: &UploadRecord) -> Result<()> {
    context.ledger.close_upload(&record.task, &record.upload).await
}

async fn settle_superseded(context: &Context, record: &UploadRecord) -> Result<()> {
    let outcome = explained(bare_outcome(context, record, State::Skipped), Some("taken over by another job"), None);
    settle_record(context, record, outcome).await
}

/// Settles the object of an upload record.
pub(crate) async fn settle_record(context: &Context, record: &UploadRecord, outcome: Outcome) -> Result<()> {
    let outcomes = [(record.index, outcome)];
    let UploadRecord { task, run, origin, .. } = record;
    ending::settle(context, &Settlement { task, run, origin, outcomes: &outcomes }).await
}

/// The outcome of a record's object in which everything but the end is filled in.
pub(crate) fn bare_outcome(context: &Context, record: &UploadRecord, state: State) -> Outcome {
    Outcome {
        key: record.upload.key.clone(),
        state,
        reason: None,
        size: record.size,
        source: record.source.clone(),
        etag: None,
        checksum: None,
        verified: None,
        attempts: record.attempt,
        error: None,
        worker: context.name.clone(),
        started: record.opened,
        finished: Timestamp::now(),
    }
}

/// The record's object at the version that `info` describes.
pub(crate) fn object_of(record: &UploadRecord, info: &ObjectInfo) -> JobObject {
    let bare = JobObject {
        index: record.index,
        key: record.upload.key.clone(),
        size: 0,
        modified: Timestamp(0),
        etag: None,
        version: None,
    };
    at_version(&bare, info)
}
