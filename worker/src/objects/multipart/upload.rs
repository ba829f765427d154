//! An upload in parts: its opening, its parts, its end without an object.
//!
//! Every upload is written to the ledger before its first part is sent, and every part after it is
//! verified: a crash anywhere leaves an upload that the redelivered job finds and goes on with. A part that is
//! recorded for this upload, which was opened for one pinned version of the source, is not sent again. Before the
//! upload is completed the destination lists its parts once: one that it does not list with a recorded tag and the
//! right size is sent again.

use std::collections::HashMap;

use futures::future::FutureExt;
use futures::stream::{self, StreamExt, TryStreamExt};
use shared::digest::Algorithm;
use shared::ledger::{Intents, Outcome, PartRecord, Proof, Settlement, State, UploadRecord, events_run};
use shared::object::{Attributes, ObjectInfo, Pin, Tags, Timestamp};
use shared::objects::job::{Job, JobObject};
use shared::retry::{self, TRANSFER};
use shared::store::{Body, EtagMeaning, Object, Part, PartWrite, Read, Upload, Write, copy_source};
use shared::{Error, ErrorKind, Result};

use crate::context::Context;
use crate::objects::integrity;
use crate::objects::item::Item;
use crate::objects::metadata;
use crate::objects::multipart::orphaned_uploads;
use crate::objects::multipart::progress::{Attempt, ObjectProgress};
use crate::objects::pipe::Pipe;
use crate::objects::plan;
use crate::objects::reread;
use crate::objects::settle::{explained, settle};
use crate::objects::verdict::Uploads;
use crate::objects::version::at_version;
use crate::objects::whole;

/// Uploads that are ended at once, by a call or two each.
const ENDS_AT_ONCE: usize = 16;

/// The upload to send parts to: the one that is recorded, if it is of this version, else a new one. `None` if a
/// newer run has one open: two runs at one object would take it from each other for ever; or, for an event, if
/// anybody has one of this version.
pub(crate) async fn open_or_resume(
    item: &Item<'_>,
    wanted: &JobObject,
    info: &ObjectInfo,
) -> Result<Option<UploadRecord>> {
    let (context, job) = (item.context, item.job);
    let fresh = metadata::write(context, wanted, info).await?;
    if let Some(found) = context.ledger.upload(&job.task, &wanted.key).await? {
        let same_bytes = found.source == info.pin() && found.size == info.size && found.source != Pin::default();
        // Tags, and at some stores headers, change without a new version.
        let same_version = same_bytes && metadata::is_opened_with(context, &found, &fresh);
        // A giant that is begun anew is enqueued before its old upload is given up: its parts jobs would
        // find no upload if they were made for the old one.
        let outlived = found.size >= context.options.giant_threshold && found.attempt < job.attempt;
        if same_version && found.run == job.run && found.origin == job.origin && !outlived {
            return Ok(Some(found));
        }
        let events = events_run(&job.task);
        let gives_way = match job.run == events {
            // Its owner looks at the source once more when it is done, as this event wants it. Of another version it
            // is out of date: what an event has seen is the newest.
            true => same_version,
            // Ids of runs sort by time.
            false => found.run == events || found.run > job.run,
        };
        if gives_way {
            return Ok(None);
        }
        // An older run's, or another version's. Its object is settled, so that its run can end; first, for after a
        // crash between the two nothing else would tell of it.
        if (&found.run, &found.origin) != (&job.run, &job.origin) {
            settle_superseded(context, &found).await?;
        }
        discard(context, &found).await?;
    }
    let record = open(item, wanted, info, fresh).await?;
    let stored = context.ledger.open_upload(&record).await?;
    if stored.upload == record.upload {
        return Ok(Some(stored));
    }
    // Another delivery of the job opened one at the same moment; its record came first.
    orphaned_uploads::abort_upload(context, &record.upload).await?;
    if stored.source == record.source && stored.origin == record.origin && stored.run == record.run {
        return Ok(Some(stored));
    }
    let subject = context.destination.location().display_key(&wanted.key);
    Err(Error::new(ErrorKind::Conflict, "create", subject, "another upload of this key was created at the same time"))
}

async fn open(item: &Item<'_>, wanted: &JobObject, info: &ObjectInfo, mut fresh: Write) -> Result<UploadRecord> {
    let (context, job) = (item.context, item.job);
    let (source, destination) = (context.source.capabilities(), &context.cutting_capabilities());
    let cut_alike = source.etags == EtagMeaning::Md5AndParts && destination.etags == source.etags;
    let source_count = info.etag.as_ref().and_then(|tag| tag.part_count());
    // Only the first part's size and their number are told: where the others were cut unevenly, the ETags
    // cannot come out equal, and the next attempt does without.
    let first_attempt = job.attempt == 1;
    let tells_parts = source.etags == EtagMeaning::Md5AndParts && source_count.is_some() && !info.etag_is_opaque;
    let layout = match first_attempt && tells_parts {
        true => context.source.part_layout(&wanted.key, &info.pin()).await?,
        false => None,
    };
    let subject = || context.destination.location().display_key(&wanted.key);
    let plan = plan::cut(info.size, context.options.part_size, layout, destination)
        .map_err(|why| Error::new(ErrorKind::Unrepresentable, "create", subject(), why))?;
    let plan = plan::told_apart(plan, info.size, source_count.filter(|_| cut_alike), destination);
    let mut record = UploadRecord {
        task: job.task.clone(),
        run: job.run.clone(),
        origin: job.origin.clone(),
        index: wanted.index,
        // Named when it is created.
        upload: Upload { key: wanted.key.clone(), id: String::new() },
        source: info.pin(),
        modified: at_version(wanted, info).modified,
        size: info.size,
        part_bytes: plan.part_bytes,
        attributes: Attributes::default(),
        tags: Tags::new(),
        storage_class: None,
        acl: None,
        encryption: None,
        same_parts: plan.same_parts,
        checksum: integrity::known_for_parts(info, source),
        attempt: job.attempt,
        opened: context.destination.now(),
    };
    loop {
        record = carrying(record, fresh);
        let write = Write { replaces: wanted.blocked > 0, ..write(&record) };
        match orphaned_uploads::create(context, &record, &write).await {
            Ok(upload) => return Ok(UploadRecord { upload, ..record }),
            Err(error) if context.can_do_without(&write, &error) => {
                fresh = metadata::write(context, wanted, info).await?
            }
            Err(error) => return Err(error),
        }
    }
}

/// The record with everything that the object comes with.
fn carrying(record: UploadRecord, write: Write) -> UploadRecord {
    let Write { attributes, tags, storage_class, acl, encryption, .. } = write;
    UploadRecord { attributes, tags, storage_class, acl, encryption, ..record }
}

/// What the upload was created with.
pub(crate) fn write(record: &UploadRecord) -> Write {
    Write {
        size: record.size,
        attributes: record.attributes.clone(),
        tags: record.tags.clone(),
        drops_tags: false,
        storage_class: record.storage_class.clone(),
        acl: record.acl.clone(),
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

/// Whether the destination still holds the part as it was recorded, and no other that came later: from a
/// worker that lost its lease, say.
pub(crate) fn is_held(record: &UploadRecord, part: &PartRecord, listed: &Part) -> bool {
    let size = plan::part_size(record.size, record.part_bytes, part.number);
    listed.number == part.number && listed.size == size && listed.etag == part.etag
}

/// Sends one part; its record.
pub(crate) async fn upload_part(
    context: &Context,
    record: &UploadRecord,
    number: u32,
    progress: &ObjectProgress,
) -> Result<PartRecord> {
    let _permit = context.transfer_permit().await;
    let subject = context.destination.location().display_key(&record.upload.key);
    let part = match part_by_service(context, record, number).await? {
        Some(part) => {
            progress.attempt().copied_by_service(part_write(record, number).size);
            PartRecord { number, etag: part.etag, checksum: None, md5: None, proof: Proof::Service }
        }
        None => {
            let stream = async || {
                loop {
                    let counted = progress.attempt();
                    if let Some(part) = stream_part(context, record, number, &subject, &counted).await? {
                        counted.keep();
                        return Ok(part);
                    }
                }
            };
            retry::run(&TRANSFER, &subject, stream).await?
        }
    };
    context.limiter.succeeded();
    Ok(part)
}

fn part_write(record: &UploadRecord, number: u32) -> PartWrite {
    let range = plan::part_range(record.size, record.part_bytes, number);
    PartWrite { number, offset: range.start, size: range.end - range.start, checksum: None }
}

/// `None` if the destination takes the part only with a checksum, which is sent the next time.
async fn stream_part(
    context: &Context,
    record: &UploadRecord,
    number: u32,
    subject: &str,
    counted: &Attempt,
) -> Result<Option<PartRecord>> {
    let destination = context.destination_capabilities();
    let is_required = context.requires_checksums();
    let first = integrity::read_first_part(record, is_required, context.source.capabilities(), &destination);
    let read_before = match first {
        Some(algorithm) => {
            let body = open_part(context, record, number, subject).await?;
            Some(reread::hash(context, subject, body, algorithm).await?)
        }
        None => None,
    };
    let body = open_part(context, record, number, subject).await?;
    let check = integrity::part(record, read_before.as_ref(), &destination);
    let write = PartWrite { checksum: check.send.clone(), ..part_write(record, number) };
    let pipe = Pipe {
        subject: format!("{subject} part {number}"),
        size: write.size,
        hash: check.hash.clone(),
        expect: check.expect.clone(),
        expect_etag: None,
        bandwidth: context.bandwidth.clone(),
        attempt: counted.clone(),
    };
    let (body, hashed) = pipe.through(body);
    let part = match context.destination.upload_part(&record.upload, &write, body).await {
        Err(error) if !is_required && context.learn_required_checksums(&error) => return Ok(None),
        part => part?,
    };
    context.learn_tags(part.etag_is_opaque);
    let hashed = hashed.take();
    let proof = check.proof(subject, &part, &hashed, &destination)?;
    let md5 = hashed.iter().find(|checksum| checksum.algorithm == Algorithm::Md5);
    let md5 = md5.filter(|_| record.same_parts).cloned();
    Ok(Some(PartRecord { number, etag: part.etag, checksum: hashed.into_iter().next(), md5, proof }))
}

/// The bytes of a part, of the version that the upload was opened for.
async fn open_part(context: &Context, record: &UploadRecord, number: u32, subject: &str) -> Result<Body> {
    let range = plan::part_range(record.size, record.part_bytes, number);
    let read = Read { range: Some(range), pin: record.source.clone() };
    let Object { info, body } = context.source.get(&record.upload.key, &read).await?;
    check_version(record, &info, subject)?;
    Ok(body)
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

/// The part, if the service copied it itself.
async fn part_by_service(context: &Context, record: &UploadRecord, number: u32) -> Result<Option<Part>> {
    let destination = &context.destination;
    let source = copy_source(&*context.source, &record.upload.key, &**destination);
    let may_copy = context.service_copies.are_tried() && destination.capabilities().copies_parts;
    let Some(source) = source.filter(|_| may_copy) else { return Ok(None) };
    let range = plan::part_range(record.size, record.part_bytes, number);
    let part = part_write(record, number);
    match destination.copy_part(&source, &record.source, range, &record.upload, &part).await {
        Ok(part) => {
            context.service_copies.worked();
            Ok(Some(part))
        }
        Err(error) if whole::is_refusal(&error) => {
            context.service_copies.refused(&record.upload.key, &error);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Gives an upload up: its parts are of no use any more.
pub(crate) async fn discard(context: &Context, record: &UploadRecord) -> Result<()> {
    orphaned_uploads::abort_upload(context, &record.upload).await?;
    forget(context, &record.upload).await
}

/// Removes the record of an upload that the destination no longer has.
pub(crate) async fn forget(context: &Context, upload: &Upload) -> Result<()> {
    context.ledger.close_upload(&context.task, upload).await.map(drop)
}

/// What an upload that cannot be aborted means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Abort {
    /// The job must come again.
    Surely,
    /// The upload stays open, with a warning: the outcome must not be lost for it. What queue or ledger fail in stays an
    /// error.
    AsFarAsMayBe,
}

/// Aborts what may be open of objects that are about to be settled: once they are, their run may be done and
/// nobody comes again. Gives the uploads whose records are to be forgotten after that ([`forget_each`]): until then they
/// bring a redelivered job back here.
///
/// Asks the ledger for many keys at once: a job of 500 objects costs some ten requests, not three for each object.
pub(crate) async fn abort_all(
    context: &Context,
    job: &Job,
    uploads: &[(String, Uploads)],
    abort: Abort,
) -> Result<Vec<Upload>> {
    let known: HashMap<&str, &Uploads> = uploads
        .iter()
        .filter(|(_, uploads)| !matches!(uploads, Uploads::None))
        .map(|(key, uploads)| (key.as_str(), uploads))
        .collect();
    let mut left: Vec<Upload> = known.values().filter_map(|uploads| uploads.completed().cloned()).collect();
    let keys: Vec<&str> = known.keys().copied().collect();
    let found = if keys.is_empty() { Vec::new() } else { context.ledger.open_uploads(&job.task, &keys).await? };
    let mut ends = Vec::with_capacity(found.len());
    for open in found {
        let is_unknown = matches!(known.get(open.key.as_str()), Some(Uploads::Unknown));
        // Another run's is that run's to end.
        let ours = |record: &UploadRecord| (&record.run, &record.origin) == (&job.run, &job.origin);
        let upload = open.record.filter(|record| is_unknown && ours(record)).map(|record| record.upload);
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

async fn settle_superseded(context: &Context, record: &UploadRecord) -> Result<()> {
    let outcome = explained(bare_outcome(context, record, State::Skipped), Some("taken over by another job"), None);
    settle_record(context, record, outcome).await
}

/// Settles the object of an upload record.
pub(crate) async fn settle_record(context: &Context, record: &UploadRecord, outcome: Outcome) -> Result<()> {
    let outcomes = [(record.index, outcome)];
    let UploadRecord { task, run, origin, .. } = record;
    settle(context, &Settlement { task, run, origin, outcomes: &outcomes }).await.map(drop)
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
    let bare = JobObject { index: record.index, key: record.upload.key.clone(), ..JobObject::default() };
    at_version(&bare, info)
}
