//! What the API shows of records: built from them, and read where more is needed.

mod outcome;
mod progress;
mod run;
mod task;
mod worker;

pub use outcome::outcome;
pub use progress::progress;
pub use run::{RunRecords, run};
pub use task::{item, status};
pub use worker::{Names, is_silent, worker};

use crate::api::audit::Change;
use crate::api::operations::{Operation, OperationState, OperationVerdict};
use crate::api::page::time;
use shared::tasks::{self, Audit};

/// A text that is not empty.
fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// A change of a task.
pub fn change(audit: &Audit) -> Change {
    Change {
        task: audit.task.name.clone(),
        task_id: audit.task.id.clone(),
        who: audit.author.who.clone(),
        at: time(audit.author.at),
        action: audit.action.clone(),
        subject: given(&audit.subject),
        note: given(&audit.author.note),
    }
}

/// An operation.
pub fn operation(operation: &tasks::Operation) -> Operation {
    let end = operation.end.as_ref();
    let result = end.and_then(|end| serde_json::from_str::<serde_json::Value>(&end.result).ok());
    let has_failed = end.is_some_and(|end| end.verdict == tasks::OperationVerdict::Failed);
    let error = result.as_ref().filter(|_| has_failed).and_then(|result| result.get("error")?.as_str());
    Operation {
        id: operation.id.clone(),
        kind: operation.kind.as_str().to_owned(),
        state: match operation.state() {
            tasks::OperationState::Queued => OperationState::Queued,
            tasks::OperationState::Running => OperationState::Running,
            tasks::OperationState::Done => OperationState::Done,
        },
        verdict: end.map(|end| match end.verdict {
            tasks::OperationVerdict::Succeeded => OperationVerdict::Succeeded,
            tasks::OperationVerdict::Failed => OperationVerdict::Failed,
            tasks::OperationVerdict::Cancelled => OperationVerdict::Cancelled,
        }),
        who: operation.who.clone(),
        requested: time(operation.requested),
        ended: end.map(|end| time(end.at)),
        worker: operation.worker.clone(),
        progress: operation.progress.clone().filter(|progress| !progress.is_empty()),
        error: error.map(str::to_owned),
        result: result.filter(serde_json::Value::is_object),
    }
}
