//! A run in one process: the finder enqueues, the worker settles, and this watches the ledger until
//! everything that was enqueued is settled.

use std::sync::Arc;
use std::time::Duration;

use finder::{FindError, Finder};
use shared::console;
use shared::ledger::{Run, SharedLedger};
use shared::queue::Queue;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use worker::{Outage, Stop, WorkError};

use crate::exit::Failure;
use crate::progress::Progress;
use crate::task::Task;

/// How often the ledger is asked how the run stands.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A run that moves no more for this long although its queue is empty has lost jobs.
const STUCK_AFTER: Duration = Duration::from_secs(60);

/// Time beyond the worker's own drain that finder and worker get to end in, before they are left behind.
const GRACE: Duration = Duration::from_millis(1_200);

/// How a run ended, as far as this process saw it.
pub struct Driven {
    /// The run's last counters; none if it did not come to exist.
    pub run: Option<Run>,
    /// Why the finder ended early, if it did.
    pub find_error: Option<FindError>,
    /// The store that failed for too long, if one did.
    pub outage: Option<Outage>,
    /// Whether we stopped before the run was done.
    pub interrupted: bool,
}

/// What is to be driven.
pub enum Drive {
    /// A new run, or one whose finder was interrupted.
    Find(Box<Finder>),
    /// Only the jobs that are left of a run that is listed.
    Finish(String),
}

/// Drives a run to its end, or until `stop`.
pub async fn drive(
    task: &Task,
    what: Drive,
    report: Option<worker::Report>,
    stop: &CancellationToken,
) -> Result<Driven, Failure> {
    let halt = Stop::default();
    let mut worker = tokio::spawn(task.worker(report).run(halt.clone()));
    let mut watch = Watch::begin(task, what, stop);
    let mut outage = None;
    let watched = tokio::select! {
        watched = watch.until_done() => watched,
        // It returns by itself only when queue or ledger fail for good or a store for too long, or its machine is
        // about to go.
        ended = &mut worker => match ended {
            Ok(Err(WorkError::Outage(why))) => {
                outage = Some(why);
                Ok(true)
            }
            Ok(Err(WorkError::Carrier(error))) => Err(Failure::resumable(error)),
            Ok(Ok(())) => Err(Failure::resumable("the worker stopped before the run was done")),
            Err(_) => Err(Failure::midway("the worker broke down; start again to go on")),
        },
    };
    drop(watch.progress.take());
    let end_worker = async {
        if !worker.is_finished() {
            halt.drain.cancel();
            let done = watched.as_ref().is_ok_and(|interrupted| !interrupted);
            end_worker(worker, &task.carrier.queue, done, task.config.work.drain).await;
        }
    };
    // At the same time: each may wait for a service that does not answer.
    tokio::join!(watch.stop_finder(task.config.work.drain), end_worker);
    let interrupted = watched?;
    let run = match watch.run_id() {
        Some(id) => task.carrier.ledger.run(&id).await.map_err(Failure::resumable)?,
        None => None,
    };
    Ok(Driven { run, find_error: watch.found.and_then(Result::err), outage, interrupted })
}

/// Lets the worker drain. One whose run is done holds at most acknowledgements: once the queue is
/// empty nothing is lost by not waiting for its last poll.
async fn end_worker(mut worker: JoinHandle<Result<(), WorkError>>, queue: &Queue, done: bool, drain: Duration) {
    let emptied = async {
        while !done || queue.depth().await.is_ok_and(|depth| depth.waiting() > 0) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let ended = async {
        tokio::select! { _ = &mut worker => {}, () = emptied => {} }
    };
    if timeout(drain + GRACE, ended).await.is_err() {
        tracing::warn!("the worker did not end in time: its jobs come back when their leases run out");
    }
    if !worker.is_finished() {
        worker.abort();
        let _ = worker.await;
    }
}

/// A run as it is watched.
struct Watch {
    ledger: SharedLedger,
    queue: Queue,
    stop: CancellationToken,
    finder: Option<JoinHandle<Result<String, FindError>>>,
    finding: Arc<finder::Progress>,
    found: Option<Result<String, FindError>>,
    progress: Option<Progress>,
}

impl Watch {
    fn begin(task: &Task, what: Drive, stop: &CancellationToken) -> Watch {
        let finding = Arc::new(finder::Progress::default());
        let stop = stop.child_token();
        let (finder, found) = match what {
            Drive::Find(finder) => {
                let (stop, finding) = (stop.clone(), finding.clone());
                (Some(tokio::spawn(async move { finder.run(stop, finding).await })), None)
            }
            Drive::Finish(run) => (None, Some(Ok(run))),
        };
        let (ledger, queue) = (task.carrier.ledger.clone(), task.carrier.queue.clone());
        Watch { ledger, queue, stop, finder, finding, found, progress: Some(Progress::begin()) }
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

    /// Watches until the run is done (`false`), or until told to stop (`true`).
    async fn until_done(&mut self) -> Result<bool, Failure> {
        let mut tick = interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut settled, mut moved) = (0, Instant::now());
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                found = ended(&mut self.finder) => {
                    self.finder = None;
                    self.found = Some(found?);
                }
                () = self.stop.cancelled() => return Ok(true),
            }
            if self.is_left_open() {
                return Ok(false);
            }
            let Some(id) = self.run_id() else { continue };
            let Some(run) = self.ledger.run(&id).await.map_err(Failure::resumable)? else { continue };
            if let Some(progress) = &mut self.progress {
                progress.show(&run);
            }
            if self.found.is_some() && run.is_done() {
                return Ok(false);
            }
            if run.settled.objects() != settled || self.found.is_none() {
                (settled, moved) = (run.settled.objects(), Instant::now());
            } else if moved.elapsed() > STUCK_AFTER {
                self.check_stuck(&run).await?;
                moved = Instant::now();
            }
        }
    }

    /// Jobs in the dead-letter queue, or taken away by hand, would keep us waiting for ever.
    async fn check_stuck(&self, run: &Run) -> Result<(), Failure> {
        let depth = self.queue.depth().await.map_err(Failure::resumable)?;
        if depth.waiting() > 0 {
            return Ok(());
        }
        let lost = run.enqueued().saturating_sub(run.settled.objects());
        let why = format!(
            "run {}: the queue is empty, but {} not settled ({}); start again with --force",
            run.start.id,
            if lost == 1 { "1 object is".to_owned() } else { format!("{} objects are", console::count(lost)) },
            console::counted(depth.dead as u64, "dead job"),
        );
        Err(Failure::midway(why))
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

/// Waits for the finder to end; for ever where there is none.
async fn ended(
    finder: &mut Option<JoinHandle<Result<String, FindError>>>,
) -> Result<Result<String, FindError>, Failure> {
    match finder {
        Some(finder) => finder.await.map_err(|_| Failure::midway("the finder broke down; start again to go on")),
        None => std::future::pending().await,
    }
}
