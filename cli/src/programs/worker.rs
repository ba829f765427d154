//! The program `worker`: does the jobs of a fleet's tasks, or of one task, on one machine of many.

use std::sync::Arc;
use std::time::Duration;

use crate::args::WorkerArgs as Args;
use crate::exit::{CommandResult, Exit, Failure};
use crate::fleet::{self, Options};
use crate::kinds::{self, ExecutorTerms, Opening};
use crate::operations::OpenedTask;
use crate::program;
use adapters::open;
use shared::config::{Config, FleetFile};
use shared::report::Report;
use shared::signals;
use shared::telemetry::endpoint::{self, Health};
use shared::telemetry::{self, service_manager};
use worker::{Activity, LiveLimits, Stop, WorkError, Worker};

/// Time beyond its drain that a stopped worker may take if it must report to its machine's group:
/// [`shared::retry::FLEET`].
const FLEET_GRACE: Duration = Duration::from_secs(30);

/// Ends well after a drain, whatever asked for it: nothing is lost, other workers go on.
pub(super) async fn run(args: Args) -> CommandResult {
    telemetry::init(args.log, tracing::Level::INFO);
    let started = Started::read(&args)?;
    let [drain, abort] = signals::tokens("Draining: finishing the jobs in progress… send the signal again to stop now")
        .map_err(Failure::usage)?;
    let stop = Stop { drain, abort };
    let (drain, group) = match &started {
        Started::Fleet(fleet) => (fleet.work.drain, &fleet.group),
        Started::Task(config) => (config.machine.drain, &config.fleet),
    };
    let limit = drain + if group.is_some() { FLEET_GRACE } else { program::GRACE };
    let activity = Arc::<Activity>::default();
    let overdue = || {
        tracing::warn!("a service did not answer in time: jobs in progress will be redelivered when their leases end");
        activity.outdated().map_or(Ok(Exit::InSync), |why| Err(Failure::usage(why)))
    };
    let work = async {
        match started {
            Started::Fleet(fleet) => serve(args, *fleet, stop.clone()).await,
            Started::Task(config) => work(args, *config, &stop, activity.clone()).await,
        }
    };
    program::until_overdue(work, &stop.drain, limit, overdue).await
}

/// What the program is started for.
enum Started {
    Fleet(Box<FleetFile>),
    Task(Box<Config>),
}

impl Started {
    fn read(args: &Args) -> Result<Started, Failure> {
        match (&args.fleet, &args.config) {
            (Some(fleet), _) => Ok(Started::Fleet(Box::new(FleetFile::read(fleet).map_err(Failure::usage)?))),
            (None, Some(config)) => Ok(Started::Task(Box::new(Config::read(config).map_err(Failure::usage)?))),
            (None, None) => Err(Failure::usage("give --fleet FILE, or --config FILE")),
        }
    }
}

/// Serves all tasks of a fleet.
async fn serve(args: Args, fleet: FleetFile, stop: Stop) -> CommandResult {
    let Args { name, report, metrics_addr, .. } = args;
    fleet::run(Options { fleet, name, report, metrics_addr, is_whole: false, console: None }, stop).await
}

async fn work(args: Args, config: Config, stop: &Stop, activity: Arc<Activity>) -> CommandResult {
    let report = args.report.as_deref().map(Report::open).transpose().map_err(Failure::usage)?;
    let health = Health::default();
    let mut worker = tokio::select! {
        worker = open(args, config, &health, report.as_ref()) => worker?,
        () = stop.drain.cancelled() => return Ok(Exit::InSync),
    };
    worker.activity = activity.clone();
    health.judge_alive(move || activity.is_alive());
    health.set_ready(true);
    tokio::spawn(unready_when(stop.clone(), health));
    tracing::info!(worker = worker.name, task = worker.task, "ready for jobs");
    let worked = worker.run(stop.clone()).await.map_err(|why| match why {
        WorkError::Outdated(why) => Failure::usage(why),
        why => Failure::midway(why),
    });
    let reported = report.map_or(Ok(()), |report| report.check());
    worked?;
    reported.map_err(|why| Failure::midway(format!("the report is incomplete: {why}")))?;
    Ok(Exit::InSync)
}

/// Opens everything that a worker needs.
async fn open(args: Args, config: Config, health: &Health, report: Option<&Report>) -> Result<Worker, Failure> {
    endpoint::serve(args.metrics_addr.as_deref().or(config.metrics_addr.as_deref()), health)
        .await
        .map_err(Failure::usage)?;
    service_manager::report(health);
    let kind = kinds::open(&config, Opening::Ready, None).await.map_err(Failure::usage)?;
    let backend = open::backend_of_task(&config).await.map_err(Failure::usage)?;
    let name = args.name.unwrap_or_else(fleet::host_and_process);
    let (queue, ledger) = (backend.queue.clone(), backend.ledger.clone());
    let mut worker = Worker::new(&config.task, &name, queue, ledger, config.machine.clone());
    worker.events = backend.events.clone();
    worker.fleet = open::fleet(config.fleet.as_ref()).await.map_err(Failure::usage)?;
    worker.report = report.map(Report::listener);
    // A fleet waits for a store that fails; its operator sees it by /readyz and the metric.
    let (health, limits, outage_limit) = (health.clone(), LiveLimits::of(&config.machine), None);
    let terms = ExecutorTerms { health, limits, events: None, outage_limit, settles_only: false };
    let task = OpenedTask { config, backend, kind };
    task.kind.add_executor(&task, &worker.executors, 0, terms).map_err(Failure::usage)?;
    Ok(worker)
}

/// A worker that drains takes no more work, and says so.
async fn unready_when(stop: Stop, health: Health) {
    stop.drain.cancelled().await;
    health.set_ready(false);
}
