//! Shows what failed.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use control::views::RunState;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use shared::ledger::{Run, SharedLedger};
use shared::tasks::{RunEnd, Summary};

use super::runs;
use crate::Console;
use crate::api::failures::{FailureGroup, FailurePage, FailuresQuery, TaskFailures, TaskFailuresPage};
use crate::api::page::{PageQuery, time};
use crate::problem::Problem;
use crate::view;

/// Failures that are looked through for one example of each cause.
const EXAMPLES_AMONG: usize = 200;

/// Reads for one page of failures of a cause. A page that ends by it is short.
const MAX_READS: usize = 20;

/// Failures that are looked through for examples where many tasks are listed.
const EXAMPLES_IN_LIST: usize = 20;

/// Failures of a report that are read at a time.
const REPORT_PAGE: usize = 500;

/// Tasks whose runs are read at once.
const TASKS_AT_ONCE: usize = 8;

/// Failures of no known cause.
const OTHER: &str = "other";

/// The failures of a run, or their groups.
#[utoipa::path(
    get, path = "/runs/{run}/failures", tag = "failures",
    params(("run" = String, Path, description = "The id of the run", max_length = 100), FailuresQuery),
    responses((status = 200, description = "Answer", body = FailurePage))
)]
pub async fn list_run_failures(
    State(console): State<Console>,
    Path(id): Path<String>,
    Query(query): Query<FailuresQuery>,
) -> Result<Json<FailurePage>, Problem> {
    let owner = runs::owner(&console, &id).await?;
    let ledger = &console.backend().ledger;
    let failed = owner.run.as_ref().map_or(0, |run| run.settled.failed);
    if query.group.is_some() {
        let groups = match &owner.run {
            Some(run) => groups(ledger, run, EXAMPLES_AMONG).await?,
            None => Vec::new(),
        };
        return Ok(Json(FailurePage { items: Vec::new(), next: None, groups, failed }));
    }
    let page = PageQuery { cursor: query.cursor.clone(), limit: query.limit };
    let (mut items, mut next, mut reads) = (Vec::new(), query.cursor.clone(), 0);
    loop {
        let (outcomes, token) = ledger
            .failures(&id, next.as_deref(), page.limit() - items.len())
            .await
            .map_err(|error| Problem::of_page(error, query.cursor.is_some()))?;
        reads += 1;
        let is_asked_for = |cause: &str| query.cause.as_ref().is_none_or(|wanted| wanted == cause);
        items.extend(outcomes.iter().filter(|one| is_asked_for(cause(one))).map(view::outcome));
        next = token;
        if next.is_none() || items.len() >= page.limit() || reads >= MAX_READS {
            break;
        }
    }
    Ok(Json(FailurePage { items, next, groups: Vec::new(), failed }))
}

fn cause(outcome: &shared::ledger::Outcome) -> &str {
    outcome.reason.as_deref().unwrap_or(OTHER)
}

/// Failures of a run by cause, from its counters, the largest group first. Examples come from the first failures alone.
async fn groups(ledger: &SharedLedger, run: &Run, among: usize) -> Result<Vec<FailureGroup>, Problem> {
    let mut counts: BTreeMap<String, u64> =
        run.settled.failed_by.iter().map(|(cause, count)| (cause.to_owned(), count)).collect();
    let named: u64 = counts.values().sum();
    if run.settled.failed > named {
        *counts.entry(OTHER.to_owned()).or_default() += run.settled.failed - named;
    }
    if counts.is_empty() {
        return Ok(Vec::new());
    }
    let (first, _) = ledger.failures(&run.start.id, None, among).await?;
    let group = |(name, objects): (String, u64)| {
        let example = first.iter().find(|outcome| cause(outcome) == name).map(view::outcome);
        FailureGroup { cause: name, objects, example }
    };
    let mut groups: Vec<FailureGroup> = counts.into_iter().map(group).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.objects));
    Ok(groups)
}

/// The failures of a run, one outcome a line.
#[utoipa::path(
    get, path = "/runs/{run}/report", tag = "failures",
    params(("run" = String, Path, description = "The id of the run", max_length = 100)),
    responses((status = 200, description = "Answer", body = String, content_type = "application/jsonl"))
)]
pub async fn get_run_report(State(console): State<Console>, Path(id): Path<String>) -> Result<Response, Problem> {
    runs::owner(&console, &id).await?;
    let name: String = id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    let headers = [
        (header::CONTENT_TYPE, "application/jsonl".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"failures-{name}.jsonl\"")),
    ];
    Ok((headers, Body::from_stream(lines(console.backend().ledger.clone(), id))).into_response())
}

/// The lines of a report, a page at a time: the reader's speed is that of the ledger's reads. A read that fails cuts the
/// answer off, which the reader sees.
fn lines(ledger: SharedLedger, run: String) -> impl futures::Stream<Item = shared::Result<Bytes>> {
    stream::try_unfold(Some(None), move |place: Option<Option<String>>| {
        let (ledger, run) = (ledger.clone(), run.clone());
        async move {
            let Some(after) = place else { return Ok(None) };
            let (outcomes, next) = ledger.failures(&run, after.as_deref(), REPORT_PAGE).await?;
            let mut text = String::new();
            for outcome in &outcomes {
                text += &serde_json::to_string(&view::outcome(outcome)).unwrap_or_default();
                text.push('\n');
            }
            Ok(Some((Bytes::from(text), next.map(Some))))
        }
    })
}

/// The tasks whose live or last run has failures.
#[utoipa::path(
    get, path = "/failures", tag = "failures", params(PageQuery),
    responses((status = 200, description = "Answer", body = TaskFailuresPage))
)]
pub async fn list_failures(
    State(console): State<Console>,
    Query(page): Query<PageQuery>,
) -> Result<Json<TaskFailuresPage>, Problem> {
    let tasks = &console.backend().tasks;
    let summaries = console.recent().summaries(tasks).await?;
    let heartbeats = console.recent().heartbeats(tasks).await?;
    let error = |summary: &Summary| heartbeats.iter().find_map(|one| one.errors.get(&summary.task.id).cloned());
    let candidates = summaries.iter().filter(|summary| page.cursor.as_ref().is_none_or(|a| summary.task.name > *a));
    // Of a live run only its counters show whether objects failed, and only its error that it stopped before its end is
    // recorded: such a task may be left out below.
    let failing = candidates.filter(|summary| {
        summary.last_run.as_ref().is_some_and(|last| matches!(last.end, RunEnd::DoneWithFailures | RunEnd::Stopped))
            || summary.run.is_some()
            || error(summary).is_some()
    });
    let mut shown: Vec<&Summary> = failing.take(page.limit() + 1).collect();
    let has_more = shown.len() > page.limit();
    shown.truncate(page.limit());
    let next = shown.last().filter(|_| has_more).map(|last| last.task.name.clone());
    let shown: Vec<(Summary, Option<String>)> = shown.into_iter().map(|one| (one.clone(), error(one))).collect();
    let items = shown.into_iter().map(|(summary, error)| of_task(&console, summary, error));
    let items: Vec<Option<TaskFailures>> = stream::iter(items).buffered(TASKS_AT_ONCE).try_collect().await?;
    Ok(Json(TaskFailuresPage { items: items.into_iter().flatten().collect(), next }))
}

/// What failed in the live run of a task, else in its last one, else why workers cannot open it. `None`: nothing.
async fn of_task(console: &Console, summary: Summary, error: Option<String>) -> Result<Option<TaskFailures>, Problem> {
    let ledger = &console.backend().ledger;
    if let Some(live) = &summary.run
        && let Some(run) = ledger.run(&live.id).await?
        && (run.settled.failed + run.found.not_judged + run.found.unlisted > 0 || run.error.is_some())
    {
        return Ok(Some(TaskFailures {
            task: summary.task.name.clone(),
            run: Some(live.id.clone()),
            state: Some(RunState::of(Some(&run)).into()),
            ended: None,
            failed: run.settled.failed,
            lost: 0,
            not_judged: run.found.not_judged,
            unlisted: run.found.unlisted,
            error: error.or_else(|| run.error.clone()),
            groups: groups(ledger, &run, EXAMPLES_IN_LIST).await?,
        }));
    }
    let is_bad = |end| matches!(end, RunEnd::DoneWithFailures | RunEnd::Stopped);
    let last = summary.last_run.as_ref().filter(|last| is_bad(last.end));
    if last.is_none() && error.is_none() {
        return Ok(None);
    }
    let run = match last.filter(|last| last.failed > 0) {
        Some(last) => ledger.run(&last.id).await?,
        None => None,
    };
    let groups = match &run {
        Some(run) => groups(ledger, run, EXAMPLES_IN_LIST).await?,
        None => Vec::new(),
    };
    Ok(Some(TaskFailures {
        task: summary.task.name.clone(),
        run: last.map(|last| last.id.clone()),
        state: last.map(|last| RunState::ended(last.end).into()),
        ended: last.map(|last| time(last.ended)),
        failed: last.map_or(0, |last| last.failed),
        lost: last.map_or(0, |last| last.lost),
        not_judged: last.map_or(0, |last| last.not_judged),
        unlisted: last.map_or(0, |last| last.unlisted),
        error: error.or_else(|| last.and_then(|last| last.error.clone())),
        groups,
    }))
}
