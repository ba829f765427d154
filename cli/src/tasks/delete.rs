//! `flotilla task delete`

mod agreed;
mod all;

use adapters::open::{self, FleetBackend};
use shared::config::FleetFile;
use shared::ledger::events_run;
use shared::tasks::{Change, Summary, TaskState};
use tokio_util::sync::CancellationToken;

use super::cancel::tell_workers;
use super::{author, backend, found, gone, present};
use crate::args::DeleteArgs;
use crate::exit::{CommandResult, Exit, Failure};
use crate::stdout;

/// What the command did with a task.
enum Deleted {
    /// It is gone.
    Gone,
    /// Workers and the controller delete it.
    Begun,
}

/// Deletes a task, or all tasks of the fleet.
pub async fn run(args: &DeleteArgs, stop: &CancellationToken) -> CommandResult {
    let fleet = args.fleet.read()?;
    let backend = backend(&fleet).await?;
    let Some(name) = &args.name else { return all::run(args, &fleet, &backend, stop).await };
    let summary = found(&backend.tasks, &fleet, name).await?;
    agreed::check(args, &backend, std::slice::from_ref(&summary)).await?;
    match delete(&fleet, &backend, &summary, args.records).await? {
        Deleted::Gone => stdout::line(format_args!("deleted task {name}"))?,
        Deleted::Begun => {
            let records = if args.records { "its records and " } else { "" };
            let what = format!("its runs are cancelled, then {records}its queues are removed");
            stdout::line(format_args!(
                "task {name} is being deleted: {what}; flotilla task show reports the progress"
            ))?;
        }
    }
    Ok(Exit::InSync)
}

/// Moves a task to `deleting`. The controller ends its runs, has its uploads aborted and, with `records`, its records in
/// the ledger removed; then it removes its queues and its record. A task that never ran is removed at once. Repeated, it
/// goes on.
async fn delete(
    fleet: &FleetFile,
    backend: &FleetBackend,
    summary: &Summary,
    records: bool,
) -> Result<Deleted, Failure> {
    if summary.outline.events && summary.state != TaskState::Deleting {
        // First: while a rule names a queue that is gone, the bucket refuses all changes of its rules. If the command ends
        // after this, the task is as it was, without events.
        let definition = present(&backend.tasks, summary).await?;
        open::unwire_events(fleet, summary, &definition).await.map_err(|error| {
            Failure::usage(error).hint("the task stays, perhaps without events: mend this, then delete it again")
        })?;
    }
    let name = &summary.task.name;
    let moved = backend.tasks.delete(&summary.task, records, &author("")).await;
    if !moved.map_err(Failure::usage)?.is_made() {
        return Err(gone(name));
    }
    // Read after the move: no run begins any more.
    let summary = match backend.tasks.summary(name).await.map_err(Failure::midway)? {
        Some(now) if now.task == summary.task => now,
        _ => return Ok(Deleted::Gone),
    };
    if let Some(run) = &summary.run {
        tell_workers(&backend.ledger, &run.id).await?;
    }
    if !has_never_run(backend, &summary).await? {
        return Ok(Deleted::Begun);
    }
    open::delete_task_queues(fleet, &summary).await.map_err(Failure::midway)?;
    match backend.tasks.forget(&summary.task, &author("")).await.map_err(Failure::midway)? {
        Change::Made => Ok(Deleted::Gone),
        Change::Conflict(_) => Err(Failure::midway(format!("task {name:?} is in use: try again"))),
    }
}

/// Whether nothing of the task can be in work, or left open at its destination. Of a task that follows events, or did
/// before an edit, a worker may receive one now.
async fn has_never_run(backend: &FleetBackend, summary: &Summary) -> Result<bool, Failure> {
    let id = &summary.task.id;
    let may_have_events = summary.outline.events || summary.version > 1;
    if may_have_events || summary.run.is_some() || !summary.cancelled.is_empty() || summary.last_run.is_some() {
        return Ok(false);
    }
    let runs = backend.ledger.runs(id, 1).await.map_err(Failure::midway)?;
    let events = backend.ledger.run_state(&events_run(id)).await.map_err(Failure::midway)?;
    Ok(runs.is_empty() && events.is_none())
}
