//! How much one process does at once, whatever its task's kind is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::check::{Check, LARGEST, MIB, MIN_BANDWIDTH, duration_within, within};
use super::{Size, duration, size};

/// How much one process does at once, whatever its task's kind is. Config files spell these settings in section `[work]`,
/// beside those of the kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct MachineSettings {
    /// Most transfers at once.
    pub concurrency: usize,
    /// Memory for transfers and everything else, bytes.
    #[serde(with = "size::required")]
    pub memory_limit: u64,
    /// Bytes a second over all transfers; `None`: no limit.
    #[serde(with = "size::optional")]
    pub bandwidth_limit: Option<u64>,
    /// Time after which a received job without a heartbeat is given to another worker.
    #[serde(with = "duration::required")]
    pub lease: Duration,
    /// Time that a stopping worker has to finish its leased jobs.
    #[serde(with = "duration::required")]
    pub drain: Duration,
}

impl Default for MachineSettings {
    fn default() -> Self {
        MachineSettings {
            concurrency: 32,
            memory_limit: 256 << 20,
            bandwidth_limit: None,
            lease: Duration::from_secs(60),
            drain: Duration::from_secs(8),
        }
    }
}

impl MachineSettings {
    /// Checks the bounds.
    pub(super) fn check(&self) -> Check {
        within("concurrency", self.concurrency, 1, 1024)?;
        within("memory-limit", Size(self.memory_limit), Size(64 * MIB), LARGEST)?;
        // SQS hides a message for at most 12 hours; below 5 s a heartbeat could not keep up.
        duration_within("lease", self.lease, Duration::from_secs(5), Duration::from_secs(12 * 3600))?;
        duration_within("drain", self.drain, Duration::ZERO, Duration::from_secs(12 * 3600))?;
        match self.bandwidth_limit {
            Some(limit) => within("bandwidth-limit", Size(limit), MIN_BANDWIDTH, LARGEST),
            None => Ok(()),
        }
    }
}
