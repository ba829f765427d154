//! Shows changes.

use crate::api::audit::{AuditQuery, ChangePage};
use crate::problem::Problem;

/// The changes of a task, the newest first.
#[utoipa::path(get, path = "/audit", tag = "audit", params(AuditQuery), responses((status = 200, description = "Answer", body = ChangePage)))]
pub async fn list_changes() -> Problem {
    Problem::not_built()
}
