//! Lists tasks, and shows one.

use crate::api::definition::{RecordedDefinition, VersionQuery};
use crate::api::task::Task;
use crate::api::tasks::{TaskPage, TasksQuery};
use crate::problem::Problem;

/// The tasks of the fleet.
#[utoipa::path(get, path = "/tasks", tag = "tasks", params(TasksQuery), responses((status = 200, description = "Answer", body = TaskPage)))]
pub async fn list_tasks() -> Problem {
    Problem::not_built()
}

/// Everything about a task.
#[utoipa::path(get, path = "/tasks/{task}", tag = "tasks", params(("task" = String, Path, description = "The name of the task", max_length = 40)), responses((status = 200, description = "Answer", body = Task)))]
pub async fn get_task() -> Problem {
    Problem::not_built()
}

/// A definition of a task; its ETag is the version.
#[utoipa::path(get, path = "/tasks/{task}/definition", tag = "tasks", params(("task" = String, Path, description = "The name of the task", max_length = 40), VersionQuery), responses((status = 200, description = "Answer", body = RecordedDefinition, headers(("ETag" = String, description = "The version")))))]
pub async fn get_definition() -> Problem {
    Problem::not_built()
}
