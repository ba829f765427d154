//! Serves one task: keeps a worker for it in the wanted state.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use shared::Error;
use shared::config::{Kind, QueueConfig};
use shared::tasks::Summary;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use worker::{Executors, Stop, WorkError, Worker};

use super::backoff::Backoff;
use super::bucket_events::BucketEvents;
use super::context::{FleetContext, Gate};
use super::status::Status;
use super::steps::{Served, Step, Target, steps};
use super::versions::{OpenVersion, Versions};
use super::wanted::Wanted;
use crate::kinds::Opening;
use crate::operations::OperationExecutor;

/// A worker that is paused may finish its jobs for so long. With the time until the pause is seen, and that of handing
/// back, all jobs are back on the queue within 15 s.
const PAUSE_DRAIN: Duration = Duration::from_secs(6);

/// The process goes on after a pause, so a queue that answers slowly may take its time with jobs that are released.
const RELEASE_TIME: Duration = Duration::from_secs(3);

/// The same at the end of the process.
const END_RELEASE_TIME: Duration = Duration::from_secs(1);

/// Time beyond all that, before a worker is left behind.
const GRACE: Duration = Duration::from_millis(500);

/// Serves one task until it is gone, or until the supervisor ends.
pub struct Server {
    context: Arc<FleetContext>,
    summary: Summary,
    status: Arc<Status>,
    wanted: watch::Receiver<Option<Wanted>>,
    gate: watch::Receiver<Gate>,
    served: Served,
    executors: Executors,
    versions: Option<Arc<Versions>>,
    running: Option<Running>,
    /// Receives the source bucket's events, if the definition names their queue.
    bucket: Option<BucketEvents>,
    /// The versions of cancelled runs, as far as they were looked up.
    cancelled: BTreeMap<String, u32>,
    backoff: Backoff,
    failed: Option<Failed>,
}

/// A worker at work.
struct Running {
    worker: JoinHandle<Result<(), WorkError>>,
    stop: Stop,
}

/// What could not be opened.
struct Failed {
    /// For another target it is tried again at once.
    target: Target,
    again: Instant,
}

impl Server {
    /// Serves a task; `wanted` is `None` once the task is gone.
    pub fn new(context: Arc<FleetContext>, summary: Summary, wanted: watch::Receiver<Option<Wanted>>) -> Server {
        let gate = context.gate.subscribe();
        let turns = context.polls.as_ref().map(|polls| polls.of_task(&summary.task.id));
        let status = Arc::new(Status::new(&summary.task.name, &context.activity, turns));
        let executors = Executors::of_kinds(Kind::ALL.map(Kind::name));
        executors.rest(true);
        Server {
            context,
            summary,
            status,
            wanted,
            gate,
            served: Served::default(),
            executors,
            versions: None,
            running: None,
            bucket: None,
            cancelled: BTreeMap::new(),
            backoff: Backoff::default(),
            failed: None,
        }
    }

    /// What the task reports.
    pub fn status(&self) -> Arc<Status> {
        self.status.clone()
    }

    /// Serves the task until it is gone.
    pub async fn run(mut self) {
        loop {
            let wanted = self.wanted.borrow_and_update().clone();
            let gate = *self.gate.borrow_and_update();
            let Some(wanted) = wanted else { break };
            self.executors.ignore_events(wanted.ignored_events());
            self.status.set_work(wanted.has_run(), wanted.events);
            let target = self.target(&wanted, gate).await;
            self.reconcile(&target).await;
            self.executors.rest(!self.is_one_ready() && !wanted.settles());
            self.follow_bucket(wanted.ignored_events() == worker::IgnoredEvents::None).await;
            if let Some(versions) = &self.versions {
                versions.keep(&target.versions);
            }
            if self.wanted.has_changed().unwrap_or(true) {
                continue;
            }
            let again = self.failed.as_ref().map(|failed| failed.again);
            let versions = self.versions.clone();
            let ended = tokio::select! {
                changed = self.wanted.changed() => match changed {
                    Ok(()) => None,
                    Err(_) => break,
                },
                // It lives as long as the context.
                _ = self.gate.changed() => None,
                ended = ended(&mut self.running) => Some(ended),
                () = until(again) => None,
                (version, relisted) = relisted(versions, self.served.present) => {
                    if let Err(why) = self.add(version, &relisted) {
                        self.fail(why.to_string(), target.clone());
                    }
                    None
                }
            };
            if let Some(ended) = ended {
                self.has_ended(ended, target);
            }
        }
        for step in steps(&self.served, None) {
            // Neither asks a service.
            let _ = self.take(step).await;
        }
        self.end_bucket(false).await;
    }

    /// The target, with the versions of cancelled runs. A version that cannot be looked up now stays as it is.
    async fn target(&mut self, wanted: &Wanted, gate: Gate) -> Target {
        self.cancelled.retain(|run, _| wanted.cancelled.contains(run));
        let mut kept: BTreeSet<u32> = BTreeSet::new();
        for run in &wanted.cancelled {
            if self.cancelled.contains_key(run) {
                continue;
            }
            // Read-only: slow, cut off or failed, it is asked again with the next change or error.
            match self.context.backend.tasks.operation(&self.summary.task.id, run).await {
                Ok(operation) => {
                    let version = operation.map_or(wanted.present, |operation| operation.version);
                    self.cancelled.insert(run.clone(), version);
                }
                Err(error) => {
                    tracing::warn!(task = self.summary.task.name, run, %error, "cannot look up a cancelled run");
                    kept.extend(self.served.versions.keys());
                }
            }
        }
        kept.extend(self.cancelled.values());
        let receives = wanted.receives() && gate == Gate::Open;
        Target { receives, present: wanted.present, versions: wanted.versions(&kept), limits: wanted.limits }
    }

    /// Takes the steps to the target. An error ends none of the others; what asks a service is tried again later. Ends
    /// early when something else is wanted.
    async fn reconcile(&mut self, target: &Target) {
        let waits = self.failed.as_ref().filter(|failed| failed.target == *target);
        let is_delayed = waits.is_some_and(|failed| Instant::now() < failed.again);
        let mut error = None;
        for step in steps(&self.served, Some(target)) {
            if is_delayed && step.may_fail() {
                continue;
            }
            let (mut wanted, mut gate) = (self.wanted.clone(), self.gate.clone());
            let taken = match step.may_fail() {
                // A task may be paused while a store keeps us waiting.
                true => tokio::select! {
                    biased;
                    _ = wanted.changed() => return,
                    _ = gate.changed() => return,
                    taken = self.take(step) => taken,
                },
                false => self.take(step).await,
            };
            if let Err(why) = taken {
                error = Some(why);
                if step == Step::OpenQueues {
                    break;
                }
            }
        }
        if is_delayed {
            return;
        }
        match error {
            Some(error) => self.fail(error.to_string(), target.clone()),
            None => {
                self.backoff.reset();
                self.failed = None;
                self.status.set_error(None);
            }
        }
    }

    /// Reports an error of this task, and has the target tried again later.
    fn fail(&mut self, why: String, target: Target) {
        let delay = self.backoff.next();
        tracing::error!(
            task = self.summary.task.name,
            "cannot serve the task, trying again in {} s: {why}",
            delay.as_secs()
        );
        self.status.set_error(Some(why));
        self.failed = Some(Failed { target, again: Instant::now() + delay });
    }

    async fn take(&mut self, step: Step) -> Result<(), Error> {
        match step {
            Step::Stop => {
                self.stop().await;
                self.served.receives = false;
            }
            Step::Limit(limits) => {
                self.status.set_limits(limits);
                self.context.limit(&self.summary.task.id, &self.status);
                self.served.limits = Some(limits);
            }
            Step::Retire(version) => {
                self.executors.remove(version);
                if let Some(versions) = &self.versions {
                    versions.retire(version);
                }
                self.served.versions.remove(&version);
            }
            Step::Follow(version) => {
                self.executors.set_present(Some(version));
                if let Some(versions) = &self.versions {
                    versions.set_present(version);
                }
                self.served.present = Some(version);
            }
            Step::OpenQueues => self.open_queues().await?,
            Step::Open(version, opening) => self.open(version, opening).await?,
            Step::Receive => self.receive(),
        }
        Ok(())
    }

    async fn open_queues(&mut self) -> Result<(), Error> {
        let backend = self.context.backend.of_task(&self.summary).await?;
        let limits = self.status.rates.clone();
        let versions = Arc::new(Versions::new(self.context.clone(), self.summary.task.clone(), backend, limits));
        versions.set_present(self.served.present.unwrap_or(0));
        let tasks = self.context.backend.tasks.clone();
        self.executors.add(0, OperationExecutor::new(versions.clone(), tasks, self.context.worker.clone()));
        self.versions = Some(versions);
        self.served.has_queues = true;
        Ok(())
    }

    /// Opens a version at least so. If that fails, at least what its runs have begun can be ended.
    async fn open(&mut self, version: u32, opening: Opening) -> Result<(), Error> {
        let Some(versions) = self.versions.clone() else { return Ok(()) };
        let why = match versions.open(version, opening).await {
            Ok(open) => return self.add(version, &open),
            Err(why) => why,
        };
        if !self.served.versions.contains_key(&version)
            && let Ok(open) = versions.open(version, Opening::ToEnd).await
        {
            self.add(version, &open)?;
        }
        Err(why)
    }

    fn add(&mut self, version: u32, open: &OpenVersion) -> Result<(), Error> {
        open.add_executor(&self.executors, version, self.status.stores.clone())?;
        if open.lacks_events && open.opening == Opening::Ready {
            let why = "give the task events-queue, a queue at SQS that the bucket sends them to; until then runs find changes";
            tracing::warn!(task = self.summary.task.name, "nothing brings the events of the source bucket: {why}");
        }
        self.served.versions.insert(version, open.opening);
        Ok(())
    }

    fn is_one_ready(&self) -> bool {
        self.served.versions.values().any(|opening| *opening == Opening::Ready)
    }

    /// Lets the task's worker begin, once the queues are open. Without a version, operations alone are executed.
    fn receive(&mut self) {
        let Some(versions) = self.versions.as_ref().filter(|_| self.served.has_queues) else { return };
        let worker = self.worker(versions);
        let stop = Stop { drain: CancellationToken::new(), abort: self.context.stop.abort.child_token() };
        self.running = Some(Running { worker: tokio::spawn(worker.run(stop.clone())), stop });
        self.served.receives = true;
        self.status.set_receives(true);
        tracing::info!(task = self.summary.task.name, "receiving the task's jobs");
    }

    fn worker(&self, versions: &Versions) -> Worker {
        let (context, backend) = (&self.context, versions.backend().clone());
        let machine = context.fleet().work.settings();
        let mut worker = Worker::new(&self.summary.task.id, &context.worker, backend.queue, backend.ledger, machine);
        worker.events = backend.events;
        worker.report = context.report.clone();
        worker.metrics = Some(self.status.metrics.clone());
        worker.executors = self.executors.clone();
        worker.activity = self.status.activity.clone();
        worker.limiter = Some(context.transfers.of_task());
        worker.range_buffers = Some(context.transfers.range_buffers());
        worker.turns = self.status.turns.clone();
        worker.release_time = RELEASE_TIME;
        worker
    }

    /// Receives from the queue of the source bucket's events that the present definition names, while the task's jobs
    /// are received.
    async fn follow_bucket(&mut self, follows_events: bool) {
        let wanted = self.bucket_queue().await.filter(|_| follows_events);
        if self.bucket.as_ref().map(BucketEvents::queue) == wanted.as_ref() {
            return;
        }
        // Another task may have the queue, unless this one only waits for its stores.
        self.end_bucket(!follows_events || wanted.is_some()).await;
        if let (Some(queue), Some(versions)) = (wanted, &self.versions) {
            let (task, abort) = (self.summary.task.clone(), &self.context.stop.abort);
            let worker = self.worker(versions);
            self.bucket = Some(BucketEvents::follow(worker, task, queue, self.status.clone(), abort));
        }
    }

    async fn bucket_queue(&self) -> Option<QueueConfig> {
        let is_ready = |version: &u32| self.served.versions.get(version) == Some(&Opening::Ready);
        let present = self.served.present.filter(is_ready)?;
        let versions = self.versions.as_ref().filter(|_| self.served.receives)?;
        // It is open: no request is sent.
        versions.open(present, Opening::Unprobed).await.ok()?.bucket_queue
    }

    /// Receives no more of the bucket's events; for good, if another task may have their queue.
    async fn end_bucket(&mut self, leaves: bool) {
        let Some(bucket) = self.bucket.take() else { return };
        let (limit, release_time) = self.stop_limits();
        match leaves {
            true => bucket.leave(limit, release_time + GRACE).await,
            false => bucket.end(limit, release_time + GRACE).await,
        }
        self.status.set_events_error(None);
    }

    /// How long a worker that is stopped may go on, and how long it may release the rest.
    fn stop_limits(&self) -> (Duration, Duration) {
        let drain = self.context.drain();
        match self.context.stop.drain.is_cancelled() {
            true => (drain, END_RELEASE_TIME),
            false => (drain.min(PAUSE_DRAIN), RELEASE_TIME),
        }
    }

    /// Ends the task's worker: it finishes what it can within its time, and releases the rest.
    async fn stop(&mut self) {
        let (limit, release_time) = self.stop_limits();
        let bucket = self.bucket.take();
        let leave = async {
            if let Some(bucket) = bucket {
                bucket.end(limit, release_time + GRACE).await;
            }
        };
        tokio::join!(leave, self.stop_worker(limit, release_time));
        self.status.set_events_error(None);
        self.status.set_receives(false);
    }

    async fn stop_worker(&mut self, limit: Duration, release_time: Duration) {
        if let Some(Running { mut worker, stop }) = self.running.take() {
            stop.drain.cancel();
            if timeout(limit, &mut worker).await.is_err() {
                stop.abort.cancel();
                if timeout(release_time + GRACE, &mut worker).await.is_err() {
                    tracing::warn!(
                        task = self.summary.task.name,
                        "jobs in progress will be redelivered when their leases end"
                    );
                    worker.abort();
                    let _ = worker.await;
                }
            }
            tracing::info!(task = self.summary.task.name, "the task's jobs are no longer received");
        }
    }

    /// The worker has ended without being asked to.
    fn has_ended(&mut self, ended: Result<Result<(), WorkError>, JoinError>, target: Target) {
        self.running = None;
        self.status.set_receives(false);
        // Opened anew: perhaps a queue was deleted and made again, and its address differs.
        self.served.versions.keys().for_each(|version| self.executors.remove(*version));
        let (limits, present) = (self.served.limits, self.served.present);
        self.served = Served { limits, present, ..Served::default() };
        let why = match ended {
            Ok(Ok(())) => "its worker ended".to_owned(),
            Ok(Err(WorkError::Outdated(why))) => {
                self.status.set_outdated();
                why.to_string()
            }
            Ok(Err(why)) => why.to_string(),
            Err(_) => "internal error in its worker".to_owned(),
        };
        self.fail(why, target);
    }
}

/// Waits until the worker has ended; without one, for ever.
async fn ended(running: &mut Option<Running>) -> Result<Result<(), WorkError>, JoinError> {
    match running {
        Some(running) => (&mut running.worker).await,
        None => std::future::pending().await,
    }
}

/// Waits until the present version's events are to be filtered by another list of prefixes.
async fn relisted(versions: Option<Arc<Versions>>, present: Option<u32>) -> (u32, OpenVersion) {
    match (versions, present) {
        (Some(versions), Some(present)) => (present, versions.relisted(present).await),
        _ => std::future::pending().await,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
