//! The removal of a task's records.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::Result;

/// The records of tasks, shared by many callers.
pub type SharedTaskRecords = Arc<dyn TaskRecords>;

/// What one call removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Erased {
    /// Records that this call removed. A call that was cut off, and repeated, counts less than was removed.
    pub records: u64,
    /// From where the next call goes on; `None`: the task has no records any more.
    pub next: Option<String>,
}

/// What it takes to remove the records of a task, as far as it can be estimated without reading them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EraseEffort {
    /// Most records that are removed, about.
    pub records: u64,
    /// Bytes that are read to find them, about. Services charge for them.
    pub read_bytes: u64,
    /// Whether a service charges for reads and removals.
    pub is_charged: bool,
}

/// The removal of a task's records: runs, checkpoints, counters, outcomes, failures, parts, uploads, positions, suspect
/// keys and the claim.
///
/// # Contract
///
/// - The caller has made sure that nobody writes in the task's name any more: a record that is written meanwhile may
///   stay.
/// - Records of other tasks stay as they are, also of tasks whose names begin with this one's.
/// - A call that is cut off, fails, or whose answer is lost has removed some records. It is repeated with the same
///   `from`, or an earlier one, and goes on.
/// - What names a task's runs is removed last: until then each record is found again.
/// - Memory does not grow with the number of records.
#[async_trait]
pub trait TaskRecords: Send + Sync + std::fmt::Debug + 'static {
    /// Removes records of a task until there are no more, or for about this time, but at least some of them. `from` is
    /// [`Erased::next`] of the call before; `None`: the beginning.
    async fn erase(&self, task: &str, from: Option<&str>, time: Duration) -> Result<Erased>;

    /// What that takes.
    async fn erase_effort(&self, task: &str) -> Result<EraseEffort>;
}
