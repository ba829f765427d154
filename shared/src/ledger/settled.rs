//! The counters of a run's outcomes.

use serde::{Deserialize, Serialize};

use super::{Outcome, Reasons, State};
use crate::object::Timestamp;

/// What became of the enqueued objects, counted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settled {
    /// Objects copied.
    pub copied: u64,
    /// Objects deleted at the destination.
    pub deleted: u64,
    /// Objects that needed nothing when their turn came, or could not be read.
    pub skipped: u64,
    /// Of those, the ones with a reason.
    #[serde(skip_serializing_if = "Reasons::is_empty")]
    pub skipped_by: Reasons,
    /// Objects given up.
    pub failed: u64,
    /// Of those, the ones with a reason.
    #[serde(skip_serializing_if = "Reasons::is_empty")]
    pub failed_by: Reasons,
    /// Objects that a run with other options has cancelled.
    pub cancelled: u64,
    /// Bytes of the copied objects.
    pub bytes: u64,
    /// When the last of them was settled.
    pub last: Option<Timestamp>,
}

impl Settled {
    /// All settled objects.
    pub fn objects(&self) -> u64 {
        self.copied + self.deleted + self.skipped + self.failed + self.cancelled
    }

    /// Takes one more outcome into account, by the reasons that its kind counts apart.
    pub fn count(&mut self, outcome: &Outcome, reasons: &[&str]) {
        let (state, by_reason) = match outcome.state {
            State::Copied => {
                self.bytes += outcome.size;
                (&mut self.copied, None)
            }
            State::Deleted => (&mut self.deleted, None),
            State::Skipped => (&mut self.skipped, Some(&mut self.skipped_by)),
            State::Failed => (&mut self.failed, Some(&mut self.failed_by)),
            State::Cancelled => (&mut self.cancelled, None),
        };
        *state += 1;
        if let (Some(by_reason), Some(reason)) = (by_reason, &outcome.reason) {
            by_reason.count(reason, reasons);
        }
        self.last = self.last.max(Some(outcome.finished));
    }
}

impl std::ops::AddAssign<&Settled> for Settled {
    fn add_assign(&mut self, other: &Settled) {
        self.copied += other.copied;
        self.deleted += other.deleted;
        self.skipped += other.skipped;
        self.skipped_by += &other.skipped_by;
        self.failed += other.failed;
        self.failed_by += &other.failed_by;
        self.cancelled += other.cancelled;
        self.bytes += other.bytes;
        self.last = self.last.max(other.last);
    }
}
