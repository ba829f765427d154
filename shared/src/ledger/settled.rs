//! What became of the objects of a run, counted.

use serde::{Deserialize, Serialize};

use super::{ARCHIVED, COALESCED, OUT_OF_SCOPE, Outcome, State};
use crate::object::Timestamp;

/// What became of the enqueued objects, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settled {
    /// Objects copied.
    pub copied: u64,
    /// Objects deleted at the destination.
    pub deleted: u64,
    /// Objects that needed nothing when their turn came, or could not be read because they are archived.
    pub skipped: u64,
    /// Of those, the archived ones.
    pub archived: u64,
    /// Of the skipped, events of what is not the task's.
    pub out_of_scope: u64,
    /// Of the skipped, events that the work for another event of the key has covered.
    pub coalesced: u64,
    /// Objects given up.
    pub failed: u64,
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

    /// Takes one more outcome into account.
    pub fn count(&mut self, outcome: &Outcome) {
        match outcome.state {
            State::Copied => {
                self.copied += 1;
                self.bytes += outcome.size;
            }
            State::Deleted => self.deleted += 1,
            State::Skipped => {
                self.skipped += 1;
                match outcome.reason.as_deref() {
                    Some(ARCHIVED) => self.archived += 1,
                    Some(OUT_OF_SCOPE) => self.out_of_scope += 1,
                    Some(COALESCED) => self.coalesced += 1,
                    _ => {}
                }
            }
            State::Failed => self.failed += 1,
            State::Cancelled => self.cancelled += 1,
        }
        self.last = self.last.max(Some(outcome.finished));
    }
}

impl std::ops::AddAssign for Settled {
    fn add_assign(&mut self, other: Settled) {
        self.copied += other.copied;
        self.deleted += other.deleted;
        self.skipped += other.skipped;
        self.archived += other.archived;
        self.out_of_scope += other.out_of_scope;
        self.coalesced += other.coalesced;
        self.failed += other.failed;
        self.cancelled += other.cancelled;
        self.bytes += other.bytes;
        self.last = self.last.max(other.last);
    }
}
