//! The queues of a fleet and of its tasks.
//!
//! A task has `FLEET--TASK` and `FLEET--TASK--events`, with the dead letters of both in `FLEET--TASK--dead`. They carry
//! the fleet's name and the task's id as tags. The queue of events is in the source bucket's region, since Amazon S3
//! sends to no other; if that is not the fleet's region, it has dead letters of its own there, under the same name.
//! Embedded queues are named by the task's id, and need no creation.

use std::path::Path;
use std::sync::Arc;

use crate::ledger::dynamodb::DynamoDbLedger;
use crate::queue::sqlite::SqliteQueue;
use crate::queue::sqs::{Owner, SqsQueue};
use crate::sqlite::Database;
use shared::config::{Connection, FleetFile, QueueConfig};
use shared::queue::{DeadLetters, Depth, Queue};
use shared::tasks::{Summary, TaskState};
use shared::{Error, ErrorKind, Result};

/// The queues of a task.
#[derive(Debug, Clone)]
pub struct TaskQueues {
    /// Jobs of scans.
    pub jobs: Queue,
    /// Events, and operations, which go before the jobs of scans.
    pub events: Queue,
    /// The dead letters of both.
    pub dead: Vec<DeadLetters>,
    /// Whether both have the same dead letters.
    shares_dead_letters: bool,
}

/// The messages of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TaskDepth {
    /// On the queue of jobs.
    pub jobs: Depth,
    /// On the queue of events.
    pub events: Depth,
    /// On both, their dead letters counted once.
    pub all: Depth,
}

impl TaskQueues {
    /// The messages on the task's queues, all of them together.
    pub async fn depth(&self) -> Result<Depth> {
        Ok(self.depths().await?.all)
    }

    /// The messages on the task's queues.
    pub async fn depths(&self) -> Result<TaskDepth> {
        let (jobs, events) = futures::try_join!(self.jobs.depth(), self.events.depth())?;
        let all = Depth {
            ready: jobs.ready + events.ready,
            leased: jobs.leased + events.leased,
            delayed: jobs.delayed + events.delayed,
            dead: if self.shares_dead_letters { jobs.dead } else { jobs.dead + events.dead },
        };
        Ok(TaskDepth { jobs, events, all })
    }
}

/// Opens the queues of a task. `NoSuchContainer` if one does not exist, `Invalid` if one belongs to somebody else.
pub async fn existing_task_queues(fleet: &FleetFile, task: &Summary) -> Result<TaskQueues> {
    if let Some(state) = &fleet.state {
        return embedded(state, task);
    }
    let (configs, owner) = (Configs::of(fleet, task), owner(fleet, task));
    let open = |config| SqsQueue::open_owned(config, &owner);
    let (jobs, events) = futures::try_join!(open(&configs.jobs), open(&configs.events))?;
    Ok(configs.opened(jobs, events))
}

/// How the queues of a task differ from those that this program makes, a line each; `doctor` reports them.
pub(super) async fn queue_differences(fleet: &FleetFile, task: &Summary) -> Result<Vec<String>> {
    if fleet.state.is_some() {
        return Ok(Vec::new());
    }
    let (configs, owner) = (Configs::of(fleet, task), owner(fleet, task));
    let of = async |config: &QueueConfig| {
        let phrases = SqsQueue::open_owned(config, &owner).await?.differences().await?;
        let lines = phrases.into_iter().map(|phrase| format!("queue {}: {phrase}", config.name));
        Ok::<Vec<String>, shared::Error>(lines.collect())
    };
    let (jobs, events) = futures::try_join!(of(&configs.jobs), of(&configs.events))?;
    Ok([jobs, events].concat())
}

/// The rights on the queues of a task that the service denies, each with the queue's name; `doctor` reports them.
pub(super) async fn denied_rights(fleet: &FleetFile, task: &Summary) -> Result<Vec<(String, &'static str, Error)>> {
    if fleet.state.is_some() {
        return Ok(Vec::new());
    }
    let (configs, owner) = (Configs::of(fleet, task), owner(fleet, task));
    let of = async |config: &QueueConfig| {
        let denied = SqsQueue::open_owned(config, &owner).await?.denied_rights().await;
        let denied = denied.into_iter().map(|(right, error)| (config.name.clone(), right, error));
        Ok::<Vec<_>, Error>(denied.collect())
    };
    let (jobs, events) = futures::try_join!(of(&configs.jobs), of(&configs.events))?;
    Ok([jobs, events].into_iter().flatten().collect())
}

/// As [`existing_task_queues`], but queues that do not exist are made, unless the task is being deleted.
pub async fn task_queues(fleet: &FleetFile, task: &Summary) -> Result<TaskQueues> {
    match existing_task_queues(fleet, task).await {
        Err(error) if error.kind() == ErrorKind::NoSuchContainer && task.state != TaskState::Deleting => {
            create_task_queues(fleet, task).await
        }
        opened => opened,
    }
}

/// Makes the queues of a task where they do not exist, and opens them. Repeating it changes nothing. `Invalid` if one
/// of them belongs to somebody else; `Conflict` if one was deleted within the last 60 s: the caller tries again.
pub async fn create_task_queues(fleet: &FleetFile, task: &Summary) -> Result<TaskQueues> {
    if let Some(state) = &fleet.state {
        return embedded(state, task);
    }
    let (configs, owner) = (Configs::of(fleet, task), owner(fleet, task));
    // One after the other: both make the same queue for dead letters.
    let (jobs, _) = SqsQueue::create_owned(&configs.jobs, &owner).await?;
    let (events, _) = SqsQueue::create_owned(&configs.events, &owner).await?;
    Ok(configs.opened(jobs, events))
}

/// Removes the queues of a task, with their messages. A queue that is gone, or that belongs to somebody else, is left.
/// Repeated after an error, it goes on.
pub async fn delete_task_queues(fleet: &FleetFile, task: &Summary) -> Result<()> {
    if let Some(state) = &fleet.state {
        let database = Database::shared(state)?;
        for name in embedded_names(&task.task.id) {
            SqliteQueue::open(&database, &name).clear().await?;
        }
        return Ok(());
    }
    let (configs, owner) = (Configs::of(fleet, task), owner(fleet, task));
    SqsQueue::delete_owned(&configs.jobs, &owner).await?;
    SqsQueue::delete_owned(&configs.events, &owner).await
}

/// Opens the fleet's own queue, of operations on tasks that are not created yet. It is made if it does not exist.
pub async fn operations_queue(fleet: &FleetFile) -> Result<Queue> {
    if let Some(state) = &fleet.state {
        // No task has this id.
        return Ok(Arc::new(SqliteQueue::open(&Database::shared(state)?, &fleet.operations_queue())));
    }
    let (config, owner) = (operations_config(fleet), fleet_owner(fleet));
    match SqsQueue::open_owned(&config, &owner).await {
        Ok(queue) => Ok(Arc::new(queue)),
        Err(error) if error.kind() == ErrorKind::NoSuchContainer => {
            Ok(Arc::new(SqsQueue::create_owned(&config, &owner).await?.0))
        }
        Err(error) => Err(error),
    }
}

/// Makes a fleet's table and its queue of operations where they do not exist. Returns one line for each. Repeating it
/// changes nothing.
pub async fn create_fleet(fleet: &FleetFile) -> Result<Vec<String>> {
    let Some(ledger) = &fleet.ledger else {
        super::tasks(fleet).await?;
        return Ok(Vec::new());
    };
    let (_, mut lines) = SqsQueue::create_owned(&operations_config(fleet), &fleet_owner(fleet)).await?;
    lines.extend(DynamoDbLedger::create(ledger).await?);
    Ok(lines)
}

/// A task's queues at SQS.
struct Configs {
    jobs: QueueConfig,
    events: QueueConfig,
}

impl Configs {
    fn of(fleet: &FleetFile, task: &Summary) -> Configs {
        let names = fleet.queues_of(&task.task.name);
        let config = |name, connection| QueueConfig { name, dead_letter: Some(names.dead.clone()), connection };
        let region = task.outline.events_region.as_ref().filter(|_| fleet.queue.endpoint_url.is_none());
        let there = match region {
            Some(region) => Connection { region: Some(region.clone()), ..fleet.queue.clone() },
            None => fleet.queue.clone(),
        };
        Configs { jobs: config(names.jobs, fleet.queue.clone()), events: config(names.events, there) }
    }

    fn opened(&self, jobs: SqsQueue, events: SqsQueue) -> TaskQueues {
        let shares_dead_letters = self.jobs.connection == self.events.connection;
        let mut dead: Vec<DeadLetters> = vec![Arc::new(jobs.dead_letters())];
        if !shares_dead_letters {
            dead.push(Arc::new(events.dead_letters()));
        }
        TaskQueues { jobs: Arc::new(jobs), events: Arc::new(events), dead, shares_dead_letters }
    }
}

/// The queue of a task's events at SQS.
pub(super) fn events_config(fleet: &FleetFile, task: &Summary) -> QueueConfig {
    Configs::of(fleet, task).events
}

pub(super) fn owner(fleet: &FleetFile, task: &Summary) -> Owner {
    Owner { fleet: fleet.name.clone(), task: Some(task.task.id.clone()) }
}

fn fleet_owner(fleet: &FleetFile) -> Owner {
    Owner { fleet: fleet.name.clone(), task: None }
}

fn operations_config(fleet: &FleetFile) -> QueueConfig {
    QueueConfig { name: fleet.operations_queue(), dead_letter: None, connection: fleet.queue.clone() }
}

/// The names of a task's embedded queues. No task's id has a slash.
fn embedded_names(id: &str) -> [String; 2] {
    [id.to_owned(), format!("{id}/events")]
}

fn embedded(state: &Path, task: &Summary) -> Result<TaskQueues> {
    let database = Database::shared(state)?;
    let [jobs, events] = embedded_names(&task.task.id).map(|name| Arc::new(SqliteQueue::open(&database, &name)));
    let dead: Vec<DeadLetters> = vec![jobs.clone(), events.clone()];
    Ok(TaskQueues { jobs, events, dead, shares_dead_letters: false })
}
