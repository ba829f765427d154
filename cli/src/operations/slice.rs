//! How a slice of an operation ends.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shared::ledger::ClaimView;
use shared::object::Timestamp;
use shared::tasks::OperationVerdict;
use shared::{Error, ErrorKind};

use super::AGAIN_AFTER;
use super::prefix_list::PinnedList;

/// The longest time between two tries of an operation that cannot begin. A message is delayed by no more.
const MAX_WAIT: Duration = Duration::from_secs(15 * 60);

/// How a slice ended.
#[derive(Debug, Clone, PartialEq)]
pub enum SliceEnd {
    /// The operation is carried out, or cannot be: with its result as JSON.
    Done(OperationVerdict, serde_json::Value),
    /// The next slice goes on from this checkpoint.
    Continued(SliceCheckpoint, Duration),
    /// Another finder has the claim on the task: the same slice is tried again after this time, with the claim as it was
    /// seen.
    Claimed(Option<ClaimView>, Duration),
    /// Nothing is left to do here: another program records the end.
    Left,
}

impl SliceEnd {
    /// Carried out.
    pub fn succeeded(result: &impl Serialize) -> SliceEnd {
        SliceEnd::Done(OperationVerdict::Succeeded, json(result))
    }

    /// Not carried out, for this reason.
    pub fn failed(why: impl std::fmt::Display) -> SliceEnd {
        SliceEnd::Done(OperationVerdict::Failed, serde_json::json!({ "error": why.to_string() }))
    }

    /// Not carried out, because a side cannot be used.
    pub fn unusable(why: impl std::fmt::Display) -> SliceEnd {
        SliceEnd::Done(OperationVerdict::Failed, serde_json::json!({ "error": why.to_string(), "is-unusable": true }))
    }

    /// To be continued.
    pub fn continued(progress: String, state: &impl Serialize, delay: Duration) -> SliceEnd {
        SliceEnd::Continued(SliceCheckpoint { progress, state: json(state), ..SliceCheckpoint::default() }, delay)
    }
}

/// The state from which the next slice continues.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SliceCheckpoint {
    /// How far the operation is, for people.
    pub progress: String,
    /// The state of its kind; null at the beginning.
    pub state: serde_json::Value,
    /// Since when, and how often, the operation could not begin a slice; `None`: the last one began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits: Option<Waits>,
    /// The list of prefixes that the operation began with, if there is a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<PinnedList>,
}

/// How long an operation waits for what it needs to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waits {
    /// The first time in a row, by the clock of the worker that tried.
    pub since: Timestamp,
    /// How often it was tried.
    pub times: u32,
}

impl Waits {
    /// After one more try.
    pub fn more(before: Option<Waits>) -> Waits {
        let Waits { since, times } = before.unwrap_or(Waits { since: Timestamp::now(), times: 0 });
        Waits { since, times: times.saturating_add(1) }
    }

    /// When it is tried again: after 1, 2, 4, 8 and 15 min, then every 15 min.
    pub fn delay(self) -> Duration {
        let doubled = AGAIN_AFTER.saturating_mul(1 << self.times.saturating_sub(1).min(4));
        doubled.min(MAX_WAIT)
    }
}

impl SliceCheckpoint {
    /// The state of a kind, or its beginning.
    pub fn state<T: DeserializeOwned + Default>(&self) -> shared::Result<T> {
        match &self.state {
            serde_json::Value::Null => Ok(T::default()),
            state => serde_json::from_value(state.clone()).map_err(unreadable),
        }
    }

    /// A checkpoint as it was saved.
    pub fn parse(text: &str) -> shared::Result<SliceCheckpoint> {
        serde_json::from_str(text).map_err(unreadable)
    }
}

fn unreadable(why: serde_json::Error) -> Error {
    Error::new(ErrorKind::Corrupt, "operation", "checkpoint", "it cannot be read by this release").with_source(why)
}

fn json(value: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(value).expect("records are representable as JSON")
}
