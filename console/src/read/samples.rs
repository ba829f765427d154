//! Shows a task over time.

use crate::api::samples::{Samples, SamplesQuery};
use crate::problem::Problem;

/// A task over time.
#[utoipa::path(get, path = "/tasks/{task}/samples", tag = "samples", params(("task" = String, Path, description = "The name of the task", max_length = 40), SamplesQuery), responses((status = 200, description = "Answer", body = Samples)))]
pub async fn get_samples() -> Problem {
    Problem::not_built()
}
