//! Where the listing of a key range stands.

use serde::{Deserialize, Serialize};

use super::Found;
use crate::store::KeyRange;

/// Where the listing of one key range stands. One record contains cursor, counters and outbox, so that one write moves
/// all three. A finder that dies after this write and before it sends the jobs reads them from the outbox, sends them
/// (again) and lists on after the cursor.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The range's number within the run.
    pub id: u32,
    /// Grows with each checkpoint of the range, from 1.
    #[serde(default)]
    pub version: u64,
    /// Where the range begins. It ends where the next one (by key order) begins, so splitting a range
    /// is one write: the new range's first checkpoint.
    pub range: KeyRange,
    /// Everything up to and including this key is accounted for here.
    pub cursor: Option<String>,
    /// The range is listed to its end.
    pub done: bool,
    /// Counters up to the cursor.
    pub found: Found,
    /// Copy jobs made so far: the next one's number.
    pub jobs: u32,
    /// Delete jobs deferred so far: the next one's number.
    pub deferred: u32,
    /// How many of the deferred jobs were sent, the first ones; at most a batch more may have been.
    #[serde(default)]
    pub released: u32,
    /// Bodies of jobs that the cursor covers and that may not have been sent yet; at most one
    /// message's worth, [`crate::queue::MAX_BODY_BYTES`] together.
    pub outbox: Vec<String>,
}

impl Checkpoint {
    /// The message of the error if a later checkpoint, or one under another fence, is recorded.
    pub fn conflict(&self, run: &str) -> String {
        format!("range {} of run {run} has a later checkpoint: another finder works on the task", self.id)
    }
}
