//! Options of `flotilla task plan`, `verify`, `probe` and `notify-test`.

use std::path::PathBuf;

use clap::Args;
use control::Effort;

use super::FleetArgs;

/// Whether the command waits for the result, and how it prints it.
#[derive(Debug, Args)]
pub struct WaitArgs {
    /// Print the operation's id, and do not wait for its result
    #[arg(long)]
    pub no_wait: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `flotilla task plan`
#[derive(Debug, Args)]
pub struct TaskPlanArgs {
    /// Name of the task
    pub name: String,
    #[command(flatten)]
    pub fleet: FleetArgs,
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// `flotilla task verify`
#[derive(Debug, Args)]
pub struct TaskVerifyArgs {
    /// Name of the task
    pub name: String,
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Read and compare the bytes of both sides, even if checksums are equal
    #[arg(long)]
    deep: bool,
    /// Read no bytes over a network and compare no metadata; objects without a common checksum count as the
    /// same if their sizes are equal
    #[arg(long, conflicts_with = "deep")]
    quick: bool,
    #[command(flatten)]
    pub wait: WaitArgs,
}

impl TaskVerifyArgs {
    /// How much may be read.
    pub fn effort(&self) -> Effort {
        Effort::of(self.deep, self.quick)
    }
}

/// `flotilla task probe`
#[derive(Debug, Args)]
pub struct TaskProbeArgs {
    /// Name of the task
    #[arg(required_unless_present = "from", conflicts_with = "from")]
    pub name: Option<String>,
    /// Probe the definition in FILE, whose task need not be created
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Write a small object below the destination's prefix, read it and delete it
    #[arg(long)]
    pub write_test: bool,
    #[command(flatten)]
    pub fleet: FleetArgs,
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// `flotilla task notify-test`
#[derive(Debug, Args)]
pub struct TaskNotifyTestArgs {
    /// Name of the task
    pub name: String,
    #[command(flatten)]
    pub fleet: FleetArgs,
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// `flotilla task operation`
#[derive(Debug, Args)]
pub struct TaskOperationArgs {
    /// Name of the task
    pub name: String,
    /// The operation, as `task plan`, `verify` or `probe` named it
    pub id: String,
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
