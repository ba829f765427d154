//! The parts of a task beside its definition: state, limits, runs.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Author, Change, Operation, OperationEnd, OperationVerdict, Outline, TaskRef};
use crate::object::Timestamp;
use crate::{Result, terminal};

/// Most characters of the reason of a run's end.
pub const MAX_REASON_CHARS: usize = 1_000;

/// Most runs of a task that are being cancelled at the same time.
pub const MAX_CANCELLED_RUNS: usize = 16;

/// Whether a task is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskState {
    /// Runs begin, jobs are received.
    Active,
    /// No run begins, nothing is received. Messages live for 14 days.
    Paused,
    /// Its runs are cancelled, then its queues are removed, then its records.
    Deleting,
}

impl TaskState {
    /// All states.
    pub const ALL: [TaskState; 3] = [TaskState::Active, TaskState::Paused, TaskState::Deleting];

    /// The state as it is recorded.
    pub fn as_str(self) -> &'static str {
        match self {
            TaskState::Active => "active",
            TaskState::Paused => "paused",
            TaskState::Deleting => "deleting",
        }
    }

    /// What somebody did who moved a task to this state.
    pub fn verb(self) -> &'static str {
        match self {
            TaskState::Active => "resume",
            TaskState::Paused => "pause",
            TaskState::Deleting => "delete",
        }
    }

    /// Whether a task moves from state `before` to this one: `active ⇄ paused`, both → `deleting`.
    pub fn may_follow(self, before: TaskState) -> bool {
        before != TaskState::Deleting || self == TaskState::Deleting
    }
}

/// Limits that take effect at once, without an edit. They stand in records: another release may know more of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Most machines that the controller starts for the task; `None`: the fleet's maximum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machines: Option<u32>,
    /// Bytes a second over all workers; `None`: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<u64>,
    /// Requests a second to each store over all workers; `None`: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u32>,
}

/// The run that a task has at present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveRun {
    /// The run, which is also the id of its operation.
    pub id: String,
    /// The version of the definition that it keeps.
    pub version: u32,
    /// When it was recorded.
    pub begun: Timestamp,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunEnd {
    /// Every object is in sync.
    Done,
    /// Everything is settled, some objects as failed; or some could not be compared, or some folders not be listed.
    DoneWithFailures,
    /// The finder gave up, or messages were lost. Nothing was deleted after that.
    Stopped,
    /// It was cancelled; all its objects are settled, or lost.
    Cancelled,
}

/// The last run that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedRun {
    /// The run.
    pub id: String,
    /// How it ended.
    pub end: RunEnd,
    /// When that was seen.
    pub ended: Timestamp,
    /// Objects that failed.
    pub failed: u64,
    /// Objects that were found to be copied or deleted and were not settled when it ended: their messages were lost, or
    /// never sent.
    pub lost: u64,
    /// Objects that could not be compared: nothing was done about them.
    pub not_judged: u64,
    /// Folders and names that could not be listed.
    pub unlisted: u64,
    /// Why it stopped, or what it refused.
    pub error: Option<String>,
}

impl EndedRun {
    /// The end of a run in which nothing failed.
    pub fn new(id: impl Into<String>, end: RunEnd, ended: Timestamp) -> EndedRun {
        EndedRun { id: id.into(), end, ended, failed: 0, lost: 0, not_judged: 0, unlisted: 0, error: None }
    }

    /// With the reason, of which at most [`MAX_REASON_CHARS`] are kept: each reader of the task reads it.
    pub fn because(self, why: Option<&str>) -> EndedRun {
        EndedRun { error: why.map(|why| why.chars().take(MAX_REASON_CHARS).collect()), ..self }
    }

    /// How it ended, in words.
    pub fn words(&self) -> String {
        let end = match self.end {
            RunEnd::Done | RunEnd::DoneWithFailures => "done",
            RunEnd::Stopped => "stopped",
            RunEnd::Cancelled => "cancelled",
        };
        let mut parts = vec![end.to_owned()];
        let mut add = |number: u64, what: &str| {
            if number > 0 {
                parts.push(format!("{} {what}", terminal::count(number)));
            }
        };
        if self.end == RunEnd::DoneWithFailures {
            add(self.failed, "failed");
            add(self.not_judged, "not compared");
            add(self.unlisted, "not listed");
        }
        add(self.lost, "lost");
        parts.join(", ")
    }

    /// Whether it was stopped because messages were lost.
    pub fn has_losses(&self) -> bool {
        self.end == RunEnd::Stopped && self.lost > 0
    }

    /// The end of the run's operation.
    pub fn operation_end(&self) -> OperationEnd {
        let verdict = match self.end {
            RunEnd::Done | RunEnd::DoneWithFailures => OperationVerdict::Succeeded,
            RunEnd::Stopped => OperationVerdict::Failed,
            RunEnd::Cancelled => OperationVerdict::Cancelled,
        };
        let result = serde_json::to_string(self).expect("an ended run is representable as JSON");
        OperationEnd { verdict, at: self.ended, result }
    }
}

/// What the controller saw in its latest pass over a task with a live run. Each pass compares the counters with those of
/// the pass before: no clock is asked whether somebody is alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Watch {
    /// The pass's minute since 1970. Of two controllers in one minute one is counted.
    pub minute: u64,
    /// Changes when anything of the run changes.
    pub progress: u64,
    /// The counter of the finder's claim; `None` without a claim.
    pub claim: Option<u64>,
    /// Passes in a row in which the claim did not change, or was not there.
    pub unclaimed: u32,
    /// Passes in a row in which the queue of jobs showed no message.
    pub empty: u32,
    /// Passes in a row in which `progress` did not change and the queue of jobs showed no message.
    pub still: u32,
    /// That the task waits for a store, or cannot be opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outage: Option<Outage>,
}

/// A task that waits for a store, or that no worker can open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Outage {
    /// The minute since 1970 of the first pass that saw it. It names the outage.
    pub since: u64,
    /// Passes in a row that saw it, at most [`crate::controller::OUTAGE_PASSES`].
    pub passes: u32,
    /// Whether a notice of it was requested.
    pub is_noticed: bool,
}

/// Runs that were stopped because messages were lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Losses {
    /// How many in a row: since a live run ended otherwise.
    pub in_a_row: u32,
    /// The version of the definition that the last of them kept.
    pub version: u32,
}

/// A task as the controller, workers and lists see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Name and id.
    pub task: TaskRef,
    /// Whether it is served.
    pub state: TaskState,
    /// The present version of its definition.
    pub version: u32,
    /// The fields of that version that a list and the controller need.
    pub outline: Outline,
    /// Limits that take effect at once.
    pub limits: Limits,
    /// When it was created.
    pub created: Timestamp,
    /// When the next run is due; `None`: when asked to.
    pub next_due: Option<Timestamp>,
    /// A due time that passed while a run was live; no run began for it.
    pub skipped_due: Option<Timestamp>,
    /// The live run.
    pub run: Option<LiveRun>,
    /// Runs that are being cancelled: workers settle their remaining objects. At most [`MAX_CANCELLED_RUNS`], and the live
    /// run of a task that is being deleted.
    pub cancelled: BTreeSet<String>,
    /// The last run that ended, in the order in which runs began.
    pub last_run: Option<EndedRun>,
    /// The runs that began after it and have not ended, in that order. Ids are times of clocks that may be minutes apart.
    pub newer: Vec<String>,
    /// Runs that lost messages.
    pub losses: Losses,
    /// What the controller saw last.
    pub watch: Watch,
    /// Of a task that is being deleted: whether its records in the ledger are removed too.
    pub erases_records: bool,
}

/// A due time, and the one after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The due time that the caller has seen.
    pub seen: Timestamp,
    /// The next one; `None`: there is none.
    pub next: Option<Timestamp>,
}

/// A run to be begun.
#[derive(Debug, Clone, Copy)]
pub struct BeginRun<'a> {
    /// The task.
    pub task: &'a TaskRef,
    /// The run, as an operation of kind `find` or `retry` in state `queued`, under the present version.
    pub operation: &'a Operation,
    /// The due time that the run is for; `None`: it was asked for.
    pub due: Option<Due>,
    /// The live run that this one replaces, which is cancelled; `None`: there must be no live run.
    pub supersedes: Option<&'a str>,
}

/// What becomes of tasks from outside their definitions.
#[async_trait]
pub trait Control {
    /// The task of a name.
    async fn summary(&self, name: &str) -> Result<Option<Summary>>;

    /// All tasks of the fleet, by name; at most [`super::MAX_TASKS`].
    async fn summaries(&self) -> Result<Vec<Summary>>;

    /// Moves a task to a state; one that is resumed is due no earlier than `next_due`: it makes up for no run. `Conflict`
    /// if the present state does not lead there ([`TaskState::may_follow`]).
    async fn set_state(
        &self,
        task: &TaskRef,
        state: TaskState,
        next_due: Option<Timestamp>,
        author: &Author,
    ) -> Result<Change<Summary>>;

    /// Moves a task to the state `deleting`, as [`set_state`](Self::set_state) does. With `records`, its records in the
    /// ledger are removed too, also if it was moved there without them before.
    async fn delete(&self, task: &TaskRef, records: bool, author: &Author) -> Result<Change<Summary>>;

    /// Replaces the limits that were `seen`.
    async fn set_limits(
        &self,
        task: &TaskRef,
        seen: &Limits,
        limits: &Limits,
        author: &Author,
    ) -> Result<Change<Summary>>;

    /// Records a run and moves the due time, in one transaction. Repeated for one due time, it begins one run: the
    /// run's id follows from task and due time ([`super::run_id()`]). `Conflict` if the task is not active, its version or
    /// due time is another one, or a run is live that this one does not supersede. If the run was begun before, also if it
    /// has ended since, the due time moves on and nothing begins.
    async fn begin_run(&self, begin: &BeginRun<'_>, author: &Author) -> Result<Change<Summary>>;

    /// Moves the due time without a run, because one is live, and shows the skipped one.
    async fn skip_due(&self, task: &TaskRef, due: &Due) -> Result<Change<Summary>>;

    /// Marks a run as cancelled. `Conflict` if [`MAX_CANCELLED_RUNS`] others are.
    async fn cancel_run(&self, task: &TaskRef, run: &str, author: &Author) -> Result<Change<Summary>>;

    /// Records the end of a run: it is neither live nor cancelled any more, and its operation is done. A run that is
    /// neither is left as it is: the end was recorded before.
    async fn end_run(&self, task: &TaskRef, end: &EndedRun) -> Result<Change<Summary>>;

    /// Replaces what the controller saw in minute `seen`. `Conflict` if another controller was first.
    async fn watch(&self, task: &TaskRef, seen: u64, watch: &Watch) -> Result<Change<Summary>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_is_being_deleted_stays_so() {
        for before in TaskState::ALL {
            for state in TaskState::ALL {
                let expected = before != TaskState::Deleting || state == TaskState::Deleting;
                assert_eq!(state.may_follow(before), expected, "{before:?} -> {state:?}");
            }
        }
    }
}
