//! The services of a fleet, opened once for all of its tasks.

use std::sync::Arc;

use crate::ledger::dynamodb::DynamoDbLedger;
use crate::ledger::sqlite::SqliteLedger;
use crate::sqlite::Database;
use crate::tasks::dynamodb::DynamoDbTasks;
use crate::tasks::sqlite::SqliteTasks;
use shared::config::FleetFile;
use shared::ledger::{SharedLedger, SharedTaskRecords};
use shared::objects::SharedUploadLog;
use shared::queue::Queue;
use shared::tasks::{SharedTasks, Summary};
use shared::{Error, ErrorKind, Result};

use super::{Backend, TaskQueues, operations_queue, task_queues};

/// Tasks, ledger and upload log of a fleet.
///
/// Clones share the connections. With a state folder they share one database: a message that one task sends wakes
/// the receiver that waits for it in this process.
#[derive(Debug, Clone)]
pub struct FleetBackend {
    fleet: FleetFile,
    /// The tasks.
    pub tasks: SharedTasks,
    /// Where outcomes are recorded.
    pub ledger: SharedLedger,
    /// Where multipart uploads and suspect keys are recorded.
    pub upload_log: SharedUploadLog,
    /// What removes a task's records.
    pub records: SharedTaskRecords,
}

impl FleetBackend {
    /// Opens the services of a fleet. Its table must exist; an embedded database is made if it does not exist.
    pub async fn open(fleet: &FleetFile) -> Result<FleetBackend> {
        if let Some(ledger) = &fleet.ledger {
            let ledger = Arc::new(DynamoDbLedger::open(ledger).await?);
            let tasks = Arc::new(DynamoDbTasks::of(&ledger, &fleet.name));
            let (upload_log, records) = (ledger.clone(), ledger.clone());
            return Ok(FleetBackend { fleet: fleet.clone(), tasks, upload_log, records, ledger });
        }
        let Some(state) = &fleet.state else {
            let message = "the fleet has no ledger: give [ledger], or state for one machine";
            return Err(Error::new(ErrorKind::Invalid, "open", &fleet.name, message));
        };
        let database = Database::shared(state)?;
        let ledger = Arc::new(SqliteLedger::open(&database));
        let tasks = Arc::new(SqliteTasks::open(&database));
        let (upload_log, records) = (ledger.clone(), ledger.clone());
        Ok(FleetBackend { fleet: fleet.clone(), tasks, upload_log, records, ledger })
    }

    /// The fleet.
    pub fn fleet(&self) -> &FleetFile {
        &self.fleet
    }

    /// Opens the queues of a task, as [`task_queues`] does.
    pub async fn of_task(&self, task: &Summary) -> Result<Backend> {
        let TaskQueues { jobs, events, .. } = task_queues(&self.fleet, task).await?;
        Ok(self.with(jobs, Some(events)))
    }

    /// The fleet's services with queues.
    pub fn with(&self, queue: Queue, events: Option<Queue>) -> Backend {
        let (ledger, upload_log, records) = (self.ledger.clone(), self.upload_log.clone(), self.records.clone());
        Backend { queue, events, ledger, upload_log, records }
    }

    /// Opens the queue of operations whose task is not created yet.
    pub async fn operations_queue(&self) -> Result<Queue> {
        operations_queue(&self.fleet).await
    }
}
