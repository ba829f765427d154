//! Asks workers to probe, plan and verify.

use crate::api::operations::{PlanRequest, ProbeRequest, RequestedOperation, VerifyRequest};
use crate::problem::Problem;

/// Probe the sides of a definition.
#[utoipa::path(post, path = "/probes", tag = "operations", params(("Idempotency-Key" = Option<String>, Header, description = "A request that is repeated with its key has one effect", max_length = 100)), request_body = ProbeRequest, responses((status = 202, description = "Recorded", body = RequestedOperation)))]
pub async fn probe() -> Problem {
    Problem::not_built()
}

/// Plan a run of a definition.
#[utoipa::path(post, path = "/plans", tag = "operations", params(("Idempotency-Key" = Option<String>, Header, description = "A request that is repeated with its key has one effect", max_length = 100)), request_body = PlanRequest, responses((status = 202, description = "Recorded", body = RequestedOperation)))]
pub async fn plan() -> Problem {
    Problem::not_built()
}

/// Verify a task.
#[utoipa::path(post, path = "/tasks/{task}/verifications", tag = "operations", params(("task" = String, Path, description = "The name of the task", max_length = 40), ("Idempotency-Key" = Option<String>, Header, description = "A request that is repeated with its key has one effect", max_length = 100)), request_body = VerifyRequest, responses((status = 202, description = "Recorded", body = RequestedOperation)))]
pub async fn verify_task() -> Problem {
    Problem::not_built()
}
