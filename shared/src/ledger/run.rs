//! Runs, and the state that workers read.

use serde::{Deserialize, Serialize};

#[cfg(doc)]
use super::CLOSED;
use super::{Found, Phase, PhaseTimes, RunOptions, Settled};
use crate::object::Timestamp;

/// The facts that a run has from its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStart {
    /// Unique; sorts by time of start among the runs of one task.
    pub id: String,
    /// The task.
    pub task: String,
    /// Source location, for people.
    pub source: String,
    /// Destination location, for people.
    pub destination: String,
    /// The options that it began under. A run with other options cancels it.
    pub options: RunOptions,
    /// When it began.
    pub started: Timestamp,
}

/// A run, with its counters added up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The facts that it has from its start.
    #[serde(flatten)]
    pub start: RunStart,
    /// How far its finder has come.
    pub phase: Phase,
    /// When it entered its phases.
    pub entered: PhaseTimes,
    /// Why the finder gave up, or what it refused (such as too many deletes).
    pub error: Option<String>,
    /// Sum over the finder's checkpoints.
    pub found: Found,
    /// Sum over the settled objects.
    pub settled: Settled,
}

impl Run {
    /// Objects that were put on the queue by the run; events are put there by others.
    pub fn enqueued(&self) -> u64 {
        let deletes = match self.phase {
            // All deletes of a cancelled run are settled: as cancelled, where they were not made before.
            Phase::Releasing | Phase::Listed | Phase::Cancelling | Phase::Cancelled | Phase::Lost => self.found.deletes,
            Phase::Listing | Phase::Stopped => 0,
        };
        self.found.enqueued + deletes
    }

    /// Whether the finder is through and every enqueued object is settled, or lost. Events are never through.
    pub fn is_done(&self) -> bool {
        if self.phase == Phase::Lost {
            return true;
        }
        let is_through = matches!(self.phase, Phase::Listed | Phase::Stopped | Phase::Cancelled);
        is_through && !self.is_events() && self.settled.objects() >= self.enqueued()
    }

    /// Objects that were found to be copied or deleted and are not settled.
    pub fn unsettled(&self) -> u64 {
        (self.found.enqueued + self.found.deletes).saturating_sub(self.settled.objects())
    }
}

/// What a worker needs to know of a run before it executes one of its jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunState {
    /// How far the run has come.
    pub phase: Phase,
    /// The options that it began under.
    pub options: RunOptions,
    /// Whether no finder writes to it any more, and no worker in its name: its fence is [`CLOSED`].
    pub is_closed: bool,
}

impl RunState {
    /// Whether no job of the run is executed any more.
    pub fn is_over(&self) -> bool {
        self.is_closed || self.phase.is_cancelled()
    }
}
