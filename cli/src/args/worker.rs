//! The command line of the program `worker`.

use std::path::PathBuf;

use clap::Parser;
use shared::telemetry::LogFormat;

/// Does the jobs of a fleet's tasks, or of one task, until it is stopped
#[derive(Debug, Parser)]
#[command(name = "worker", version = shared::VERSION, max_term_width = 100)]
pub struct WorkerArgs {
    /// Fleet file: do the jobs of all its tasks
    #[arg(long, value_name = "FILE")]
    pub fleet: Option<PathBuf>,
    /// Config file of a task: do only its jobs
    #[arg(long, value_name = "FILE", required_unless_present = "fleet", conflicts_with = "fleet")]
    pub config: Option<PathBuf>,
    /// Name in the records [default: the host's, with the process id]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Append one JSON line per object to FILE
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Serve /metrics, /healthz and /readyz at HOST:PORT [default: the file's]
    #[arg(long, value_name = "HOST:PORT")]
    pub metrics_addr: Option<String>,
    /// Format of log lines: human or json
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub log: LogFormat,
}
