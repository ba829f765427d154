//! The command line of the program `finder`.

use std::path::PathBuf;

use clap::Parser;
use shared::telemetry::LogFormat;

/// Compares both sides of a task and enqueues the differences
#[derive(Debug, Parser)]
#[command(name = "finder", version = shared::VERSION, max_term_width = 100)]
pub struct FinderArgs {
    /// Config file of the task
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Make one run: the default
    #[arg(long, conflicts_with = "every")]
    pub once: bool,
    /// Repeat until interrupted, a run each TIME, such as 1h
    #[arg(long, value_name = "TIME", value_parser = shared::config::interval)]
    pub every: Option<humantime::Duration>,
    /// Begin a new run even if an earlier run still has jobs
    #[arg(long)]
    pub force: bool,
    /// Serve /metrics, /healthz and /readyz at HOST:PORT [default: the config's]
    #[arg(long, value_name = "HOST:PORT")]
    pub metrics_addr: Option<String>,
    /// Format of log lines: human or json
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub log: LogFormat,
}
