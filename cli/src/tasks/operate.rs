//! `flotilla task plan`, `verify` and `probe`: requests that a worker carries out.

use adapters::open;
use finder::Plan;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::config::TaskDefinition;
use shared::tasks::{OPERATIONS, OperationKind, OperationVerdict, TaskState};
use shared::terminal;
use tokio_util::sync::CancellationToken;

use super::state::paused;
use super::wait::{Request, operation};
use super::{backend, found, present};
use crate::args::{TaskPlanArgs, TaskProbeArgs, TaskVerifyArgs, WaitArgs};
use crate::exit::{CommandResult, Exit, Failure};
use crate::operations::{Answer, ProbeRequest, ProbeResult, SideProbe, VerifyRequest, VerifyResult};
use crate::plan;
use crate::stdout::{self, Stdout};
use crate::verbosity::note;

/// Has a worker plan the task's next run, and prints the plan.
pub async fn plan(args: &TaskPlanArgs, stop: &CancellationToken) -> CommandResult {
    let fleet = args.fleet.read()?;
    let backend = backend(&fleet).await?;
    let summary = found(&backend.tasks, &fleet, &args.name).await?;
    check_received(&args.name, summary.state)?;
    let queue = open::task_queues(&fleet, &summary).await.map_err(Failure::usage)?.events;
    let operation = operation(&summary.task.id, OperationKind::Plan, summary.version, String::new());
    let request = Request { backend: &backend, queue, name: &args.name, operation };
    match result::<Plan>(&request, &args.wait, stop).await? {
        Ok(plan) => plan::print(&plan, args.wait.json),
        Err(exit) => Ok(exit),
    }
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
    let found = match result::<VerifyResult>(&request, &args.wait, stop).await? {
        Ok(found) => found,
        Err(exit) => return Ok(exit),
    };
    let mut out = Stdout::new();
    found.differences.iter().try_for_each(|line| line.print(&mut out, args.wait.json))?;
    if found.is_cut {
        let named = terminal::counted(found.differences.len() as u64, "difference");
        note(format_args!("only the first {named} are named: flotilla verify names all"));
    }
    found.tally.finish(&mut out, args.wait.json)
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
    let found = match result::<ProbeResult>(&request, &args.wait, stop).await? {
        Ok(found) => found,
        Err(exit) => return Ok(exit),
    };
    if args.wait.json {
        stdout::line(json!(found))?;
    } else {
        let mut out = Stdout::new();
        for (side, probed) in [("source", &found.source), ("destination", &found.destination)] {
            lines(side, probed).into_iter().try_for_each(|line| out.line(line))?;
        }
        out.flush()?;
    }
    Ok(if found.has_denials() { Exit::SomeFailed } else { Exit::InSync })
}

/// Requests the operation and waits for its result; `Err`: there is none to print, and the command ends so.
async fn result<T: DeserializeOwned>(
    request: &Request<'_>,
    wait: &WaitArgs,
    stop: &CancellationToken,
) -> Result<Result<T, Exit>, Failure> {
    request.send().await?;
    let (id, kind) = (&request.operation.id, request.operation.kind.as_str());
    if wait.no_wait {
        match wait.json {
            true => stdout::line(json!({"task": request.name, "operation": id}))?,
            false => stdout::line(format_args!("requested the {kind} of task {}: operation {id}", request.name))?,
        }
        return Ok(Err(Exit::InSync));
    }
    let Some(end) = request.end(stop).await? else { return Ok(Err(Exit::Interrupted)) };
    let text = &end.result;
    match end.verdict {
        OperationVerdict::Succeeded => serde_json::from_str(text).map(Ok).map_err(|why| {
            Failure::midway(format!("the result of operation {id} is of another release ({why}): {text}"))
        }),
        OperationVerdict::Cancelled => Err(Failure::midway(format!("the {kind} was cancelled"))),
        OperationVerdict::Failed => {
            let result: Value = serde_json::from_str(text).unwrap_or_default();
            let why = result["error"].as_str().unwrap_or(text).to_owned();
            Err(if result["is-unusable"] == true { Failure::usage(why) } else { Failure::midway(why) })
        }
    }
}

/// The answers of a side, for people.
fn lines(side: &str, probed: &SideProbe) -> Vec<String> {
    let mut lines = vec![format!("{side} {}", terminal::escaped(&probed.location))];
    for (right, answer) in probed.rights.all() {
        let words = match answer {
            Answer::Yes => "yes".to_owned(),
            Answer::No { reason, remedy } => {
                format!("no: {}; {}", terminal::escaped(reason), terminal::escaped(remedy))
            }
            Answer::NotTried { reason } => format!("not tried: {}", terminal::escaped(reason)),
        };
        lines.push(format!("  {right:<7} {words}"));
    }
    lines
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
