//! The objects of a job: each is worked on, and its outcome is written to the ledger.
//!
//! Recording takes four steps: send the objects that come again, abort open uploads of the settled objects, settle
//! them, forget their uploads. A step that is done is not repeated; a step that fails keeps the rest of its work. It is
//! repeated as long as the job's lease lasts, so that a ledger that is away for a minute costs no object its work. The
//! objects that are finished and not recorded are bounded: the job begins no more of them meanwhile.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::FuturesUnordered;
use shared::config::JOB_KEYS;
use shared::ledger::Outcome;
use shared::objects::job::{JobObject, ObjectJob, ObjectWork, Restoring};
use shared::queue::Outgoing;
use shared::store::Upload;
use shared::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::engine::backend::Repetition;
use crate::engine::context::Engine;
use crate::engine::executor::Delivery;
use crate::objects::archive;
use crate::objects::bulk_delete::{self, Sent};
use crate::objects::cancel;
use crate::objects::changed;
use crate::objects::context::Context;
use crate::objects::item::{Item, Request};
use crate::objects::multipart::upload::{Abort, KeyUploads, abort_all, forget_each};
use crate::objects::reconcile;
use crate::objects::replace;
use crate::objects::requeue::{next_attempt, same_attempt};
use crate::objects::second_look::{self, Ended, Waiting};
use crate::objects::settle::settle_together;
use crate::objects::suspects::Marks;
use crate::objects::tasks::Tasks;
use crate::objects::verdict::{Skip, Uploads, Verdict};

/// Outcomes are recorded when their job is complete, when there are so many,
const SETTLE_FREE_OBJECTS: usize = 250;

/// or when the oldest has waited for so long: progress is seen, and a crash repeats little.
const SETTLE_AFTER: Duration = Duration::from_secs(2);

/// The same at a ledger that charges for writes, beside [`JOB_KEYS`]: most jobs take less, and are recorded once.
const SETTLE_CHARGED_AFTER: Duration = Duration::from_secs(10);

/// Most objects of a job that are at work, or finished and not recorded: one batch is written while the next one fills.
const UNRECORDED_OBJECTS: usize = second_look::MOST;

/// The objects of a job that are to be recorded.
#[derive(Default)]
struct Batch {
    outcomes: Vec<(u32, Outcome)>,
    /// The indexes of the outcomes that the ledger must have one by one.
    own_records: BTreeSet<u32>,
    uploads: Vec<KeyUploads>,
    again: Vec<Outgoing>,
    restoring: Vec<(JobObject, Restoring)>,
    since: Option<Instant>,
    /// The uploads whose records are to be forgotten, once all that were open are aborted.
    left: Option<Vec<Upload>>,
    /// The objects' room; free once they are recorded.
    room: Vec<OwnedSemaphorePermit>,
}

impl Batch {
    fn add(&mut self, item: Item, verdict: Verdict, room: OwnedSemaphorePermit) {
        self.since.get_or_insert_with(Instant::now);
        self.room.push(room);
        if let Some(outcome) = item.outcome(&verdict) {
            if item.needs_own_record(&verdict) {
                self.own_records.insert(item.object.index);
            }
            if !matches!(item.uploads, Uploads::None) {
                self.uploads.push((item.object.index, item.object.key, item.uploads));
            }
            self.outcomes.push((item.object.index, outcome));
            return;
        }
        match verdict {
            Verdict::RetryAttempt(error) => self.again.push(next_attempt(&item, &error)),
            Verdict::RetryLater(delay) => self.again.push(same_attempt(&item, item.object.clone(), delay)),
            Verdict::Blocked => {
                let delay = replace::delay(item.object.blocked);
                let object = JobObject { blocked: item.object.blocked.saturating_add(1), ..item.object.clone() };
                self.again.push(same_attempt(&item, object, delay));
            }
            Verdict::Restoring(restoring) => self.restoring.push((item.object, restoring)),
            // Others record it.
            Verdict::HandedOver => {}
            // It has an outcome, so it was returned above; or its job fails; or it is done again before it comes here.
            Verdict::Copied(_) | Verdict::InSync(_) | Verdict::Deleted | Verdict::Skipped(_) | Verdict::Failed(_) => {}
            Verdict::Archived(_) | Verdict::Unrecorded(_) | Verdict::Suspended => {}
        }
    }

    fn is_due(&self, engine: &Engine) -> bool {
        let (objects, after) = match engine.ledger.is_charged() && !engine.draining.is_cancelled() {
            true => (JOB_KEYS, SETTLE_CHARGED_AFTER),
            false => (SETTLE_FREE_OBJECTS, SETTLE_AFTER),
        };
        self.outcomes.len() + self.again.len() + self.restoring.len() >= objects
            || self.since.is_some_and(|since| since.elapsed() >= after)
    }

    /// Waits until the batch is due by its time. A worker that drains may have no 10 s left.
    async fn due(&self, engine: &Engine) {
        let Some(since) = self.since else { return std::future::pending().await };
        if engine.ledger.is_charged() {
            let _ = tokio::time::timeout_at(since + SETTLE_CHARGED_AFTER, engine.draining.cancelled()).await;
        }
        tokio::time::sleep_until(since + SETTLE_AFTER).await;
    }

    /// Records everything, again and again while that may still succeed.
    async fn record(mut self, context: &Context, job: &ObjectJob) -> Result<()> {
        let mut repetition = Repetition::default();
        loop {
            match self.record_once(context, job).await {
                Ok(()) => {
                    repetition.succeeded(&context.engine.backend);
                    return Ok(());
                }
                Err(error) => repetition.failed(&context.engine.backend, error).await?,
            }
        }
    }

    /// Sends, aborts and records once; what has succeeded is not repeated by the next call.
    ///
    /// Objects to be tried again are sent before the job is acknowledged: if the worker dies between
    /// the two, object and job both come again, and the ledger counts the object once.
    ///
    /// The open uploads of an object are aborted before its outcome is recorded: once all are, the run is done and
    /// nobody comes again. The record of a completed upload goes after that: if the worker dies in
    /// between, the record shows the next one that the object is there.
    async fn record_once(&mut self, context: &Context, job: &ObjectJob) -> Result<()> {
        self.again.extend(archive::again(job, std::mem::take(&mut self.restoring)));
        if !self.again.is_empty() {
            context.lane.queue.send(&self.again).await?;
            self.again.clear();
        }
        if self.left.is_none() {
            self.left = Some(abort_all(context, job, &self.uploads, Abort::Surely).await?);
        }
        settle_together(context, job, &self.outcomes, &self.own_records).await?;
        self.outcomes.clear();
        forget_each(context, self.left.as_deref().unwrap_or_default()).await
    }
}

/// The works on a job's objects, each for a task of its own. Each waits for room before it begins; `None` if there will
/// be none.
struct InRoom<'a> {
    items: Box<dyn Iterator<Item = Item> + Send + 'a>,
    marks: Arc<Marks>,
    room: Arc<Semaphore>,
}

impl Iterator for InRoom<'_> {
    type Item = BoxFuture<'static, Option<Ended>>;

    fn next(&mut self) -> Option<Self::Item> {
        let (mut item, marks, room) = (self.items.next()?, self.marks.clone(), self.room.clone());
        let begin = async move {
            let room = room.acquire_owned().await.ok()?;
            let verdict = perform(&mut item, &marks).await;
            Some((item, verdict, room))
        };
        Some(begin.boxed())
    }
}

/// Works on one object, and again for as long as a store fails for every object: each time only once the store's
/// circuit permits it. Work that was begun before may have had an effect, so it is done as if redelivered.
async fn perform(item: &mut Item, marks: &Marks) -> Verdict {
    loop {
        let _admission = item.context.objects.admit().await;
        item.begin();
        let verdict = match item.request {
            _ if item.is_left_out() => Verdict::Skipped(Skip::Filtered),
            Request::Copy => reconcile::copy(item).await,
            Request::Delete { may_block } => reconcile::delete(item, may_block).await,
            Request::Follow { no_delete, .. } => changed::follow(item, no_delete).await,
        };
        match verdict {
            Verdict::Suspended => item.redelivered = true,
            verdict => return marks.after(item, verdict).await,
        }
    }
}

/// As [`perform`], for the second look.
fn perform_again<'a>(item: &'a mut Item, marks: &'a Marks) -> BoxFuture<'a, Verdict> {
    perform(item, marks).boxed()
}

/// The results of a job's objects so far.
struct Results {
    batch: Batch,
    /// Objects that wait for their second look.
    waiting: Waiting,
    /// The indexes of the objects that need nothing more.
    ended: BTreeSet<u32>,
    /// The first error of queue or ledger.
    failed: Option<Error>,
    room: Arc<Semaphore>,
}

impl Results {
    /// An object's work has ended.
    fn performed(&mut self, ended: Ended) {
        match ended.0.look_waits && ended.1.has_written() {
            true => self.waiting.push(ended),
            false => self.add(ended),
        }
    }

    /// Nothing is left to do for an object but to record it.
    fn add(&mut self, (item, verdict, room): Ended) {
        if let Verdict::Unrecorded(error) = verdict {
            self.failed.get_or_insert(error);
            self.room.close();
            return;
        }
        self.ended.insert(item.object.index);
        self.batch.add(item, verdict, room);
    }
}

/// The objects of a job that are to be worked on. Keys to delete that the source does not have are deleted together
/// first, as far as may be.
async fn items<'a>(
    context: &'a Arc<Context>,
    job: &'a Arc<ObjectJob>,
    delivery: &Delivery,
    settled: &BTreeSet<u32>,
    sent: &Sent,
) -> Box<dyn Iterator<Item = Item> + Send + 'a> {
    let done = settled.clone();
    let items = Item::all(context, job, delivery.redelivered).filter(move |item| !done.contains(&item.object.index));
    match &job.work {
        // What was begun before is looked at alone.
        ObjectWork::Delete { .. } if !delivery.redelivered && job.attempt == 1 => {
            let mut items: Vec<Item> = items.collect();
            bulk_delete::delete_absent(&mut items, sent).await;
            Box::new(items.into_iter())
        }
        _ => Box::new(items),
    }
}

/// As [`items`]; `None` if the run was cancelled meanwhile, and the job is settled.
async fn items_unless_cancelled<'a>(
    context: &'a Arc<Context>,
    job: &'a Arc<ObjectJob>,
    delivery: &Delivery,
    (settled, sent): (&BTreeSet<u32>, &Sent),
    cancelled: Pin<&mut (impl Future<Output = Result<()>> + Send)>,
) -> Result<Option<Box<dyn Iterator<Item = Item> + Send + 'a>>> {
    tokio::select! {
        items = items(context, job, delivery, settled, sent) => Ok(Some(items)),
        asked = cancelled => {
            asked?;
            cancel::rest(context, job, settled, &sent.indexes()).await?;
            Ok(None)
        }
    }
}

/// The indexes of the objects that were begun: so many tasks, in the objects' order.
fn began(job: &ObjectJob, settled: &BTreeSet<u32>, sent: &Sent, tasks: usize) -> BTreeSet<u32> {
    let unsettled = job.work.keys().map(|(index, _)| index).filter(|index| !settled.contains(index));
    sent.indexes().into_iter().chain(unsettled.take(tasks)).collect()
}

/// Works on all objects of a job at once, each in a task of its own, as far as there are permits, and records their
/// verdicts as they come, while the others go on.
///
/// An object whose work fails at queue or ledger ends the job with that error, but not the others: no further object
/// begins, and those that are at work are finished and recorded, so that the redelivered job passes them over.
///
/// When the job's run is cancelled meanwhile, the work under way is ended, then the objects that are not settled are
/// settled as cancelled. When the ledger does not answer whether it is, the work under way is ended too, and the job
/// must come again. The objects at the indexes `settled` are recorded already, and have no work.
///
/// A caller that drops this, or gets an error, waits for the end of the tasks by [`Context::running`].
pub(crate) async fn work_on_all(
    context: &Arc<Context>,
    job: &Arc<ObjectJob>,
    delivery: &Delivery,
    settled: BTreeSet<u32>,
    marks: Arc<Marks>,
) -> Result<()> {
    let at_once = context.lane.limiter.limit().max(1);
    let room = Arc::new(Semaphore::new(UNRECORDED_OBJECTS.max(at_once)));
    let mut cancelled = std::pin::pin!(delivery.cancelled(&context.lane, &job.run));
    let sent = Sent::default();
    let items = items_unless_cancelled(context, job, delivery, (&settled, &sent), cancelled.as_mut()).await?;
    let Some(items) = items else { return Ok(()) };
    let mut works = Tasks::new(InRoom { items, marks: marks.clone(), room: room.clone() }, at_once, &context.running);
    let (batch, waiting) = (Batch::default(), Waiting::default());
    let mut results = Results { batch, waiting, ended: settled.clone(), failed: None, room };
    let mut is_cancelled = false;
    // At most one of each: two records of one origin job would only contend in the ledger.
    let (mut writing, mut looking) = (FuturesUnordered::new(), FuturesUnordered::new());
    while !(results.waiting.is_complete && results.waiting.len() == 0 && looking.is_empty()) {
        if results.batch.is_due(&context.engine) && writing.is_empty() {
            writing.push(std::mem::take(&mut results.batch).record(context, job));
        }
        if results.waiting.is_due() && looking.is_empty() {
            looking.push(second_look::look(&marks, results.waiting.take(), perform_again));
        }
        tokio::select! {
            Some(written) = writing.next() => written?,
            Some(looked) = looking.next() => looked.into_iter().for_each(|ended| results.add(ended)),
            // One slow object must not keep the others' outcomes from being written down.
            () = results.batch.due(&context.engine), if writing.is_empty() => {}
            () = results.waiting.due(), if looking.is_empty() => {}
            next = works.next(), if !results.waiting.is_complete => match next {
                Some(Some(ended)) => results.performed(ended),
                // The job has failed, and this object has not begun.
                Some(None) => {}
                None => results.waiting.is_complete = true,
            },
            asked = &mut cancelled => {
                (is_cancelled, results.failed) = (asked.is_ok(), results.failed.or(asked.err()));
                break;
            }
        }
    }
    // The rest is recorded once no task is at work. The second look is dropped too.
    let begun = works.begun();
    works.end().await.into_iter().flatten().for_each(|ended| results.performed(ended));
    drop(looking);
    context.running.ended().await;
    while let Some(written) = writing.next().await {
        written?;
    }
    results.batch.record(context, job).await?;
    if is_cancelled {
        let began = began(job, &settled, &sent, begun);
        return cancel::rest(context, job, &results.ended, &began).await;
    }
    results.failed.map_or(Ok(()), Err)
}
