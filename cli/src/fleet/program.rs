//! A program that serves a fleet, from its start to its end.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use adapters::open::{self, FleetBackend};
use finder::run::claim::Claim;
use shared::config::FleetFile;
use shared::fleet::Fleet;
use shared::limits::Shares;
use shared::report::Report;
use shared::telemetry::endpoint::{self, Health};
use shared::telemetry::service_manager;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use worker::{FairShares, Machine, Polls, Stop};

use super::context::{FleetContext, Gate};
use super::folders::Folders;
use super::supervisor::Supervisor;
use super::{controlling, heartbeat, machine, name, requests};
use crate::claim;
use crate::console::Opened;
use crate::exit::{CommandResult, Exit, Failure};

/// The options of a program that serves a fleet.
pub struct Options {
    /// The fleet.
    pub fleet: FleetFile,
    /// First part of the worker's name; `None`: host and process.
    pub name: Option<String>,
    /// Where outcomes are reported.
    pub report: Option<PathBuf>,
    /// `HOST:PORT` for metrics and health; `None`: the fleet file's.
    pub metrics_addr: Option<String>,
    /// Whether this process is the whole fleet: then it controls it, and follows the folders of tasks with events.
    pub is_whole: bool,
    /// The console that it serves; `None`: none.
    pub console: Option<Opened>,
}

/// Serves all tasks of a fleet until the program is asked to end, or its machine goes.
pub async fn run(mut options: Options, stop: Stop) -> CommandResult {
    let report = options.report.as_deref().map(Report::open).transpose().map_err(Failure::usage)?;
    let worker = tokio::select! {
        worker = FleetWorker::open(&options, report.as_ref(), stop.clone()) => worker?,
        () = stop.drain.cancelled() => return Ok(Exit::InSync),
    };
    worker.serve(options.console.take()).await?;
    let reported = report.map_or(Ok(()), |report| report.check());
    reported.map_err(|why| Failure::midway(format!("the report is incomplete: {why}")))?;
    Ok(Exit::InSync)
}

/// A worker that serves all tasks of a fleet.
struct FleetWorker {
    context: Arc<FleetContext>,
    group: Arc<dyn Fleet>,
    /// Of a process that is the whole fleet. The system ends it with the process, however that ends.
    claim: Option<Claim>,
}

impl FleetWorker {
    /// Opens the fleet's services. No task is served yet.
    async fn open(options: &Options, report: Option<&Report>, stop: Stop) -> Result<FleetWorker, Failure> {
        let fleet = &options.fleet;
        let backend = FleetBackend::open(fleet).await.map_err(Failure::usage)?;
        let claim = match options.is_whole {
            true => Some(claim::take_folder(&backend.ledger).await?),
            false => None,
        };
        let health = Health::default();
        endpoint::serve(options.metrics_addr.as_deref().or(fleet.metrics_addr.as_deref()), &health)
            .await
            .map_err(Failure::usage)?;
        service_manager::report(&health);
        let worker = name::unique(options.name.as_deref());
        let context = FleetContext {
            backend,
            shares: Mutex::new(Shares::new(&worker)),
            worker,
            activity: Arc::default(),
            transfers: FairShares::within(fleet.work.concurrency, fleet.work.memory_limit),
            polls: fleet.state.is_none().then(Polls::default),
            report: report.map(Report::listener),
            health,
            stop,
            gate: watch::Sender::new(Gate::Open),
            statuses: Mutex::default(),
        };
        let group = open::fleet(fleet.group.as_ref()).await.map_err(Failure::usage)?;
        Ok(FleetWorker { context: Arc::new(context), group, claim })
    }

    /// Serves until the program is to end, and ends in good order.
    async fn serve(self, console: Option<Opened>) -> Result<(), Failure> {
        let FleetWorker { context, group, claim } = self;
        let is_whole = claim.is_some();
        let mut supervisor = Supervisor::new(context.clone());
        let mut folders = is_whole.then(|| Folders::new(context.clone()));
        // A fleet whose table does not exist, or that may not be read, ends here.
        look(&mut supervisor, &mut folders).await.map_err(Failure::usage)?;
        let activity = context.activity.clone();
        context.health.judge_alive(move || activity.is_alive());
        let mut beside = JoinSet::new();
        let machine = Machine { fleet: group.clone() };
        beside.spawn(heartbeat::keep(context.clone(), group.machine().map(str::to_owned)));
        beside.spawn(attend(machine.clone(), context.clone()));
        if is_whole {
            beside.spawn(controlling::keep(context.clone()));
        }
        let requests = tokio::spawn(requests::keep(context.clone()));
        if let Some(console) = console {
            let (backend, health, stop) = (context.backend.clone(), context.health.clone(), context.stop.drain.clone());
            beside.spawn(async move {
                if let Err(failure) = console.serve(backend, health, true, stop).await {
                    tracing::error!("the console ended: {}", failure.message);
                }
            });
        }
        context.health.set_ready(true);
        tracing::info!(worker = context.worker, fleet = context.fleet().name, "ready for jobs");
        tokio::select! {
            () = machine::until_end(&context, &group) => {}
            () = keep_looking(&context, &mut supervisor, &mut folders) => {}
        }
        context.health.set_ready(false);
        // Also where the machine goes: each task has the whole drain from here.
        context.stop.drain.cancel();
        context.gate.send_replace(Gate::Closed);
        if let Some(folders) = folders {
            folders.end().await;
        }
        supervisor.end().await;
        // A request that is not carried out by then comes again when its lease ends.
        let _ = timeout(context.drain(), requests).await;
        beside.shutdown().await;
        heartbeat::leave(&context).await;
        machine.leave().await;
        if let Some(claim) = claim {
            claim.end().await;
        }
        Ok(())
    }
}

/// Attends to the machine for as long as it is polled: once for all tasks.
async fn attend(machine: Machine, context: Arc<FleetContext>) {
    tokio::join!(machine.keep_protected(context.activity.leases()), machine.prolong(&context.stop.drain));
}

/// Reads the tasks once, and serves them so.
async fn look(supervisor: &mut Supervisor, folders: &mut Option<Folders>) -> shared::Result<()> {
    let summaries = supervisor.look().await?;
    if let Some(folders) = folders {
        folders.follow(&summaries);
    }
    Ok(())
}

/// Reads the tasks again and again.
async fn keep_looking(context: &FleetContext, supervisor: &mut Supervisor, folders: &mut Option<Folders>) {
    let mut tick = interval(supervisor.look_every());
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Err(error) = look(supervisor, folders).await {
            tracing::warn!(%error, "cannot read the fleet's tasks: serving them as they were");
        }
        context.close_if_outdated();
    }
}
