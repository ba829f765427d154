//! `flotilla retry`: enqueues the failed objects of a run again, as a new run of the same task.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use adapters::open::{self, Backend, FleetBackend};
use control::actions;
use finder::{FindError, Finder, Progress, RetryPlanner};
use shared::config::Config;
use shared::filter::Filter;
use shared::ledger::{Run, RunOptions};
use shared::tasks::Summary;
use shared::terminal;
use tokio_util::sync::CancellationToken;

use crate::args::{RetryArgs, open_report};
use crate::claim;
use crate::exit::{CommandResult, Exit, Failure};
use crate::records::Records;
use crate::stdout;
use crate::sync;
use crate::tasks;
use crate::verbosity::note;

/// Unused: a retry waits for no earlier run.
const LOOK_EVERY: Duration = Duration::from_secs(6);

/// Enqueues a run's failures again. With an embedded queue, whose only worker is `flotilla` itself, does
/// them too.
pub async fn run(args: &RetryArgs, stop: CancellationToken) -> CommandResult {
    let records = Records::open(&args.records.source).await?;
    let failed = records.run(args.records.run.as_deref()).await?;
    if failed.settled.failed == 0 {
        note(format_args!("run {} has no failed objects", terminal::run_id(&failed.start.id)));
        return Ok(Exit::InSync);
    }
    if let Some(fleet) = records.fleet()
        && let Some(task) = task_of(fleet, &failed).await?
    {
        return begin_in_fleet(fleet, &task, &failed, args).await;
    }
    let config = records.task(&failed)?;
    let options = options(&config, &failed).await?;
    let backend = records.backend(&config).await?;
    if config.queue.is_some() {
        if args.report.is_some() {
            return Err(Failure::usage(
                "--report: other programs do the jobs of this task: leave --report out here, and give it to the workers",
            ));
        }
        let begun = enqueue(&backend, failed, options, &stop).await?;
        return Ok(begun.map_or(Exit::Interrupted, |_| Exit::InSync));
    }
    let claim = claim::take(&backend.ledger, &config.task).await?;
    let ended = retry_here(&backend, &config, failed, options, args, stop).await;
    claim.end().await;
    ended
}

/// The task of a fleet that a run is of.
async fn task_of(fleet: &FleetBackend, failed: &Run) -> Result<Option<Summary>, Failure> {
    let summaries = fleet.tasks.summaries().await.map_err(Failure::midway)?;
    Ok(summaries.into_iter().find(|summary| summary.task.id == failed.start.task))
}

/// Begins a run that a worker of the fleet carries out: the request names the run whose failures it retries.
async fn begin_in_fleet(fleet: &FleetBackend, task: &Summary, failed: &Run, args: &RetryArgs) -> CommandResult {
    if args.report.is_some() {
        return Err(Failure::usage("--report: workers do the jobs of this task: leave --report out"));
    }
    let begun = actions::retry(&tasks::actor_of(fleet.clone()), task, failed, None).await?;
    let (run, of, name) = (terminal::run_id(&begun.run), terminal::run_id(&failed.start.id), &task.task.name);
    match args.json {
        true => stdout::line(serde_json::json!({"task": name, "run": begun.run, "retries": failed.start.id}))?,
        false => stdout::line(format_args!("began run {run} of task {name}, which retries run {of}"))?,
    }
    Ok(Exit::InSync)
}

/// Enqueues, and works. The report is the new run's.
async fn retry_here(
    backend: &Backend,
    config: &Config,
    failed: Run,
    options: RunOptions,
    args: &RetryArgs,
    stop: CancellationToken,
) -> CommandResult {
    let report = open_report(args.report.as_deref())?;
    let Some(run) = enqueue(backend, failed, options, &stop).await? else { return Ok(Exit::Interrupted) };
    if let Some(report) = &report {
        report.begin_anew().map_err(Failure::usage)?;
    }
    sync::finish_run(config, &run, report, args.json, stop).await
}

/// Enqueues the failures as a run of the finder. Returns the new run, or nothing when interrupted.
async fn enqueue(
    backend: &Backend,
    failed: Run,
    options: RunOptions,
    stop: &CancellationToken,
) -> Result<Option<String>, Failure> {
    let finder = Finder {
        task: failed.start.task.clone(),
        queue: backend.queue.clone(),
        ledger: backend.ledger.clone(),
        owner: format!("retry-{}", uuid::Uuid::now_v7()),
        force: false,
        look_every: LOOK_EVERY,
        run: None,
    };
    let retried = terminal::run_id(&failed.start.id).to_owned();
    let planner = RetryPlanner::new(failed, options, backend.ledger.clone());
    let progress = Arc::new(Progress::default());
    let enqueued = finder.run(&planner, stop.clone(), progress.clone()).await;
    progress.cancelled().iter().for_each(sync::say_cancelled);
    let run = match enqueued {
        Err(FindError::Interrupted) => return Ok(None),
        enqueued => enqueued.map_err(Failure::finding)?,
    };
    let objects = terminal::counted(progress.enqueued.load(Relaxed), "object");
    note(format_args!("run {} retries {objects} of run {retried}", terminal::run_id(&run)));
    Ok(Some(run))
}

/// The options of the retry: those that the task has now. Failures of a run that had others are not retried in their
/// name. An event is followed as the task is now, whatever it was.
async fn options(config: &Config, failed: &Run) -> Result<RunOptions, Failure> {
    let (source, destination) = open::sides(config).await.map_err(Failure::usage)?;
    let filter = Filter::load(&config.objects.find, None).map_err(Failure::usage)?;
    let options = RunOptions::of(&source, &destination, &config.objects.find, &config.objects.work, filter.prefixes());
    if !failed.is_events() && failed.start.options.digest != options.digest {
        return Err(actions::other_options(failed).into());
    }
    Ok(options)
}
