//! Shows workers and machines.

use crate::api::workers::Workers;
use crate::problem::Problem;

/// The workers of the fleet, and its group of machines.
#[utoipa::path(get, path = "/workers", tag = "workers", responses((status = 200, description = "Answer", body = Workers)))]
pub async fn list_workers() -> Problem {
    Problem::not_built()
}
