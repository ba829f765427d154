//! Shows changes.

use axum::Json;
use axum::extract::{Query, State};

use crate::Console;
use crate::api::audit::{AuditQuery, ChangePage};
use crate::api::page::PageQuery;
use crate::problem::Problem;
use crate::view;

/// The changes of a task, or of all tasks, the newest first.
#[utoipa::path(
    get, path = "/audit", tag = "audit", params(AuditQuery),
    responses((status = 200, description = "Answer", body = ChangePage))
)]
pub async fn list_changes(
    State(console): State<Console>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<ChangePage>, Problem> {
    let tasks = &console.backend().tasks;
    // Changes outlive their task: then the id alone finds them.
    let id = match &query.task {
        Some(name) => Some(tasks.summary(name).await?.map_or_else(|| name.clone(), |summary| summary.task.id)),
        None => None,
    };
    let page = PageQuery { cursor: query.cursor.clone(), limit: query.limit };
    let (changes, next) = tasks
        .audits(id.as_deref(), query.cursor.as_deref(), page.limit())
        .await
        .map_err(|error| Problem::of_page(error, query.cursor.is_some()))?;
    Ok(Json(ChangePage { items: changes.iter().map(view::change).collect(), next }))
}
