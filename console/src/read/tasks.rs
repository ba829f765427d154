//! Lists tasks, and shows one.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::{Extension, Json};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use shared::config::{TaskDefinition, TaskLimits};
use shared::tasks::{Heartbeat, Summary};

use super::{found, task};
use crate::Console;
use crate::api::definition::{Definition, RecordedDefinition, VersionQuery};
use crate::api::features::{Me, Role};
use crate::api::task::{Task, TaskItem, TaskStatus};
use crate::api::tasks::{TaskCounts, TaskPage, TasksQuery};
use crate::extract;
use crate::problem::Problem;
use crate::view;

/// Live runs that are read at once.
const RUNS_AT_ONCE: usize = 8;

/// The tasks of the fleet.
#[utoipa::path(
    get, path = "/tasks", tag = "tasks", params(TasksQuery),
    responses((status = 200, description = "Answer", body = TaskPage))
)]
pub async fn list_tasks(
    State(console): State<Console>,
    Query(query): Query<TasksQuery>,
) -> Result<Json<TaskPage>, Problem> {
    let tasks = &console.backend().tasks;
    let summaries = console.recent().summaries(tasks).await?;
    let heartbeats = console.recent().heartbeats(tasks).await?;
    let search = query.search.as_ref().map(|search| search.to_lowercase()).filter(|search| !search.is_empty());
    let found = summaries.iter().filter(|summary| search.as_ref().is_none_or(|search| mentions(summary, search)));
    let found: Vec<(&Summary, TaskStatus)> =
        found.map(|summary| (summary, view::status(summary, has_errors(summary, &heartbeats)))).collect();
    let mut counts = counts(found.iter().map(|(_, status)| *status));
    // A live run that needs attention is found under both.
    let is_both = |summary: &Summary, status| status == TaskStatus::Failed && summary.run.is_some();
    let both = found.iter().filter(|(summary, status)| is_both(summary, *status)).count();
    counts.running += u32::try_from(both).unwrap_or(u32::MAX);
    // Names are in order.
    let rest = found.into_iter().filter(|(summary, status)| {
        let is_wanted = |wanted| wanted == *status || (wanted == TaskStatus::Running && is_both(summary, *status));
        query.status.is_none_or(is_wanted) && query.cursor.as_ref().is_none_or(|after| summary.task.name > *after)
    });
    let limit = query.page().limit();
    let mut page: Vec<&Summary> = rest.map(|(summary, _)| summary).take(limit + 1).collect();
    let has_more = page.len() > limit;
    page.truncate(limit);
    let next = page.last().filter(|_| has_more).map(|last| last.task.name.clone());
    let (backend, heartbeats) = (console.backend(), &heartbeats);
    let page: Vec<Summary> = page.into_iter().cloned().collect();
    let items = page.into_iter().map(|summary| async move { view::item(backend, &summary, heartbeats).await });
    let items: Vec<TaskItem> = stream::iter(items).buffered(RUNS_AT_ONCE).try_collect().await?;
    Ok(Json(TaskPage { items, next, counts }))
}

fn has_errors(summary: &Summary, heartbeats: &[Heartbeat]) -> bool {
    heartbeats.iter().any(|heartbeat| heartbeat.errors.contains_key(&summary.task.id))
}

fn mentions(summary: &Summary, search: &str) -> bool {
    let outline = &summary.outline;
    let texts = [&summary.task.name, &outline.description, &outline.source, &outline.destination];
    texts.iter().any(|text| text.to_lowercase().contains(search))
}

/// Tasks by status.
pub fn counts(all: impl Iterator<Item = TaskStatus>) -> TaskCounts {
    let mut counts = TaskCounts::default();
    for status in all {
        counts.all += 1;
        *match status {
            TaskStatus::Failed => &mut counts.failed,
            TaskStatus::Running => &mut counts.running,
            TaskStatus::Waiting => &mut counts.waiting,
            TaskStatus::Paused => &mut counts.paused,
            TaskStatus::Deleting => &mut counts.deleting,
        } += 1;
    }
    counts
}

/// Counts of all tasks of the fleet.
pub fn all_counts(summaries: &[Summary], heartbeats: &[Heartbeat]) -> TaskCounts {
    counts(summaries.iter().map(|summary| view::status(summary, has_errors(summary, heartbeats))))
}

/// Everything about a task.
#[utoipa::path(
    get, path = "/tasks/{task}", tag = "tasks",
    params(("task" = String, Path, description = "The name of the task", max_length = 40)),
    responses((status = 200, description = "Answer", body = Task, headers(("ETag" = String, description = "The version of the definition"))))
)]
pub async fn get_task(
    State(console): State<Console>,
    Path(name): Path<String>,
) -> Result<(HeaderMap, Json<Task>), Problem> {
    let summary = found::task(&console, &name).await?;
    let shown = task::task(&console, &summary).await?;
    Ok((etag(&summary, summary.version), Json(shown)))
}

/// A definition of a task; its ETag is the version.
#[utoipa::path(
    get, path = "/tasks/{task}/definition", tag = "tasks",
    params(("task" = String, Path, description = "The name of the task", max_length = 40), VersionQuery),
    responses((status = 200, description = "Answer", body = RecordedDefinition, headers(("ETag" = String, description = "The version"))))
)]
pub async fn get_definition(
    State(console): State<Console>,
    Extension(me): Extension<Me>,
    Path(name): Path<String>,
    Query(query): Query<VersionQuery>,
) -> Result<(HeaderMap, Json<RecordedDefinition>), Problem> {
    let summary = found::task(&console, &name).await?;
    let version = query.version.unwrap_or(summary.version);
    let recorded = recorded(&console, &summary, version, me.role).await?;
    Ok((etag(&summary, version), Json(recorded)))
}

/// A version of a task's definition, as somebody with this role sees it. The present one has the limits that hold now.
///
/// The URL of a webhook may be a secret: who knows it may post there. Only an administrator, who edits definitions, sees
/// it. What a newer program wrote cannot be searched for it.
pub async fn recorded(
    console: &Console,
    summary: &Summary,
    version: u32,
    role: Role,
) -> Result<RecordedDefinition, Problem> {
    let text = console.backend().tasks.definition(&summary.task.id, version).await?;
    let Some(text) = text else {
        let name = &summary.task.name;
        let detail = format!("task {name:?} has no version {version} of its definition: versions that no run needs go");
        return Err(Problem::missing("no-such-version", detail));
    };
    let Ok(mut definition) = TaskDefinition::parse(&text) else {
        let toml = if role >= Role::Admin { text } else { "# written by a newer program\n".to_owned() };
        return Ok(RecordedDefinition { version, toml, definition: None });
    };
    if role < Role::Admin {
        definition.notify.webhook = definition.notify.webhook.as_deref().map(without_secret);
    }
    let shared::tasks::Limits { machines, bandwidth, requests } = summary.limits;
    let limits =
        if version == summary.version { TaskLimits { machines, bandwidth, requests } } else { definition.limits };
    let definition = TaskDefinition { limits, ..definition };
    let toml = definition.to_toml().unwrap_or_default();
    let definition = definition.to_json().ok().map(Definition);
    Ok(RecordedDefinition { version, toml, definition })
}

/// A webhook's origin, or the host of its URL alone.
fn without_secret(webhook: &str) -> String {
    if ["env:", "file:"].iter().any(|origin| webhook.starts_with(origin)) {
        return webhook.to_owned();
    }
    let (scheme, rest) = webhook.split_once("://").unwrap_or(("https", ""));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // A name and a password may stand before the host.
    format!("{scheme}://{}/…", host.rsplit('@').next().unwrap_or_default())
}

/// The header with the tag of a definition.
pub fn etag(summary: &Summary, version: u32) -> HeaderMap {
    let value = HeaderValue::from_str(&extract::etag(summary, version)).ok();
    HeaderMap::from_iter(value.map(|value| (header::ETAG, value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_a_viewer_sees_no_secret_of_a_webhook() {
        for (webhook, shown) in [
            ("https://hooks.example.com/services/T0/SECRET", "https://hooks.example.com/…"),
            ("https://me:SECRET@hooks.example.com?key=SECRET", "https://hooks.example.com/…"),
            ("SECRET", "https:///…"),
            ("env:WEBHOOK", "env:WEBHOOK"),
            ("file:/run/webhook", "file:/run/webhook"),
        ] {
            assert_eq!(without_secret(webhook), shown);
        }
    }
}
