//! Samples of tasks, for charts.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::SAMPLES_KEPT;
use crate::Result;
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
