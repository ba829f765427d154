//! Options of `flotilla serve`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use shared::config::{FleetFile, MachineWork};

use super::ServedConsoleArgs;
use super::tasks::FleetArgs;
use crate::exit::Failure;

/// `flotilla serve`
#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    fleet: FleetArgs,
    /// Append one JSON line per object to FILE
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Serve /metrics, /healthz and /readyz at HOST:PORT [default: the fleet file's]
    #[arg(long, value_name = "HOST:PORT")]
    pub metrics_addr: Option<String>,
    #[command(flatten)]
    pub console: ServedConsoleArgs,
}

impl ServeArgs {
    /// How long its tasks may go on when it is asked to stop.
    pub fn drain(&self) -> Duration {
        self.fleet().map_or_else(|_| MachineWork::default().drain, |fleet| fleet.work.drain)
    }

    /// The fleet, checked: it has a state folder.
    pub fn fleet(&self) -> Result<FleetFile, Failure> {
        let fleet = self.fleet.read()?;
        if fleet.state.is_none() {
            let why = "--fleet: this fleet has machines of its own: give a fleet file with state, or run worker --fleet \
                       on its machines and flotilla controller beside them";
            return Err(Failure::usage(why));
        }
        Ok(fleet)
    }
}
