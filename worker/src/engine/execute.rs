//! One job: its objects, their outcomes, and what comes again.

use std::collections::BTreeSet;

use shared::Result;
use shared::ledger::{Outcome, State};
use shared::object::Pin;
use shared::objects::job::{Job, JobObject, Work};
use tokio::time::Instant;

use crate::context::Context;
use crate::engine::runs::RunVerdict;
use crate::objects::archive;
use crate::objects::batch::settle_all;
use crate::objects::cancel;
use crate::objects::item::Item;
use crate::objects::multipart::giant;
use crate::objects::multipart::upload::{Abort, abort_all, forget_each};
use crate::objects::settle::settle_job;
use crate::objects::suspects::Marks;
use crate::objects::verdict::Uploads;
use crate::objects::whole;

/// The job is done: its message may be acknowledged.
pub(crate) struct Done;

/// Executes a job, of whose objects some are `aside`: known without any work. `Ok` when each is settled, enqueued
/// again, or carried on by another job; `Err` when that could not be recorded: then the job must come again.
pub(crate) async fn execute(context: &Context, job: &Job, aside: &[(u32, Outcome)], redelivered: bool) -> Result<Done> {
    match context.runs.judge(context, job).await? {
        RunVerdict::Execute(until) => return work(context, job, aside, redelivered, until).await,
        RunVerdict::Cancelled => {
            if let Some(changed) = cancel::whole(context, job, redelivered).await? {
                return work(context, &changed, &[], redelivered, None).await;
            }
        }
        RunVerdict::Unknown => cancel::drop_unknown(context, job),
        RunVerdict::OtherOptions => cancel::leave_to_others(context, job).await?,
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
    if let Work::Changed { .. } = &job.work {
        context.begin_events_run(&job.run).await?;
        settle_job(context, job, aside).await?;
    }
    match &job.work {
        Work::Copy { .. } | Work::Delete { .. } | Work::Changed { .. } => {
            let marks = Marks::of_job(context, job, &settled, redelivered).await?;
            settle_all(context, job, until, settled, redelivered, &marks).await?;
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

/// Settles all objects of a job that cannot be brought to an end, and what was set `aside` of it.
pub(crate) async fn give_up(context: &Context, job: &Job, aside: &[(u32, Outcome)], reason: &str) -> Result<()> {
    if context.runs.judge(context, job).await? == RunVerdict::Cancelled {
        return cancel::whole(context, job, true).await.map(drop);
    }
    if let Work::Parts(parts) = &job.work {
        return giant::give_up(context, parts, reason).await;
    }
    context.begin_events_run(&job.run).await?;
    settle_job(context, job, aside).await?;
    let given_up = |item: &Item<'_>| Outcome {
        error: Some(reason.to_owned()),
        source: Pin::default(),
        ..item.outcome_as(State::Failed)
    };
    let outcomes: Vec<(u32, Outcome)> =
        Item::all(context, job, true).map(|item| (item.object.index, given_up(&item))).collect();
    let uploads: Vec<(String, Uploads)> = job.work.keys().map(|(_, key)| (key.to_owned(), Uploads::Unknown)).collect();
    let left = abort_all(context, job, &uploads, Abort::AsFarAsMayBe).await?;
    settle_job(context, job, &outcomes).await?;
    forget_each(context, &left).await
}
