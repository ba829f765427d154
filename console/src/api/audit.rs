//! Who changed what.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Whose changes.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// The task's name, or its id: that of a deleted task has its changes for 400 days. Absent: all tasks.
    #[param(min_length = 1, max_length = 64)]
    pub task: Option<String>,
    /// A part of the name of who made them, in any case. Absent: everybody.
    #[param(min_length = 1, max_length = 100)]
    pub who: Option<String>,
    /// The `next` of the page before; absent: the first page.
    #[param(max_length = 4096)]
    pub cursor: Option<String>,
    /// Most items.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

/// A page of changes, the newest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ChangePage {
    /// The changes. Of one person there may be none on a page before the last.
    pub items: Vec<Change>,
    /// The cursor of the next page; `null`: there is none.
    pub next: Option<String>,
}

/// A change of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Change {
    /// The task.
    pub task: String,
    /// The task's id: another task may have its name now.
    pub task_id: String,
    /// Who made it: a person, a role or a program.
    pub who: String,
    /// When.
    pub at: String,
    /// `create`, `edit`, `pause`, `resume`, `limit`, `run`, `cancel`, `delete`, `forget`, `redrive`, `purge`.
    pub action: String,
    /// The run or the version that it was made to.
    pub subject: Option<String>,
    /// More about it.
    pub note: Option<String>,
}
