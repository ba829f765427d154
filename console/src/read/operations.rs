//! Shows operations.

use axum::Json;
use axum::extract::{Path, Query, State};
use shared::tasks::OPERATIONS;

use super::found;
use crate::Console;
use crate::api::operations::{Operation, OperationQuery};
use crate::problem::Problem;
use crate::view;

/// An operation.
#[utoipa::path(
    get, path = "/operations/{operation}", tag = "operations",
    params(("operation" = String, Path, description = "The id of the operation", max_length = 64), OperationQuery),
    responses((status = 200, description = "Answer", body = Operation))
)]
pub async fn get_operation(
    State(console): State<Console>,
    Path(id): Path<String>,
    Query(query): Query<OperationQuery>,
) -> Result<Json<Operation>, Problem> {
    Ok(Json(shown(&console, query.task.as_deref(), &id).await?))
}

/// An operation of a task, or one with a definition of its own.
pub async fn shown(console: &Console, task: Option<&str>, id: &str) -> Result<Operation, Problem> {
    let mut owners = vec![OPERATIONS.to_owned()];
    if let Some(name) = task {
        owners.insert(0, found::task(console, name).await?.task.id);
    }
    for owner in owners {
        if let Some(operation) = console.backend().tasks.operation(&owner, id).await? {
            return Ok(view::operation(&operation));
        }
    }
    let detail = format!("there is no operation {id:?}: operations are kept for 90 days");
    Err(Problem::missing("no-such-operation", detail))
}
