//! Opens the tasks of a fleet.

use std::sync::Arc;

use crate::ledger::dynamodb::DynamoDbLedger;
use crate::sqlite::Database;
use crate::tasks::dynamodb::DynamoDbTasks;
use crate::tasks::sqlite::SqliteTasks;
use shared::config::FleetFile;
use shared::tasks::SharedTasks;
use shared::{Error, ErrorKind, Result};

/// Opens the tasks of a fleet. Its table must exist; an embedded database is made if it does not exist.
pub async fn tasks(fleet: &FleetFile) -> Result<SharedTasks> {
    match (&fleet.ledger, &fleet.state) {
        (Some(ledger), _) => Ok(Arc::new(DynamoDbTasks::of(&DynamoDbLedger::open(ledger).await?, &fleet.name))),
        (None, Some(state)) => Ok(Arc::new(SqliteTasks::open(&Database::open(state)?))),
        (None, None) => {
            let message = "the fleet has no ledger: give [ledger], or state for one machine";
            Err(Error::new(ErrorKind::Invalid, "open", &fleet.name, message))
        }
    }
}
