//! A task as a list has it.

use adapters::open::FleetBackend;
use control::views;
use shared::Result;
use shared::tasks::{self, Heartbeat, RunEnd, Summary};

use super::{given, progress};
use crate::api::page::time;
use crate::api::run::Progress;
use crate::api::task::{EndedRun, LiveRun, TaskItem, TaskState, TaskStatus, WorkerError};

/// Most workers whose errors are shown.
const MAX_ERRORS: usize = 10;

/// What people want to know of a task first.
pub fn status(summary: &Summary, has_errors: bool) -> TaskStatus {
    let ended_badly =
        summary.last_run.as_ref().is_some_and(|last| matches!(last.end, RunEnd::DoneWithFailures | RunEnd::Stopped));
    match summary.state {
        tasks::TaskState::Deleting => TaskStatus::Deleting,
        tasks::TaskState::Paused => TaskStatus::Paused,
        tasks::TaskState::Active if has_errors => TaskStatus::Failed,
        tasks::TaskState::Active if summary.run.is_some() => TaskStatus::Running,
        tasks::TaskState::Active if ended_badly => TaskStatus::Failed,
        tasks::TaskState::Active => TaskStatus::Waiting,
    }
}

/// A task as a list has it. Of a task with a live run, run and samples are read.
pub async fn item(backend: &FleetBackend, summary: &Summary, heartbeats: &[Heartbeat]) -> Result<TaskItem> {
    let id = &summary.task.id;
    let errors: Vec<WorkerError> = heartbeats
        .iter()
        .filter_map(|heartbeat| {
            let error = heartbeat.errors.get(id)?;
            Some(WorkerError { worker: heartbeat.worker.clone(), error: error.clone() })
        })
        .take(MAX_ERRORS)
        .collect();
    let outline = &summary.outline;
    Ok(TaskItem {
        name: summary.task.name.clone(),
        id: id.clone(),
        state: match summary.state {
            tasks::TaskState::Active => TaskState::Active,
            tasks::TaskState::Paused => TaskState::Paused,
            tasks::TaskState::Deleting => TaskState::Deleting,
        },
        status: status(summary, !errors.is_empty()),
        description: outline.description.clone(),
        source: outline.source.clone(),
        destination: outline.destination.clone(),
        schedule: given(&outline.schedule),
        events: outline.events,
        notify: outline.notify,
        version: summary.version,
        created: time(summary.created),
        next_due: summary.next_due.map(time),
        skipped_due: summary.skipped_due.map(time),
        limits: summary.limits.into(),
        run: live(backend, summary).await?,
        last_run: summary.last_run.as_ref().map(ended),
        cancelling: summary.cancelled.iter().cloned().collect(),
        errors,
    })
}

async fn live(backend: &FleetBackend, summary: &Summary) -> Result<Option<LiveRun>> {
    let Some(live) = &summary.run else { return Ok(None) };
    let Some(seen) = views::live(backend, summary).await? else { return Ok(None) };
    let shown = Progress { progress: seen.progress, ..progress(seen.run.as_ref(), seen.rate, 0) };
    let begun = time(live.begun);
    Ok(Some(LiveRun { id: live.id.clone(), version: live.version, begun, progress: shown }))
}

/// The last run that ended.
fn ended(last: &tasks::EndedRun) -> EndedRun {
    EndedRun {
        id: last.id.clone(),
        end: views::RunState::ended(last.end).into(),
        ended: time(last.ended),
        failed: last.failed,
        lost: last.lost,
        not_judged: last.not_judged,
        unlisted: last.unlisted,
        error: last.error.clone(),
    }
}
