//! The outcome of one item: a head that all kinds have, and a [`Detail`] of its kind.

use serde::{Deserialize, Serialize};

use super::{Detail, Span};
use crate::job::Origin;
use crate::object::Timestamp;

/// What became of an item: of one object, of kinds that have objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Written to the destination.
    Copied,
    /// Removed from the destination.
    Deleted,
    /// Nothing to do when its job was executed; [`Outcome::reason`] says why.
    Skipped,
    /// Given up; [`Outcome::error`] says why.
    Failed,
    /// Its run was cancelled before its job was executed. The outcome says nothing about the key.
    Cancelled,
}

impl State {
    /// The state as metrics and reports spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Copied => "copied",
            State::Deleted => "deleted",
            State::Skipped => "skipped",
            State::Failed => "failed",
            State::Cancelled => "cancelled",
        }
    }
}

/// The record of an item when it settles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Key relative to the task's locations.
    pub key: String,
    /// The result.
    pub state: State,
    /// Why it was skipped or failed, in a word or two that its kind defines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether it is counted, and says nothing about its key.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_only_counted: bool,
    /// Bytes.
    pub size: u64,
    /// What only outcomes of its kind have.
    #[serde(flatten)]
    pub detail: Detail,
    /// Attempts at it, this one included.
    pub attempts: u32,
    /// Why it was given up, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The worker that settled it.
    pub worker: String,
    /// When the attempt began.
    pub started: Timestamp,
    /// When it settled.
    pub finished: Timestamp,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Outcome {
    /// Whether it says what became of its key. One that does not replaces no key's
    /// [last outcome](super::Ledger::outcome).
    pub fn is_of_key(&self) -> bool {
        self.state != State::Cancelled && !self.is_only_counted
    }

    /// The outcome of a first attempt of which nothing else is known: no bytes, no worker, no times.
    pub fn new(key: String, state: State) -> Self {
        Outcome {
            key,
            state,
            reason: None,
            is_only_counted: false,
            size: 0,
            detail: Detail::default(),
            attempts: 1,
            error: None,
            worker: String::new(),
            started: Timestamp(0),
            finished: Timestamp(0),
        }
    }
}

/// Outcomes of some objects of one origin job, to be recorded and counted.
#[derive(Debug, Clone)]
pub struct Settlement<'a> {
    /// The task.
    pub task: &'a str,
    /// The run that counts them.
    pub run: &'a str,
    /// The origin job.
    pub origin: &'a Origin,
    /// The reasons that the job's kind counts apart; at most [`super::MAX_REASONS`].
    pub reasons: &'a [&'a str],
    /// The objects' indexes in the origin job, with their outcomes; each index at most once.
    pub outcomes: &'a [(u32, Outcome)],
    /// Where the job's keys lie, if its outcomes may be recorded together.
    pub span: Option<Span<'a>>,
}
