//! Claims of finders, and the fence that keeps a finder without its claim from writing.

use serde::{Deserialize, Serialize};

/// The fence of no claim: a run that was begun without one has it.
pub const NO_FENCE: u64 = 0;

/// The fence of a run that no finder may write to any more, because it is cancelled. No claim has it.
pub const CLOSED: u64 = i64::MAX as u64;

/// A claim on a task, as any program reads it.
///
/// Nobody compares clocks to find out whether the owner is alive: a claim whose `beat` does not change for its lease,
/// by the reader's own monotonic clock, is dead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimView {
    /// The owner, for people.
    pub owner: String,
    /// Grows with each new owner of the claim, and stays the same while the owner renews it.
    pub fence: u64,
    /// Grows with each renewal and each new owner.
    pub beat: u64,
}

/// The message of the error if a finder writes to a run under another fence than the run's.
pub fn fence_error(run: &str) -> String {
    format!("run {run} has another fence: another finder works on the task, or the run is cancelled")
}
