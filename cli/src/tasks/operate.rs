//! `flotilla task plan`, `verify` and `probe`: requests that a worker carries out. `notify-test`: by the controller.

use control::{Actor, actions};
use serde_json::json;
use shared::config::TaskDefinition;
use shared::tasks::Operation;
use tokio_util::sync::CancellationToken;

use super::wait::until_end;
use super::{actor, ended};
use crate::args::{TaskNotifyTestArgs, TaskPlanArgs, TaskProbeArgs, TaskVerifyArgs, WaitArgs};
use crate::exit::{CommandResult, Exit};
use crate::stdout;

/// Has a worker plan the task's next run, and prints the plan.
pub async fn plan(args: &TaskPlanArgs, stop: &CancellationToken) -> CommandResult {
    let actor = actor(&args.fleet.read()?).await?;
    let operation = actions::plan(&actor, &args.name).await?;
    answer(&actor, &args.name, &operation, &args.wait, stop).await
}

/// Has a worker verify the task, and prints what differs: exit 1 if anything does.
pub async fn verify(args: &TaskVerifyArgs, stop: &CancellationToken) -> CommandResult {
    let actor = actor(&args.fleet.read()?).await?;
    let operation = actions::verify(&actor, &args.name, args.effort()).await?;
    answer(&actor, &args.name, &operation, &args.wait, stop).await
}

/// Has a worker probe both sides: exit 1 if a right is missing.
pub async fn probe(args: &TaskProbeArgs, stop: &CancellationToken) -> CommandResult {
    let actor = actor(&args.fleet.read()?).await?;
    let definition = match (&args.from, &args.name) {
        (Some(file), _) => TaskDefinition::read(file)?,
        (None, name) => actor.found(name.as_deref().unwrap_or_default()).await?.definition,
    };
    let operation = actions::probe(&actor, &definition, args.write_test).await?;
    answer(&actor, &definition.task, &operation, &args.wait, stop).await
}

/// Has the controller send a test to each receiver of notices: exit 1 if one did not take it.
pub async fn notify_test(args: &TaskNotifyTestArgs, stop: &CancellationToken) -> CommandResult {
    let actor = actor(&args.fleet.read()?).await?;
    let operation = actions::notify_test(&actor, &args.name).await?;
    answer(&actor, &args.name, &operation, &args.wait, stop).await
}

/// Waits for the result of an operation, and prints it.
async fn answer(
    actor: &Actor,
    name: &str,
    operation: &Operation,
    wait: &WaitArgs,
    stop: &CancellationToken,
) -> CommandResult {
    let (id, kind) = (&operation.id, operation.kind.as_str());
    if wait.no_wait {
        match wait.json {
            true => stdout::line(json!({"task": name, "operation": id}))?,
            false => stdout::line(format_args!("requested the {kind} of task {name}: operation {id}"))?,
        }
        return Ok(Exit::InSync);
    }
    match until_end(&actor.backend, name, operation, stop).await? {
        Some(end) => ended::print(operation, &end, wait.json),
        None => Ok(Exit::Interrupted),
    }
}
