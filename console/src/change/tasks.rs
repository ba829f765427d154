//! Creates, changes and deletes tasks.

use crate::api::dead_letters::EventsRequest;
use crate::api::definition::{CheckedDefinition, Definition};
use crate::api::limits::{Limits, LimitsPatch};
use crate::api::tasks::{DeleteQuery, Recorded};
use crate::problem::Problem;

/// Create a task.
#[utoipa::path(post, path = "/tasks", tag = "tasks", params(("Idempotency-Key" = Option<String>, Header, description = "A request that is repeated with its key has one effect", max_length = 100)), request_body(content((Definition = "application/json"), (String = "application/toml"))), responses((status = 201, description = "Created", body = Recorded, headers(("Location" = String, description = "The task"), ("ETag" = String, description = "The version")))))]
pub async fn create_task() -> Problem {
    Problem::not_built()
}

/// Replace the definition of a task.
#[utoipa::path(put, path = "/tasks/{task}", tag = "tasks", params(("task" = String, Path, description = "The name of the task", max_length = 40), ("If-Match" = String, Header, description = "The ETag of the definition that is replaced", max_length = 100)), request_body(content((Definition = "application/json"), (String = "application/toml"))), responses((status = 202, description = "Recorded", body = Recorded)))]
pub async fn edit_task() -> Problem {
    Problem::not_built()
}

/// Delete a task.
#[utoipa::path(delete, path = "/tasks/{task}", tag = "tasks", params(("task" = String, Path, description = "The name of the task", max_length = 40), DeleteQuery), responses((status = 202, description = "Recorded", body = Recorded)))]
pub async fn delete_task() -> Problem {
    Problem::not_built()
}

/// Pause a task.
#[utoipa::path(post, path = "/tasks/{task}/pause", tag = "tasks", params(("task" = String, Path, description = "The name of the task", max_length = 40)), responses((status = 202, description = "Recorded", body = Recorded)))]
pub async fn pause_task() -> Problem {
    Problem::not_built()
}

/// Resume a task.
#[utoipa::path(post, path = "/tasks/{task}/resume", tag = "tasks", params(("task" = String, Path, description = "The name of the task", max_length = 40)), responses((status = 202, description = "Recorded", body = Recorded)))]
pub async fn resume_task() -> Problem {
    Problem::not_built()
}

/// Change the limits of a task.
#[utoipa::path(patch, path = "/tasks/{task}/limits", tag = "tasks", params(("task" = String, Path, description = "The name of the task", max_length = 40)), request_body = LimitsPatch, responses((status = 202, description = "Recorded", body = Limits)))]
pub async fn limit_task() -> Problem {
    Problem::not_built()
}

/// Choose which events a task follows.
#[utoipa::path(put, path = "/tasks/{task}/events", tag = "tasks", params(("task" = String, Path, description = "The name of the task", max_length = 40)), request_body = EventsRequest, responses((status = 202, description = "Recorded", body = Recorded)))]
pub async fn set_events() -> Problem {
    Problem::not_built()
}

/// Check a definition.
#[utoipa::path(post, path = "/definitions/check", tag = "tasks", request_body(content((Definition = "application/json"), (String = "application/toml"))), responses((status = 200, description = "Answer", body = CheckedDefinition)))]
pub async fn check_definition() -> Problem {
    Problem::not_built()
}
