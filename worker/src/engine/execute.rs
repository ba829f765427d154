//! One job: its objects, their outcomes, and what comes again.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::FutureExt;
use shared::ledger::{Outcome, Settlement, State};
use shared::object::{Pin, Timestamp};
use shared::objects::job::{Job, JobChange, JobObject, Work};
use shared::queue::Outgoing;
use shared::{Error, Result, metrics};
use tokio::time::Instant;

use crate::context::Context;
use crate::engine::runs::Verdict;
use crate::objects::archive;
use crate::objects::batch::settle_all;
use crate::objects::cancel;
use crate::objects::changed;
use crate::objects::copy;
use crate::objects::delete;
use crate::objects::ending::{self, Ending, Uploads, retry_delay};
use crate::objects::multipart::giant;
use crate::objects::multipart::upload::{Abort, abort_all, forget_each};
use crate::objects::suspects::Marks;
use crate::objects::whole;

/// The job is done: its message may be acknowledged.
pub(crate) struct Done;

/// Executes a job, of whose objects some are `aside`: known without any work. `Ok` when each is settled, enqueued
/// again, or carried on by another job; `Err` when that could not be recorded: then the job must come again.
pub(crate) async fn execute(context: &Context, job: &Job, aside: &[(u32, Outcome)], redelivered: bool) -> Result<Done> {
    match context.runs.judge(context, job).await? {
        Verdict::Execute(until) => return work(context, job, aside, redelivered, until).await,
        Verdict::Cancelled => {
            if let Some(changed) = cancel::whole(context, job, redelivered).await? {
                return work(context, &changed, &[], redelivered, None).await;
            }
        }
        Verdict::Unknown => cancel::drop_unknown(context, job),
        Verdict::OtherOptions => cancel::leave_to_others(context, job).await?,
    }
    Ok(Done)
}

/// Works on a job of a live run, which is asked about again at `until`.
async fn work(
    context: &Context,
    job: &Job,
    aside: &[(u32, Outcome)],
    redelivered: bool,
    until: Option<Instant>,
) -> Result<Done> {
    if let Some(later) = archive::too_early(job) {
        context.queue.send(&[later]).await?;
        return Ok(Done);
    }
    let settled = settled_before(context, job, redelivered).await?;
    match &job.work {
        Work::Copy { objects } => {
            let left: Vec<JobObject> =
                objects.iter().filter(|object| !settled.contains(&object.index)).cloned().collect();
            let marks = Marks::of_copies(context, &left, redelivered).await?;
            let marks = &marks;
            let copy = |object: JobObject| {
                let ending = async move {
                    let copy = |redelivered| copy::copy(context, job, &object, redelivered);
                    let ending = retry_through_outages(context, redelivered, copy).await;
                    (marks.after(context, &object.key, ending).await, object)
                };
                ending.boxed()
            };
            settle_all(context, job, until, settled, left.into_iter().map(copy)).await?;
        }
        Work::Delete { objects } => {
            let left = objects.iter().filter(|object| !settled.contains(&object.index));
            let left: Vec<JobObject> = left.map(delete::as_object).collect();
            let marks = Marks::read(context, left.iter().map(|object| object.key.as_str())).await?;
            let marks = &marks;
            let delete = |object: JobObject| {
                let ending = async move {
                    let delete = |redelivered| delete::delete(context, job, &object, redelivered);
                    let ending = retry_through_outages(context, redelivered, delete).await;
                    (marks.after(context, &object.key, ending).await, object)
                };
                ending.boxed()
            };
            settle_all(context, job, until, settled, left.into_iter().map(delete)).await?;
        }
        Work::Changed { objects } => {
            context.begin_events_run(&job.run).await?;
            settle(context, job, aside).await?;
            let follow = |change: &'_ JobChange| {
                let change = change.clone();
                let ending = async move {
                    let follow = |redelivered| changed::follow(context, job, &change, redelivered);
                    (retry_through_outages(context, redelivered, follow).await, changed::as_object(&change))
                };
                ending.boxed()
            };
            settle_all(context, job, until, settled, objects.iter().map(follow)).await?;
        }
        Work::Parts(parts) => tokio::select! {
            sent = giant::upload_parts(context, job, parts) => sent?,
            cancelled = context.runs.cancelled(context, job, until) => {
                cancelled?;
                cancel::parts_of(context, parts).await?;
            }
        },
    }
    Ok(Done)
}

/// The places that an earlier delivery of the job, or another message with its objects, has recorded: what is
/// recorded is not done again. Whoever recorded an object has looked after it.
///
/// Changed keys are always looked at: a look that is wanted after an object was recorded comes in its place.
async fn settled_before(context: &Context, job: &Job, redelivered: bool) -> Result<BTreeSet<u32>> {
    let objects: Vec<&JobObject> = match &job.work {
        Work::Copy { objects } => objects.iter().collect(),
        Work::Delete { .. } => Vec::new(),
        Work::Parts(_) | Work::Changed { .. } => return Ok(BTreeSet::new()),
    };
    let is_first = !redelivered && job.attempt == 1 && job.restoring.is_none();
    // A message that was sent twice is no redelivery. Its run may be done, and a later one have other options: deletes
    // always ask, copies once the finder is through.
    if is_first && !matches!(job.work, Work::Delete { .. }) && !context.runs.is_listed(context, job).await? {
        return Ok(BTreeSet::new());
    }
    let settled = context.ledger.settled(&job.run, &job.origin).await?;
    // An upload is forgotten after its object is recorded: a crash in between has left the record.
    let in_parts =
        objects.into_iter().filter(|object| settled.contains(&object.index) && !whole::fits(context, object));
    let uploads: Vec<(String, Uploads)> = in_parts.map(|object| (object.key.clone(), Uploads::Unknown)).collect();
    let left = abort_all(context, job, &uploads, Abort::AsFarAsMayBe).await?;
    forget_each(context, &left).await?;
    Ok(settled)
}

/// Works on one object, and again for as long as a store fails altogether: each time only once the store's
/// circuit lets it. What was begun before may have had an effect, so it is then done as if redelivered.
async fn retry_through_outages<F>(context: &Context, mut redelivered: bool, work: impl Fn(bool) -> F) -> Ending
where
    F: Future<Output = Ending>,
{
    loop {
        let _admission = context.admit().await;
        match work(redelivered).await {
            Ending::Held => redelivered = true,
            ending => return ending,
        }
    }
}

/// The message that brings an object again, alone.
pub(crate) fn again(context: &Context, job: &Job, object: JobObject, error: &Error) -> Outgoing {
    let delay = retry_delay(context.options.retry_delay, job.attempt);
    tracing::info!(key = ?object.key, attempt = job.attempt, %error, delay_s = delay.as_secs(), "an object failed: trying it again");
    let suspect = object.suspect || error.leaves_wrong_bytes();
    let work = only(&job.work, &JobObject { suspect, ..object });
    let body = Job { attempt: job.attempt + 1, restoring: None, work, ..job.clone() }.to_body();
    Outgoing { body, delay }
}

/// The message that brings a changed key again, as it came.
pub(crate) fn later(job: &Job, object: &JobObject, delay: Duration) -> Outgoing {
    let body = Job { work: only(&job.work, object), ..job.clone() }.to_body();
    Outgoing { body, delay }
}

/// The work on one of a job's objects alone.
fn only(work: &Work, object: &JobObject) -> Work {
    match work {
        Work::Delete { objects } => {
            Work::Delete { objects: objects.iter().filter(|o| o.index == object.index).cloned().collect() }
        }
        Work::Changed { objects } => {
            Work::Changed { objects: objects.iter().filter(|o| o.index == object.index).cloned().collect() }
        }
        _ => Work::Copy { objects: vec![object.clone()] },
    }
}

pub(crate) async fn settle(context: &Context, job: &Job, outcomes: &[(u32, Outcome)]) -> Result<()> {
    let settlement = Settlement { task: &job.task, run: &job.run, origin: &job.origin, outcomes };
    let counted = ending::settle(context, &settlement).await?;
    if let Work::Changed { objects } = &job.work {
        let counted = objects.iter().filter(|change| counted.contains(&change.index));
        counted.filter_map(|change| change.time).for_each(|time| metrics::event_settled(time.age()));
    }
    Ok(())
}

/// Settles all objects of a job that cannot be brought to an end, and what was set `aside` of it.
pub(crate) async fn give_up(context: &Context, job: &Job, aside: &[(u32, Outcome)], reason: &str) -> Result<()> {
    if context.runs.judge(context, job).await? == Verdict::Cancelled {
        return cancel::whole(context, job, true).await.map(drop);
    }
    let objects: Vec<JobObject> = match &job.work {
        Work::Copy { objects } => objects.clone(),
        Work::Delete { objects } => objects.iter().map(delete::as_object).collect(),
        Work::Changed { objects } => objects.iter().map(changed::as_object).collect(),
        Work::Parts(parts) => return giant::give_up(context, parts, reason).await,
    };
    context.begin_events_run(&job.run).await?;
    settle(context, job, aside).await?;
    let outcomes: Vec<(u32, Outcome)> = objects
        .iter()
        .map(|object| {
            let outcome = context.outcome(job, object, Timestamp::now(), State::Failed);
            (object.index, Outcome { error: Some(reason.to_owned()), source: Pin::default(), ..outcome })
        })
        .collect();
    let uploads: Vec<(String, Uploads)> = objects.into_iter().map(|object| (object.key, Uploads::Unknown)).collect();
    let left = abort_all(context, job, &uploads, Abort::AsFarAsMayBe).await?;
    settle(context, job, &outcomes).await?;
    forget_each(context, &left).await
}
