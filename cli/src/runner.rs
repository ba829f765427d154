//! A run in one process: the finder enqueues, the worker settles, and this watches the ledger until
//! everything that was enqueued is settled.

use std::sync::Arc;
use std::time::Duration;

use finder::{FindError, Finder, Planner};
use shared::ledger::{self, Run, SharedLedger};
use shared::queue::Queue;
use shared::report::Listener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use worker::{Activity, Outage};

use crate::exit::Failure;
use crate::progress::ProgressDisplay;
use crate::task::Task;
use crate::worker_handle::WorkerHandle;

/// How often the ledger is asked how the run stands.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The ledger is asked so long after outcomes are recorded: a run of many small jobs is not asked for after each.
const LOOK_AFTER: Duration = Duration::from_millis(20);

/// A run that moves no more for this long although its queue is empty has lost jobs.
const STUCK_AFTER: Duration = Duration::from_secs(60);

/// How a run ended, as far as this process saw it.
pub struct RunResult {
    /// The run's last counters; none if it did not come to exist.
    pub run: Option<Run>,
    /// Why the finder ended early, if it did.
    pub find_error: Option<FindError>,
    /// What this process could not list, if anything, after the warnings that name it.
    pub unlisted: Option<String>,
    /// The store that failed for too long, if one did.
    pub outage: Option<Outage>,
    /// Whether we stopped before the run was done.
    pub interrupted: bool,
}

/// The part of a run that is executed.
pub enum RunKind {
    /// A new run, or one whose finder was interrupted.
    Find(Box<Finder>, Box<dyn Planner>),
    /// Only the jobs that are left of a run that is listed.
    Finish(String),
}

/// Executes a run to its end, or until `stop`, with a worker of its own. `settles` has it also wait until the worker has
/// received what cancelled runs have left on the queue: it settles them and ends their uploads.
pub async fn run_to_end(
    task: &Task,
    what: RunKind,
    report: Option<Listener>,
    settles: bool,
    stop: &CancellationToken,
) -> Result<RunResult, Failure> {
    if let Some(refused) = &task.refused {
        return find_only(task, what, refused, stop).await;
    }
    let mut worker = WorkerHandle::begin(task, report);
    let mut watch = Watch { settles, ..Watch::begin(task, what, stop) };
    let ended = watch.until_done_by(&mut worker).await;
    let done = ended.as_ref().is_ok_and(|end| matches!(end, End::Done));
    // At the same time: each may wait for a service that does not answer.
    tokio::join!(watch.stop_finder(task.config.machine.drain), worker.end(done));
    watch.result(ended?).await
}

/// The same without a worker, for the destination refuses writes: the run is done if there is nothing to write, and ends
/// with the refusal otherwise. Its jobs wait for the next command.
async fn find_only(
    task: &Task,
    what: RunKind,
    refused: &Failure,
    stop: &CancellationToken,
) -> Result<RunResult, Failure> {
    let mut watch = Watch { refused: Some(refused.clone()), ..Watch::begin(task, what, stop) };
    let ended = watch.until_done(None).await;
    drop(watch.progress.take());
    watch.stop_finder(task.config.machine.drain).await;
    watch.result(ended?).await
}

/// The same beside a worker that goes on afterwards.
pub async fn run_beside(
    task: &Task,
    what: RunKind,
    worker: &mut WorkerHandle,
    stop: &CancellationToken,
) -> Result<RunResult, Failure> {
    let mut watch = Watch::begin(task, what, stop);
    let ended = watch.until_done_by(worker).await;
    watch.stop_finder(task.config.machine.drain).await;
    watch.result(ended?).await
}

/// Why this process stops watching a run.
enum End {
    /// It is done, or will never be in this process.
    Done,
    /// The program was asked to stop.
    Stopped,
    /// A store has failed for too long.
    Outage(Outage),
}

/// A run, watched by this process.
struct Watch {
    ledger: SharedLedger,
    queue: Queue,
    stop: CancellationToken,
    finder: Option<JoinHandle<Result<String, FindError>>>,
    finding: Arc<finder::Progress>,
    found: Option<Result<String, FindError>>,
    progress: Option<ProgressDisplay>,
    settles: bool,
    /// Why nothing can be written, where that is so.
    refused: Option<Failure>,
}

impl Watch {
    fn begin(task: &Task, what: RunKind, stop: &CancellationToken) -> Watch {
        let finding = Arc::new(finder::Progress::default());
        let stop = stop.child_token();
        let (finder, found) = match what {
            RunKind::Find(finder, planner) => {
                let (stop, finding) = (stop.clone(), finding.clone());
                (Some(tokio::spawn(async move { finder.run(&*planner, stop, finding).await })), None)
            }
            RunKind::Finish(run) => (None, Some(Ok(run))),
        };
        let (ledger, queue) = (task.backend.ledger.clone(), task.backend.queue.clone());
        Watch {
            ledger,
            queue,
            stop,
            finder,
            finding,
            found,
            progress: Some(ProgressDisplay::begin(task.moved.clone())),
            settles: false,
            refused: None,
        }
    }

    /// The run, once it is known.
    fn run_id(&self) -> Option<String> {
        match &self.found {
            Some(Ok(run)) => Some(run.clone()),
            _ => self.finding.run().map(str::to_owned),
        }
    }

    /// Whether the run will never be done in this process: its finder left it open, or never began it.
    fn is_left_open(&self) -> bool {
        match &self.found {
            Some(Err(error)) => error.is_resumable() || self.finding.run().is_none(),
            _ => false,
        }
    }

    /// Watches until the run is done, for as long as a worker works on it.
    async fn until_done_by(&mut self, worker: &mut WorkerHandle) -> Result<End, Failure> {
        let activity = worker.activity.clone();
        let ended = tokio::select! {
            ended = self.until_done(Some(&activity)) => ended,
            ended = worker.ended() => ended.map(End::Outage),
        };
        drop(self.progress.take());
        ended
    }

    /// Watches until the run is done, or until asked to stop. `activity` is that of the worker of this process.
    async fn until_done(&mut self, activity: Option<&Activity>) -> Result<End, Failure> {
        let mut tick = interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut settled, mut moved) = (0, Instant::now());
        loop {
            // The display takes its rates over a number of looks, which come at equal times.
            let is_shown = tokio::select! {
                _ = tick.tick() => true,
                () = next_settlement(activity), if self.found.is_some() => false,
                found = ended(&mut self.finder) => {
                    self.finder = None;
                    self.found = Some(found?);
                    true
                }
                () = self.stop.cancelled() => return Ok(End::Stopped),
            };
            if self.is_left_open() {
                return Ok(End::Done);
            }
            let Some(id) = self.run_id() else { continue };
            let Some(run) = self.ledger.run(&id).await.map_err(Failure::resumable)? else { continue };
            if let Some(refused) = self.refused.as_ref().filter(|_| run.unsettled() > 0) {
                return Err(refused.clone());
            }
            if is_shown && let Some(progress) = &mut self.progress {
                progress.show(&run);
            }
            if self.found.is_some() && run.is_done() && self.is_queue_settled().await? {
                return Ok(End::Done);
            }
            if run.settled.objects() != settled || self.found.is_none() {
                (settled, moved) = (run.settled.objects(), Instant::now());
            } else if moved.elapsed() > STUCK_AFTER {
                if self.is_lost(&run).await? {
                    return Ok(End::Done);
                }
                moved = Instant::now();
            }
        }
    }

    /// Whether nothing is left on the queue that can be received now, where that is waited for.
    async fn is_queue_settled(&self) -> Result<bool, Failure> {
        if !self.settles {
            return Ok(true);
        }
        let depth = self.queue.depth().await.map_err(Failure::resumable)?;
        Ok(depth.ready + depth.leased == 0)
    }

    /// Whether messages of the run are lost, in the dead-letter queue or taken away by hand. They would keep us waiting
    /// for ever, so that is recorded, and the next run finds the objects again.
    async fn is_lost(&self, run: &Run) -> Result<bool, Failure> {
        let depth = self.queue.depth().await.map_err(Failure::resumable)?;
        if depth.waiting() > 0 {
            return Ok(false);
        }
        ledger::lose(&self.ledger, run).await.map_err(Failure::resumable)?;
        Ok(true)
    }

    /// The run as it stands now, and why this process ended.
    async fn result(self, end: End) -> Result<RunResult, Failure> {
        let run = match self.run_id() {
            Some(id) => self.ledger.run(&id).await.map_err(Failure::resumable)?,
            None => None,
        };
        let interrupted = !matches!(end, End::Done);
        let outage = if let End::Outage(outage) = end { Some(outage) } else { None };
        let unlisted = self.finding.unlisted_after_warnings();
        Ok(RunResult { run, find_error: self.found.and_then(Result::err), unlisted, outage, interrupted })
    }

    /// Ends the finder: it writes its last checkpoint and gives its claim back.
    async fn stop_finder(&mut self, drain: Duration) {
        self.stop.cancel();
        let Some(mut finder) = self.finder.take() else { return };
        match timeout(drain, &mut finder).await {
            Ok(Ok(found)) => self.found = Some(found),
            _ => finder.abort(),
        }
    }
}

/// Waits until outcomes are recorded, and for others that follow at once; for ever without a worker.
async fn next_settlement(activity: Option<&Activity>) {
    let Some(activity) = activity else { return std::future::pending().await };
    activity.next_settlement().await;
    sleep(LOOK_AFTER).await;
}

/// Waits for the finder to end; for ever where there is none.
async fn ended(
    finder: &mut Option<JoinHandle<Result<String, FindError>>>,
) -> Result<Result<String, FindError>, Failure> {
    match finder {
        Some(finder) => {
            finder.await.map_err(|_| Failure::midway("internal error in the finder; run the same command to resume"))
        }
        None => std::future::pending().await,
    }
}
