//! Deleting a task, one step after the other, each of which may be repeated: its runs are cancelled and end, an
//! operation closes its uploads, another one removes its records in the ledger if somebody wants that, its queues are
//! removed, the task is.

use std::fmt;

use shared::Result;
use shared::ledger::events_run;
use shared::tasks::{Author, Operation, OperationKind, OperationVerdict, Summary, TaskState, derived_id};
use shared::terminal;

use super::context::ControllerContext;
use super::seen::TaskSeen;

/// How far an operation of a deletion is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeletionPart {
    /// There is nothing to do, or nobody wants it.
    Needless,
    /// Nobody asked for it yet.
    Unasked,
    /// It was asked for.
    Asked(Box<Operation>),
}

/// How far a deletion is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// Its uploads are closed. A task that never had a run or an event has none.
    pub close: DeletionPart,
    /// Its records in the ledger are removed.
    pub erase: DeletionPart,
}

/// What a task leaves behind; empty texts: nothing that was to be removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Left {
    /// Why uploads may be open at the destination.
    pub uploads: String,
    /// Why records stay in the ledger.
    pub records: String,
}

impl Left {
    /// What to record with the removal.
    pub fn note(&self) -> &'static str {
        match (self.uploads.is_empty(), self.records.is_empty()) {
            (true, true) => "",
            (false, true) => "uploads may be open at the destination",
            (true, false) => "records may be in the ledger",
            (false, false) => "uploads may be open at the destination, and records in the ledger",
        }
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.uploads.is_empty() {
            let why = terminal::escaped(&self.uploads);
            write!(f, ": the destination may have open uploads, because {why}")?;
        }
        if !self.records.is_empty() {
            write!(f, ": the ledger may have its records, because {}", terminal::escaped(&self.records))?;
        }
        Ok(())
    }
}

/// The next step of a deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeletionStep {
    /// Ask for the operation that closes the uploads, or for the one that removes the records.
    Ask(OperationKind),
    /// Remove the queues, then the task.
    Remove(Left),
}

/// An operation of a deletion. All controllers make the same one, and no run has its id.
pub fn operation(summary: &Summary, kind: OperationKind, author: &Author) -> Operation {
    let id = derived_id(&summary.task.id, kind.as_str());
    Operation::queued(id, (&summary.task.id, summary.version), kind, String::new(), author)
}

/// Reads how far it is.
pub async fn read(context: &ControllerContext, summary: &Summary) -> Result<Deletion> {
    let id = &summary.task.id;
    let asked = async |kind: OperationKind| -> Result<Option<DeletionPart>> {
        let operation = context.tasks.operation(id, &derived_id(id, kind.as_str())).await?;
        Ok(operation.map(|operation| DeletionPart::Asked(Box::new(operation))))
    };
    let close = match asked(OperationKind::Close).await? {
        Some(close) => close,
        None => {
            let had_events = summary.outline.events || context.ledger.run_state(&events_run(id)).await?.is_some();
            let had_runs = summary.last_run.is_some() || !context.ledger.runs(id, 1).await?.is_empty();
            if had_events || had_runs { DeletionPart::Unasked } else { DeletionPart::Needless }
        }
    };
    let erase = match summary.erases_records && close != DeletionPart::Needless {
        true => asked(OperationKind::Erase).await?.unwrap_or(DeletionPart::Unasked),
        false => DeletionPart::Needless,
    };
    Ok(Deletion { close, erase })
}

/// The next step; `None`: it waits, or is not deleted.
pub fn step(task: &TaskSeen) -> Option<DeletionStep> {
    if task.summary.state != TaskState::Deleting || task.has_runs() {
        return None;
    }
    // Who works on a message may write: what is closed or removed before is left behind.
    if task.depth()?.leased > 0 || task.has_events_at_work {
        return None;
    }
    let Deletion { close, erase } = task.deletion.as_ref()?;
    let gone = |what: &str| format!("its queues were gone before its {what}");
    let uploads = match close {
        DeletionPart::Needless => String::new(),
        DeletionPart::Unasked if task.is_gone => gone("uploads were closed"),
        DeletionPart::Unasked => return Some(DeletionStep::Ask(OperationKind::Close)),
        DeletionPart::Asked(operation) => match &operation.end {
            Some(end) if end.verdict == OperationVerdict::Succeeded => kept(&end.result),
            Some(end) => format!("its uploads could not be closed: {}", end.result),
            // Nobody can carry it out any more. A controller that removed them had seen its end.
            None if task.is_gone => gone("uploads were closed"),
            None => return None,
        },
    };
    // After the uploads, whose records say what is open. Nobody writes any more: runs have ended, events are dropped.
    let records = match erase {
        DeletionPart::Needless => String::new(),
        DeletionPart::Unasked if task.is_gone => gone("records were removed"),
        DeletionPart::Unasked => return Some(DeletionStep::Ask(OperationKind::Erase)),
        DeletionPart::Asked(operation) => match &operation.end {
            Some(end) if end.verdict == OperationVerdict::Succeeded => String::new(),
            Some(end) => format!("they could not be removed: {}", end.result),
            None if task.is_gone => gone("records were removed"),
            None => return None,
        },
    };
    Some(DeletionStep::Remove(Left { uploads, records }))
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
