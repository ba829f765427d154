//! Shows runs.

use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use shared::ledger::{self, RunTransfers};
use shared::object::Timestamp;
use shared::tasks::{self, Operation, OperationKind, Summary};

use super::{found, tasks as recorded_tasks};
use crate::Console;
use crate::api::definition::RecordedDefinition;
use crate::api::features::Me;
use crate::api::page::PageQuery;
use crate::api::runs::{Run, RunPage};
use crate::problem::Problem;
use crate::recent::RECENT;
use crate::view::{self, RunRecords};

/// How old the list of tasks may be that names the task of a run.
const NAMES_KEPT: Duration = Duration::from_secs(60);

/// Runs that are read at once.
const RUNS_AT_ONCE: usize = 8;

/// Reads of operations for one page: others than runs are passed over. A page that ends by it is short.
const MAX_READS: usize = 20;

/// The runs of a task, the newest first. Runs are listed for 90 days.
#[utoipa::path(
    get, path = "/tasks/{task}/runs", tag = "runs",
    params(("task" = String, Path, description = "The name of the task", max_length = 40), PageQuery),
    responses((status = 200, description = "Answer", body = RunPage))
)]
pub async fn list_runs(
    State(console): State<Console>,
    Path(name): Path<String>,
    Query(page): Query<PageQuery>,
) -> Result<Json<RunPage>, Problem> {
    let summary = found::task(&console, &name).await?;
    let (tasks, limit) = (&console.backend().tasks, page.limit());
    let (mut runs, mut next, mut reads) = (Vec::new(), page.cursor.clone(), 0);
    loop {
        // No more than there is room for: the token is that of the last operation that was read.
        let (operations, token) = tasks
            .operations(&summary.task.id, next.as_deref(), limit - runs.len())
            .await
            .map_err(|error| Problem::of_page(error, page.cursor.is_some()))?;
        reads += 1;
        runs.extend(operations.into_iter().filter(is_run));
        next = token;
        if next.is_none() || runs.len() >= limit || reads >= MAX_READS {
            break;
        }
    }
    let items = runs.into_iter().map(|operation| listed(&console, &summary, operation));
    let items = stream::iter(items).buffered(RUNS_AT_ONCE).try_collect().await?;
    Ok(Json(RunPage { items, next }))
}

fn is_run(operation: &Operation) -> bool {
    matches!(operation.kind, OperationKind::Find | OperationKind::Retry)
}

async fn listed(console: &Console, summary: &Summary, operation: Operation) -> Result<Run, Problem> {
    let run = console.backend().ledger.run(&operation.id).await?;
    let (task, name) = (summary.task.id.clone(), Some(summary.task.name.clone()));
    let records =
        RunRecords { id: operation.id.clone(), task, name, operation: Some(operation), run, ..Default::default() };
    Ok(view::run(records))
}

/// A run.
#[utoipa::path(
    get, path = "/runs/{run}", tag = "runs",
    params(("run" = String, Path, description = "The id of the run", max_length = 100)),
    responses((status = 200, description = "Answer", body = Run))
)]
pub async fn get_run(State(console): State<Console>, Path(id): Path<String>) -> Result<Json<Run>, Problem> {
    Ok(Json(shown(&console, &id).await?))
}

/// The definition that a run keeps.
#[utoipa::path(
    get, path = "/runs/{run}/definition", tag = "runs",
    params(("run" = String, Path, description = "The id of the run", max_length = 100)),
    responses((status = 200, description = "Answer", body = RecordedDefinition))
)]
pub async fn get_run_definition(
    State(console): State<Console>,
    Extension(me): Extension<Me>,
    Path(id): Path<String>,
) -> Result<Json<RecordedDefinition>, Problem> {
    let of = owner(&console, &id).await?;
    let Some(summary) = &of.summary else {
        return Err(Problem::missing("no-such-task", format!("the task of run {id:?} is deleted")));
    };
    let operation = console.backend().tasks.operation(&summary.task.id, &id).await?;
    let version = operation.map_or(summary.version, |operation| operation.version);
    Ok(Json(recorded_tasks::recorded(&console, summary, version, me.role).await?))
}

/// The task of a run, and the run if its finder has begun.
pub struct Owner {
    /// The task's id.
    pub task: String,
    /// The task; `None` once it is deleted.
    pub summary: Option<Summary>,
    /// The run.
    pub run: Option<ledger::Run>,
}

/// Finds the task of a run. The ledger does not know one that waits for its finder: the tasks do. Names of tasks stay, so
/// a list of tasks that is a minute old will do, unless it lacks the task.
pub async fn owner(console: &Console, id: &str) -> Result<Owner, Problem> {
    let tasks = &console.backend().tasks;
    let run = console.backend().ledger.run(id).await?;
    let old = if run.is_some() { NAMES_KEPT } else { RECENT };
    let summaries = console.recent().summaries_within(tasks, old).await?;
    let is_of = |summary: &&Summary| match &run {
        Some(run) => summary.task.id == run.start.task,
        None => summary.run.as_ref().is_some_and(|live| live.id == id) || summary.cancelled.contains(id),
    };
    let summary = summaries.iter().find(is_of).cloned();
    match (&run, &summary) {
        (Some(known), _) => Ok(Owner { task: known.start.task.clone(), summary, run }),
        (None, Some(of)) => Ok(Owner { task: of.task.id.clone(), summary, run }),
        (None, None) => Err(found::no_run(id)),
    }
}

/// A run from all of its records.
pub async fn shown(console: &Console, id: &str) -> Result<Run, Problem> {
    let Owner { task, summary, run } = owner(console, id).await?;
    let backend = console.backend();
    let operation = backend.tasks.operation(&task, id).await?;
    let is_live = run.as_ref().is_some_and(|run| !run.is_done());
    let (mut rate, mut transfers) = (None, None);
    if is_live {
        let (from, to) = tasks::rate_minutes(Timestamp::now());
        let samples = backend.tasks.samples(&task, from, to, 32).await?;
        rate = tasks::rate(&samples, id);
        transfers = Some(RunTransfers::of(&backend.ledger.transfers(id).await?));
    }
    let name = summary.map(|summary| summary.task.name);
    Ok(view::run(RunRecords { id: id.to_owned(), task, name, operation, run, rate, transfers }))
}
