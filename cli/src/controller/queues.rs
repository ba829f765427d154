//! The queues of a fleet as a controller needs them.

use std::collections::HashMap;

use adapters::open::{self, TaskDepth, TaskQueues};
use async_trait::async_trait;
use shared::config::{FleetFile, TaskDefinition};
use shared::queue::{Depth, Outgoing, Queue};
use shared::tasks::Summary;
use shared::{ErrorKind, Result};
use tokio::sync::Mutex;

/// Depths, messages and removal of queues.
#[async_trait]
pub trait Queues: Send + Sync + std::fmt::Debug + 'static {
    /// The messages of a task. `NoSuchContainer` if the task is being deleted and its
    /// queues are gone; else they are made if they do not exist.
    async fn depth(&self, task: &Summary) -> Result<TaskDepth>;

    /// Sends a job to the task's queue of events, which goes before the jobs of scans.
    async fn send(&self, task: &Summary, body: String) -> Result<()>;

    /// Removes a task's queues with their messages. Gone is fine.
    async fn remove(&self, task: &Summary) -> Result<()>;

    /// Makes the source bucket of a task send the events that its definition follows. Repeating it changes nothing.
    async fn wire_events(&self, task: &Summary, definition: &TaskDefinition) -> Result<()>;

    /// Makes the source bucket of a task send it no events. Repeating it changes nothing.
    async fn unwire_events(&self, task: &Summary, definition: &TaskDefinition) -> Result<()>;

    /// The messages about tasks that are not created yet.
    async fn operations_depth(&self) -> Result<Depth>;

    /// Sends a job about a task that is not created yet.
    async fn send_operation(&self, body: String) -> Result<()>;
}

/// The queues of a fleet. They stay open from one pass to the next: opening costs as many requests as six depths.
#[derive(Debug)]
pub struct FleetQueues {
    fleet: FleetFile,
    /// By task id, with the region of the queue of events, which an edit may change.
    tasks: Mutex<HashMap<String, (Option<String>, TaskQueues)>>,
    operations: Mutex<Option<Queue>>,
}

impl FleetQueues {
    /// The queues of a fleet, none of them opened.
    pub fn new(fleet: &FleetFile) -> FleetQueues {
        FleetQueues { fleet: fleet.clone(), tasks: Mutex::default(), operations: Mutex::default() }
    }

    async fn opened(&self, task: &Summary) -> Result<TaskQueues> {
        let region = &task.outline.events_region;
        let known = self.tasks.lock().await.get(&task.task.id).filter(|(there, _)| there == region).cloned();
        if let Some((_, queues)) = known {
            return Ok(queues);
        }
        let queues = open::task_queues(&self.fleet, task).await?;
        self.tasks.lock().await.insert(task.task.id.clone(), (region.clone(), queues.clone()));
        Ok(queues)
    }

    /// The answer of a call, or `None` if the task's queues are gone: somebody removed them. They are made anew when they
    /// are opened again.
    async fn unless_gone<T>(&self, task: &Summary, answer: Result<T>) -> Option<Result<T>> {
        if answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::NoSuchContainer) {
            self.forget(task).await;
            return None;
        }
        Some(answer)
    }

    async fn forget(&self, task: &Summary) {
        self.tasks.lock().await.remove(&task.task.id);
    }

    async fn operations(&self) -> Result<Queue> {
        let mut opened = self.operations.lock().await;
        if let Some(queue) = &*opened {
            return Ok(queue.clone());
        }
        Ok(opened.insert(open::operations_queue(&self.fleet).await?).clone())
    }
}

#[async_trait]
impl Queues for FleetQueues {
    async fn depth(&self, task: &Summary) -> Result<TaskDepth> {
        let answer = self.opened(task).await?.depths().await;
        match self.unless_gone(task, answer).await {
            Some(answer) => answer,
            None => self.opened(task).await?.depths().await,
        }
    }

    async fn send(&self, task: &Summary, body: String) -> Result<()> {
        let messages = [Outgoing::now(body)];
        let answer = self.opened(task).await?.events.send(&messages).await;
        match self.unless_gone(task, answer).await {
            Some(answer) => answer,
            None => self.opened(task).await?.events.send(&messages).await,
        }
    }

    async fn remove(&self, task: &Summary) -> Result<()> {
        self.forget(task).await;
        open::delete_task_queues(&self.fleet, task).await
    }

    async fn wire_events(&self, task: &Summary, definition: &TaskDefinition) -> Result<()> {
        open::wire_events(&self.fleet, task, definition).await.map(drop)
    }

    async fn unwire_events(&self, task: &Summary, definition: &TaskDefinition) -> Result<()> {
        open::unwire_events(&self.fleet, task, definition).await
    }

    async fn operations_depth(&self) -> Result<Depth> {
        self.operations().await?.depth().await
    }

    async fn send_operation(&self, body: String) -> Result<()> {
        self.operations().await?.send(&[Outgoing::now(body)]).await
    }
}
