//! Options of `flotilla controller`.

use clap::Args;

use super::tasks::FleetArgs;

/// `flotilla controller`
#[derive(Debug, Args)]
pub struct ControllerArgs {
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Make one pass, in place of one each minute
    #[arg(long)]
    pub once: bool,
    /// Log what would be done, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Serve /metrics, /healthz and /readyz at HOST:PORT [default: none]
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "once")]
    pub metrics_addr: Option<String>,
    /// Print the fleet's metrics after each pass, in the embedded metric format of CloudWatch
    #[arg(long)]
    pub emf: bool,
}
