//! A task, as the API has it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::audit::Change;
use super::limits::Limits;
use super::operations::Operation;
use super::run::Progress;
use super::runs::Run;
use super::workers::Worker;

/// Whether a task is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TaskState {
    /// Runs begin, jobs are received.
    Active,
    /// No run begins, nothing is received. Messages live for 14 days.
    Paused,
    /// Its runs are cancelled, then its queues are removed, then its records.
    Deleting,
}

/// What people want to know of a task first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TaskStatus {
    /// A worker cannot open it, or its last run stopped or had failures, and none is live.
    Failed,
    /// A run is live.
    Running,
    /// It is active, and waits for its next run or for events.
    Waiting,
    /// It is paused.
    Paused,
    /// It is being deleted.
    Deleting,
}

/// A task as a list has it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TaskItem {
    /// Its name, unique in the fleet.
    pub name: String,
    /// Its id, which no other task ever has.
    pub id: String,
    /// Whether it is served.
    pub state: TaskState,
    /// What people want to know first.
    pub status: TaskStatus,
    /// For people.
    pub description: String,
    /// Source location.
    pub source: String,
    /// Destination location.
    pub destination: String,
    /// When it runs, as its definition spells it; `null`: when asked to.
    pub schedule: Option<String>,
    /// Whether it follows events of its source.
    pub events: bool,
    /// Whether somebody is notified of the end of each run.
    pub notify: bool,
    /// The version of its definition.
    pub version: u32,
    /// When it was created.
    pub created: String,
    /// When its next run is due.
    pub next_due: Option<String>,
    /// A due time that passed because a run was live.
    pub skipped_due: Option<String>,
    /// Limits over all workers.
    pub limits: Limits,
    /// Its live run.
    pub run: Option<LiveRun>,
    /// Its last run that ended.
    pub last_run: Option<EndedRun>,
    /// Runs that are being cancelled.
    pub cancelling: Vec<String>,
    /// Why workers cannot open it.
    pub errors: Vec<WorkerError>,
}

/// The live run of a task.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LiveRun {
    /// The run.
    pub id: String,
    /// The version of the definition that it keeps.
    pub version: u32,
    /// When it was asked for.
    pub begun: String,
    /// How it stands.
    #[serde(flatten)]
    pub progress: Progress,
}

/// The last run of a task that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EndedRun {
    /// The run.
    pub id: String,
    /// How it ended: `done`, `done-with-failures`, `stopped` or `cancelled`.
    pub end: super::run::RunState,
    /// When that was seen.
    pub ended: String,
    /// Objects that failed.
    pub failed: u64,
    /// Objects whose messages were lost.
    pub lost: u64,
    /// Objects that could not be compared.
    pub not_judged: u64,
    /// Folders and names that could not be listed.
    pub unlisted: u64,
    /// Why it stopped, or what it refused.
    pub error: Option<String>,
}

/// What a worker reports of a task that it cannot open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WorkerError {
    /// The worker.
    pub worker: String,
    /// The reason.
    pub error: String,
}

/// Everything about a task.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Task {
    /// As a list has it.
    #[serde(flatten)]
    pub item: TaskItem,
    /// Messages on its queues; `null` if they cannot be read.
    pub queues: Option<Queues>,
    /// Why its queues cannot be read.
    pub queues_error: Option<String>,
    /// When its oldest message is lost if none is received before: of a paused task, or of one whose finder waits.
    pub messages_die: Option<String>,
    /// What became of events so far; `null`: none came yet.
    pub event_run: Option<Run>,
    /// The workers that have its jobs, the busiest first; at most 10.
    pub workers: Vec<Worker>,
    /// Its newest operations; at most 10.
    pub operations: Vec<Operation>,
    /// Its newest changes; at most 10.
    pub changes: Vec<Change>,
}

/// Messages on the queues of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Queues {
    /// Ready to be received.
    pub ready: u64,
    /// Received, and not acknowledged yet.
    pub leased: u64,
    /// Ready later.
    pub delayed: u64,
    /// Dead letters.
    pub dead: u64,
}
