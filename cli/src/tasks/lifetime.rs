//! When the messages of a task begin to die.

use std::collections::BTreeMap;

use adapters::open::{self, FleetBackend};
use control::views::messages_die;
use futures::{StreamExt as _, stream};
use shared::object::Timestamp;
use shared::tasks::{Summary, TaskState};

use super::history::audits;
use super::list::Listed;

/// Tasks whose queues are read at the same time.
const TASKS_AT_ONCE: usize = 16;

/// Changes that are read to find the pause.
const CHANGES: usize = 10;

/// Of tasks that are paused or have a live run, by id: when their messages begin to die. What cannot be read is left out:
/// `task show` and `doctor` name its error.
pub async fn of_tasks(fleet: &FleetBackend, tasks: &[Listed]) -> BTreeMap<String, Timestamp> {
    let may_lose = |task: &&Listed| task.summary.state == TaskState::Paused || task.summary.run.is_some();
    let reading = tasks.iter().filter(may_lose).map(|task| async move {
        let summary = &task.summary;
        let depth = open::existing_task_queues(fleet.fleet(), summary).await.ok()?.depth().await.ok()?;
        let changes = audits(fleet, &summary.task.id, CHANGES).await.ok()?;
        Some((summary.task.id.clone(), messages_die(summary, &depth, &changes)?))
    });
    stream::iter(reading).buffer_unordered(TASKS_AT_ONCE).filter_map(|read| async move { read }).collect().await
}

/// What is lost when, and what to do.
pub fn words(summary: &Summary, at: Timestamp) -> String {
    let remedy = if summary.state == TaskState::Paused { "resume the task" } else { "start more workers" };
    format!("its oldest message may be lost from {} on: {remedy} before that", at.to_seconds())
}
