//! An upload as the ledger records it: its version and metadata, its outcome, its end without an object.

use std::collections::{BTreeSet, HashSet};

use futures::future::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};
use shared::ledger::{Outcome, Settlement, State};
use shared::object::{ObjectInfo, Pin, Timestamp};
use shared::objects::job::{JobObject, ObjectJob};
use shared::objects::reasons::REASONS;
use shared::objects::{Intents, ObjectDetail, PartRecord, UploadRecord};
use shared::store::{Part, Upload, Write};
use shared::{Error, ErrorKind, Result};

use crate::objects::context::Context;
use crate::objects::multipart::orphaned_uploads;
use crate::objects::plan;
use crate::objects::settle::explained;
use crate::objects::verdict::Uploads;
use crate::objects::version::at_version;

/// An object that is about to be settled, by its index and key, and the known uploads of the key.
pub(crate) type KeyUploads = (u32, String, Uploads);

/// Uploads that are ended at once, by a call or two each.
const ENDS_AT_ONCE: usize = 16;

/// What the upload was created with.
pub(crate) fn created_with(record: &UploadRecord) -> Write {
    Write {
        size: record.size,
        attributes: record.attributes.clone(),
        tags: record.tags.clone(),
        drops_tags: false,
        storage_class: record.storage_class.clone(),
        acl: record.acl.clone(),
        // The worker's options have it: an upload that was opened under others is not used.
        canned_acl: None,
        encryption: record.encryption.clone(),
        modified: Some(record.modified),
        checksum: record.checksum.clone(),
        // A store that has folders keeps it with the upload.
        replaces: false,
    }
}

/// Whether the parts sent so far are of no use: the source changed, or the bytes are wrong. A 404 is neither: a gateway
/// may have sent it.
pub(crate) fn is_void(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::PreconditionFailed | ErrorKind::BadDigest)
}

/// Whether the destination lists the part as it was recorded, and not one that was sent later, such as by a worker that
/// lost its lease.
pub(crate) fn is_listed(record: &UploadRecord, part: &PartRecord, listed: &Part) -> bool {
    let size = plan::part_size(record.size, record.part_bytes, part.number);
    listed.number == part.number && listed.size == size && listed.etag == part.etag
}

/// `PreconditionFailed` unless this is the version that the upload was opened for. Its tag is compared by
/// the store; where there is none, size and time must do.
pub(crate) fn check_version(record: &UploadRecord, info: &ObjectInfo, subject: &str) -> Result<()> {
    let tagged = record.source != Pin::default();
    if info.size == record.size && (tagged || info.modified.as_secs() == record.modified.as_secs()) {
        return Ok(());
    }
    let message = format!(
        "the object changed during its upload: it has {} bytes of {}, not {}",
        info.size, info.modified, record.size
    );
    Err(Error::new(ErrorKind::PreconditionFailed, "get", subject, message))
}

/// Whether the upload is recorded for the object at this index of the job. A message may name a key twice: an upload
/// settles the one of these two objects that it is recorded for.
pub(crate) fn is_of(record: &UploadRecord, job: &ObjectJob, index: u32) -> bool {
    (&record.run, &record.origin, record.index) == (&job.run, &job.origin, index)
}

/// Gives an upload up: its parts are of no use any more.
pub(crate) async fn discard(context: &Context, record: &UploadRecord) -> Result<()> {
    orphaned_uploads::abort_upload(context, &record.upload).await?;
    forget(context, &record.upload).await
}

/// Removes the record of an upload that the destination no longer has.
pub(crate) async fn forget(context: &Context, upload: &Upload) -> Result<()> {
    context.objects.upload_log.close_upload(&context.engine.task, upload).await.map(drop)
}

/// What an upload that cannot be aborted means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Abort {
    /// The job must come again.
    Surely,
    /// The upload stays open, with a warning: the outcome must not be lost for it. What queue or ledger fail in stays
    /// an error.
    AsFarAsMayBe,
}

/// Aborts what may be open of objects that are about to be settled: once they are, their run may be done and
/// nobody comes again. Gives the uploads whose records are to be forgotten after that ([`forget_each`]): until then
/// they bring a redelivered job back here.
///
/// Asks the ledger for many keys at once: a job of 500 objects costs some ten requests, not three for each object.
pub(crate) async fn abort_all(
    context: &Context,
    job: &ObjectJob,
    uploads: &[KeyUploads],
    abort: Abort,
) -> Result<Vec<Upload>> {
    let known: Vec<&KeyUploads> = uploads.iter().filter(|(.., uploads)| !matches!(uploads, Uploads::None)).collect();
    let mut left: Vec<Upload> = known.iter().filter_map(|(.., uploads)| uploads.completed().cloned()).collect();
    let unknown = known.iter().filter(|(.., uploads)| matches!(uploads, Uploads::Unknown));
    let unknown: HashSet<(&str, u32)> = unknown.map(|(index, key, _)| (key.as_str(), *index)).collect();
    let keys: BTreeSet<&str> = known.iter().map(|(_, key, _)| key.as_str()).collect();
    let keys: Vec<&str> = keys.into_iter().collect();
    let found =
        if keys.is_empty() { Vec::new() } else { context.objects.upload_log.open_uploads(&job.task, &keys).await? };
    let mut ends = Vec::with_capacity(found.len());
    for open in found {
        // Another object's, or another run's, is for others to end.
        let is_ours = |record: &UploadRecord| {
            (&record.run, &record.origin) == (&job.run, &job.origin)
                && unknown.contains(&(record.upload.key.as_str(), record.index))
        };
        let upload = open.record.filter(is_ours).map(|record| record.upload);
        left.extend(upload.clone());
        ends.push(end_open(context, open.key, upload, open.intents, abort).boxed());
    }
    let () = stream::iter(ends).buffer_unordered(ENDS_AT_ONCE).try_collect().await?;
    Ok(left)
}

async fn end_open(
    context: &Context,
    key: String,
    upload: Option<Upload>,
    intents: Option<Intents>,
    abort: Abort,
) -> Result<()> {
    let ended = async {
        if let Some(upload) = &upload {
            orphaned_uploads::abort_upload(context, upload).await?;
        }
        match &intents {
            Some(intents) => orphaned_uploads::abort_intended(context, &key, intents).await,
            None => Ok(()),
        }
    };
    match (ended.await, abort) {
        (ended, Abort::AsFarAsMayBe) => orphaned_uploads::or_stays_open(&key, ended),
        (ended, Abort::Surely) => ended,
    }
}

/// Removes the records of settled objects' uploads.
pub(crate) async fn forget_each(context: &Context, uploads: &[Upload]) -> Result<()> {
    let ends: Vec<_> = uploads.iter().map(|upload| forget(context, upload).boxed()).collect();
    stream::iter(ends).buffer_unordered(ENDS_AT_ONCE).try_collect().await
}

/// Settles the object of an upload that another job has taken over, so that its run can end.
pub(crate) async fn settle_superseded(context: &Context, record: &UploadRecord) -> Result<()> {
    let outcome = explained(bare_outcome(context, record, State::Skipped), Some("taken over by another job"), None);
    settle_record(context, record, outcome).await
}

/// Settles the object of an upload record.
pub(crate) async fn settle_record(context: &Context, record: &UploadRecord, outcome: Outcome) -> Result<()> {
    let outcomes = [(record.index, outcome)];
    let UploadRecord { task, run, origin, .. } = record;
    context
        .engine
        .settle(&Settlement { task, run, origin, reasons: REASONS, outcomes: &outcomes, span: None })
        .await
        .map(drop)
}

/// The outcome of a record's object in which everything but the end is filled in.
pub(crate) fn bare_outcome(context: &Context, record: &UploadRecord, state: State) -> Outcome {
    Outcome {
        size: record.size,
        detail: ObjectDetail::of_source(record.source.clone()).into(),
        attempts: record.attempt,
        worker: context.engine.name.clone(),
        started: record.opened,
        finished: Timestamp::now(),
        ..Outcome::new(record.upload.key.clone(), state)
    }
}

/// The record's object at the version that `info` describes.
pub(crate) fn object_of(record: &UploadRecord, info: &ObjectInfo) -> JobObject {
    let bare = JobObject { index: record.index, key: record.upload.key.clone(), ..JobObject::default() };
    at_version(&bare, info)
}
