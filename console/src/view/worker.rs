//! A worker, from its heartbeat.

use std::collections::BTreeMap;

use shared::object::Timestamp;
use shared::tasks::{self, Heartbeat, Summary};

use crate::api::page::time;
use crate::api::workers::{TaskError, Worker, WorkerState, WorkerTask};

/// Most tasks of a worker that are named.
const MAX_TASKS: usize = 100;

/// A heartbeat that is this old, by the clocks of the two machines, is shown as silent.
const SILENT_MS: i64 = 60_000;

/// Names of tasks by their ids.
pub struct Names<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Names<'a> {
    /// The names of these tasks.
    pub fn of(summaries: &'a [Summary]) -> Names<'a> {
        Names(summaries.iter().map(|summary| (&*summary.task.id, &*summary.task.name)).collect())
    }

    /// The name of a task; its id once it is deleted.
    fn name(&self, id: &str) -> String {
        self.0.get(id).copied().unwrap_or(id).to_owned()
    }
}

/// Whether a worker is shown as silent.
pub fn is_silent(heartbeat: &Heartbeat, now: Timestamp) -> bool {
    now.0.saturating_sub(heartbeat.at.0) > SILENT_MS
}

/// A worker.
pub fn worker(heartbeat: &Heartbeat, names: &Names<'_>, now: Timestamp) -> Worker {
    let mut jobs: Vec<WorkerTask> =
        heartbeat.jobs.iter().map(|(id, jobs)| WorkerTask { task: names.name(id), jobs: *jobs }).collect();
    jobs.sort_by_key(|task| std::cmp::Reverse(task.jobs));
    jobs.truncate(MAX_TASKS);
    let errors = heartbeat.errors.iter().take(MAX_TASKS);
    Worker {
        worker: heartbeat.worker.clone(),
        machine: heartbeat.machine.clone(),
        version: heartbeat.version.clone(),
        state: match heartbeat.state {
            _ if is_silent(heartbeat, now) => WorkerState::Silent,
            tasks::WorkerState::Working => WorkerState::Working,
            tasks::WorkerState::Draining => WorkerState::Draining,
            tasks::WorkerState::Outdated => WorkerState::Outdated,
        },
        seen: time(heartbeat.at),
        jobs: heartbeat.jobs.values().fold(0, |sum, jobs| sum.saturating_add(*jobs)),
        tasks: jobs,
        errors: errors.map(|(id, error)| TaskError { task: names.name(id), error: error.clone() }).collect(),
    }
}
