//! `flotilla watch`: follows changes of the source, and scans at intervals.
//!
//! One worker does both: the jobs of the scans, and those of the events, which have a queue of their own. A scan is a
//! run like any other. It begins every so often, and at once when the folder's watcher may have missed something.

mod changes;
pub(crate) mod folder;
mod jobs;
mod tree;

use std::sync::Arc;
use std::time::Duration;

use adapters::open::{Events, EventsClaim};
use shared::ledger::{Settled, SharedLedger, events_run};
use shared::queue::Queue;
use shared::report::{Listener, Report};
use shared::telemetry::endpoint::{self, Health};
use shared::terminal;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::args::{WatchArgs, open_report};
use crate::claim;
use crate::exit::{CommandResult, Exit, Failure};
use crate::share::Share;
use crate::sync::SyncSession;
use crate::task::Task;
use crate::verbosity::note;
use crate::worker_handle::WorkerHandle;
use crate::{object_log, object_source, summary};
use folder::{Folder, Followed};

/// A worker that ended by itself begins anew after this: queue or ledger have failed for two minutes by then, or a
/// store refuses everything.
const WORKER_AGAIN: Duration = Duration::from_secs(30);

/// Least time between two lines about events.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// Least time between two scans that the watcher asks for; as long as the last one took, if that was longer, so that
/// scans take half of the time at most.
const LEAST_GAP: Duration = Duration::from_secs(1);

/// Reading the depth of a queue may take so long when asked to stop.
const LAST_LOOK: Duration = Duration::from_secs(1);

/// Watches until asked to stop.
pub async fn run(args: &WatchArgs, stop: CancellationToken) -> CommandResult {
    let (config, events) = args.config()?;
    let health = Health::default();
    endpoint::serve(config.metrics_addr.as_deref(), &health).await.map_err(Failure::usage)?;
    let report = open_report(args.report.as_deref())?;
    tokio::select! {
        refused = object_source::refuse(&config) => refused?,
        () = stop.cancelled() => return Ok(Exit::Interrupted),
    }
    let opened = Task::open_with_events(&stop, config, &events, health.clone()).await?;
    let Some(task) = opened else { return Ok(Exit::Interrupted) };
    let claim = claim::take(&task.backend.ledger, &task.config.task).await?;
    health.set_ready(true);
    let watched = watch_while_claimed(args, &task, &events, report, &stop).await;
    claim.end().await;
    if let Some(events) = &task.events_claim
        // Failed or late: the next watch of this state folder may have the queue, and another one is refused by name.
        && let Ok(Err(error)) = timeout(LAST_LOOK, events.leave()).await
    {
        tracing::warn!(%error, "the queue of events keeps its tag of this watch");
    }
    watched
}

/// Watches, and ends in good order if another receiver has the queue of events: SQS gives each event to one of the two.
async fn watch_while_claimed(
    args: &WatchArgs,
    task: &Task,
    events: &Events,
    report: Option<Report>,
    stop: &CancellationToken,
) -> CommandResult {
    let ending = stop.child_token();
    let watched = watch(args, task, events, report, &ending);
    tokio::pin!(watched);
    tokio::select! {
        watched = &mut watched => watched,
        other = lost(task.events_claim.as_ref()) => {
            ending.cancel();
            let _ = watched.await;
            Err(Failure::midway(other))
        }
    }
}

async fn lost(claim: Option<&EventsClaim>) -> shared::Error {
    match claim {
        Some(claim) => claim.lost().await,
        None => std::future::pending().await,
    }
}

async fn watch(
    args: &WatchArgs,
    task: &Task,
    events: &Events,
    report: Option<Report>,
    stop: &CancellationToken,
) -> CommandResult {
    let queue =
        task.backend.events.clone().ok_or_else(|| Failure::midway("watch: this task has no queue of events"))?;
    let folder = match (events, task.source.location().path()) {
        (Events::Own, Some(path)) => Some(Folder::follow(followed(task, queue.clone()), &path)?),
        _ => None,
    };
    let settled = Arc::new(Notify::new());
    let listener = listener(report.as_ref(), settled.clone());
    let mut session =
        SyncSession { task, report, json: args.json, stop, worker: None, settles: false, share: Share::default() };
    // Before the worker takes a job of an earlier command.
    session.supersede().await?;
    session.worker = Some(WorkerHandle::begin(task, Some(listener.clone())));
    let lines = Lines::begin(&task.backend.ledger, &task.config.task).await;
    let mut watch = Watch { session, folder, listener, settled, lines };
    let exit = watch.repeat(args.every.into(), args.force).await;
    let left = watch.end(&queue).await;
    match exit? {
        Exit::Interrupted => Ok(Exit::Interrupted),
        _ if left => {
            note("Interrupted, with events left on the queue. Run the same command to resume.");
            Ok(Exit::Interrupted)
        }
        exit => Ok(exit),
    }
}

/// The task, as its folder's follower needs it.
fn followed(task: &Task, events: Queue) -> Followed {
    Followed {
        task: task.config.task.clone(),
        source: task.source.clone(),
        destination: task.destination.clone(),
        events,
        filter: Arc::new(task.follow.filter.clone()),
        deletes: task.follow.delete,
    }
}

/// Writes outcomes to the report, and wakes the task that prints lines about events.
fn listener(report: Option<&Report>, settled: Arc<Notify>) -> Listener {
    let report = object_log::listener(report);
    Arc::new(move |outcomes| {
        if let Some(report) = &report {
            report(outcomes);
        }
        settled.notify_one();
    })
}

/// A task that is watched.
struct Watch<'a> {
    session: SyncSession<'a>,
    folder: Option<Folder>,
    listener: Listener,
    settled: Arc<Notify>,
    lines: Lines,
}

impl Watch<'_> {
    /// Scans and waits until asked to stop. A scan that fails is reported and tried again in its turn, but for the
    /// first one where a store refuses everything.
    async fn repeat(&mut self, every: Duration, force: bool) -> CommandResult {
        let mut first = true;
        loop {
            let began = Instant::now();
            if let Some(folder) = &mut self.folder {
                tokio::select! {
                    () = folder.watch_all() => {}
                    () = self.session.stop.cancelled() => return Ok(Exit::Interrupted),
                }
            }
            let exit = match self.session.claimed(force, first).await {
                Ok(Exit::Interrupted) => return Ok(Exit::Interrupted),
                Ok(exit) => exit,
                Err(failure) if first && failure.exit == Exit::Usage => return Err(failure),
                Err(failure) => say(&failure),
            };
            first = false;
            let gap = began.elapsed().max(LEAST_GAP);
            if self.wait(began + every, Instant::now() + gap).await {
                return Ok(exit);
            }
        }
    }

    /// Waits for the next scan's time, looking after the worker; whether it was asked to stop meanwhile. A scan that
    /// the watcher asks for does not begin before `earliest`.
    async fn wait(&mut self, next: Instant, earliest: Instant) -> bool {
        let Watch { session, folder, listener, settled, lines } = self;
        let missed = async {
            match folder {
                Some(folder) => folder.missed().await,
                None => std::future::pending().await,
            }
            sleep_until(earliest).await;
        };
        tokio::pin!(missed);
        loop {
            let worker =
                session.worker.get_or_insert_with(|| WorkerHandle::begin(session.task, Some(listener.clone())));
            let again = Instant::now() + WORKER_AGAIN;
            let is_at_work = worker.is_at_work();
            tokio::select! {
                () = sleep_until(next) => return false,
                () = &mut missed => return false,
                () = session.stop.cancelled() => return true,
                ended = worker.ended() => match ended {
                    Ok(outage) => terminal::say(format_args!("flotilla: {}", terminal::escaped(&outage.to_string()))),
                    Err(failure) => drop(say(&failure)),
                },
                () = sleep_until(again), if !is_at_work => session.worker = None,
                () = lines.due(settled) => lines.say().await,
            }
        }
    }

    /// Ends everything in good order; whether something is left on the queue of events, or may be.
    async fn end(self, queue: &Queue) -> bool {
        let is_complete = match self.folder {
            Some(folder) => folder.end().await,
            None => true,
        };
        if let Some(worker) = self.session.worker {
            worker.end(false).await;
        }
        // Cut off or unknown, something may be left.
        let depth = timeout(LAST_LOOK, queue.depth()).await;
        !is_complete || !matches!(depth, Ok(Ok(depth)) if depth.waiting() == 0)
    }
}

/// Says why, in one line.
fn say(failure: &Failure) -> Exit {
    terminal::say(format_args!("flotilla: {}", terminal::escaped(&failure.message)));
    failure.exit
}

/// Lines about events for people: one a second at most.
struct Lines {
    ledger: SharedLedger,
    run: String,
    said: Settled,
    next: Instant,
}

impl Lines {
    async fn begin(ledger: &SharedLedger, task: &str) -> Lines {
        let mut lines =
            Lines { ledger: ledger.clone(), run: events_run(task), said: Settled::default(), next: Instant::now() };
        lines.said = lines.settled().await;
        lines
    }

    /// The counters by now. If the ledger does not answer, the worker reports it.
    async fn settled(&self) -> Settled {
        self.ledger.run(&self.run).await.ok().flatten().map_or_else(|| self.said.clone(), |run| run.settled)
    }

    /// Waits until something was settled, and a line may be said.
    async fn due(&self, settled: &Notify) {
        settled.notified().await;
        sleep_until(self.next).await;
    }

    async fn say(&mut self) {
        self.next = Instant::now() + LINE_EVERY;
        let now = self.settled().await;
        let since = |now: u64, before: u64| now.saturating_sub(before);
        let (copied, deleted) = (since(now.copied, self.said.copied), since(now.deleted, self.said.deleted));
        let (failed, bytes) = (since(now.failed, self.said.failed), since(now.bytes, self.said.bytes));
        self.said = now;
        // Most events of what was copied meanwhile need nothing: no news.
        if copied + deleted + failed > 0 {
            let new = Settled { copied, deleted, failed, bytes, ..Settled::default() };
            note(format_args!("events: {}", summary::settled(&new, 0).join(", ")));
        }
    }
}
