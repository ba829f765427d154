//! Shows, redrives and purges dead letters.

use crate::api::dead_letters::{DeadLetters, MovedLetters};
use crate::problem::Problem;

/// The first dead letters of a task.
#[utoipa::path(get, path = "/tasks/{task}/dead-letters", tag = "dead_letters", params(("task" = String, Path, description = "The name of the task", max_length = 40)), responses((status = 200, description = "Answer", body = DeadLetters)))]
pub async fn list_dead_letters() -> Problem {
    Problem::not_built()
}

/// Send dead letters again.
#[utoipa::path(post, path = "/tasks/{task}/dead-letters/redrive", tag = "dead_letters", params(("task" = String, Path, description = "The name of the task", max_length = 40)), responses((status = 202, description = "Recorded", body = MovedLetters)))]
pub async fn redrive_dead_letters() -> Problem {
    Problem::not_built()
}

/// Remove dead letters.
#[utoipa::path(post, path = "/tasks/{task}/dead-letters/purge", tag = "dead_letters", params(("task" = String, Path, description = "The name of the task", max_length = 40)), responses((status = 202, description = "Recorded", body = MovedLetters)))]
pub async fn purge_dead_letters() -> Problem {
    Problem::not_built()
}
