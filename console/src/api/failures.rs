//! What failed, and why.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::run::RunState;

/// Which failures of a run.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FailuresQuery {
    /// `cause`: the groups in place of the objects.
    pub group: Option<FailureGrouping>,
    /// Only objects that failed by this cause. A page may be shorter, or empty, while there is a `next`.
    #[param(max_length = 200)]
    pub cause: Option<String>,
    /// The `next` of the page before; absent: the first page.
    #[param(max_length = 4096)]
    pub cursor: Option<String>,
    /// Most items.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

/// How failures are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailureGrouping {
    /// By cause.
    Cause,
}

/// Failures of a run: groups, if the request asks for them, else objects.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FailurePage {
    /// The objects.
    pub items: Vec<Outcome>,
    /// The cursor of the next page; `null`: there is none.
    pub next: Option<String>,
    /// The groups, the largest first.
    pub groups: Vec<FailureGroup>,
    /// Failures of the run.
    pub failed: u64,
}

/// Objects that failed by one cause.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FailureGroup {
    /// The cause.
    pub cause: String,
    /// The objects.
    pub objects: u64,
    /// One of them.
    pub example: Option<Outcome>,
}

/// What became of an object.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Outcome {
    /// Its key, relative to the task's locations.
    pub key: String,
    /// `copied`, `deleted`, `skipped`, `failed` or `cancelled`.
    pub state: String,
    /// Why it was skipped, or the cause of its failure.
    pub reason: Option<String>,
    /// Bytes.
    pub size: u64,
    /// Attempts at it.
    pub attempts: u32,
    /// Why it was given up.
    pub error: Option<String>,
    /// The worker that settled it.
    pub worker: String,
    /// When the attempt began.
    pub started: String,
    /// When it settled.
    pub finished: String,
    /// What proves its integrity; `null` of kinds without objects.
    pub proof: Option<Proof>,
}

/// What is known of an object's bytes on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Proof {
    /// The entity tag of the version that was read.
    pub source_etag: Option<String>,
    /// The version that was read.
    pub source_version: Option<String>,
    /// The destination's entity tag.
    pub etag: Option<String>,
    /// The checksum of the bytes, with its algorithm.
    pub checksum: Option<String>,
    /// What was compared to know that the bytes are the same.
    pub verified: Option<String>,
}

/// The last failures of all tasks.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TaskFailuresPage {
    /// Tasks with failures.
    pub items: Vec<TaskFailures>,
    /// The cursor of the next page; `null`: there is none.
    pub next: Option<String>,
}

/// What failed in the live or the last run of a task.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TaskFailures {
    /// The task's name.
    pub task: String,
    /// The run; `null` if workers cannot open the task.
    pub run: Option<String>,
    /// How the run stands.
    pub state: Option<RunState>,
    /// When the run's end was seen.
    pub ended: Option<String>,
    /// Objects that failed.
    pub failed: u64,
    /// Objects whose messages were lost.
    pub lost: u64,
    /// Objects that could not be compared.
    pub not_judged: u64,
    /// Folders and names that could not be listed.
    pub unlisted: u64,
    /// Why the run stopped, or why workers cannot open the task.
    pub error: Option<String>,
    /// Failures of the run by cause, the largest group first.
    pub groups: Vec<FailureGroup>,
}
