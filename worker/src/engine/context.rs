//! The state that all jobs of a worker share, of any kind, and the state that the jobs of a lane share.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shared::config::MachineSettings;
use shared::fleet::Fleet;
use shared::ledger::{NO_FENCE, Outcome, RunOptions, RunStart, Settlement, SharedLedger, events_run};
use shared::limits::{ConcurrencyLimiter, Lane, RangeBuffers, transfers_within};
use shared::metrics::tasks::TaskMetrics;
use shared::object::Timestamp;
use shared::queue::Queue;
use shared::report::Listener;
use shared::sync::lock;
use shared::{Result, metrics};
use tokio::sync::OnceCell;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::engine::activity::Activity;
use crate::engine::backend::BackendHealth;
use crate::engine::executors::Executors;
use crate::engine::progress::TransferProgress;
use crate::engine::runs::Runs;
use crate::engine::transfer_reporter::TransferReporter;
use crate::engine::turns::Turns;
use crate::engine::worker::Worker;

/// A transfer must get this much of a bandwidth limit, bytes a second, or it would look stalled: its
/// largest chunk (1 MiB) then takes half of [`shared::retry::STALL_SECONDS`].
const TRANSFER_RATE_BYTES: u64 = 64 << 10;

/// A worker at work.
pub struct Engine {
    /// The task whose jobs it executes.
    pub task: String,
    /// Its name in outcomes.
    pub name: String,
    /// The main queue.
    pub queue: Queue,
    /// Where outcomes are recorded.
    pub ledger: SharedLedger,
    /// Bytes transferred, and objects in flight.
    pub moved: Arc<TransferProgress>,
    /// Memory for ranges that are read before their turn.
    pub(crate) range_buffers: RangeBuffers,
    /// Cancelled once the worker drains.
    pub draining: CancellationToken,
    pub(crate) machine: MachineSettings,
    pub(crate) fleet: Arc<dyn Fleet>,
    /// What others see of the worker.
    pub(crate) activity: Arc<Activity>,
    /// When it may poll.
    pub(crate) turns: Option<Arc<Turns>>,
    pub(crate) release_time: Duration,
    pub(crate) executors: Executors,
    /// Whether events have a queue of their own.
    pub(crate) has_events: bool,
    /// Whether queue and ledger work.
    pub(crate) backend: BackendHealth,
    /// What the ledger says of the runs whose jobs are received.
    pub(crate) runs: Runs,
    /// Reports the objects in flight to the ledger.
    pub(crate) transfer_reporter: TransferReporter,
    report: Option<Listener>,
    /// The task's own metrics.
    pub(crate) metrics: Option<Arc<TaskMetrics>>,
    /// Set once the run that counts events is recorded.
    events_run: OnceCell<()>,
}

/// A worker at work, seen from one of its lanes: the main one, or that of events.
pub struct LaneContext {
    /// What the lanes share.
    pub engine: Arc<Engine>,
    /// Where the lane's jobs come from, and where items that are tried again go.
    pub queue: Queue,
    /// Which of the lanes it is.
    pub(crate) lane: Lane,
    /// Limits the transfers of all lanes together, by a permit for each.
    pub limiter: ConcurrencyLimiter,
    /// The lane's jobs that wait for another's work on their key, and take no part in it.
    waiting: AtomicUsize,
    /// Until when the queue may give this lane messages for a poll that was not answered yet, also when the worker is
    /// gone.
    pub(crate) polls_until: Mutex<Option<Instant>>,
}

/// Counts a job among those that wait, for as long as it lives.
#[must_use]
pub struct Waiting<'a>(&'a LaneContext);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Relaxed);
    }
}

impl LaneContext {
    /// The lanes of a worker: the main one, and that of events where they have a queue of their own.
    pub(crate) fn all(worker: Worker, draining: CancellationToken) -> Vec<Arc<LaneContext>> {
        let most = transfers(&worker.machine, worker.events.is_some());
        let limiter = worker.limiter.clone().unwrap_or_else(|| ConcurrencyLimiter::new(most));
        limiter.cap(most);
        let events = worker.events.clone().map(|queue| (Lane::Events, queue));
        let queues = [(Lane::Scan, worker.queue.clone())].into_iter().chain(events);
        let engine = Arc::new(Engine::new(worker, draining));
        let lane = |(lane, queue)| {
            let (engine, limiter) = (engine.clone(), limiter.lane(lane));
            let (waiting, polls_until) = Default::default();
            Arc::new(LaneContext { engine, queue, lane, limiter, waiting, polls_until })
        };
        queues.map(lane).collect()
    }

    /// The job waits for another's work, and does none itself: the lane may receive one more in its place.
    pub fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Relaxed);
        Waiting(self)
    }

    /// Whether it receives while a store fails for every item of a kind: its queue brings jobs of other kinds too.
    pub(crate) fn receives_suspended(&self) -> bool {
        self.lane == Lane::Events && self.engine.executors.is_one_active()
    }

    /// Whether none of its jobs can be executed or settled, and the events' lane brings the operations.
    pub(crate) fn rests(&self) -> bool {
        self.lane == Lane::Scan && self.engine.has_events && self.engine.executors.is_resting()
    }

    /// Jobs that wait for another's work.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Relaxed)
    }

    /// The delay of a message that is released now, so that no poll of this lane receives it, whole seconds.
    pub(crate) fn release_delay(&self) -> Duration {
        let left = lock(&self.polls_until).map(|until| until.saturating_duration_since(Instant::now()));
        left.map_or(Duration::ZERO, |left| Duration::from_secs(left.as_millis().div_ceil(1_000) as u64))
    }
}

/// The buffers for ranges that fit beside the most transfers that a worker has at any moment.
fn range_buffers(machine: &MachineSettings, has_events: bool) -> RangeBuffers {
    let limit = transfers(machine, has_events);
    // As below: each lane has a quarter beside the limit.
    let reserves = if has_events { 2 * limit.div_ceil(4) } else { 0 };
    RangeBuffers::beside(limit + reserves, machine.memory_limit)
}

/// The transfers that a worker may have at the same time.
fn transfers(machine: &MachineSettings, has_events: bool) -> usize {
    let mut within = transfers_within(machine.memory_limit);
    if has_events {
        // Each lane has a quarter beside the limit, rounded up.
        within = (within * 2 / 3).saturating_sub(1).max(1);
    }
    let transfers = machine.concurrency.min(within);
    match machine.bandwidth_limit {
        Some(rate) => transfers.min(usize::try_from(rate / TRANSFER_RATE_BYTES).unwrap_or(usize::MAX)),
        None => transfers,
    }
}

impl Engine {
    fn new(worker: Worker, draining: CancellationToken) -> Self {
        let buffers = worker.range_buffers.unwrap_or_else(|| range_buffers(&worker.machine, worker.events.is_some()));
        Engine {
            runs: Runs::new(&worker.task, worker.ledger.clone()),
            transfer_reporter: TransferReporter::new(&worker.name),
            task: worker.task,
            queue: worker.queue,
            name: worker.name,
            ledger: worker.ledger,
            moved: worker.moved,
            range_buffers: buffers,
            draining,
            machine: worker.machine,
            fleet: worker.fleet,
            activity: worker.activity,
            turns: worker.turns,
            release_time: worker.release_time,
            executors: worker.executors,
            has_events: worker.events.is_some(),
            backend: BackendHealth::default(),
            report: worker.report,
            metrics: worker.metrics,
            events_run: OnceCell::new(),
        }
    }

    /// Records outcomes of one origin job, and reports those that were not counted before. Returns their indexes.
    ///
    /// Done and its answer lost, or done twice: the ledger counts an item once, and metrics miss it at worst.
    pub async fn settle(&self, settlement: &Settlement<'_>) -> Result<BTreeSet<u32>> {
        if settlement.outcomes.is_empty() {
            return Ok(BTreeSet::new());
        }
        let new = self.ledger.settle(settlement).await?;
        self.activity.settled();
        let counted = settlement.outcomes.iter().filter(|(index, _)| new.contains(index));
        let counted: Vec<&Outcome> = counted.map(|(_, outcome)| outcome).collect();
        for outcome in &counted {
            metrics::settled(outcome);
            self.metrics.iter().for_each(|task| task.settled(outcome));
        }
        if let Some(report) = &self.report {
            report(&counted);
        }
        Ok(new)
    }

    /// An event was settled and counted, this long after the change that it reports.
    pub fn event_settled(&self, age: Duration) {
        metrics::event_settled(age);
        self.metrics.iter().for_each(|task| task.event_age.record(age));
    }

    /// Records the run that counts a job's items, if that is the run of events: nobody else begins it. Repeated, or
    /// begun by another worker at the same moment: the run stays as it is.
    pub async fn begin_events_run(&self, run: &str, source: String, destination: String) -> Result<()> {
        if run != events_run(&self.task) {
            return Ok(());
        }
        let (id, task, options) = (run.to_owned(), self.task.clone(), RunOptions::default());
        let start = RunStart { id, task, source, destination, options, started: Timestamp::now() };
        self.events_run.get_or_try_init(|| self.ledger.start_run(&start, NO_FENCE)).await.map(drop)
    }

    /// Whether the task's events are followed, by this worker or by any other: then the run that counts them is
    /// recorded, before the first of them is done.
    pub async fn follows_events(&self) -> Result<bool> {
        if self.has_events || self.events_run.initialized() {
            return Ok(true);
        }
        // Asked each time while there is none: this is rare.
        let seen = self.ledger.run_state(&events_run(&self.task)).await?.is_some();
        if seen {
            // Recorded by another worker: it needs no second record.
            let _ = self.events_run.set(());
        }
        Ok(seen)
    }
}
