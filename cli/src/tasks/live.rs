//! How a task's run stands, and what its workers report.

use std::time::Duration;

use control::views::Live;
use serde::Serialize;
use shared::tasks::Heartbeat;
use shared::terminal;

use crate::meter::Meter;
use crate::status;

/// What a worker reports of a task that it cannot open.
#[derive(Debug, Serialize)]
pub struct WorkerError {
    /// The worker.
    pub worker: String,
    /// The reason.
    pub error: String,
}

/// The live run for people: phase, counters, rate, estimate.
pub fn words(live: &Live) -> String {
    let Some(run) = &live.run else {
        let progress = live.progress.as_ref().map(|progress| format!(": {}", terminal::escaped(progress)));
        return format!("queued{}", progress.unwrap_or_default());
    };
    let mut parts = vec![status::describe(run).to_owned()];
    parts.extend(Meter::default().snapshot(run).counters);
    if let Some(rate) = live.rate.filter(|rate| rate.bytes > 0.0) {
        parts.push(terminal::rate(rate.bytes));
    }
    if let Some(seconds) = live.seconds_left.filter(|seconds| *seconds > 0) {
        parts.push(format!("about {} left", terminal::time(Duration::from_secs(seconds))));
    }
    parts.join(", ")
}

/// The errors that workers report of a task.
pub fn errors(heartbeats: &[Heartbeat], id: &str) -> Vec<WorkerError> {
    let of = |heartbeat: &Heartbeat| {
        let error = heartbeat.errors.get(id)?;
        Some(WorkerError { worker: heartbeat.worker.clone(), error: error.clone() })
    };
    heartbeats.iter().filter_map(of).collect()
}
