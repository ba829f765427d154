//! What became of one object.

use serde::{Deserialize, Serialize};

use crate::digest::Checksum;
use crate::job::Origin;
use crate::object::{ETag, Pin, Timestamp};

/// What became of an object.
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

/// The [`Outcome::reason`] of an object that was skipped because it is archived.
pub const ARCHIVED: &str = "archived";

/// The [`Outcome::reason`] of a delete that was given up.
pub const FAILED_DELETE: &str = "delete";

/// The [`Outcome::reason`] of a failed object whose destination may still hold wrong bytes: they were written, were
/// found to be wrong, and could not be removed. Size and time prove nothing about this object.
pub const WRONG_BYTES_REMAIN: &str = "wrong-bytes";

/// The record of an object when it settles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Key relative to the task's locations.
    pub key: String,
    /// What became of it.
    pub state: State,
    /// Why it was skipped, in a word or two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Bytes.
    pub size: u64,
    /// The source's entity tag and version that were read.
    #[serde(default)]
    pub source: Pin,
    /// The destination's entity tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<ETag>,
    /// The checksum of the bytes, by the algorithm that was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
    /// What was compared to know that the bytes are the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<String>,
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

impl Outcome {
    /// The outcome of a first attempt of which nothing else is known: no bytes, no worker, no times.
    pub fn new(key: String, state: State) -> Self {
        Outcome {
            key,
            state,
            reason: None,
            size: 0,
            source: Pin::default(),
            etag: None,
            checksum: None,
            verified: None,
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
    /// The objects' indexes in the origin job, with their outcomes; each index at most once.
    pub outcomes: &'a [(u32, Outcome)],
}
