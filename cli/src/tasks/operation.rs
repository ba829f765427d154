//! `flotilla task operation`: the state, or the result, of an operation that somebody asked for.

use serde_json::json;
use shared::tasks::{OPERATIONS, Operation, OperationState};
use shared::terminal;

use super::{actor, ended};
use crate::args::TaskOperationArgs;
use crate::exit::{CommandResult, Exit, Failure};
use crate::stdout;

/// Prints an operation that goes on, or its result as the command that asked for it does, with its exit code.
pub async fn run(args: &TaskOperationArgs) -> CommandResult {
    let actor = actor(&args.fleet.read()?).await?;
    let task = actor.summary(&args.name).await?.task.id;
    let mut operation = None;
    // A probe belongs to no task: its request has the definition.
    for of in [task.as_str(), OPERATIONS] {
        if operation.is_none() {
            operation = actor.tasks().operation(of, &args.id).await.map_err(Failure::usage)?;
        }
    }
    let Some(operation) = operation else {
        let (id, name) = (&args.id, &args.name);
        let kept = "operations are kept for 90 days, and flotilla task show names the newest";
        return Err(Failure::usage(format!("task {name:?} has no operation {id:?}: {kept}")));
    };
    match &operation.end {
        Some(end) => ended::print(&operation, end, args.json),
        None => {
            match args.json {
                true => stdout::line(goes_on(&args.name, &operation))?,
                false => stdout::line(words(&operation))?,
            }
            Ok(Exit::InSync)
        }
    }
}

fn goes_on(name: &str, operation: &Operation) -> serde_json::Value {
    let Operation { id, kind, progress, worker, .. } = operation;
    let state = operation.state();
    json!({ "task": name, "operation": id, "kind": kind, "state": state, "progress": progress, "worker": worker })
}

fn words(operation: &Operation) -> String {
    let (kind, id) = (operation.kind.as_str(), &operation.id);
    let state = match operation.state() {
        OperationState::Queued => "queued",
        _ => "running",
    };
    match operation.progress.as_deref().filter(|progress| !progress.is_empty()) {
        Some(progress) => format!("{kind} {id}: {state}, {}", terminal::escaped(progress)),
        None => format!("{kind} {id}: {state}"),
    }
}
