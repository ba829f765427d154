//! Shows the last outcome of an object.

use crate::api::failures::Outcome;
use crate::api::objects::ObjectQuery;
use crate::problem::Problem;

/// The last outcome of a key.
#[utoipa::path(get, path = "/tasks/{task}/objects", tag = "objects", params(("task" = String, Path, description = "The name of the task", max_length = 40), ObjectQuery), responses((status = 200, description = "Answer", body = Outcome)))]
pub async fn get_object() -> Problem {
    Problem::not_built()
}
