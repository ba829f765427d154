//! Operations on tasks: finding, planning, verifying, probing, retrying.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Author, Change};
use crate::Result;
use crate::object::Timestamp;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperationKind {
    /// A run.
    Find,
    /// Count what a run would do, and its cost.
    Plan,
    /// Compare both sides.
    Verify,
    /// Find out whether the credentials list, read, write and delete.
    Probe,
    /// Copy again what failed in a run.
    Retry,
    /// Abort the uploads of a run, or of a task that is being deleted.
    Close,
    /// Remove the records of a task that is being deleted.
    Erase,
    /// Notify somebody of the end of a run.
    Notify,
}

impl OperationKind {
    /// All kinds.
    pub const ALL: [OperationKind; 8] = [
        OperationKind::Find,
        OperationKind::Plan,
        OperationKind::Verify,
        OperationKind::Probe,
        OperationKind::Retry,
        OperationKind::Close,
        OperationKind::Erase,
        OperationKind::Notify,
    ];

    /// The kind as it is recorded.
    pub fn as_str(self) -> &'static str {
        match self {
            OperationKind::Find => "find",
            OperationKind::Plan => "plan",
            OperationKind::Verify => "verify",
            OperationKind::Probe => "probe",
            OperationKind::Retry => "retry",
            OperationKind::Close => "close",
            OperationKind::Erase => "erase",
            OperationKind::Notify => "notify",
        }
    }

    /// The class that it is listed with.
    pub fn class(self) -> OperationClass {
        match self {
            OperationKind::Find | OperationKind::Retry => OperationClass::Run,
            OperationKind::Notify => OperationClass::Notice,
            OperationKind::Plan
            | OperationKind::Verify
            | OperationKind::Probe
            | OperationKind::Close
            | OperationKind::Erase => OperationClass::Other,
        }
    }
}

/// Operations that are counted and listed apart while they are not done, so that many of one class hide none of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationClass {
    /// A run of a task, which has one.
    Run,
    /// A notice. While its receiver is away there is one more with each run.
    Notice,
    /// Asked for by a person, or by the controller once for a run or a task.
    Other,
}

impl OperationClass {
    /// The class as it is recorded.
    pub fn as_str(self) -> &'static str {
        match self {
            OperationClass::Run => "run",
            OperationClass::Notice => "notice",
            OperationClass::Other => "other",
        }
    }
}

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperationState {
    /// Nobody has begun it.
    Queued,
    /// A worker has begun it.
    Running,
    /// It has a result.
    Done,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperationVerdict {
    /// It was carried out; the result has the details.
    Succeeded,
    /// It could not be carried out; the result says why.
    Failed,
    /// It was cancelled.
    Cancelled,
}

/// The end of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationEnd {
    /// How it ended.
    pub verdict: OperationVerdict,
    /// When, by the clock of the program that ended it.
    pub at: Timestamp,
    /// The result, as JSON; at most [`super::MAX_TEXT_BYTES`]. A longer list is cut, and says so.
    pub result: String,
}

/// Something that was asked of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Sorts by time among the operations of its task. A run's operation has the run's id.
    pub id: String,
    /// The task's id: also that of a task that is not created yet (plan and probe of its definition).
    pub task: String,
    /// What it does.
    pub kind: OperationKind,
    /// The version of the definition that it is carried out under; 0 where the request holds the definition.
    pub version: u32,
    /// Who asked for it.
    pub who: String,
    /// When.
    pub requested: Timestamp,
    /// Overrides and arguments, as JSON; at most [`super::MAX_TEXT_BYTES`].
    pub request: String,
    /// Steps that were recorded, from 0. A step is a compare-and-set of this counter, and so proves life.
    pub beat: u64,
    /// The worker of the last step.
    pub worker: Option<String>,
    /// How far it is, for people.
    pub progress: Option<String>,
    /// Its end.
    pub end: Option<OperationEnd>,
}

impl Operation {
    /// An operation that `author` asks for, which nobody has begun.
    pub fn queued(
        id: String,
        (task, version): (&str, u32),
        kind: OperationKind,
        request: String,
        author: &Author,
    ) -> Operation {
        let (task, who, requested) = (task.to_owned(), author.who.clone(), author.at);
        let (beat, worker, progress, end) = Default::default();
        Operation { id, task, kind, version, who, requested, request, beat, worker, progress, end }
    }

    /// How far it is.
    pub fn state(&self) -> OperationState {
        match (&self.end, self.beat) {
            (Some(_), _) => OperationState::Done,
            (None, 0) => OperationState::Queued,
            (None, _) => OperationState::Running,
        }
    }
}

/// The request of an operation of kind [`OperationKind::Close`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct CloseRequest {
    /// The run whose uploads are closed; `None`: all uploads of the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// Most characters of the progress that a step's work shows.
pub const MAX_PROGRESS_CHARS: usize = 1_000;

/// Operations and their results.
#[async_trait]
pub trait Operations {
    /// Records an operation in state `queued`. Repeated, it changes nothing. Runs are begun by
    /// [`super::Control::begin_run`] alone.
    async fn request(&self, operation: &Operation) -> Result<()>;

    /// Records a step of `worker`: the counter moves from `seen` to `seen + 1`, and the operation is running.
    /// `Conflict` if another was first, or the operation is done: the caller ends its work on it.
    async fn step(&self, task: &str, id: &str, seen: u64, worker: &str, progress: &str) -> Result<Change<Operation>>;

    /// Shows how far the work of a step is, while the counter is `step`; at most [`MAX_PROGRESS_CHARS`]. It is a display:
    /// without effect if another step was recorded since, or the operation is done, and nothing depends on it.
    async fn show_progress(&self, task: &str, id: &str, step: u64, progress: &str) -> Result<()>;

    /// Records the end. `Conflict` if it has ended otherwise.
    async fn finish(&self, task: &str, id: &str, end: &OperationEnd) -> Result<Change<Operation>>;

    /// Keeps what the next slice of an operation needs, in place of what was kept before; at most
    /// [`super::MAX_TEXT_BYTES`]. `step` is the operation's counter that the caller has seen. `false` if a caller that
    /// has seen a later one kept something: this one is late, and ends its work.
    async fn save_checkpoint(&self, task: &str, id: &str, step: u64, checkpoint: &str) -> Result<bool>;

    /// What was kept last.
    async fn checkpoint(&self, task: &str, id: &str) -> Result<Option<String>>;

    /// An operation.
    async fn operation(&self, task: &str, id: &str) -> Result<Option<Operation>>;

    /// The operations of a task, newest first, `limit` at a time; `after` is the last page's token. The token is `None`
    /// at the end.
    async fn operations(
        &self,
        task: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Operation>, Option<String>)>;

    /// The operations of the fleet of a class that are not done, the earliest request first, at most `limit`.
    async fn open_operations(&self, class: OperationClass, limit: usize) -> Result<Vec<Operation>>;
}
