//! What somebody asked workers to do beside runs: probe, plan, verify.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::definition::Definition;

/// An operation.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Operation {
    /// Its id.
    pub id: String,
    /// `find`, `plan`, `verify`, `probe`, `retry`, `close`, `erase` or `notify`.
    pub kind: String,
    /// How far it is.
    pub state: OperationState,
    /// How it ended.
    pub verdict: Option<OperationVerdict>,
    /// Who asked for it.
    pub who: String,
    /// When.
    pub requested: String,
    /// When it ended.
    pub ended: Option<String>,
    /// The worker of its last step.
    pub worker: Option<String>,
    /// How far it is, for people.
    pub progress: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// Its result, as the command of its kind prints it with `--json`.
    #[schema(value_type = Option<Object>)]
    pub result: Option<serde_json::Value>,
}

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OperationState {
    /// No worker has begun it.
    Queued,
    /// A worker has begun it.
    Running,
    /// It has ended.
    Done,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OperationVerdict {
    /// It was carried out.
    Succeeded,
    /// It could not be carried out.
    Failed,
    /// It was cancelled.
    Cancelled,
}

/// Which task an operation is of.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OperationQuery {
    /// The task's name; absent: the operation has a definition of its own.
    #[param(max_length = 40)]
    pub task: Option<String>,
}

/// Finds out whether workers can list, read, write and delete.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProbeRequest {
    /// The definition; absent: that of `task`.
    #[serde(default)]
    pub definition: Option<Definition>,
    /// The task's name.
    #[serde(default)]
    #[schema(max_length = 40)]
    pub task: Option<String>,
    /// Whether an object is written to the destination and deleted.
    #[serde(default)]
    pub write_test: bool,
}

/// Counts what a run would do, and its cost.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// The definition; absent: that of `task`.
    #[serde(default)]
    pub definition: Option<Definition>,
    /// The task's name.
    #[serde(default)]
    #[schema(max_length = 40)]
    pub task: Option<String>,
}

/// Compares both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VerifyRequest {
    /// How much is read.
    pub effort: VerifyEffort,
}

/// How much a verification reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VerifyEffort {
    /// No byte over a network.
    Quick,
    /// What cannot be compared without.
    #[default]
    Needed,
    /// All bytes of both sides.
    Deep,
}

/// An operation that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RequestedOperation {
    /// The task's name; `null` if the request has a definition.
    pub task: Option<String>,
    /// The operation.
    pub operation: String,
}
