//! `flotilla task delete`

use std::io::{self, IsTerminal as _, Write as _};

use adapters::open::{self, FleetBackend};
use shared::ledger::events_run;
use shared::tasks::{Change, Summary, TaskState};

use super::cancel::tell_workers;
use super::{author, backend, found, gone, present};
use crate::args::DeleteArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::stdout;

/// Moves a task to `deleting`. The controller ends its runs, has its uploads aborted, and removes its queues and its
/// record. A task that never ran is removed at once. Repeated, it goes on.
pub async fn run(args: &DeleteArgs) -> Outcome {
    let fleet = args.fleet.read()?;
    let backend = backend(&fleet).await?;
    let summary = found(&backend.tasks, &fleet, &args.name).await?;
    if !args.yes && !is_agreed(&summary)? {
        return Err(Failure::usage("nothing is deleted"));
    }
    if summary.outline.events && summary.state != TaskState::Deleting {
        // First: while a rule names a queue that is gone, the bucket refuses all changes of its rules. If the command ends
        // after this, the task is as it was, without events.
        let definition = present(&backend.tasks, &summary).await?;
        open::unwire_events(&fleet, &summary, &definition)
            .await
            .map_err(|error| Failure::usage(error).hint("nothing is deleted: the bucket's rule for the task stays"))?;
    }
    let moved = backend.tasks.set_state(&summary.task, TaskState::Deleting, None, &author("")).await;
    if !moved.map_err(Failure::usage)?.is_made() {
        return Err(gone(&args.name));
    }
    // Read after the move: no run begins any more.
    let summary = match backend.tasks.summary(&args.name).await.map_err(Failure::midway)? {
        Some(now) if now.task == summary.task => now,
        _ => return said(format_args!("deleted task {}", args.name)),
    };
    if let Some(run) = &summary.run {
        tell_workers(&backend.ledger, &run.id).await?;
    }
    if !has_never_run(&backend, &summary).await? {
        let what = format!("task {} is being deleted: its runs are cancelled, then its queues are removed", args.name);
        return said(format_args!("{what}; flotilla task show tells how far it is"));
    }
    open::delete_task_queues(&fleet, &summary).await.map_err(Failure::midway)?;
    match backend.tasks.forget(&summary.task, &author("")).await.map_err(Failure::midway)? {
        Change::Made => said(format_args!("deleted task {}", args.name)),
        Change::Conflict(_) => Err(Failure::midway(format!("task {:?} is in use: try again", args.name))),
    }
}

fn said(line: impl std::fmt::Display) -> Outcome {
    stdout::line(line)?;
    Ok(Exit::InSync)
}

/// Whether nothing of the task can be in work, or left open at its destination.
async fn has_never_run(backend: &FleetBackend, summary: &Summary) -> Result<bool, Failure> {
    let id = &summary.task.id;
    if summary.run.is_some() || !summary.cancelled.is_empty() || summary.last_run.is_some() {
        return Ok(false);
    }
    let runs = backend.ledger.runs(id, 1).await.map_err(Failure::midway)?;
    let events = backend.ledger.run_state(&events_run(id)).await.map_err(Failure::midway)?;
    Ok(runs.is_empty() && events.is_none())
}

/// Asks at a terminal.
fn is_agreed(summary: &Summary) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Ok(true);
    }
    let (name, outline) = (&summary.task.name, &summary.outline);
    let locations = format!("{} -> {}", outline.source, outline.destination);
    eprint!("Delete task {name} ({})? Objects stay as they are. [y/N] ", shared::terminal::escaped(&locations));
    io::stderr().flush().and_then(|()| io::stdin().lines().next().transpose()).map_or_else(
        |why| Err(Failure::usage(format!("cannot read the answer: {why}; give --yes"))),
        |answer| Ok(matches!(answer.as_deref().map(str::trim), Some("y" | "Y" | "yes"))),
    )
}
