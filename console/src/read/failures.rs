//! Shows what failed.

use crate::api::failures::{FailurePage, FailuresQuery, TaskFailuresPage};
use crate::api::page::PageQuery;
use crate::problem::Problem;

/// The failures of a run, or their groups.
#[utoipa::path(get, path = "/runs/{run}/failures", tag = "failures", params(("run" = String, Path, description = "The id of the run", max_length = 100), FailuresQuery), responses((status = 200, description = "Answer", body = FailurePage)))]
pub async fn list_run_failures() -> Problem {
    Problem::not_built()
}

/// The failures of a run, one outcome a line.
#[utoipa::path(get, path = "/runs/{run}/report", tag = "failures", params(("run" = String, Path, description = "The id of the run", max_length = 100)), responses((status = 200, description = "Answer", body = String, content_type = "application/jsonl")))]
pub async fn get_run_report() -> Problem {
    Problem::not_built()
}

/// The tasks whose live or last run has failures.
#[utoipa::path(get, path = "/failures", tag = "failures", params(PageQuery), responses((status = 200, description = "Answer", body = TaskFailuresPage)))]
pub async fn list_failures() -> Problem {
    Problem::not_built()
}
