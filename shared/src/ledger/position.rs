//! Where the follower of a stream stands.
//!
//! A queue may deliver a stream's slice twice, so two followers may work on one partition at the same time. A position
//! is the fence between them: [`advance`](super::Ledger::advance) compares and sets it in one transaction with the
//! counters. Of the followers that advance from the same position exactly one succeeds; all others get the position
//! that replaced it, and stop.

use super::Settled;

/// The longest cursor, bytes.
pub const MAX_CURSOR_BYTES: usize = 64 << 10;

/// Where the follower of a partition stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Grows by one with each step, from 1.
    pub version: u64,
    /// The place in the stream, as the kind of data writes it; opaque to the ledger.
    pub cursor: String,
}

/// One step of a follower.
#[derive(Debug, Clone, Copy)]
pub struct Advance<'a> {
    /// The task.
    pub task: &'a str,
    /// The run that counts the step. It must be recorded.
    pub run: &'a str,
    /// The partition of the stream.
    pub partition: &'a str,
    /// The version of the position that the follower started from; 0 if the partition has no position.
    pub expected: u64,
    /// The next position's cursor, at most [`MAX_CURSOR_BYTES`].
    pub cursor: &'a str,
    /// Names this step. No other step of any follower has it; a repetition of this step has the same.
    pub token: &'a str,
    /// What the step settled.
    pub counters: &'a Settled,
}

impl Advance<'_> {
    /// The message of the error if the cursor is too long.
    pub fn cursor_error(&self) -> Option<String> {
        let bytes = self.cursor.len();
        (bytes > MAX_CURSOR_BYTES).then(|| {
            format!("the cursor of partition {} has {bytes} bytes, at most {MAX_CURSOR_BYTES}", self.partition)
        })
    }
}

/// The answer to a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advanced {
    /// The step is recorded and counted, by this call or by an earlier one with the same token.
    Done,
    /// Nothing changed: the position is not the expected one. Here it is, if there is one.
    Conflict(Option<Position>),
}
