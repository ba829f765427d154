//! Tasks: list, look, create, change, delete, pause, resume.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page::PageQuery;
use super::task::{TaskItem, TaskStatus};

/// Which tasks.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TasksQuery {
    /// Only tasks with this status; `running`: all with a live run, also those of status `failed`.
    pub status: Option<TaskStatus>,
    /// Only tasks whose name, description or locations contain this, in any case.
    #[param(max_length = 200)]
    pub search: Option<String>,
    /// The `next` of the page before; absent: the first page.
    #[param(max_length = 4096)]
    pub cursor: Option<String>,
    /// Most items.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

impl TasksQuery {
    /// Which page.
    pub fn page(&self) -> PageQuery {
        PageQuery { cursor: self.cursor.clone(), limit: self.limit }
    }
}

/// A page of tasks, by name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TaskPage {
    /// The tasks.
    pub items: Vec<TaskItem>,
    /// The cursor of the next page; `null`: there is none.
    pub next: Option<String>,
    /// Tasks that the search finds, by status; also those that `status` leaves out.
    pub counts: TaskCounts,
}

/// Tasks by status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct TaskCounts {
    /// All of them.
    pub all: u32,
    /// Of status `failed`.
    pub failed: u32,
    /// Of status `running`; in a list also those of status `failed` with a live run.
    pub running: u32,
    /// Of status `waiting`.
    pub waiting: u32,
    /// Of status `paused`.
    pub paused: u32,
    /// Of status `deleting`.
    pub deleting: u32,
}

/// How a task is deleted.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeleteQuery {
    /// Whether its records in the ledger are removed too.
    #[serde(default)]
    pub records: bool,
}

/// A change that was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Recorded {
    /// The task's name.
    pub task: String,
    /// The version of its definition.
    pub version: u32,
    /// When its next run is due.
    pub next_due: Option<String>,
    /// What else happened, or is to be done by people; in words.
    pub notes: Vec<String>,
}
