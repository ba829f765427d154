//! The services of a fleet, opened once for all of its tasks.

use std::sync::Arc;

use crate::ledger::dynamodb::DynamoDbLedger;
use crate::ledger::sqlite::SqliteLedger;
use crate::queue::sqlite::SqliteQueue;
use crate::sqlite::Database;
use crate::tasks::dynamodb::DynamoDbTasks;
use crate::tasks::sqlite::SqliteTasks;
use shared::config::{FleetFile, QueueConfig};
use shared::ledger::SharedLedger;
use shared::objects::SharedUploadLog;
use shared::queue::Queue;
use shared::tasks::{SharedTasks, TaskRef};
use shared::{Error, ErrorKind, Result};

use super::{Backend, checked};

/// Tasks, ledger and upload log of a fleet, and where the queues of its tasks are.
///
/// Clones share the connections. With a state folder they share one database: a message that one task sends wakes
/// whoever waits for it in this process.
#[derive(Debug, Clone)]
pub struct FleetBackend {
    fleet: FleetFile,
    /// The tasks.
    pub tasks: SharedTasks,
    /// Where outcomes are recorded.
    pub ledger: SharedLedger,
    /// Where multipart uploads and suspect keys are recorded.
    pub upload_log: SharedUploadLog,
    /// Of a fleet with a state folder.
    database: Option<Database>,
}

impl FleetBackend {
    /// Opens the services of a fleet. Its table must exist; an embedded database is made if it does not exist.
    pub async fn open(fleet: &FleetFile) -> Result<FleetBackend> {
        if let Some(ledger) = &fleet.ledger {
            let ledger = Arc::new(DynamoDbLedger::open(ledger).await?);
            let tasks = Arc::new(DynamoDbTasks::of(&ledger, &fleet.name));
            return Ok(FleetBackend {
                fleet: fleet.clone(),
                tasks,
                upload_log: ledger.clone(),
                ledger,
                database: None,
            });
        }
        let Some(state) = &fleet.state else {
            let message = "the fleet has no ledger: give [ledger], or state for one machine";
            return Err(Error::new(ErrorKind::Invalid, "open", &fleet.name, message));
        };
        let database = Database::open(state)?;
        let ledger = Arc::new(SqliteLedger::open(&database));
        let tasks = Arc::new(SqliteTasks::open(&database));
        let (fleet, upload_log) = (fleet.clone(), ledger.clone());
        Ok(FleetBackend { fleet, tasks, ledger, upload_log, database: Some(database) })
    }

    /// The fleet.
    pub fn fleet(&self) -> &FleetFile {
        &self.fleet
    }

    /// Opens the queues of a task. Fails if a queue does not exist, or belongs to another task. Embedded queues need no
    /// creation.
    pub async fn of_task(&self, task: &TaskRef) -> Result<Backend> {
        let (queue, events) = match &self.database {
            Some(database) => embedded(database, task),
            None => self.remote(task).await?,
        };
        let (ledger, upload_log) = (self.ledger.clone(), self.upload_log.clone());
        Ok(Backend { queue, events: Some(events), ledger, upload_log })
    }

    async fn remote(&self, task: &TaskRef) -> Result<(Queue, Queue)> {
        let names = self.fleet.queues_of(&task.name);
        let config = |name: String| QueueConfig {
            name,
            dead_letter: Some(names.dead.clone()),
            connection: self.fleet.queue.clone(),
        };
        let jobs = checked(&config(names.jobs.clone()), &task.id).await?;
        let events = checked(&config(names.events.clone()), &task.id).await?;
        Ok((Arc::new(jobs), Arc::new(events)))
    }

    /// Opens the queue of operations whose task is not created yet.
    pub async fn operations_queue(&self) -> Result<Queue> {
        let name = self.fleet.operations_queue();
        if let Some(database) = &self.database {
            return Ok(Arc::new(SqliteQueue::open(database, &name)));
        }
        let config = QueueConfig { name, dead_letter: None, connection: self.fleet.queue.clone() };
        Ok(Arc::new(checked(&config, &self.fleet.name).await?))
    }
}

fn embedded(database: &Database, task: &TaskRef) -> (Queue, Queue) {
    let queue = |name: &str| Arc::new(SqliteQueue::open(database, name));
    // No id has a slash.
    (queue(&task.id), queue(&format!("{}/events", task.id)))
}
