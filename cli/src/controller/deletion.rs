//! Deleting a task, one step after the other, each of which may be repeated: its runs are cancelled and end, an
//! operation closes its uploads, its queues are removed, its records are.

use shared::Result;
use shared::ledger::events_run;
use shared::tasks::{Author, Operation, OperationKind, Summary, TaskState, Verdict, derived_id};
use shared::terminal;

use super::context::ControllerContext;
use super::seen::TaskSeen;

/// How far the uploads of a task that is being deleted are closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Close {
    /// It never had a run or an event: there is nothing to close.
    Needless,
    /// Nobody asked for it yet.
    Unasked,
    /// It was asked for.
    Asked(Box<Operation>),
}

/// The next step of a deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ask for the operation that closes the uploads.
    Close,
    /// Remove the queues, then the task. The text says what may be left at the destination; empty: nothing.
    Remove(String),
}

/// The operation that closes the uploads of a task. All controllers make the same one, and no run has its id.
fn close_id(summary: &Summary) -> String {
    derived_id(&summary.task.id, "close")
}

/// The operation itself.
pub fn operation(summary: &Summary, author: &Author) -> Operation {
    Operation::queued(
        close_id(summary),
        (&summary.task.id, summary.version),
        OperationKind::Close,
        String::new(),
        author,
    )
}

/// Reads how far it is.
pub async fn read(context: &ControllerContext, summary: &Summary) -> Result<Close> {
    let id = &summary.task.id;
    if let Some(operation) = context.tasks.operation(id, &close_id(summary)).await? {
        return Ok(Close::Asked(Box::new(operation)));
    }
    let had_events = summary.outline.events || context.ledger.run_state(&events_run(id)).await?.is_some();
    let had_runs = summary.last_run.is_some() || !context.ledger.runs(id, 1).await?.is_empty();
    Ok(if had_events || had_runs { Close::Unasked } else { Close::Needless })
}

/// The next step; `None`: it waits, or is not deleted.
pub fn step(task: &TaskSeen) -> Option<Step> {
    if task.summary.state != TaskState::Deleting || task.has_runs() {
        return None;
    }
    // Who works on a message may write: what is closed or removed before is left behind.
    if task.depth()?.leased > 0 {
        return None;
    }
    let gone = || Some(Step::Remove("its queues were gone before its uploads were closed".to_owned()));
    match task.close.as_ref()? {
        Close::Needless => Some(Step::Remove(String::new())),
        Close::Unasked if task.is_gone => gone(),
        Close::Unasked => Some(Step::Close),
        Close::Asked(operation) => match &operation.end {
            Some(end) if end.verdict == Verdict::Succeeded => Some(Step::Remove(kept(&end.result))),
            Some(end) => Some(Step::Remove(format!("its uploads could not be closed: {}", end.result))),
            // Nobody can carry it out any more. A controller that removed them had seen its end.
            None if task.is_gone => gone(),
            None => None,
        },
    }
}

/// What an operation that closed the uploads has left open, by its result; empty: nothing.
fn kept(result: &str) -> String {
    let result: serde_json::Value = serde_json::from_str(result).unwrap_or_default();
    match result["kept"].as_u64().unwrap_or(0) {
        0 => String::new(),
        keys => format!("the uploads of {} could not be aborted", terminal::counted(keys, "key")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_uploads_that_a_close_has_kept_are_named() {
        assert_eq!(kept("{}"), "");
        assert_eq!(kept(r#"{"aborted":3,"kept":0,"named":[]}"#), "");
        assert_eq!(kept(r#"{"aborted":3,"kept":2,"named":[]}"#), "the uploads of 2 keys could not be aborted");
    }
}
