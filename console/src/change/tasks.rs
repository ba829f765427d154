//! Creates, changes and deletes tasks.

use std::time::Duration;

use axum::Json;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::{HeaderName, StatusCode, header};
use control::actions::{self, Deleted, Found, NewLimits, Waiting};
use control::{Actor, Code, Refusal};
use shared::config;
use shared::object::Timestamp;
use shared::schedule::Schedule;
use shared::tasks::Summary;

use crate::api::dead_letters::{EventsRequest, FollowedEvents};
use crate::api::definition::{CheckedDefinition, Definition};
use crate::api::limits::{Limits, LimitsPatch};
use crate::api::page::time;
use crate::api::tasks::{DeleteQuery, Recorded};
use crate::document::BASE;
use crate::extract::{Caller, DefinitionBody, IfMatch, JsonBody, TaskName, changed, etag};
use crate::problem::Problem;

/// Due times that a check names.
const DUE_TIMES: usize = 3;

/// A change that was recorded.
type Answer = Result<(StatusCode, Json<Recorded>), Problem>;

/// Create a task.
#[utoipa::path(post, path = "/tasks", tag = "tasks", params(("Idempotency-Key" = Option<String>, Header, description = "A request that is repeated with its key has one effect", max_length = 100)), request_body(content((Definition = "application/json"), (String = "application/toml"))), responses((status = 201, description = "Created", body = Recorded, headers(("Location" = String, description = "The task"), ("ETag" = String, description = "The version")))))]
pub async fn create_task(
    Caller(actor): Caller,
    DefinitionBody(definition): DefinitionBody,
) -> Result<(StatusCode, [(HeaderName, String); 2], Json<Recorded>), Problem> {
    // A browser does not wait for SQS to free a name: the program that serves the fleet makes the queues.
    let waiting = Waiting { at_most: Duration::ZERO, say: &|_| {} };
    let created = actions::create(&actor, &definition, waiting).await?;
    let summary = actor.summary(&created.task.name).await?;
    let recorded = of(&summary, notes(created.completed));
    let tag = etag(&summary, summary.version);
    let headers = [(header::LOCATION, format!("{BASE}/tasks/{}", recorded.task)), (header::ETAG, tag)];
    Ok((StatusCode::CREATED, headers, Json(recorded)))
}

/// Replace the definition of a task.
#[utoipa::path(put, path = "/tasks/{task}", tag = "tasks", params(("task" = String, Path, description = "The name of the task", max_length = 40), ("If-Match" = String, Header, description = "The ETag of the definition that is replaced", max_length = 200)), request_body(content((Definition = "application/json"), (String = "application/toml"))), responses((status = 202, description = "Recorded", body = Recorded)))]
pub async fn edit_task(
    Caller(actor): Caller,
    TaskName(name): TaskName,
    if_match: IfMatch,
    DefinitionBody(definition): DefinitionBody,
) -> Answer {
    let seen = actor.found(&name).await?;
    if_match.required()?.check(&seen.summary)?;
    match actions::edit(&actor, &seen, &definition).await {
        Ok(edited) => recorded(&actor, &name, notes(edited.wired)).await,
        // Somebody was first since the task was read.
        Err(refusal) if refusal.code == Code::Changed => Err(changed(&refusal.what)),
        Err(refusal) => Err(refusal.into()),
    }
}

/// Of two edits of one version the ledger records one.
async fn edit(actor: &Actor, seen: &Found, definition: &config::TaskDefinition) -> Answer {
    let edited = actions::edit(actor, seen, definition).await?;
    recorded(actor, &seen.summary.task.name, notes(edited.wired)).await
}

/// Delete a task.
#[utoipa::path(delete, path = "/tasks/{task}", tag = "tasks", params(("task" = String, Path, description = "The name of the task", max_length = 40), ("If-Match" = Option<String>, Header, description = "The ETag of the task that is deleted", max_length = 200), DeleteQuery), responses((status = 202, description = "Recorded", body = Recorded)))]
pub async fn delete_task(
    Caller(actor): Caller,
    TaskName(name): TaskName,
    query: Result<Query<DeleteQuery>, QueryRejection>,
    if_match: IfMatch,
) -> Answer {
    let Query(query) = query.map_err(|why| {
        Problem::new(StatusCode::BAD_REQUEST, "invalid-query", format!("the query is invalid: {}", why.body_text()))
    })?;
    let summary = actor.summary(&name).await?;
    if_match.check(&summary)?;
    let note = match actions::delete(&actor, &summary, query.records).await? {
        Deleted::Gone => "the task is gone",
        Deleted::Begun => "its runs are cancelled, then its queues are removed",
    };
    Ok((StatusCode::ACCEPTED, Json(of(&summary, vec![note.to_owned()]))))
}

/// Pause a task.
#[utoipa::path(post, path = "/tasks/{task}/pause", tag = "tasks", params(("task" = String, Path, description = "The name of the task", max_length = 40)), responses((status = 202, description = "Recorded", body = Recorded)))]
pub async fn pause_task(Caller(actor): Caller, TaskName(name): TaskName) -> Answer {
    actions::pause(&actor, &name).await?;
    recorded(&actor, &name, vec!["its messages are kept for 14 days: resume it before".to_owned()]).await
}

/// Resume a task.
#[utoipa::path(post, path = "/tasks/{task}/resume", tag = "tasks", params(("task" = String, Path, description = "The name of the task", max_length = 40)), responses((status = 202, description = "Recorded", body = Recorded)))]
pub async fn resume_task(Caller(actor): Caller, TaskName(name): TaskName) -> Answer {
    let resumed = actions::resume(&actor, &name).await?;
    recorded(&actor, &name, notes(resumed.wired)).await
}

/// Change the limits of a task.
#[utoipa::path(patch, path = "/tasks/{task}/limits", tag = "tasks", params(("task" = String, Path, description = "The name of the task", max_length = 40)), request_body = LimitsPatch, responses((status = 202, description = "Recorded", body = Limits)))]
pub async fn limit_task(
    Caller(actor): Caller,
    TaskName(name): TaskName,
    JsonBody(patch): JsonBody<LimitsPatch>,
) -> Result<(StatusCode, Json<Limits>), Problem> {
    let LimitsPatch { machines, bandwidth, requests } = patch;
    let limits = actions::limit(&actor, &name, &NewLimits { machines, bandwidth, requests }).await?;
    Ok((StatusCode::ACCEPTED, Json(limits.into())))
}

/// Choose which events a task follows.
#[utoipa::path(put, path = "/tasks/{task}/events", tag = "tasks", params(("task" = String, Path, description = "The name of the task", max_length = 40)), request_body = EventsRequest, responses((status = 202, description = "Recorded", body = Recorded)))]
pub async fn set_events(
    Caller(actor): Caller,
    TaskName(name): TaskName,
    JsonBody(request): JsonBody<EventsRequest>,
) -> Answer {
    let seen = actor.found(&name).await?;
    let events = match request.events {
        FollowedEvents::Off => config::FollowedEvents::Off,
        FollowedEvents::Create => config::FollowedEvents::Create,
        FollowedEvents::CreateDelete => config::FollowedEvents::CreateDelete,
    };
    let definition = config::TaskDefinition { events, ..seen.definition.clone() };
    definition.check().map_err(Refusal::from)?;
    edit(&actor, &seen, &definition).await
}

/// Check a definition.
#[utoipa::path(post, path = "/definitions/check", tag = "tasks", request_body(content((Definition = "application/json"), (String = "application/toml"))), responses((status = 200, description = "Answer", body = CheckedDefinition)))]
pub async fn check_definition(
    Caller(actor): Caller,
    DefinitionBody(definition): DefinitionBody,
) -> Result<Json<CheckedDefinition>, Problem> {
    definition.check_on(actor.fleet()).map_err(Refusal::from)?;
    let toml = definition.to_toml().map_err(Refusal::from)?;
    let map = definition.to_json().map_err(Refusal::from)?;
    let due = due_times(definition.schedule.as_ref(), Timestamp::now());
    Ok(Json(CheckedDefinition { toml, definition: Definition(map), due: due.into_iter().map(time).collect() }))
}

/// The first times at which a task runs that is created now.
fn due_times(schedule: Option<&Schedule>, now: Timestamp) -> Vec<Timestamp> {
    let Some(schedule) = schedule else { return Vec::new() };
    let next = |due: &Timestamp| schedule.next(*due, *due);
    std::iter::successors(schedule.first(now), next).take(DUE_TIMES).collect()
}

/// The answer to a change.
async fn recorded(actor: &Actor, name: &str, notes: Vec<String>) -> Answer {
    Ok((StatusCode::ACCEPTED, Json(of(&actor.summary(name).await?, notes))))
}

fn of(summary: &Summary, notes: Vec<String>) -> Recorded {
    let Summary { task, version, next_due, .. } = summary;
    Recorded { task: task.name.clone(), version: *version, next_due: next_due.map(time), notes }
}

/// What came after a record, in words. What failed is no error: the record stands.
fn notes(completed: Result<Option<String>, Refusal>) -> Vec<String> {
    completed.unwrap_or_else(|refusal| Some(refusal.to_string())).into_iter().collect()
}
