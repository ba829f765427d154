//! Opens the tasks of a fleet.

use shared::Result;
use shared::config::FleetFile;
use shared::tasks::SharedTasks;

use super::FleetBackend;

/// Opens the tasks of a fleet. Its table must exist; an embedded database is made if it does not exist.
pub async fn tasks(fleet: &FleetFile) -> Result<SharedTasks> {
    Ok(FleetBackend::open(fleet).await?.tasks)
}
