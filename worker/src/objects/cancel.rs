//! Jobs that are not executed: their runs are cancelled, not known, or another worker's.
//!
//! The only requests to a store in the name of a cancelled run abort its own uploads. What an earlier delivery, or this
//! one, has written or may have written is followed up by a job of the task's events, under its present definition.

use std::collections::BTreeSet;
use std::time::Duration;

use shared::Result;
use shared::job::Origin;
use shared::ledger::{Outcome, State, events_run};
use shared::object::Timestamp;
use shared::objects::job::{JobChange, JobObject, ObjectJob, ObjectWork, Parts};

use crate::engine::runs::VALID;
use crate::objects::context::Context;
use crate::objects::events::in_doubt;
use crate::objects::multipart::giant;
use crate::objects::multipart::upload::{Abort, KeyUploads, abort_all, forget_each};
use crate::objects::settle::settle_job;
use crate::objects::verdict::Uploads;

/// An object of a job that was not settled when its run was cancelled.
struct Unsettled<'a> {
    index: u32,
    key: &'a str,
    /// Whether this delivery, or an earlier one, may have begun to write it.
    is_begun: bool,
}

/// Settles a job of a cancelled run that was not begun here. The caller executes what it returns: a look at keys that
/// may have changed belongs to the task, not to the run that asked for it.
pub(crate) async fn whole(context: &Context, job: &ObjectJob, redelivered: bool) -> Result<Option<ObjectJob>> {
    match &job.work {
        ObjectWork::Parts(parts) => {
            parts_of(context, parts).await?;
            Ok(None)
        }
        ObjectWork::Changed { objects } => {
            // A look that comes again may have an upload of an earlier delivery left.
            let is_begun = redelivered || job.attempt > 1;
            settle_left(context, job, &left(job, |_| is_begun)).await?;
            Ok(Some(of_events(job, objects)))
        }
        ObjectWork::Copy { .. } | ObjectWork::Delete { .. } => {
            // A job that was released in good order has no write in doubt, but is delivered again all the same.
            let is_begun = redelivered || job.attempt > 1;
            let left = left(job, |_| is_begun);
            if redelivered {
                follow_up(context, job, &left, Duration::ZERO).await?;
            }
            settle_left(context, job, &left).await?;
            Ok(None)
        }
    }
}

/// Settles what is left of a job whose run was cancelled while it was worked on. `began` says which objects were begun.
pub(crate) async fn rest(
    context: &Context,
    job: &ObjectJob,
    ended: &BTreeSet<u32>,
    began: &BTreeSet<u32>,
) -> Result<()> {
    let left: Vec<Unsettled<'_>> =
        left(job, |index| began.contains(&index)).into_iter().filter(|left| !ended.contains(&left.index)).collect();
    tracing::info!(
        run = job.run,
        origin = job.origin.id,
        objects = left.len(),
        "the job's run was cancelled during the job"
    );
    // Later than any worker takes the run for a live one.
    follow_up(context, job, &left, VALID.max(in_doubt::ENDED_AFTER)).await?;
    settle_left(context, job, &left).await
}

fn left(job: &ObjectJob, is_begun: impl Fn(u32) -> bool) -> Vec<Unsettled<'_>> {
    job.work.keys().map(|(index, key)| Unsettled { index, key, is_begun: is_begun(index) }).collect()
}

/// Has the keys looked at again that may have been written, where others may be at them. Sent before they are settled:
/// a crash between the two brings the job again.
async fn follow_up(context: &Context, job: &ObjectJob, left: &[Unsettled<'_>], delay: Duration) -> Result<()> {
    let begun = left.iter().filter(|left| left.is_begun);
    let changes: Vec<_> = begun.map(|left| without_deletes(in_doubt::change((left.index, left.key)))).collect();
    if changes.is_empty() || !context.objects.follow.look_again {
        return Ok(());
    }
    in_doubt::look_later(context, job, changes, delay, job.attempt).await
}

/// Aborts the run's own uploads of these objects, settles them as cancelled, and forgets the uploads, in this order.
async fn settle_left(context: &Context, job: &ObjectJob, left: &[Unsettled<'_>]) -> Result<()> {
    let now = Timestamp::now();
    let cancelled = |left: &Unsettled<'_>| {
        let object = JobObject { index: left.index, key: left.key.to_owned(), ..JobObject::default() };
        (left.index, context.outcome(job, &object, now, State::Cancelled))
    };
    let outcomes: Vec<(u32, Outcome)> = left.iter().map(cancelled).collect();
    let begun = left.iter().filter(|left| left.is_begun);
    let uploads: Vec<KeyUploads> = begun.map(|left| (left.index, left.key.to_owned(), Uploads::Unknown)).collect();
    let open = abort_all(context, job, &uploads, Abort::AsFarAsMayBe).await?;
    settle_job(context, job, &outcomes).await?;
    forget_each(context, &open).await
}

/// Ends the upload of a giant object whose run is cancelled.
pub(crate) async fn parts_of(context: &Context, parts: &Parts) -> Result<()> {
    giant::end(context, parts, |outcome| Outcome { state: State::Cancelled, ..outcome }).await
}

/// The same look at keys that may have changed, as an event of the task: under its present definition, and without
/// deletes. Its origin is named after the job's, so that it counts once however often it is delivered.
fn of_events(job: &ObjectJob, objects: &[JobChange]) -> ObjectJob {
    let id = format!("{}/{}/{}", job.run, job.origin.id, job.attempt);
    let objects = objects.iter().cloned().map(without_deletes).collect();
    let work = ObjectWork::Changed { objects };
    let (run, origin) = (events_run(&job.task), Origin { id, ..job.origin.clone() });
    ObjectJob { run, definition: 0, origin, work, ..job.clone() }
}

/// What the source lacks may be what the run was to delete. The next scan finds it, if it is to be deleted still.
fn without_deletes(change: JobChange) -> JobChange {
    JobChange { no_delete: true, ..change }
}
