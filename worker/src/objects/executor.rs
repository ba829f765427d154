//! Executes jobs for objects.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use shared::Result;
use shared::job::{self, ParseError};
use shared::ledger::{Outcome, State};
use shared::objects::ObjectDetail;
use shared::objects::job::{JobObject, KIND, ObjectJob, ObjectWork};
use shared::objects::reasons::FILTERED;
use shared::queue::{Message, Outgoing};

use crate::engine::context::LaneContext;
use crate::engine::executor::{Delivery, Event, Execution, Executor, Outage};
use crate::objects::batch::work_on_all;
use crate::objects::cancel;
use crate::objects::context::{Context, Objects, ObjectsContext};
use crate::objects::events::in_doubt;
use crate::objects::events::read::{Read, read};
use crate::objects::item::Item;
use crate::objects::multipart::giant;
use crate::objects::multipart::orphaned_uploads;
use crate::objects::multipart::parts;
use crate::objects::multipart::upload::{Abort, KeyUploads, abort_all, forget_each};
use crate::objects::settle::{explained, settle_job};
use crate::objects::suspects::Marks;
use crate::objects::transfers;
use crate::objects::verdict::Uploads;
use crate::objects::whole;

/// Executes jobs for objects.
struct ObjectsExecutor(Arc<ObjectsContext>);

impl Objects {
    /// What a [`Worker`](crate::Worker) executes jobs for objects with.
    pub fn executor(self) -> impl Executor + 'static {
        ObjectsExecutor(Arc::new(self.into_context()))
    }
}

#[async_trait]
impl Executor for ObjectsExecutor {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn open(&self, lane: &Arc<LaneContext>, job: &job::Job) -> Result<Box<dyn Execution>, ParseError> {
        let (context, job) = (Context::new(lane, &self.0), ObjectJob::try_from(job)?);
        Ok(Box::new(ObjectsExecution { context: Arc::new(context), job: Arc::new(job), known: Vec::new() }))
    }

    fn read_event(&self, lane: &Arc<LaneContext>, message: &Message) -> Option<Event> {
        let context = Context::new(lane, &self.0);
        Some(match read(&context, message) {
            Read::Changes(job, known) => {
                let (context, job) = (Arc::new(context), Arc::new(*job));
                Event::Work(Box::new(ObjectsExecution { context, job, known }))
            }
            Read::Nothing => Event::Nothing,
            Read::Dead(reason) => Event::Dead(reason),
        })
    }

    fn writes(&self) -> Option<&str> {
        Some(&self.0.writes)
    }

    fn is_suspended(&self) -> bool {
        self.0.is_suspended()
    }

    async fn watch(&self) -> Outage {
        let [(source, from), (destination, to)] = &self.0.circuits;
        tokio::select! {
            outage = source.watch(from, self.0.outage_limit) => outage,
            outage = destination.watch(to, self.0.outage_limit) => outage,
        }
    }
}

/// A job for objects, while its message is leased.
struct ObjectsExecution {
    context: Arc<Context>,
    job: Arc<ObjectJob>,
    /// Outcomes that are known without any work: events that are not the task's.
    known: Vec<(u32, Outcome)>,
}

#[async_trait]
impl Execution for ObjectsExecution {
    fn verb(&self) -> &'static str {
        self.job.work.verb()
    }

    fn run(&self) -> &str {
        &self.job.run
    }

    fn transfers(&self) -> usize {
        transfers::count(&self.job.work, &self.context.objects.options)
    }

    fn deletes(&self) -> bool {
        matches!(self.job.work, ObjectWork::Delete { .. })
    }

    async fn execute(&self, delivery: &Delivery) -> Result<()> {
        let (context, job) = (&self.context, &self.job);
        let settled = settled_before(context, job, delivery.redelivered).await?;
        if delivery.redelivered {
            in_doubt::look_at_settled(context, job, &settled).await?;
        }
        if let ObjectWork::Changed { .. } = &job.work {
            context.begin_events_run(&job.run).await?;
            settle_job(context, job, &self.known).await?;
        }
        match &job.work {
            ObjectWork::Copy { .. } | ObjectWork::Delete { .. } | ObjectWork::Changed { .. } => {
                let marks = Marks::of_job(context, job, &settled, delivery.redelivered).await?;
                work_on_all(context, job, delivery, settled, Arc::new(marks)).await
            }
            ObjectWork::Parts(parts) => tokio::select! {
                sent = giant::upload_parts(context, job, parts) => sent,
                cancelled = delivery.cancelled(&context.lane, &job.run) => {
                    cancelled?;
                    cancel::parts_of(context, parts).await
                }
            },
        }
    }

    async fn cancel(&self, delivery: &Delivery) -> Result<()> {
        match cancel::whole(&self.context, &self.job, delivery.redelivered).await? {
            // A job that was delivered too often is not executed once more: its keys are left to the next scan.
            // It waits for an executor with stores. Of a task that is being deleted it is dropped when it comes. Done and its
            // answer lost: the job comes again, and two of the look count once.
            Some(job) if delivery.only_settles && !delivery.is_given_up => {
                self.context.lane.queue.send(&[Outgoing::now(job.to_body())]).await
            }
            Some(job) if !delivery.is_given_up => {
                let (context, job) = (self.context.clone(), Arc::new(job));
                let changed = ObjectsExecution { context, job, known: Vec::new() };
                changed.execute(delivery).await
            }
            _ => Ok(()),
        }
    }

    async fn give_up(&self, reason: &str) -> Result<()> {
        give_up(&self.context, &self.job, &self.known, reason).await
    }

    async fn follow_up(&self, has_lease: bool) {
        // The tasks of dropped work were aborted. What they leave behind is recorded when they have ended.
        self.context.running.ended().await;
        parts::record_left(&self.context).await;
        orphaned_uploads::announce_in_doubt(&self.context).await;
        match has_lease {
            true => in_doubt::look_after(&self.context, &self.job).await,
            false => in_doubt::look_after_abandoned(&self.context, &self.job).await,
        }
    }
}

/// The indexes that an earlier delivery of the job, or another message with its objects, has recorded: recorded
/// objects are not done again. The worker that recorded an object has also made its follow-ups; of other deliveries, see
/// [`in_doubt::look_at_settled`].
///
/// Changed keys are always checked: a follow-up of a recorded object has the object's index.
async fn settled_before(context: &Context, job: &ObjectJob, redelivered: bool) -> Result<BTreeSet<u32>> {
    let objects: Vec<&JobObject> = match &job.work {
        ObjectWork::Copy { objects } => objects.iter().collect(),
        ObjectWork::Delete { .. } => Vec::new(),
        ObjectWork::Parts(_) | ObjectWork::Changed { .. } => return Ok(BTreeSet::new()),
    };
    let is_first = !redelivered && job.attempt == 1 && job.restoring.is_none();
    // A message that was sent twice is no redelivery. Its run may be done, and a later one have other options: deletes
    // always ask, copies once the finder is through.
    if is_first && !matches!(job.work, ObjectWork::Delete { .. }) && !context.engine.runs.is_listed(&job.run).await? {
        return Ok(BTreeSet::new());
    }
    let settled = context.engine.ledger.settled(&job.run, &job.origin).await?;
    // An upload is forgotten after its object is recorded: a crash in between has left the record.
    let in_parts =
        objects.into_iter().filter(|object| settled.contains(&object.index) && !whole::always_fits(context, object));
    let uploads: Vec<KeyUploads> =
        in_parts.map(|object| (object.index, object.key.clone(), Uploads::Unknown)).collect();
    let left = abort_all(context, job, &uploads, Abort::AsFarAsMayBe).await?;
    forget_each(context, &left).await?;
    Ok(settled)
}

/// Settles all objects of a job that cannot be brought to an end, and the outcomes in `known`.
async fn give_up(context: &Arc<Context>, job: &Arc<ObjectJob>, known: &[(u32, Outcome)], reason: &str) -> Result<()> {
    if let ObjectWork::Parts(parts) = &job.work {
        return giant::give_up(context, parts, reason).await;
    }
    context.begin_events_run(&job.run).await?;
    settle_job(context, job, known).await?;
    let given_up = |item: &Item| match item.is_left_out() {
        true => explained(item.outcome_as(State::Skipped), Some(FILTERED), None),
        false => {
            let failed = item.outcome_as(State::Failed);
            Outcome { error: Some(reason.to_owned()), detail: ObjectDetail::default().into(), ..failed }
        }
    };
    let outcomes: Vec<(u32, Outcome)> =
        Item::all(context, job, true).map(|item| (item.object.index, given_up(&item))).collect();
    let uploads: Vec<KeyUploads> =
        job.work.keys().map(|(index, key)| (index, key.to_owned(), Uploads::Unknown)).collect();
    let left = abort_all(context, job, &uploads, Abort::AsFarAsMayBe).await?;
    settle_job(context, job, &outcomes).await?;
    forget_each(context, &left).await
}
