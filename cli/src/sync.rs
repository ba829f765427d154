//! `flotilla sync`: finder and worker in one process, over the embedded queue and ledger.

use std::time::Duration;

use finder::{FindError, Finder, ObjectsPlanner, Planner};
use shared::config::Config;
use shared::ledger::{MAX_RUNS, Phase, Run};
use shared::report::Report;
use shared::telemetry::endpoint::{self, Health};
use shared::terminal;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::args::{SyncArgs, open_report};
use crate::claim;
use crate::exit::{CommandResult, Exit, Failure, INTERRUPTED};
use crate::failures;
use crate::object_log;
use crate::object_source;
use crate::plan;
use crate::runner::{RunKind, RunResult, run_beside, run_to_end};
use crate::share::Share;
use crate::summary::RunSummary;
use crate::task::Task;
use crate::verbosity::{Verbosity, note};
use crate::worker_handle::WorkerHandle;

/// Syncs once, or again and again.
pub async fn run(args: &SyncArgs, stop: CancellationToken) -> CommandResult {
    let config = args.task.config()?;
    if args.dry_run {
        return plan::show(config, args.json, stop).await;
    }
    let health = Health::default();
    endpoint::serve(config.metrics_addr.as_deref(), &health).await.map_err(Failure::usage)?;
    let report = open_report(args.report.as_deref())?;
    let Some(config) = object_source::resolve(config, &stop).await? else { return Ok(Exit::Interrupted) };
    let Some(task) = Task::open_unless(&stop, config, health.clone()).await? else { return Ok(Exit::Interrupted) };
    health.set_ready(true);
    let mut session = SyncSession {
        task: &task,
        report,
        json: args.json,
        stop: &stop,
        worker: None,
        settles: false,
        share: Share::default(),
    };
    let Some(every) = args.every else { return session.run(args.force, true).await };
    session.repeat(every.into(), args.force).await
}

/// Does what is left of a run that is listed, such as the one a retry has enqueued. The caller holds the
/// claim on the task.
pub async fn finish_run(
    config: &Config,
    run: &str,
    report: Option<Report>,
    json: bool,
    stop: CancellationToken,
) -> CommandResult {
    let task = Task::open_unless(&stop, config.clone(), Health::default()).await?;
    let Some(task) = task else { return Ok(Exit::Interrupted) };
    let mut session =
        SyncSession { task: &task, report, json, stop: &stop, worker: None, settles: false, share: Share::default() };
    let began = Instant::now();
    let begun = task.backend.ledger.run(run).await.map_err(Failure::resumable)?;
    session.share = Share::since(begun.as_slice());
    let result = session.execute(RunKind::Finish(run.to_owned())).await?;
    session.conclude(result, began).await
}

/// The embedded queue says exactly what it holds.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// One or more runs of a task.
pub struct SyncSession<'a> {
    /// The task.
    pub task: &'a Task,
    /// Where outcomes are written.
    pub report: Option<Report>,
    /// Whether summaries are printed as JSON.
    pub json: bool,
    /// Ends it.
    pub stop: &'a CancellationToken,
    /// The worker that does the jobs of all runs; absent: each has a worker of its own.
    pub worker: Option<WorkerHandle>,
    /// Whether cancelled runs have jobs on the queue.
    pub settles: bool,
    /// What of a run is this command's own.
    pub share: Share,
}

impl SyncSession<'_> {
    /// A run every so often until asked to stop. A run that fails is reported and tried again in its turn.
    async fn repeat(&mut self, every: Duration, force: bool) -> CommandResult {
        let mut first = true;
        loop {
            let next = Instant::now() + every;
            let exit = match self.run(force, first).await {
                Ok(Exit::Interrupted) => return Ok(Exit::Interrupted),
                Ok(exit) => exit,
                Err(failure) => {
                    terminal::say(format_args!("flotilla: {}", terminal::escaped(&failure.message)));
                    failure.exit
                }
            };
            first = false;
            tokio::select! {
                () = sleep_until(next) => {}
                () = self.stop.cancelled() => return Ok(exit),
            }
        }
    }

    /// One run: a new one, or the last one's rest. The `first` of this process begins the report anew,
    /// unless it goes on with what an earlier process has reported.
    async fn run(&mut self, force: bool, first: bool) -> CommandResult {
        let claim = claim::take(&self.task.backend.ledger, &self.task.config.task).await?;
        let ended = self.claimed(force, first).await;
        claim.end().await;
        ended
    }

    /// The same, of a task that the caller has claimed.
    pub async fn claimed(&mut self, force: bool, first: bool) -> CommandResult {
        let began = Instant::now();
        self.supersede().await?;
        let last = self.task.backend.ledger.runs(&self.task.config.task, 1).await.map_err(Failure::midway)?.pop();
        let unfinished = last.filter(|run| !force && !run.is_done() && !run.phase.is_cancelled());
        match (&unfinished, &self.report) {
            (None, Some(report)) if first => report.begin_anew().map_err(Failure::usage)?,
            _ => {}
        }
        self.say_what_is_resumed(unfinished.as_ref());
        let mut result = self.execute(self.find(force)?).await?;
        if let Some(FindError::Busy { run, .. }) = &result.find_error {
            let run = run.clone();
            note(format_args!("run {} was interrupted: finishing its remaining objects", terminal::run_id(&run)));
            let finished = self.execute(RunKind::Finish(run)).await?;
            // It has the same options: others were cancelled. If its listing was complete it is what was asked for.
            // Otherwise its rest is out of the way now, and the run that was asked for begins.
            result = if finished.interrupted || is_what_was_asked_for(&finished) {
                finished
            } else {
                if let Some(run) = &finished.run {
                    self.share.finished(run);
                }
                self.execute(self.find(force)?).await?
            };
        }
        self.conclude(result, began).await
    }

    /// Cancels what earlier commands with other options have left: before any worker of this one begins.
    pub async fn supersede(&mut self) -> Result<(), Failure> {
        let options = self.planner()?.options();
        for run in self.finder(false).supersede(&options).await.map_err(Failure::finding)? {
            say_cancelled(&run);
        }
        let runs = self.task.backend.ledger.runs(&self.task.config.task, MAX_RUNS).await.map_err(Failure::midway)?;
        self.share = Share::since(&runs);
        self.settles = runs.iter().any(|run| run.phase.is_cancelled() && !run.is_done());
        Ok(())
    }

    fn find(&self, force: bool) -> Result<RunKind, Failure> {
        Ok(RunKind::Find(Box::new(self.finder(force)), self.planner()?))
    }

    fn planner(&self) -> Result<Box<dyn Planner>, Failure> {
        let Task { source, destination, config, backend, .. } = self.task;
        let (find, work, suspects) = (&config.objects.find, &config.objects.work, backend.upload_log.clone());
        let planner = ObjectsPlanner::new(source.clone(), destination.clone(), find, work, suspects);
        Ok(Box::new(planner.map_err(Failure::finding)?))
    }

    fn finder(&self, force: bool) -> Finder {
        let task = self.task;
        Finder {
            task: task.config.task.clone(),
            queue: task.backend.queue.clone(),
            ledger: task.backend.ledger.clone(),
            owner: format!("sync-{}", uuid::Uuid::now_v7()),
            force,
            look_every: LOOK_EVERY,
            run: None,
        }
    }

    async fn execute(&mut self, what: RunKind) -> Result<RunResult, Failure> {
        let result = match &mut self.worker {
            Some(worker) => run_beside(self.task, what, worker, self.stop).await,
            None => {
                run_to_end(self.task, what, object_log::listener(self.report.as_ref()), self.settles, self.stop).await
            }
        };
        match self.report.as_ref().map(Report::check) {
            Some(Err(why)) => result.and(Err(Failure::midway(format!("the report is incomplete: {why}")))),
            _ => result,
        }
    }

    fn say_what_is_resumed(&self, unfinished: Option<&Run>) {
        let unlisted = |run: &&Run| matches!(run.phase, Phase::Listing | Phase::Releasing);
        if let Some(run) = unfinished.filter(unlisted) {
            note(format_args!("run {} was interrupted: resuming it", terminal::run_id(&run.start.id)));
        }
    }

    /// Prints what the run came to, and returns the exit code.
    async fn conclude(&self, result: RunResult, began: Instant) -> CommandResult {
        if let Some(run) = &result.run {
            let summary = RunSummary::of(run, &self.share, began.elapsed());
            if summary.failed > 0 {
                let run = terminal::run_id(&summary.run);
                let rest = match &self.task.config.state {
                    Some(state) => format!("flotilla failures {run} --state {}", state.display()),
                    None => format!("flotilla failures {run} --config FILE"),
                };
                failures::print_first(&self.task.backend.ledger, &summary.run, summary.failed, &rest).await;
            }
            if summary.not_judged > 0 {
                terminal::say(format_args!(
                    "{} could not be compared, and were neither copied nor deleted: see the warnings, then run again",
                    terminal::counted(summary.not_judged, "object"),
                ));
            }
            if let (Phase::Listed, Some(error)) = (run.phase, &run.error) {
                // Warnings have named what this process could not list, unless only errors are printed. The record
                // names it also if an earlier process listed.
                let has_warned = Verbosity::chosen() > Verbosity::Quiet;
                let error = result.unlisted.as_ref().filter(|_| has_warned).unwrap_or(error);
                terminal::say(format_args!("flotilla: {}", terminal::escaped(error)));
            }
            summary.print(self.json)?;
            if result.find_error.is_none() && !result.interrupted {
                return Ok(summary.exit());
            }
        }
        if let Some(outage) = result.outage {
            // The user must mend what a store refuses for good.
            let exit = if outage.is_refusal { Exit::Usage } else { Exit::Interrupted };
            return Err(Failure { exit, message: outage.to_string() });
        }
        match result.find_error {
            None | Some(FindError::Interrupted) => {
                note(INTERRUPTED);
                Ok(Exit::Interrupted)
            }
            Some(error) => Err(Failure::finding(error)),
        }
    }
}

/// Says that a run of an earlier command was cancelled.
pub fn say_cancelled(run: &Run) {
    let left = run.unsettled();
    let left = if left == 1 { "1 object was".to_owned() } else { format!("{} objects were", terminal::count(left)) };
    let id = terminal::run_id(&run.start.id);
    note(format_args!("cancelled run {id}, because it had other options ({left} left)"));
}

fn is_what_was_asked_for(finished: &RunResult) -> bool {
    finished
        .run
        .as_ref()
        .is_some_and(|run| run.phase == Phase::Listed && run.error.is_none() && run.start.options.retries.is_none())
}
