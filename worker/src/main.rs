//! The `worker` program: does a task's jobs on one machine of many.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use shared::config::Config;
use shared::telemetry::endpoint::{self, Health};
use shared::telemetry::{self, LogFormat};
use shared::{console, open, signals};
use worker::{Stop, Worker};

/// Exit code for a worker whose queue failed for good.
const FAILED: u8 = 1;

/// Exit code for wrong usage or configuration, or a service that cannot be reached at the start.
const USAGE: u8 = 2;

/// Copies what a task's queue says, until told to stop
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Args {
    /// Config file of the task
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Name in the records [default: the host's, with the process id]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Serve /metrics, /healthz and /readyz at HOST:PORT [default: the config's]
    #[arg(long, value_name = "HOST:PORT")]
    metrics_addr: Option<String>,
    /// How log lines look: human or json
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    log: LogFormat,
}

/// Why the program ends, in one line, and its exit code.
type Failure = (u8, String);

#[tokio::main]
async fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(text) if !text.use_stderr() => {
            let _ = text.print();
            return ExitCode::SUCCESS;
        }
        Err(mistake) => {
            return fail((USAGE, format!("{}; see worker --help", console::one_line(&mistake.to_string()))));
        }
    };
    telemetry::init(args.log, tracing::Level::INFO);
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(failure),
    }
}

/// Ends well after a drain, whoever asked for it: nothing is lost, other workers go on.
async fn run(args: Args) -> Result<(), Failure> {
    let config = Config::read(&args.config).map_err(usage)?;
    let [drain, abort] = signals::tokens("draining: finishing the jobs that are held").map_err(usage)?;
    let stop = Stop { drain, abort };
    let health = Health::default();
    endpoint::serve(args.metrics_addr.as_deref().or(config.metrics_addr.as_deref()), &health).await.map_err(usage)?;
    let (source, destination) = open::ready_sides(&config).await.map_err(usage)?;
    let carrier = open::carrier(&config).await.map_err(usage)?;
    let worker = Worker {
        name: args.name.unwrap_or_else(host_and_process),
        source,
        destination,
        queue: carrier.queue,
        ledger: carrier.ledger,
        fleet: open::fleet(&config).await.map_err(usage)?,
        task: config.task,
        options: config.work,
        report: None,
        moved: Arc::default(),
        health: health.clone(),
        // A fleet waits; whoever looks after it sees it by /readyz and the metric.
        outage_limit: None,
    };
    health.set_ready(true);
    tokio::spawn(unready_when(stop.clone(), health));
    tracing::info!(worker = worker.name, task = worker.task, "taking jobs");
    worker.run(stop).await.map_err(|error| (FAILED, error.to_string()))
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

fn fail((code, why): Failure) -> ExitCode {
    eprintln!("worker: {}", console::escaped(&why));
    ExitCode::from(code)
}
