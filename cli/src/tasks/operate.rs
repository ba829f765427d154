//! `flotilla task plan`, `verify` and `probe`: requests that a worker carries out.

use adapters::open;
use serde_json::json;
use shared::config::TaskDefinition;
use shared::tasks::{OPERATIONS, OperationKind, TaskState};
use tokio_util::sync::CancellationToken;

use super::ended;
use super::state::paused;
use super::wait::{Request, operation};
use super::{backend, found, present};
use crate::args::{TaskPlanArgs, TaskProbeArgs, TaskVerifyArgs, WaitArgs};
use crate::exit::{CommandResult, Exit, Failure};
use crate::operations::{ProbeRequest, VerifyRequest};
use crate::stdout;

/// Has a worker plan the task's next run, and prints the plan.
pub async fn plan(args: &TaskPlanArgs, stop: &CancellationToken) -> CommandResult {
    let fleet = args.fleet.read()?;
    let backend = backend(&fleet).await?;
    let summary = found(&backend.tasks, &fleet, &args.name).await?;
    check_received(&args.name, summary.state)?;
    let queue = open::task_queues(&fleet, &summary).await.map_err(Failure::usage)?.events;
    let operation = operation(&summary.task.id, OperationKind::Plan, summary.version, String::new());
    let request = Request { backend: &backend, queue, name: &args.name, operation };
    carry_out(&request, &args.wait, stop).await
}

/// Refuses what would wait without a word: nobody receives the messages of a paused task.
fn check_received(name: &str, state: TaskState) -> Result<(), Failure> {
    match state {
        TaskState::Paused => Err(paused(name)),
        TaskState::Active | TaskState::Deleting => Ok(()),
    }
}

/// Has a worker verify the task, and prints what differs: exit 1 if anything does.
pub async fn verify(args: &TaskVerifyArgs, stop: &CancellationToken) -> CommandResult {
    let fleet = args.fleet.read()?;
    let backend = backend(&fleet).await?;
    let summary = found(&backend.tasks, &fleet, &args.name).await?;
    check_received(&args.name, summary.state)?;
    let queue = open::task_queues(&fleet, &summary).await.map_err(Failure::usage)?.events;
    let text = json!(VerifyRequest { effort: args.effort() }).to_string();
    let operation = operation(&summary.task.id, OperationKind::Verify, summary.version, text);
    let request = Request { backend: &backend, queue, name: &args.name, operation };
    carry_out(&request, &args.wait, stop).await
}

/// Has a worker probe both sides: exit 1 if a right is missing.
///
/// The request holds the definition and goes to the fleet's own queue: a task that no worker can open is probed too.
pub async fn probe(args: &TaskProbeArgs, stop: &CancellationToken) -> CommandResult {
    let fleet = args.fleet.read()?;
    let backend = backend(&fleet).await?;
    let definition = match (&args.from, &args.name) {
        (Some(file), _) => TaskDefinition::read(file)?,
        (None, name) => {
            let name = name.as_deref().unwrap_or_default();
            present(&backend.tasks, &found(&backend.tasks, &fleet, name).await?).await?
        }
    };
    let queue = open::operations_queue(&fleet).await.map_err(Failure::usage)?;
    let text = ProbeRequest { write_test: args.write_test, definition: Some(definition.to_toml()?) };
    let operation = operation(OPERATIONS, OperationKind::Probe, 0, json!(text).to_string());
    let request = Request { backend: &backend, queue, name: &definition.task, operation };
    carry_out(&request, &args.wait, stop).await
}

/// Requests the operation, waits for its result, and prints it.
async fn carry_out(request: &Request<'_>, wait: &WaitArgs, stop: &CancellationToken) -> CommandResult {
    request.send().await?;
    let (id, kind) = (&request.operation.id, request.operation.kind.as_str());
    if wait.no_wait {
        match wait.json {
            true => stdout::line(json!({"task": request.name, "operation": id}))?,
            false => stdout::line(format_args!("requested the {kind} of task {}: operation {id}", request.name))?,
        }
        return Ok(Exit::InSync);
    }
    match request.end(stop).await? {
        Some(end) => ended::print(&request.operation, &end, wait.json),
        None => Ok(Exit::Interrupted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_a_plan_of_a_paused_task_is_refused() {
        let is_received = |state| check_received("t", state).is_ok();
        assert_eq!(TaskState::ALL.map(is_received), [true, false, true]);
    }
}
