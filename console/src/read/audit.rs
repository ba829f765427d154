//! Shows changes.

use axum::Json;
use axum::extract::{Query, State};
use shared::tasks::Audit;

use crate::Console;
use crate::api::audit::{AuditQuery, ChangePage};
use crate::api::page::PageQuery;
use crate::problem::Problem;
use crate::view;

/// Pages that one request looks through for the changes of one person. The next request goes on from its cursor.
const LOOKED_THROUGH: usize = 40;

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
    let who = query.who.as_ref().map(|who| who.to_lowercase());
    let is_wanted = |audit: &Audit| who.as_ref().is_none_or(|who| audit.author.who.to_lowercase().contains(who));
    let (mut cursor, mut items) = (query.cursor.clone(), Vec::new());
    for _ in 0..if who.is_some() { LOOKED_THROUGH } else { 1 } {
        let (changes, next) = tasks
            .audits(id.as_deref(), cursor.as_deref(), page.limit())
            .await
            .map_err(|error| Problem::of_page(error, query.cursor.is_some()))?;
        items = changes.iter().filter(|audit| is_wanted(audit)).map(view::change).collect();
        cursor = next;
        // A page is not filled from the next one: a cursor names the end of a page that was read.
        if !items.is_empty() || cursor.is_none() {
            break;
        }
    }
    Ok(Json(ChangePage { items, next: cursor }))
}
