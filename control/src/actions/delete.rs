//! Deletes tasks.

use adapters::open;
use shared::ledger::events_run;
use shared::tasks::{Change, Summary, TaskState};

use super::actor::{Actor, gone};
use super::cancel::mark_cancelled;
use crate::refusal::{Code, Refusal};

/// What became of the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone.
    Gone,
    /// Workers and the controller delete it.
    Begun,
}

/// Moves a task to `deleting`. The controller ends its runs, has its uploads aborted and, with `records`, its records in
/// the ledger removed; then it removes its queues and its record. A task that never ran is removed at once. Repeated, it
/// goes on.
pub async fn delete(actor: &Actor, summary: &Summary, records: bool) -> Result<Deleted, Refusal> {
    // The worker of a state folder leaves a user's queue of events when it has ended the last of them.
    let has_rules = summary.outline.events && actor.fleet().state.is_none();
    if has_rules && summary.state != TaskState::Deleting {
        // First: while a rule names a queue that is gone, the bucket refuses all changes of its rules. If the command ends
        // after this, the task is as it was, without events.
        let definition = actor.definition(summary).await?;
        match open::unwire_events(actor.fleet(), summary, &definition).await {
            // What no other try mends, like credentials that are gone, keeps no task. The controller tries once more, and logs
            // that the bucket may go on sending events.
            Err(error) if !error.is_retryable() => {}
            unwired => unwired.map_err(|error| {
                Refusal::service(error).hint("the task stays, perhaps without events: mend this, then delete it again")
            })?,
        }
    }
    let name = &summary.task.name;
    let moved = actor.tasks().delete(&summary.task, records, &actor.author("")).await;
    if !moved.map_err(Refusal::service)?.is_made() {
        return Err(gone(name));
    }
    // Read after the move: no run begins any more.
    let summary = match actor.tasks().summary(name).await.map_err(Refusal::midway)? {
        Some(now) if now.task == summary.task => now,
        _ => return Ok(Deleted::Gone),
    };
    if let Some(run) = &summary.run {
        mark_cancelled(actor, &run.id).await?;
    }
    if !has_never_run(actor, &summary).await? {
        return Ok(Deleted::Begun);
    }
    open::delete_task_queues(actor.fleet(), &summary).await.map_err(Refusal::midway)?;
    match actor.tasks().forget(&summary.task, &actor.author("")).await.map_err(Refusal::midway)? {
        Change::Made => Ok(Deleted::Gone),
        Change::Conflict(_) => {
            Err(Refusal::new(Code::Changed, format!("task {name:?} is in use")).remedy("try again").on_the_way())
        }
    }
}

/// Whether nothing of the task can be in work, or left open at its destination. Of a task that follows events, or did
/// before an edit, a worker may receive one now.
async fn has_never_run(actor: &Actor, summary: &Summary) -> Result<bool, Refusal> {
    let id = &summary.task.id;
    let may_have_events = summary.outline.events || summary.version > 1;
    if may_have_events || summary.run.is_some() || !summary.cancelled.is_empty() || summary.last_run.is_some() {
        return Ok(false);
    }
    let runs = actor.backend.ledger.runs(id, 1).await.map_err(Refusal::midway)?;
    let events = actor.backend.ledger.run_state(&events_run(id)).await.map_err(Refusal::midway)?;
    Ok(runs.is_empty() && events.is_none())
}
