//! Shows runs.

use crate::api::definition::RecordedDefinition;
use crate::api::page::PageQuery;
use crate::api::runs::{Run, RunPage};
use crate::problem::Problem;

/// The runs of a task, the newest first.
#[utoipa::path(get, path = "/tasks/{task}/runs", tag = "runs", params(("task" = String, Path, description = "The name of the task", max_length = 40), PageQuery), responses((status = 200, description = "Answer", body = RunPage)))]
pub async fn list_runs() -> Problem {
    Problem::not_built()
}

/// A run.
#[utoipa::path(get, path = "/runs/{run}", tag = "runs", params(("run" = String, Path, description = "The id of the run", max_length = 100)), responses((status = 200, description = "Answer", body = Run)))]
pub async fn get_run() -> Problem {
    Problem::not_built()
}

/// The definition that a run keeps.
#[utoipa::path(get, path = "/runs/{run}/definition", tag = "runs", params(("run" = String, Path, description = "The id of the run", max_length = 100)), responses((status = 200, description = "Answer", body = RecordedDefinition, headers(("ETag" = String, description = "The version")))))]
pub async fn get_run_definition() -> Problem {
    Problem::not_built()
}
