//! Shows the last outcome of an object.

use axum::Json;
use axum::extract::{Path, Query, State};

use super::found;
use crate::Console;
use crate::api::failures::Outcome;
use crate::api::objects::ObjectQuery;
use crate::problem::Problem;
use crate::view;

/// The last outcome of a key.
#[utoipa::path(
    get, path = "/tasks/{task}/objects", tag = "objects",
    params(("task" = String, Path, description = "The name of the task", max_length = 40), ObjectQuery),
    responses((status = 200, description = "Answer", body = Outcome))
)]
pub async fn get_object(
    State(console): State<Console>,
    Path(name): Path<String>,
    Query(query): Query<ObjectQuery>,
) -> Result<Json<Outcome>, Problem> {
    let summary = found::task(&console, &name).await?;
    let outcome = console.backend().ledger.outcome(&summary.task.id, &query.key).await?;
    let outcome = outcome.ok_or_else(|| {
        let detail = format!("no outcome of key {:?} of task {name:?} is recorded", query.key);
        let remedy = "keys are relative to the locations; an object that was in sync has none; \
                      in DynamoDB outcomes expire (keep-outcomes)";
        Problem::missing("no-outcome", detail).with_remedy(remedy)
    })?;
    Ok(Json(view::outcome(&outcome)))
}
