//! Begins, cancels and retries runs.

use std::time::Duration;

use axum::http::StatusCode;
use axum::{Extension, Json};
use control::actions::{self, Begun, RunOf};
use control::{Code, Refusal};
use serde_json::Value;
use shared::config;

use crate::api::features::{Me, Role};
use crate::api::runs::{BegunRun, CancelledRun, RetryRequest, RunOverrides, RunRequest};
use crate::extract::{Caller, JsonBody, RunId, TaskName};
use crate::problem::Problem;

/// Most keys of one retry.
const MAX_KEYS: usize = 1_000;

/// Most rules of the filters of one run.
const MAX_FILTERS: usize = 1_000;

/// Begin a run.
#[utoipa::path(post, path = "/tasks/{task}/runs", tag = "runs", params(("task" = String, Path, description = "The name of the task", max_length = 40), ("Idempotency-Key" = Option<String>, Header, description = "A request that is repeated with its key has one effect", max_length = 100)), request_body = RunRequest, responses((status = 202, description = "Recorded", body = BegunRun)))]
pub async fn begin_run(
    Caller(actor): Caller,
    Extension(me): Extension<Me>,
    TaskName(name): TaskName,
    JsonBody(request): JsonBody<RunRequest>,
) -> Result<(StatusCode, Json<BegunRun>), Problem> {
    check_role(&me, &request.overrides)?;
    let overrides = overrides(request.overrides)?;
    let begun = actions::run(&actor, &name, &overrides, request.supersede).await?;
    Ok((StatusCode::ACCEPTED, Json(answer(name, begun))))
}

/// Cancel a run.
#[utoipa::path(post, path = "/runs/{run}/cancel", tag = "runs", params(("run" = String, Path, description = "The id of the run", max_length = 100)), responses((status = 202, description = "Recorded", body = CancelledRun)))]
pub async fn cancel_run(Caller(actor): Caller, RunId(run): RunId) -> Result<(StatusCode, Json<CancelledRun>), Problem> {
    let RunOf { summary, .. } = actions::run_of(&actor, &run).await?;
    let cancelling = actions::cancel_run(&actor, &summary, &run).await?;
    Ok((StatusCode::ACCEPTED, Json(CancelledRun { task: summary.task.name, run: cancelling.run })))
}

/// Copy again what failed in a run.
#[utoipa::path(post, path = "/runs/{run}/retry", tag = "runs", params(("run" = String, Path, description = "The id of the run", max_length = 100), ("Idempotency-Key" = Option<String>, Header, description = "A request that is repeated with its key has one effect", max_length = 100)), request_body = RetryRequest, responses((status = 202, description = "Recorded", body = BegunRun)))]
pub async fn retry_run(
    Caller(actor): Caller,
    RunId(run): RunId,
    JsonBody(request): JsonBody<RetryRequest>,
) -> Result<(StatusCode, Json<BegunRun>), Problem> {
    if request.keys.as_ref().is_some_and(|keys| keys.is_empty() || keys.len() > MAX_KEYS) {
        let what = format!("keys: give 1 to {MAX_KEYS}, or leave them out for all");
        return Err(Refusal::new(Code::InvalidRequest, what).into());
    }
    let of = actions::run_of(&actor, &run).await?;
    let failed = of.run.filter(|run| run.settled.failed > 0);
    let Some(failed) = failed else {
        return Err(Refusal::new(Code::NothingFailed, format!("run {run} has no failed objects")).into());
    };
    let begun = actions::retry(&actor, &of.summary, &failed, request.keys.as_deref()).await?;
    Ok((StatusCode::ACCEPTED, Json(answer(of.summary.task.name, begun))))
}

fn answer(task: String, begun: Begun) -> BegunRun {
    BegunRun { task, run: begun.run, superseded: begun.superseded }
}

/// Only administrators choose what a run may delete, and what it looks at: the definition is theirs. Filters protect
/// objects of the destination from deletion.
fn check_role(me: &Me, given: &RunOverrides) -> Result<(), Problem> {
    let RunOverrides { compare: _, delete, max_delete, filters, min_size, max_size, min_age, max_age } = given;
    let has_bounds = [min_size, max_size, min_age, max_age].into_iter().any(Option::is_some);
    let widens = *delete == Some(true) || max_delete.is_some() || filters.is_some() || has_bounds;
    match widens && me.role < Role::Admin {
        true => {
            let detail = "this needs the role admin: delete, max_delete, filters, and sizes and ages of one run";
            Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
                .with_remedy("leave them out, or ask an administrator"))
        }
        false => Ok(()),
    }
}

/// The options of a run as the ledger keeps them. Their values are checked with the task's definition.
fn overrides(given: RunOverrides) -> Result<config::RunOverrides, Problem> {
    let compare = given.compare.map(|word| serde_json::from_value(Value::String(word))).transpose();
    let compare =
        compare.map_err(|why| Problem::from(Refusal::new(Code::InvalidSetting, why).of_setting("find.compare")))?;
    if given.filters.as_ref().is_some_and(|filters| filters.len() > MAX_FILTERS) {
        let what = format!("give at most {MAX_FILTERS} rules");
        return Err(Refusal::new(Code::InvalidSetting, what).of_setting("find.filters").into());
    }
    Ok(config::RunOverrides {
        compare,
        delete: given.delete,
        max_delete: given.max_delete,
        filters: given.filters,
        min_size: given.min_size,
        max_size: given.max_size,
        min_age: given.min_age.map(Duration::from_secs),
        max_age: given.max_age.map(Duration::from_secs),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_a_run_have_the_words_of_definitions() {
        let given = |compare: &str| RunOverrides { compare: Some(compare.into()), ..RunOverrides::default() };
        assert_eq!(overrides(given("size")).unwrap().compare, Some(config::Compare::Size));
        let refused = overrides(given("smell")).unwrap_err();
        assert_eq!((refused.status, refused.setting.as_deref()), (422, Some("find.compare")));
    }
}
