//! One job: its objects, their outcomes, and what comes again.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, FuturesUnordered};
use futures::{StreamExt, TryStreamExt};
use serde::Deserialize;
use shared::config::SETTLE_OBJECTS;
use shared::job::{Job, JobChange, JobObject, Restoring, Work};
use shared::ledger::{Outcome, Settlement, State};
use shared::object::{Pin, Timestamp};
use shared::queue::{Message, Outgoing};
use shared::{Error, Result, metrics};
use tokio::time::Instant;

use crate::context::Context;
use crate::ending::{self, Ending, Uploads, retry_delay};
use crate::orphans::or_stays_open;
use crate::runs::Verdict;
use crate::suspects::Marks;
use crate::{archive, cancel, changed, copy, delete, giant, upload};

/// The job is done: its message may be acknowledged.
pub(crate) struct Done;

/// Outcomes are recorded when there are [`SETTLE_OBJECTS`] of them, or when the oldest has waited for so
/// long: progress is seen, and a crash repeats little.
const SETTLE_AFTER: Duration = Duration::from_secs(2);

/// Uploads that are ended at once, by a call or two each.
const UPLOADS_AT_ONCE: usize = 16;

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
    match &job.work {
        Work::Copy { objects } => {
            let marks = Marks::read(context, objects.iter().map(|object| object.key.as_str())).await?;
            let marks = &marks;
            let copy = |object: JobObject| {
                let ending = async move {
                    let copy = |redelivered| copy::copy(context, job, &object, redelivered);
                    let ending = steadily(context, redelivered, copy).await;
                    (marks.after(context, &object.key, ending).await, object)
                };
                ending.boxed()
            };
            settle_all(context, job, until, objects.iter().cloned().map(copy)).await?;
        }
        Work::Delete { objects } => {
            let marks = Marks::read(context, objects.iter().map(|object| object.key.as_str())).await?;
            let marks = &marks;
            let delete = |object: JobObject| {
                let ending = async move {
                    let delete = |redelivered| delete::delete(context, job, &object, redelivered);
                    let ending = steadily(context, redelivered, delete).await;
                    (marks.after(context, &object.key, ending).await, object)
                };
                ending.boxed()
            };
            settle_all(context, job, until, objects.iter().map(delete::as_object).map(delete)).await?;
        }
        Work::Changed { objects } => {
            context.begin_events_run(&job.run).await?;
            settle(context, job, aside).await?;
            let follow = |change: &'_ JobChange| {
                let change = change.clone();
                let ending = async move {
                    let follow = |redelivered| changed::follow(context, job, &change, redelivered);
                    (steadily(context, redelivered, follow).await, changed::as_object(&change))
                };
                ending.boxed()
            };
            settle_all(context, job, until, objects.iter().map(follow)).await?;
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

/// Works on one object, and again for as long as a store fails altogether: each time only once the store's
/// circuit lets it. What was begun before may have had an effect, so it is then done as if redelivered.
async fn steadily<F>(context: &Context, mut redelivered: bool, work: impl Fn(bool) -> F) -> Ending
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

/// What is to be written down of a job's objects.
#[derive(Default)]
struct Batch {
    outcomes: Vec<(u32, Outcome)>,
    uploads: Vec<(String, Uploads)>,
    again: Vec<Outgoing>,
    restoring: Vec<(JobObject, Restoring)>,
    since: Option<Instant>,
}

impl Batch {
    fn add(&mut self, context: &Context, job: &Job, object: JobObject, ending: Ending) -> Result<()> {
        self.since.get_or_insert_with(Instant::now);
        match ending {
            Ending::Settled(outcome, uploads) => {
                if !matches!(uploads, Uploads::None) {
                    self.uploads.push((outcome.key.clone(), uploads));
                }
                self.outcomes.push((object.index, outcome));
            }
            Ending::Again(error) => self.again.push(again(context, job, object, &error)),
            Ending::Restoring(restoring) => self.restoring.push((object, restoring)),
            Ending::Later(delay) => self.again.push(later(job, &object, delay)),
            Ending::Unrecorded(error) => return Err(error),
            Ending::HandedOver | Ending::Held => {}
        }
        Ok(())
    }

    fn is_due(&self) -> bool {
        self.outcomes.len() + self.again.len() + self.restoring.len() >= SETTLE_OBJECTS
            || self.since.is_some_and(|since| since.elapsed() >= SETTLE_AFTER)
    }

    async fn due(&self) {
        match self.since {
            Some(since) => tokio::time::sleep_until(since + SETTLE_AFTER).await,
            None => std::future::pending().await,
        }
    }

    /// Objects to be tried again are sent before the job is acknowledged: if the worker dies between
    /// the two, object and job both come again, and the ledger counts the object once.
    ///
    /// What is open of an object is aborted before its outcome is recorded: once all are, the run is done and
    /// nobody comes again. The record of a completed upload goes after that: if the worker dies in
    /// between, it tells the next one that the object is there.
    async fn write(mut self, context: &Context, job: &Job) -> Result<()> {
        self.again.extend(archive::again(job, std::mem::take(&mut self.restoring)));
        if !self.again.is_empty() {
            context.queue.send(&self.again).await?;
        }
        let abort = |(key, of)| upload::abort_open(context, job, key, of).boxed();
        for_each(self.uploads.iter().map(|(key, of)| (key.as_str(), of)).map(abort)).await?;
        settle(context, job, &self.outcomes).await?;
        let forget = |(key, of)| upload::forget_all(context, job, key, of).boxed();
        for_each(self.uploads.iter().map(|(key, of)| (key.as_str(), of)).map(forget)).await
    }
}

pub(crate) async fn for_each<'a>(ends: impl Iterator<Item = BoxFuture<'a, Result<()>>>) -> Result<()> {
    // Collected: an iterator that borrows would have to be held across the waiting.
    stream::iter(ends.collect::<Vec<_>>()).buffer_unordered(UPLOADS_AT_ONCE).try_collect().await
}

/// Works on all objects of a job at once, as far as there are permits, and writes their endings down
/// as they come, while the others go on. When the job's run is cancelled meanwhile, what is under way is dropped and
/// what is left is settled as cancelled.
async fn settle_all<'a>(
    context: &'a Context,
    job: &'a Job,
    until: Option<Instant>,
    endings: impl Iterator<Item = BoxFuture<'a, (Ending, JobObject)>> + Send,
) -> Result<()> {
    let at_once = context.brake.limit().max(1);
    let mut endings = Box::pin(stream::iter(endings).buffer_unordered(at_once));
    let mut cancelled = std::pin::pin!(context.runs.cancelled(context, job, until));
    let (mut batch, mut ended) = (Batch::default(), BTreeSet::new());
    // At most one: two of one origin job would only get into each other's way in the ledger.
    let mut writing = FuturesUnordered::new();
    loop {
        if batch.is_due() && writing.is_empty() {
            writing.push(std::mem::take(&mut batch).write(context, job));
        }
        tokio::select! {
            Some(written) = writing.next() => written?,
            // One slow object must not keep the others' outcomes from being written down.
            () = batch.due(), if writing.is_empty() => {}
            ending = endings.next() => match ending {
                Some((ending, object)) => {
                    ended.insert(object.index);
                    batch.add(context, job, object, ending)?;
                }
                None => break,
            },
            asked = &mut cancelled => {
                asked?;
                drop(endings);
                while let Some(written) = writing.next().await {
                    written?;
                }
                batch.write(context, job).await?;
                // They are begun in their order, so many at once.
                let began = job.work.keys().take(ended.len() + at_once).map(|(index, _)| index).collect();
                return cancel::rest(context, job, &ended, &began).await;
            }
        }
    }
    while let Some(written) = writing.next().await {
        written?;
    }
    batch.write(context, job).await
}

/// The message that brings an object again, alone.
fn again(context: &Context, job: &Job, object: JobObject, error: &Error) -> Outgoing {
    let delay = retry_delay(context.options.retry_delay, job.attempt);
    tracing::info!(key = ?object.key, attempt = job.attempt, %error, delay_s = delay.as_secs(), "object will be tried again");
    let suspect = object.suspect || error.leaves_wrong_bytes();
    let work = only(&job.work, &JobObject { suspect, ..object });
    let body = Job { attempt: job.attempt + 1, restoring: None, work, ..job.clone() }.to_body();
    Outgoing { body, delay }
}

/// The message that brings a changed key again, as it came.
fn later(job: &Job, object: &JobObject, delay: Duration) -> Outgoing {
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
    for object in &objects {
        or_stays_open(&object.key, upload::abort_open(context, job, &object.key, &Uploads::Unknown).await)?;
    }
    settle(context, job, &outcomes).await?;
    for object in &objects {
        upload::forget_all(context, job, &object.key, &Uploads::Unknown).await?;
    }
    Ok(())
}

/// How many objects a message's job has, without reading all of it.
pub(crate) fn object_count(message: &Message) -> Option<usize> {
    #[derive(Deserialize)]
    struct Counted {
        objects: Option<Vec<serde::de::IgnoredAny>>,
    }
    let counted: Counted = serde_json::from_str(&message.body).ok()?;
    Some(counted.objects.map_or(1, |objects| objects.len()))
}
