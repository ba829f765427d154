//! Heartbeats of workers, and the controller's record of its machines.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Change;
use crate::Result;
use crate::object::Timestamp;

/// A heartbeat is removed this long after it was written.
pub const HEARTBEATS_KEPT: Duration = Duration::from_secs(5 * 60);

/// A reader ignores a heartbeat only this long after that: the clocks of two machines may be minutes apart, and a
/// heartbeat that is ignored would take a live worker's work for dead.
pub const CLOCK_SKEW_ALLOWED: Duration = Duration::from_secs(3600);

/// Most workers of a fleet.
pub const MAX_WORKERS: usize = 10_000;

/// What a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkerState {
    /// It receives jobs.
    #[default]
    Working,
    /// It ends what it has.
    Draining,
    /// It met a job of a newer format, and receives no more.
    Outdated,
}

/// When the oldest messages of a task were sent that a worker received lately, by the queue's clock. SQS delivers roughly
/// in order, and reports no message's age otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OldestReceived {
    /// Of its queue of jobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jobs: Option<Timestamp>,
    /// Of its queue of events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Timestamp>,
}

impl OldestReceived {
    /// The oldest of both.
    pub fn and(&self, other: &OldestReceived) -> OldestReceived {
        let oldest = |one: Option<Timestamp>, other| one.into_iter().chain(other).min();
        OldestReceived { jobs: oldest(self.jobs, other.jobs), events: oldest(self.events, other.events) }
    }
}

/// What a worker says of itself every few seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The worker; unique among all workers that ever were.
    pub worker: String,
    /// Grows with each heartbeat. A worker is dead for a reader that saw no change for the lease, by its own clock.
    pub counter: u64,
    /// The machine's name in its group; `None` for one that nobody scales.
    pub machine: Option<String>,
    /// The program's version.
    pub version: String,
    /// What it does.
    pub state: WorkerState,
    /// Jobs in work, by task id. Tasks without any are left out.
    pub jobs: BTreeMap<String, u32>,
    /// Tasks that it cannot open, by id, each with the reason in one line.
    pub errors: BTreeMap<String, String>,
    /// The highest age of the events that it settled in the last minute, seconds, by task id: from the change to the
    /// record of its outcome. Tasks without any are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub event_ages: BTreeMap<String, u64>,
    /// When the oldest messages were sent that it received lately, by task id. Tasks without any are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub oldest: BTreeMap<String, OldestReceived>,
    /// When it was written, by the worker's clock. It only cleans up.
    pub at: Timestamp,
}

impl Heartbeat {
    /// How long ago it was written, as far as both clocks agree.
    pub fn age(&self, now: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(now.0.saturating_sub(self.at.0)).unwrap_or(0))
    }

    /// Whether the worker is silent, by the reader's clock: it was killed, or a clock is wrong. Only a counter that does
    /// not change shows which.
    pub fn is_silent(&self, now: Timestamp) -> bool {
        self.age(now) > HEARTBEATS_KEPT
    }

    /// When readers begin to ignore it.
    pub fn ignored_from(&self) -> Timestamp {
        let kept = HEARTBEATS_KEPT + CLOCK_SKEW_ALLOWED;
        Timestamp(self.at.0.saturating_add(kept.as_millis() as i64))
    }
}

/// What controllers remember of a fleet from one pass to the next: JSON that they alone read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FleetRecord {
    /// Grows with each write, from 0 where there is no record.
    pub version: u64,
    /// At most [`super::MAX_TEXT_BYTES`].
    pub text: String,
}

/// Heartbeats of the workers of a fleet.
#[async_trait]
pub trait Heartbeats {
    /// Writes a worker's heartbeat over its earlier one. A late one may come back over a newer one until the next beat:
    /// for a reader the counter has changed, and the worker was alive.
    async fn beat(&self, heartbeat: &Heartbeat) -> Result<()>;

    /// Removes a worker's heartbeat: it leaves.
    async fn leave(&self, worker: &str) -> Result<()>;

    /// The heartbeats of all workers, by worker, at most [`MAX_WORKERS`]. Dead workers are among them until their heartbeat is
    /// removed: the reader compares the counters of two calls.
    async fn heartbeats(&self) -> Result<Vec<Heartbeat>>;

    /// What controllers remember of the fleet.
    async fn fleet_record(&self) -> Result<FleetRecord>;

    /// Replaces the record that has version `seen`. `Conflict` if another controller was first.
    async fn set_fleet_record(&self, seen: u64, text: &str) -> Result<Change<FleetRecord>>;
}
