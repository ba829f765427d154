//! Begins, cancels and retries runs.

use crate::api::runs::{BegunRun, CancelledRun, RetryRequest, RunRequest};
use crate::problem::Problem;

/// Begin a run.
#[utoipa::path(post, path = "/tasks/{task}/runs", tag = "runs", params(("task" = String, Path, description = "The name of the task", max_length = 40), ("Idempotency-Key" = Option<String>, Header, description = "A request that is repeated with its key has one effect", max_length = 100)), request_body = RunRequest, responses((status = 202, description = "Recorded", body = BegunRun)))]
pub async fn begin_run() -> Problem {
    Problem::not_built()
}

/// Cancel a run.
#[utoipa::path(post, path = "/runs/{run}/cancel", tag = "runs", params(("run" = String, Path, description = "The id of the run", max_length = 100)), responses((status = 202, description = "Recorded", body = CancelledRun)))]
pub async fn cancel_run() -> Problem {
    Problem::not_built()
}

/// Copy again what failed in a run.
#[utoipa::path(post, path = "/runs/{run}/retry", tag = "runs", params(("run" = String, Path, description = "The id of the run", max_length = 100), ("Idempotency-Key" = Option<String>, Header, description = "A request that is repeated with its key has one effect", max_length = 100)), request_body = RetryRequest, responses((status = 202, description = "Recorded", body = BegunRun)))]
pub async fn retry_run() -> Problem {
    Problem::not_built()
}
