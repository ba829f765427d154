//! Writes to the destination whose result is unknown.
//!
//! A write that was handed over whole, and whose answer was lost, late, or not waited for (a lease that was lost,
//! a worker that stops), may still take effect: after another worker has written something newer, has looked again and
//! is done. Nobody would look after it. So each of these keys is remembered, and when its job is finished it is put on
//! the queue to be looked at once more, late enough for the write to have ended. A worker that is killed remembers
//! nothing: its job comes back when its lease has run out, which is as late.
//!
//! A body that was not sent to its end makes no object, so it is none.
//!
//! A write that was answered is checked in the same manner if the lease is lost before the source was looked at again:
//! the queue may have delivered the job twice, and the other worker may have written something newer before, and
//! acknowledged the job.
//!
//! So is an upload in parts that a lost lease leaves recorded: the other worker may have acknowledged the job before this
//! upload was recorded. Then no delivery comes back to end the upload and to forget its record. A worker that is killed
//! at that point leaves both.
//!
//! A worker that is stopped in time releases its jobs, and trusts that they come again: if another worker has
//! acknowledged one meanwhile, nobody looks at what was written and not looked at.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use shared::objects::job::{JobChange, ObjectJob, ObjectWork};
use shared::queue::Outgoing;
use shared::{Result, terminal};

use crate::objects::context::Context;

/// A store that has a request whole has done it, or given it up, after this time.
pub(crate) const ENDED_AFTER: Duration = Duration::from_secs(60);

/// A source that changes under each of several writes is looked at again after this: by then the job's objects are
/// settled, which takes some seconds in a large job.
pub(crate) const CHANGED_AFTER: Duration = Duration::from_secs(5);

/// A look whose own write is in doubt is followed by another one, so often; then a scan has to find the difference.
const MAX_FOLLOWING: u32 = 5;

/// Enqueues a look at the keys of a job whose writes are in doubt, where others may write them.
pub(crate) async fn look_after(context: &Context, job: &ObjectJob) {
    let changes = keys_in_doubt(context, job).into_iter().map(change).collect();
    look_after_changes(context, job, changes).await;
}

/// As [`look_after`] when the job's lease is lost: also the keys that were written and not looked at since, and those of
/// which an upload is recorded for this job. The other worker may still be at one of them: both then send the same
/// parts, as after any second delivery.
pub(crate) async fn look_after_abandoned(context: &Context, job: &ObjectJob) {
    let mut keys = keys_in_doubt(context, job);
    keys.extend(job.work.keys().filter(|(_, key)| context.unchecked.contains(key)));
    if context.objects.follow.look_again && !matches!(job.work, ObjectWork::Parts(_)) {
        match recorded_uploads(context, job).await {
            Ok(recorded) => keys.extend(recorded),
            Err(error) => tracing::warn!(%error, "could not read the open uploads of a job whose lease was lost"),
        }
    }
    look_after_changes(context, job, keys.into_iter().map(change).collect()).await;
}

/// Enqueues a look at the settled keys of a job that came again, where others may write them. The worker that had it
/// before was perhaps killed during a write, which took effect after another message with the same objects had settled
/// the key. Done and its answer lost: looked at twice.
pub(crate) async fn look_at_settled(context: &Context, job: &ObjectJob, settled: &BTreeSet<u32>) -> Result<()> {
    let changes: Vec<_> = job.work.keys().filter(|(index, _)| settled.contains(index)).map(change).collect();
    if changes.is_empty() || !context.objects.follow.look_again {
        return Ok(());
    }
    look_later(context, job, changes, CHANGED_AFTER, 1).await
}

fn keys_in_doubt<'a>(context: &Context, job: &'a ObjectJob) -> BTreeSet<(u32, &'a str)> {
    job.work.keys().filter(|(_, key)| context.objects.in_doubt.take(key)).collect()
}

/// The job's indexes and keys of which the ledger has an upload recorded for this job.
async fn recorded_uploads<'a>(context: &Context, job: &'a ObjectJob) -> Result<Vec<(u32, &'a str)>> {
    let keys: Vec<&str> = job.work.keys().map(|(_, key)| key).collect();
    let open = context.objects.upload_log.open_uploads(&job.task, &keys).await?;
    let records = open.into_iter().filter_map(|open| open.record);
    let ours: HashSet<String> = records
        .filter(|record| (&record.run, &record.origin) == (&job.run, &job.origin))
        .map(|record| record.upload.key)
        .collect();
    Ok(job.work.keys().filter(|(_, key)| ours.contains(*key)).collect())
}

async fn look_after_changes(context: &Context, job: &ObjectJob, changes: Vec<JobChange>) {
    if changes.is_empty() || !context.objects.follow.look_again {
        return;
    }
    if job.attempt > context.objects.options.attempts + MAX_FOLLOWING {
        let keys = terminal::counted(changes.len() as u64, "key");
        return tracing::warn!("the results of writes to {keys} stay unknown: the next scan checks them");
    }
    tracing::info!(keys = changes.len(), "the results of some writes are unknown: checking these keys again later");
    // Should this fail too, a scan finds what has gone wrong.
    if let Err(error) = look_later(context, job, changes, ENDED_AFTER, job.attempt + 1).await {
        tracing::warn!(%error, "could not enqueue a check of writes with unknown results: the next scan checks these keys");
    }
}

/// Puts keys on the queue, to be looked at after `delay`. They keep their indexes in `job`, and so are not counted
/// twice: the delay is to be longer than it takes to settle them.
pub(crate) async fn look_later(
    context: &Context,
    job: &ObjectJob,
    changes: Vec<JobChange>,
    delay: Duration,
    attempt: u32,
) -> Result<()> {
    let messages: Vec<Outgoing> =
        job.changed(attempt, changes).iter().map(|job| Outgoing { body: job.to_body(), delay }).collect();
    context.lane.queue.send(&messages).await
}

/// An index and its key, as a change.
pub(crate) fn change((index, key): (u32, &str)) -> JobChange {
    JobChange { index, key: key.to_owned(), time: None, no_delete: false }
}
