//! The `worker` program: does a task's jobs on one machine of many.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use shared::config::Config;
use shared::report::Report;
use shared::telemetry::endpoint::{self, Health};
use shared::telemetry::{self, LogFormat};
use shared::{console, open, signals};
use worker::{Follow, Stop, Worker};

/// Exit code for a worker whose queue or ledger failed for good, or whose report could not be written.
const FAILED: u8 = 1;

/// Exit code for wrong usage or configuration, or a service that cannot be reached at the start.
const USAGE: u8 = 2;

/// Does the jobs on a task's queue until it is stopped
#[derive(Debug, Parser)]
#[command(version = shared::VERSION, max_term_width = 100)]
struct Args {
    /// Config file of the task
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Name in the records [default: the host's, with the process id]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Append one JSON line per object to FILE
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Serve /metrics, /healthz and /readyz at HOST:PORT [default: the config's]
    #[arg(long, value_name = "HOST:PORT")]
    metrics_addr: Option<String>,
    /// Format of log lines: human or json
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    log: LogFormat,
}

/// Why the program ends, in one line, and its exit code.
type Failure = (u8, String);

/// What a worker that is told to stop may take beyond its drain.
const GRACE: Duration = Duration::from_millis(1_600);

/// The same if its machine's group has to be told: [`shared::retry::FLEET`].
const FLEET_GRACE: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() {
    let code = match Args::try_parse() {
        Ok(args) => run(args).await.map_or_else(fail, |()| 0),
        Err(text) if !text.use_stderr() => {
            let _ = text.print();
            0
        }
        Err(mistake) => fail((USAGE, format!("{}; see worker --help", console::one_line(&mistake.to_string())))),
    };
    // Not by returning: that would wait for blocking calls that are under way, as on a mount that hangs.
    std::process::exit(code.into());
}

/// Ends well after a drain, whoever asked for it: nothing is lost, other workers go on.
async fn run(args: Args) -> Result<(), Failure> {
    telemetry::init(args.log, tracing::Level::INFO);
    let config = Config::read(&args.config).map_err(usage)?;
    let [drain, abort] = signals::tokens("Draining: finishing the jobs in progress… send the signal again to stop now")
        .map_err(usage)?;
    let stop = Stop { drain, abort };
    let limit = config.work.drain + if config.fleet.is_some() { FLEET_GRACE } else { GRACE };
    tokio::select! {
        // Boxed, or the type of the whole is too deep for the compiler.
        worked = Box::pin(work(args, config, &stop)) => worked,
        () = signals::overdue(&stop.drain, limit) => {
            tracing::warn!("a service did not answer in time: jobs in progress will be redelivered when their leases end");
            Ok(())
        }
    }
}

async fn work(args: Args, config: Config, stop: &Stop) -> Result<(), Failure> {
    let report = args.report.as_deref().map(Report::open).transpose().map_err(usage)?;
    let health = Health::default();
    let worker = tokio::select! {
        worker = open(args, config, &health, report.as_ref()) => worker?,
        () = stop.drain.cancelled() => return Ok(()),
    };
    health.set_ready(true);
    tokio::spawn(unready_when(stop.clone(), health));
    tracing::info!(worker = worker.name, task = worker.task, "ready for jobs");
    let worked = worker.run(stop.clone()).await.map_err(|error| (FAILED, error.to_string()));
    let reported = report.map_or(Ok(()), |report| report.check());
    worked.and(reported.map_err(|why| (FAILED, format!("the report is incomplete: {why}"))))
}

/// Opens everything that a worker needs.
async fn open(args: Args, config: Config, health: &Health, report: Option<&Report>) -> Result<Worker, Failure> {
    endpoint::serve(args.metrics_addr.as_deref().or(config.metrics_addr.as_deref()), health).await.map_err(usage)?;
    let (source, destination) = open::ready_sides(&config).await.map_err(usage)?;
    let carrier = open::carrier_of_task(&config).await.map_err(usage)?;
    Ok(Worker {
        name: args.name.unwrap_or_else(host_and_process),
        source,
        destination,
        queue: carrier.queue,
        events: carrier.events,
        ledger: carrier.ledger,
        fleet: open::fleet(&config).await.map_err(usage)?,
        follow: Follow::of(&config).map_err(usage)?,
        task: config.task,
        options: config.work,
        report: report.map(Report::listener),
        moved: Arc::default(),
        health: health.clone(),
        // A fleet waits; whoever looks after it sees it by /readyz and the metric.
        outage_limit: None,
    })
}

/// A worker that drains takes no more work, and says so.
async fn unready_when(stop: Stop, health: Health) {
    stop.drain.cancelled().await;
    health.set_ready(false);
}

fn host_and_process() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "worker" } else { host.trim() };
    format!("{host}-{}", std::process::id())
}

fn usage(why: impl std::fmt::Display) -> Failure {
    (USAGE, why.to_string())
}

fn fail((code, why): Failure) -> u8 {
    console::say(format_args!("worker: {}", console::escaped(&why)));
    code
}
