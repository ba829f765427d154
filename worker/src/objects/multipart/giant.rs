//! Giant objects: one upload that the whole fleet works on.
//!
//! The worker that receives the object creates the upload and enqueues its parts in ranges. The worker that finds all
//! parts recorded completes it and settles the object. Several may find that at once: one completes, the
//! others get `NoSuchUpload`, look, and find it done; the ledger counts the object once.

use shared::ledger::{Outcome, State, events_run};
use shared::objects::job::{JobObject, ObjectJob, ObjectWork, Parts};
use shared::objects::reasons::FILTERED;
use shared::objects::{ObjectDetail, PartSet, UploadRecord};
use shared::queue::Outgoing;
use shared::store::Upload;
use shared::{Error, ErrorKind, Result};

use crate::objects::context::Context;
use crate::objects::events::in_doubt;
use crate::objects::item::cause;
use crate::objects::multipart::complete;
use crate::objects::multipart::complete::Completion;
use crate::objects::multipart::orphaned_uploads;
use crate::objects::multipart::parts;
use crate::objects::multipart::upload::{self, bare_outcome, discard, forget, settle_record};
use crate::objects::plan;
use crate::objects::recheck;
use crate::objects::requeue::retry_delay;
use crate::objects::settle::explained;
use crate::objects::source;
use crate::objects::suspects::Marks;
use crate::objects::verdict::Skip;

/// Uploads of an event's object that are begun anew and use up no attempt, because other workers ended them. They were
/// created under other options (the task's options were changed while it was copied, or not all of its workers have the
/// same), or were not recorded yet when another worker aborted the key's uploads without a record.
const MAX_RESTARTS: u32 = 3;

/// Enqueues the parts that are not in the set `known`. The copy job is acknowledged after this: if that gets
/// lost it comes again, and parts are enqueued again, of which those sent by then are passed over.
pub(crate) async fn share(context: &Context, job: &ObjectJob, record: &UploadRecord, known: &PartSet) -> Result<()> {
    let mut missing = parts::missing(1, record.part_count(), known);
    if missing.is_empty() {
        // All sent: any one part's job completes it.
        missing.push(1);
    }
    let messages: Vec<Outgoing> = plan::jobs(&missing, record.part_count(), record.part_bytes)
        .into_iter()
        .map(|(first, last)| Outgoing::now(parts_job(job, record, (first, last), Vec::new(), 1).to_body()))
        .collect();
    tracing::info!(key = ?record.upload.key, jobs = messages.len(), parts = missing.len(), "sharing the parts of a large object among all workers");
    // On the main queue also for an event: it is much work, and other events are not to wait for it.
    context.engine.queue.send(&messages).await
}

/// A job for the parts from `first` to `last` that are missing, or for those that are to be sent `again`.
fn parts_job(
    job: &ObjectJob,
    record: &UploadRecord,
    (first, last): (u32, u32),
    again: Vec<u32>,
    attempt: u32,
) -> ObjectJob {
    let (key, upload_id) = (record.upload.key.clone(), record.upload.id.clone());
    let parts = Parts { index: record.index, key, upload_id, first, last, again };
    ObjectJob {
        task: job.task.clone(),
        run: record.run.clone(),
        definition: job.definition,
        attempt,
        origin: record.origin.clone(),
        restoring: None,
        work: ObjectWork::Parts(parts),
    }
}

/// Executes a parts job. `Ok` when its parts are recorded (and the object settled, if they were the
/// last), when it was enqueued again, or when its upload is no longer the one in the ledger.
pub(crate) async fn upload_parts(context: &Context, job: &ObjectJob, parts: &Parts) -> Result<()> {
    let _admission = context.objects.admit().await;
    let Some(record) = current(context, parts).await? else { return Ok(()) };
    if parts.last > record.part_count() {
        let (key, last) = (&parts.key, parts.last);
        tracing::error!("dropped a job of {key:?}, because it names part {last} beyond the end of its upload");
        return Ok(());
    }
    if job.run == events_run(&job.task) && end_superseded(context, job, &record, parts).await? {
        return Ok(());
    }
    let ended = match send(context, &record, parts).await {
        Ok(set) if !set.is_complete(record.part_count()) => Ok(()),
        Ok(_) => complete_recorded(context, job, &record).await,
        // Another may have completed it and died before that was recorded.
        Err(error) if error.kind() == ErrorKind::NoSuchUpload => complete_recorded(context, job, &record).await,
        Err(error) => Err(error),
    };
    match ended {
        Ok(()) => Ok(()),
        // No fault of the parts: the job must come again.
        Err(error) if error.is_backend() => Err(error),
        // Meanwhile completed, or begun anew, by others: then it is theirs.
        Err(_) if current(context, parts).await?.is_none() => Ok(()),
        Err(error) if matches!(error.kind(), ErrorKind::NoSuchUpload | ErrorKind::Conflict) => {
            begin_anew(context, job, &record, error).await
        }
        Err(error) if upload::is_void(&error) => begin_anew(context, job, &record, error).await,
        Err(error)
            if context.objects.is_store_outage(&error)
                || error.is_retryable() && job.attempt < context.objects.options.attempts =>
        {
            try_later(context, job, &record, parts, &error).await
        }
        Err(error) if error.kind() == ErrorKind::NotFound => not_found(context, job, &record, parts, error).await,
        Err(error) if error.kind() == ErrorKind::TooManyParts => {
            context.objects.part_limit.learn(record.part_count());
            fail(context, &record, error.and("give a larger --part-size")).await
        }
        Err(error) if error.kind() == ErrorKind::RangeIgnored => {
            let remedy = "the source cannot serve the object in parts: raise --giant-threshold above its size";
            fail(context, &record, error.and(remedy)).await
        }
        Err(error) => fail(context, &record, error).await,
    }
}

/// Ends an event's upload that the task's options have superseded; returns whether they have. The options of a run are
/// judged before its jobs are executed; events follow the present options.
///
/// Workers with different options would begin it anew in turn: after [`MAX_RESTARTS`] the upload goes on as it was
/// created. A restart uses up no attempt, for nothing has failed.
async fn end_superseded(context: &Context, job: &ObjectJob, record: &UploadRecord, parts: &Parts) -> Result<bool> {
    if !context.objects.follow.takes_key(&parts.key) {
        let skipped = |outcome| explained(Outcome { state: State::Skipped, ..outcome }, Some(FILTERED), None);
        return end(context, parts, skipped).await.map(|()| true);
    }
    if record.writes == context.objects.writes {
        return Ok(false);
    }
    if context.engine.runs.warns_first("uploads of other options") {
        tracing::warn!(
            key = ?parts.key,
            "a large object is being copied under other options than this worker's (locations, metadata, storage class, acl, \
             sse, strict or restore): start all workers of the task with the same options"
        );
    }
    if record.restarts >= MAX_RESTARTS {
        return Ok(false);
    }
    // One job of this process alone: many find it at the same moment. Those of two processes send the copy twice.
    let _one = context.objects.restarting.lock().await;
    if current(context, parts).await?.is_none() {
        return Ok(true);
    }
    let Some(info) = source::find(context, &record.upload.key).await? else {
        return gone(context, record).await.map(|()| true);
    };
    let object = JobObject { restarts: record.restarts + 1, ..upload::object_of(record, &info) };
    copy_anew(context, job, record, object, record.attempt).await.map(|()| true)
}

/// Has the parts tried again later. What was sent so far is recorded: the rest waits on the queue.
async fn try_later(
    context: &Context,
    job: &ObjectJob,
    record: &UploadRecord,
    parts: &Parts,
    error: &Error,
) -> Result<()> {
    let attempt = job.attempt + u32::from(!context.objects.is_store_outage(error));
    let delay = retry_delay(context.objects.options.retry_delay, job.attempt);
    tracing::info!(key = ?parts.key, first = parts.first, last = parts.last, %error, "could not send some parts: trying them again");
    let again = parts_job(job, record, (parts.first, parts.last), parts.again.clone(), attempt);
    context.lane.queue.send(&[Outgoing { body: again.to_body(), delay }]).await
}

/// A 404 alone says nothing of the source's object: a gateway may have sent it, or the destination. While the source
/// still has the version, the parts sent so far stay.
async fn not_found(
    context: &Context,
    job: &ObjectJob,
    record: &UploadRecord,
    parts: &Parts,
    error: Error,
) -> Result<()> {
    let found = source::find(context, &record.upload.key).await?;
    let is_there = found.is_some_and(|info| info.pin() == record.source && info.size == record.size);
    if !is_there {
        return begin_anew(context, job, record, error).await;
    }
    if job.attempt < context.objects.options.attempts {
        return try_later(context, job, record, parts, &error).await;
    }
    fail(context, record, error).await
}

/// The upload that a parts job is for, if it is still open.
async fn current(context: &Context, parts: &Parts) -> Result<Option<UploadRecord>> {
    let record = context.objects.upload_log.upload(&context.engine.task, &parts.key).await?;
    Ok(record.filter(|record| record.upload.id == parts.upload_id))
}

/// Sends what the job is for; gives the set of all parts that are recorded then. Reads the set once.
async fn send(context: &Context, record: &UploadRecord, parts: &Parts) -> Result<PartSet> {
    let known = context.objects.upload_log.part_set(&record.task, &record.upload).await?;
    let numbers = match parts.again.is_empty() {
        true => parts::missing(parts.first, parts.last, &known),
        false => parts.again.clone(),
    };
    let progress = context.engine.moved.object(&record.run, &record.upload.key, record.size);
    progress.share(upload_name(&record.upload));
    parts::send(context, record, numbers, known, &progress).await.map(|sent| sent.recorded)
}

/// The upload's name in reports: keys and ids may be long.
fn upload_name(upload: &Upload) -> String {
    let names = upload.key.bytes().chain([0]).chain(upload.id.bytes());
    // FNV-1a, 64 bits: of the few uploads of a run no two will have one name.
    let hash = names
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}

async fn complete_recorded(context: &Context, job: &ObjectJob, record: &UploadRecord) -> Result<()> {
    let marks = Marks::read(context, std::iter::once(record.upload.key.as_str())).await?;
    let copied = match complete::complete(context, record, None).await? {
        Completion::Copied(copied) => copied,
        Completion::Unlisted(numbers) => return send_again(context, job, record, numbers).await,
    };
    marks.clear(context, &record.upload.key).await?;
    let outcome = Outcome {
        detail: ObjectDetail { source: record.source.clone(), ..copied.detail() }.into(),
        ..bare_outcome(context, record, State::Copied)
    };
    orphaned_uploads::abort(context, &record.upload.key).await?;
    if context.objects.follow.look_again && !recheck::is_unchanged(context, &copied).await? {
        // On the queue again before this version is settled: others write the next one.
        let changes = vec![in_doubt::change((record.index, &record.upload.key))];
        in_doubt::look_later(context, job, changes, in_doubt::CHANGED_AFTER, 1).await?;
    }
    // Settled before it is forgotten: a crash between the two brings a parts job back to a record
    // whose upload is gone and whose object is there.
    settle_record(context, record, outcome).await?;
    forget(context, &record.upload).await
}

/// Enqueues parts that the destination does not list as they were recorded, as one job: the worker that has done it
/// completes the upload. Two who find them at the same moment send them twice, which does no harm.
async fn send_again(context: &Context, job: &ObjectJob, record: &UploadRecord, numbers: Vec<u32>) -> Result<()> {
    let (Some(first), Some(last)) = (numbers.first().copied(), numbers.last().copied()) else { return Ok(()) };
    if job.attempt >= context.objects.options.attempts {
        return Err(parts::unlisted(context, record, &numbers));
    }
    let again = parts_job(job, record, (first, last), numbers, job.attempt + 1);
    context.engine.queue.send(&[Outgoing::now(again.to_body())]).await
}

/// The parts sent so far are of no use: gives the upload up and has the object copied as it is now.
async fn begin_anew(context: &Context, job: &ObjectJob, record: &UploadRecord, why: Error) -> Result<()> {
    // A worker with other options discards it at this moment (see `end_superseded`), or another one aborted it before it
    // was recorded.
    let is_restart =
        why.kind() == ErrorKind::NoSuchUpload && job.run == events_run(&job.task) && record.restarts < MAX_RESTARTS;
    if record.attempt >= context.objects.options.attempts && !is_restart {
        if !context.objects.follow.look_again || why.kind() != ErrorKind::PreconditionFailed {
            return fail(context, record, why).await;
        }
        // It changes faster than it is copied, which is no failure: it is looked at again, and settled then. Sent
        // first, for without the message a crash after the discard would lose the object.
        let changes = vec![in_doubt::change((record.index, &record.upload.key))];
        in_doubt::look_later(context, job, changes, in_doubt::CHANGED_AFTER, 1).await?;
        return discard(context, record).await;
    }
    let Some(info) = source::find(context, &record.upload.key).await? else { return gone(context, record).await };
    tracing::info!(key = ?record.upload.key, %why, "starting the copy of a large object again");
    let suspect = context.objects.wrong_bytes.take(&record.upload.key) || why.leaves_wrong_bytes();
    let (restarts, attempt) = match is_restart {
        true => (record.restarts + 1, record.attempt),
        false => (record.restarts, record.attempt + 1),
    };
    let object = JobObject { suspect, restarts, ..upload::object_of(record, &info) };
    copy_anew(context, job, record, object, attempt).await
}

/// The source has the object no more.
async fn gone(context: &Context, record: &UploadRecord) -> Result<()> {
    let outcome = bare_outcome(context, record, State::Skipped);
    // Settled first: after a crash between the two, the record still says what the upload was for.
    settle_record(context, record, explained(outcome, Some(Skip::Gone.reason()), None)).await?;
    discard(context, record).await
}

/// Has the object copied from the beginning, and gives the upload up.
async fn copy_anew(
    context: &Context,
    job: &ObjectJob,
    record: &UploadRecord,
    object: JobObject,
    attempt: u32,
) -> Result<()> {
    let (run, origin, work) = (record.run.clone(), record.origin.clone(), ObjectWork::Copy { objects: vec![object] });
    let again = ObjectJob { attempt, run, origin, work, ..job.clone() };
    let delay = retry_delay(context.objects.options.retry_delay, record.attempt);
    // Sent first: without the message a crash after the discard would lose the object.
    context.lane.queue.send(&[Outgoing { body: again.to_body(), delay }]).await?;
    discard(context, record).await
}

/// Settles the object of an upload that comes to nothing. In this order: once it is settled, its run may be
/// done and nobody comes again; without its record nobody would settle it.
async fn fail(context: &Context, record: &UploadRecord, why: Error) -> Result<()> {
    abort(context, record).await?;
    settle_failed(context, record, Some(cause(&why)), why.to_string()).await
}

async fn abort(context: &Context, record: &UploadRecord) -> Result<()> {
    orphaned_uploads::abort_upload(context, &record.upload).await?;
    orphaned_uploads::abort(context, &record.upload.key).await
}

async fn settle_failed(context: &Context, record: &UploadRecord, reason: Option<&str>, why: String) -> Result<()> {
    let reason = reason.map(str::to_owned);
    let outcome = Outcome { error: Some(why), reason, ..bare_outcome(context, record, State::Failed) };
    settle_record(context, record, outcome).await?;
    forget(context, &record.upload).await
}

/// Aborts the upload that a parts job is for, and settles its object with this outcome.
pub(crate) async fn end(context: &Context, parts: &Parts, outcome: impl FnOnce(Outcome) -> Outcome) -> Result<()> {
    let Some(record) = current(context, parts).await? else { return Ok(()) };
    orphaned_uploads::or_stays_open(&parts.key, abort(context, &record).await)?;
    settle_record(context, &record, outcome(bare_outcome(context, &record, State::Failed))).await?;
    forget(context, &record.upload).await
}

/// Settles the object of a parts job that cannot be brought to an end.
pub(crate) async fn give_up(context: &Context, parts: &Parts, why: &str) -> Result<()> {
    end(context, parts, |outcome| Outcome { error: Some(why.to_owned()), ..outcome }).await
}
