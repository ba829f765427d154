//! How a task's run stands, and what its workers report.

use adapters::open::FleetBackend;
use serde::Serialize;
use shared::ledger::Run;
use shared::object::Timestamp;
use shared::tasks::{Heartbeat, Sample, Summary};
use shared::terminal;

use crate::exit::Failure;
use crate::meter::{self, Meter, Rate};
use crate::status;

/// The rate is taken over this many minutes of samples: one minute alone jumps about.
const RATE_MINUTES: u64 = 5;

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
    let now = u64::try_from(Timestamp::now().0 / 60_000).unwrap_or(0);
    // The clocks of controller and reader may differ by some minutes.
    let (from, to) = (now.saturating_sub(RATE_MINUTES + 5), now + 5);
    let samples = backend.tasks.samples(id, from, to, 32).await.map_err(Failure::midway)?;
    let rate = rate(&samples, &live.id);
    let seconds_left = rate.and_then(|rate| meter::remaining(&run, 0, rate)).map(|time| time.as_secs());
    Ok(Some(Live { enqueued: run.enqueued(), run: Some(run), rate, seconds_left, progress: None }))
}

/// The rate of a run in its last samples; `None` without two of them.
fn rate(samples: &[Sample], run: &str) -> Option<Rate> {
    let of_run: Vec<&Sample> = samples.iter().filter(|sample| sample.run.as_deref() == Some(run)).collect();
    let last = of_run.last()?;
    let first = of_run.iter().find(|sample| sample.minute + RATE_MINUTES >= last.minute)?;
    let seconds = (last.minute - first.minute) as f64 * 60.0;
    (seconds > 0.0).then(|| Rate {
        objects: last.settled.objects().saturating_sub(first.settled.objects()) as f64 / seconds,
        bytes: last.settled.bytes.saturating_sub(first.settled.bytes) as f64 / seconds,
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use shared::ledger::Settled;

    fn sample(minute: u64, run: &str, copied: u64, bytes: u64) -> Sample {
        let settled = Settled { copied, bytes, ..Settled::default() };
        Sample { minute, run: Some(run.to_owned()), settled, ..Sample::default() }
    }

    #[test]
    fn a_rate_needs_two_samples_of_the_run() {
        assert_eq!(rate(&[], "r"), None);
        assert_eq!(rate(&[sample(7, "r", 60, 600)], "r"), None);
        assert_eq!(rate(&[sample(6, "other", 60, 600), sample(7, "r", 60, 600)], "r"), None);
        let samples = [sample(1, "r", 0, 0), sample(6, "r", 60, 600), sample(7, "r", 120, 1_800)];
        assert_eq!(rate(&samples[1..], "r"), Some(Rate { objects: 1.0, bytes: 20.0 }));
        // What lies further back says nothing about now.
        assert_eq!(rate(&samples, "r"), Some(Rate { objects: 1.0, bytes: 20.0 }));
    }
}
