//! The program `finder`: lists, compares and enqueues for workers elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::args::FinderArgs as Args;
use crate::exit::{CommandResult, Exit, Failure};
use crate::kinds::{self, Opening};
use crate::operations::OpenedTask;
use crate::program;
use adapters::open;
use finder::{FindError, Finder, Progress};
use shared::config::Config;
use shared::object::Timestamp;
use shared::telemetry;
use shared::telemetry::endpoint::{self, Health};
use shared::{signals, terminal};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// Ten looks at a previous run that has lost messages take a minute.
const LOOK_EVERY: Duration = Duration::from_secs(6);

/// Time that a finder may take to end its present work when it is asked to stop.
const STOP_LIMIT: Duration = Duration::from_secs(8);

pub(super) async fn run(args: Args) -> CommandResult {
    telemetry::init(args.log, tracing::Level::INFO);
    let [stop] = signals::tokens("Stopping… start finder again to resume the run").map_err(Failure::usage)?;
    program::until_overdue(find_all(args, &stop), &stop, STOP_LIMIT, || Err(interrupted())).await
}

async fn find_all(args: Args, stop: &CancellationToken) -> CommandResult {
    let health = Health::default();
    let task = tokio::select! {
        task = Task::open(&args, &health) => task?,
        () = stop.cancelled() => return Err(interrupted()),
    };
    health.set_ready(true);
    match args.every {
        Some(every) => task.repeat(every.into(), stop).await?,
        None => task.find(stop).await.map_err(failure)?,
    }
    Ok(Exit::InSync)
}

/// A task that is ready to be compared.
struct Task {
    opened: OpenedTask,
    finder: Finder,
}

impl Task {
    /// Opens everything that a finder needs.
    async fn open(args: &Args, health: &Health) -> Result<Task, Failure> {
        let config = Config::read(&args.config).map_err(Failure::usage)?;
        endpoint::serve(args.metrics_addr.as_deref().or(config.metrics_addr.as_deref()), health)
            .await
            .map_err(Failure::usage)?;
        // The workers write; this program only lists.
        let kind = kinds::open(&config, Opening::Comparable, None).await.map_err(Failure::usage)?;
        let backend = open::backend_of_task(&config).await.map_err(Failure::usage)?;
        let finder = Finder {
            task: config.task.clone(),
            queue: backend.queue.clone(),
            ledger: backend.ledger.clone(),
            owner: format!("finder-{}", uuid::Uuid::now_v7()),
            force: args.force,
            look_every: LOOK_EVERY,
            run: None,
        };
        Ok(Task { opened: OpenedTask { config, backend, kind }, finder })
    }

    /// Makes a run each interval. If a run cannot be made now, the next interval tries again: the last run's jobs may
    /// be done by then, or the store may have recovered.
    async fn repeat(&self, every: Duration, stop: &CancellationToken) -> Result<(), Failure> {
        loop {
            let next = Instant::now() + every;
            match self.find(stop).await {
                Ok(()) => {}
                Err(error @ FindError::Interrupted) => return Err(failure(error)),
                Err(error @ (FindError::Busy { .. } | FindError::ClaimedByOther(_))) => {
                    tracing::warn!(%error, "nothing was compared, trying again at the next interval")
                }
                Err(FindError::Incomplete(why)) => tracing::error!("{why}"),
                Err(error) => tracing::error!(%error, "the run is not finished, trying again at the next interval"),
            }
            tokio::select! {
                () = sleep_until(next) => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    /// Makes one run.
    async fn find(&self, stop: &CancellationToken) -> Result<(), FindError> {
        let Task { opened: OpenedTask { config, backend, kind }, finder } = self;
        let planner = kind.planner(config, backend, Timestamp::now())?;
        let progress = Arc::new(Progress::default());
        let run = finder.run(&*planner, stop.clone(), progress.clone()).await?;
        report(&run, &progress)
    }
}

/// Logs what a run has enqueued, and returns what it could not compare as an error.
fn report(run: &str, progress: &Progress) -> Result<(), FindError> {
    let count = |counter: &AtomicU64| counter.load(Relaxed);
    tracing::info!(
        run,
        listed = count(&progress.listed),
        unchanged = count(&progress.unchanged),
        enqueued = count(&progress.enqueued),
        enqueued_bytes = count(&progress.enqueued_bytes),
        deletes = count(&progress.deletes),
        "listed both sides and enqueued all differences"
    );
    let objects = count(&progress.not_judged);
    let not_compared = (objects > 0).then(|| {
        let objects = terminal::counted(objects, "object");
        format!("{objects} could not be compared, and were not enqueued: see the warnings, then run again")
    });
    // All else is enqueued. A folder that could not be listed says more than the objects below it.
    progress.unlisted_after_warnings().or(not_compared).map_or(Ok(()), |why| Err(FindError::Incomplete(why)))
}

fn interrupted() -> Failure {
    failure(FindError::Interrupted)
}

fn failure(error: FindError) -> Failure {
    match error {
        // Nothing was compared, and the same command may do it later.
        FindError::Busy { .. } => Failure { exit: Exit::Interrupted, message: error.to_string() },
        error => Failure::finding(error),
    }
}
