//! Samples of tasks, for charts.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::SAMPLES_KEPT;
use crate::Result;
use crate::ledger::rate::Rate;
use crate::ledger::{Found, Settled};
use crate::object::Timestamp;
use crate::queue::Depth;

/// A task in one minute.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// Minutes since 1970.
    pub minute: u64,
    /// How full its queues are, all of them together.
    pub depth: Depth,
    /// The live run.
    pub run: Option<String>,
    /// The objects that its finder met so far.
    pub found: Found,
    /// Its settled objects so far.
    pub settled: Settled,
    /// Machines that have the task's jobs.
    pub machines: u32,
    /// Machines that the fleet's group wants; `None` of machines that nobody scales.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<u32>,
    /// Machines of the group that are in service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_service: Option<u32>,
    /// The highest age of the events that workers settled in the last minute, seconds; `None`: they settled none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_age: Option<u64>,
}

/// The first minute whose samples are kept now.
pub fn oldest_sample() -> u64 {
    let minutes = |ms: i64| u64::try_from(ms / 60_000).unwrap_or(0);
    minutes(Timestamp::now().0).saturating_sub(SAMPLES_KEPT.as_secs() / 60)
}

/// Samples per task and minute.
#[async_trait]
pub trait Samples {
    /// Records a sample. The first one of a minute stays: two controllers write one.
    async fn add_sample(&self, id: &str, sample: &Sample) -> Result<()>;

    /// The samples of a task in `from..to` (minutes since 1970), by minute, at most `limit`; fewer mean that there are no
    /// more.
    async fn samples(&self, id: &str, from: u64, to: u64, limit: usize) -> Result<Vec<Sample>>;
}

/// The rate is taken over this many minutes of samples: one minute alone jumps about.
const RATE_MINUTES: u64 = 5;

/// The minutes whose samples show the rate at `now`. The clocks of controller and reader may differ by some minutes.
pub fn rate_minutes(now: Timestamp) -> (u64, u64) {
    let now = u64::try_from(now.0 / 60_000).unwrap_or(0);
    (now.saturating_sub(RATE_MINUTES + 5), now + 5)
}

/// The rate of a run in its last samples; `None` without two of them.
pub fn rate(samples: &[Sample], run: &str) -> Option<Rate> {
    let of_run: Vec<&Sample> = samples.iter().filter(|sample| sample.run.as_deref() == Some(run)).collect();
    let last = of_run.last()?;
    let first = of_run.iter().find(|sample| sample.minute + RATE_MINUTES >= last.minute)?;
    let seconds = (last.minute - first.minute) as f64 * 60.0;
    (seconds > 0.0).then(|| Rate {
        objects: last.settled.objects().saturating_sub(first.settled.objects()) as f64 / seconds,
        bytes: last.settled.bytes.saturating_sub(first.settled.bytes) as f64 / seconds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
