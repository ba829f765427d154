//! The upload that an object's parts are sent to: resumed where the ledger has it, else created.
//!
//! The upload is written to the ledger before its first part is sent, and each part after it is verified: a crash
//! anywhere leaves an upload that the redelivered job finds and resumes. A part that is recorded for this upload, which
//! was created for one pinned version of the source, is not sent again.

use std::cmp::Ordering;
use std::time::Duration;

use shared::ledger::events_run;
use shared::object::{ObjectInfo, Pin};
use shared::objects::UploadRecord;
use shared::objects::job::JobObject;
use shared::store::{EtagMeaning, Upload, Write};
use shared::{Error, ErrorKind, Result};

use crate::objects::integrity;
use crate::objects::item::Item;
use crate::objects::metadata::{self, EarlyTags};
use crate::objects::multipart::in_order;
use crate::objects::multipart::orphaned_uploads;
use crate::objects::multipart::part_limit::COMMON_PARTS;
use crate::objects::multipart::precedence::{Contest, Precedence};
use crate::objects::multipart::upload::{created_with, discard, is_of, settle_superseded};
use crate::objects::plan::{self, PartPlan};
use crate::objects::version::at_version;
use crate::objects::whole;

/// A store that takes so long to answer is far away.
const FAR: Duration = Duration::from_millis(50);

/// The parts of an object that goes far, bytes: its connections are slow, so that more of them help, and the last parts
/// take long.
const FAR_PART_BYTES: u64 = 8 << 20;

/// How opening an upload ended.
pub(crate) enum Opened {
    /// The parts go to this upload, which is recorded for the job's own object: no other one's may be shared, for an
    /// upload settles only the object that it is recorded for.
    Upload(Box<UploadRecord>),
    /// The recorded upload of another object takes precedence. This one is to be settled.
    GaveWay,
    /// Another upload of the key was recorded at the same moment. It is judged when this job opens one again.
    Lost,
}

/// Opens the upload to send parts to: the recorded one, if it is of this object and version, else a new one.
/// `tags` are those that were read with `info`.
pub(crate) async fn open_or_resume(
    item: &Item,
    wanted: &JobObject,
    info: &ObjectInfo,
    tags: EarlyTags,
) -> Result<Opened> {
    let (context, job) = (&*item.context, &*item.job);
    let write = metadata::write(context, wanted, info, tags).await?;
    if let Some(found) = context.objects.upload_log.upload(&job.task, &wanted.key).await? {
        match contest(item, &found, info, &write).precedence() {
            Precedence::Resume => return Ok(Opened::Upload(Box::new(found))),
            Precedence::GiveWay => return Ok(Opened::GaveWay),
            // Not settled: this job itself brings the object to its end.
            Precedence::Replace => {}
            // First, for after a crash between the two nothing else would show it.
            Precedence::TakeOver => settle_superseded(context, &found).await?,
        }
        discard(context, &found).await?;
    }
    let record = create(item, wanted, info, write).await?;
    let stored = context.objects.upload_log.open_upload(&record).await?;
    if stored.upload == record.upload {
        return Ok(Opened::Upload(Box::new(stored)));
    }
    // Another one was created at the same moment; its record came first.
    orphaned_uploads::abort_upload(context, &record.upload).await?;
    // Another delivery of the job: both send the same parts.
    match stored.source == record.source && is_of(&stored, job, record.index) {
        true => Ok(Opened::Upload(Box::new(stored))),
        false => Ok(Opened::Lost),
    }
}

/// The recorded upload against this job's work on the version that `info` describes.
fn contest<'a>(item: &'a Item, found: &'a UploadRecord, info: &ObjectInfo, write: &Write) -> Contest<'a> {
    let (context, job) = (&*item.context, &*item.job);
    let same_bytes = found.source == info.pin() && found.size == info.size && found.source != Pin::default();
    let restarts = item.object.restarts;
    let is_as_wanted = match found.restarts.cmp(&restarts) {
        // It is about to be discarded by the job that sent this one: nobody goes on with it.
        Ordering::Less => false,
        Ordering::Equal if restarts == 0 => metadata::is_opened_with(context, found, write),
        // Begun anew already, perhaps under other options again: its parts show the options.
        Ordering::Equal | Ordering::Greater => true,
    };
    Contest {
        found_run: &found.run,
        run: &job.run,
        events_run: events_run(&job.task),
        is_same_object: (&found.origin, found.index) == (&job.origin, item.object.index),
        // Tags, and at some stores headers, change without a new version.
        is_same_version: same_bytes && is_as_wanted,
        // A giant that is begun anew is enqueued before its old upload is discarded: its parts jobs would find no
        // upload if they were made for the old one.
        is_outlived: found.size >= context.objects.options.giant_threshold
            && found.attempt < job.attempt
            && found.restarts <= restarts,
    }
}

/// Creates an upload, without what the destination turns out to refuse of the object's metadata.
async fn create(item: &Item, wanted: &JobObject, info: &ObjectInfo, mut write: Write) -> Result<UploadRecord> {
    let context = &*item.context;
    let plan = cut(item, wanted, info).await?;
    loop {
        let record = record_of(item, wanted, info, plan, write);
        let canned_acl = context.objects.options.canned_acl;
        let write_now = Write { replaces: wanted.blocked > 0, canned_acl, ..created_with(&record) };
        match orphaned_uploads::create(context, &record, &write_now).await {
            Ok(upload) => return Ok(UploadRecord { upload, ..record }),
            Err(error) if context.objects.can_do_without(&write_now, &error) => {
                write = metadata::write(context, wanted, info, None).await?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Cuts the object into parts, at the source's own boundaries where that makes the two tags equal.
async fn cut(item: &Item, wanted: &JobObject, info: &ObjectInfo) -> Result<PartPlan> {
    let context = &*item.context;
    let (source, destination) = (context.objects.source.capabilities(), &context.objects.cutting_capabilities());
    let cut_alike = source.etags == EtagMeaning::Md5AndParts && destination.etags == source.etags;
    let source_count = info.etag.as_ref().and_then(|tag| tag.part_count());
    // The source shows only the first part's size and the number of parts: where the others were cut unevenly, the tags
    // cannot come out equal, and the next attempt does without.
    let has_parts = source.etags == EtagMeaning::Md5AndParts && source_count.is_some() && !info.etag_is_opaque;
    let layout = match item.job.attempt == 1 && has_parts {
        true => context.objects.source.part_layout(&wanted.key, &info.pin()).await?,
        false => None,
    };
    let subject = || context.objects.destination.location().display_key(&wanted.key);
    let options = &context.objects.options;
    let is_far = whole::latency(context, wanted) >= FAR;
    let wish = options.part_size.or_else(|| in_order::wished_part_bytes(context, &wanted.key, info, is_far));
    // Not every destination takes more parts.
    let are_common = info.size.div_ceil(FAR_PART_BYTES) <= u64::from(COMMON_PARTS);
    let is_cut_finer = is_far && are_common && info.size < options.giant_threshold;
    let wish = wish.or(is_cut_finer.then_some(FAR_PART_BYTES));
    let plan = plan::cut(info.size, wish, layout, destination)
        .map_err(|why| Error::new(ErrorKind::Unrepresentable, "create", subject(), why))?;
    Ok(plan::with_other_count(plan, info.size, source_count.filter(|_| cut_alike), destination))
}

/// The record of an upload that is to be created with `write`.
fn record_of(item: &Item, wanted: &JobObject, info: &ObjectInfo, plan: PartPlan, write: Write) -> UploadRecord {
    let (context, job) = (&*item.context, &*item.job);
    let Write { attributes, tags, storage_class, acl, encryption, .. } = write;
    UploadRecord {
        task: job.task.clone(),
        run: job.run.clone(),
        origin: job.origin.clone(),
        index: wanted.index,
        // The destination names it when it is created.
        upload: Upload { key: wanted.key.clone(), id: String::new() },
        source: info.pin(),
        modified: at_version(wanted, info).modified,
        size: info.size,
        part_bytes: plan.part_bytes,
        attributes,
        tags,
        storage_class,
        acl,
        encryption,
        writes: context.objects.writes.clone(),
        same_parts: plan.same_parts,
        checksum: integrity::known_for_parts(info, context.objects.source.capabilities()),
        attempt: job.attempt,
        restarts: wanted.restarts,
        opened: context.objects.destination.now(),
    }
}
