//! How a task's run stands, and what its workers report.

use adapters::open::FleetBackend;
use serde::Serialize;
use shared::ledger::Run;
use shared::ledger::rate::{self, Rate};
use shared::object::Timestamp;
use shared::tasks::{self, Heartbeat, Summary};
use shared::terminal;

use crate::exit::Failure;
use crate::meter::Meter;
use crate::status;

/// A task's live run.
#[derive(Debug, Serialize)]
pub struct Live {
    /// The run as the ledger has it; `None`: its finder has not begun.
    pub run: Option<Run>,
    /// Objects that were put on the queue.
    pub enqueued: u64,
    /// Objects and bytes a second over the last minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Estimate; `None` while there can be none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<u64>,
    /// What its finder reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
}

/// What a worker reports of a task that it cannot open.
#[derive(Debug, Serialize)]
pub struct WorkerError {
    /// The worker.
    pub worker: String,
    /// The reason.
    pub error: String,
}

/// Reads how the live run of a task stands. Nothing is read of a task without one.
pub async fn live(backend: &FleetBackend, task: &Summary) -> Result<Option<Live>, Failure> {
    let Some(live) = &task.run else { return Ok(None) };
    let run = backend.ledger.run(&live.id).await.map_err(Failure::midway)?;
    let id = &task.task.id;
    let Some(run) = run else {
        let operation = backend.tasks.operation(id, &live.id).await.map_err(Failure::midway)?;
        let progress = operation.and_then(|operation| operation.progress);
        return Ok(Some(Live { run: None, enqueued: 0, rate: None, seconds_left: None, progress }));
    };
    let (from, to) = tasks::rate_minutes(Timestamp::now());
    let samples = backend.tasks.samples(id, from, to, 32).await.map_err(Failure::midway)?;
    let rate = tasks::rate(&samples, &live.id);
    let seconds_left = rate.and_then(|rate| rate::remaining(&run, 0, rate)).map(|time| time.as_secs());
    Ok(Some(Live { enqueued: run.enqueued(), run: Some(run), rate, seconds_left, progress: None }))
}

impl Live {
    /// The run for people: phase, counters, rate, estimate.
    pub fn words(&self) -> String {
        let Some(run) = &self.run else {
            let progress = self.progress.as_ref().map(|progress| format!(": {}", terminal::escaped(progress)));
            return format!("queued{}", progress.unwrap_or_default());
        };
        let mut parts = vec![status::describe(run).to_owned()];
        parts.extend(Meter::default().snapshot(run).counters);
        if let Some(rate) = self.rate.filter(|rate| rate.bytes > 0.0) {
            parts.push(terminal::rate(rate.bytes));
        }
        if let Some(seconds) = self.seconds_left.filter(|seconds| *seconds > 0) {
            parts.push(format!("about {} left", terminal::time(std::time::Duration::from_secs(seconds))));
        }
        parts.join(", ")
    }
}

/// The errors that workers report of a task.
pub fn errors(heartbeats: &[Heartbeat], id: &str) -> Vec<WorkerError> {
    let of = |heartbeat: &Heartbeat| {
        let error = heartbeat.errors.get(id)?;
        Some(WorkerError { worker: heartbeat.worker.clone(), error: error.clone() })
    };
    heartbeats.iter().filter_map(of).collect()
}
