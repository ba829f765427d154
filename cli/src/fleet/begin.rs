//! Begins a run of a task.

use adapters::open::FleetBackend;
use shared::Result;
use shared::object::Timestamp;
use shared::queue::Outgoing;
use shared::tasks::{Author, BeginRun, Operation, OperationKind, TaskState};

/// Begins a run of a task under its present definition, unless one is live or the task is not active. Returns whether it
/// began.
///
/// Ended between its two writes, the run is recorded and its job was not sent: the controller sends it.
pub async fn begin_run(backend: &FleetBackend, name: &str, id: &str, who: &str) -> Result<bool> {
    let Some(summary) = backend.tasks.summary(name).await?.filter(|summary| summary.task.id == id) else {
        return Ok(false);
    };
    if summary.run.is_some() || summary.state != TaskState::Active {
        return Ok(false);
    }
    let author = Author::new(who, Timestamp::now(), "");
    let run = uuid::Uuid::now_v7().to_string();
    let operation =
        Operation::queued(run, (&summary.task.id, summary.version), OperationKind::Find, String::new(), &author);
    let begin = BeginRun { task: &summary.task, operation: &operation, due: None, supersedes: None };
    if !backend.tasks.begin_run(&begin, &author).await?.is_made() {
        return Ok(false);
    }
    let queues = backend.of_task(&summary).await?;
    let message = Outgoing::now(operation.job(0).to_body());
    queues.events.unwrap_or(queues.queue).send(&[message]).await?;
    Ok(true)
}
