//! How far a plan is.

use std::sync::atomic::Ordering::Relaxed;

use serde::{Deserialize, Serialize};
use shared::ledger::Checkpoint;
use shared::object::Timestamp;

use super::counted::Asked;
use super::estimate::Tally;
use crate::objects::policy::{CopyReasons, Reason};

/// How far a plan is: a plan that ended early goes on from it, also in another process. It has the ranges of the listing,
/// at most some 1,000 and those of the prefix list, and sums.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanProgress {
    /// When the plan began, which decides on objects by age.
    pub(super) began: Option<Timestamp>,
    /// Where the listing of each range stands.
    pub(super) checkpoints: Vec<Checkpoint>,
    /// Sums over the jobs up to there.
    pub(super) tally: Tally,
    /// Objects to copy, by reason.
    pub(super) reasons: Vec<(Reason, u64)>,
    /// Requests to the source: pages, heads, tags.
    pub(super) source: [u64; 3],
    /// The same to the destination.
    pub(super) destination: [u64; 3],
}

impl PlanProgress {
    /// Objects that were found to be copied.
    pub fn copies(&self) -> u64 {
        self.checkpoints.iter().map(|checkpoint| checkpoint.found.enqueued).sum()
    }

    /// Objects that were listed at the source.
    pub fn listed(&self) -> u64 {
        self.checkpoints.iter().map(|checkpoint| checkpoint.found.listed).sum()
    }

    /// Adds what a walk counted.
    pub(super) fn add(&mut self, copies: &CopyReasons, source: &Asked, destination: &Asked) {
        let before = |reason: Reason| self.reasons.iter().find(|(known, _)| *known == reason).map_or(0, |(_, n)| *n);
        let sums = Reason::ALL.into_iter().map(|reason| (reason, copies.count(reason) + before(reason)));
        self.reasons = sums.filter(|(_, objects)| *objects > 0).collect();
        for (sums, asked) in [(&mut self.source, source), (&mut self.destination, destination)] {
            for (sum, asked) in sums.iter_mut().zip([&asked.pages, &asked.heads, &asked.tags]) {
                *sum += asked.load(Relaxed);
            }
        }
    }
}

/// A checkpoint as a later walk needs it. Its jobs are counted by then. The range of a done one is not listed again.
pub(super) fn kept(checkpoint: &Checkpoint) -> Checkpoint {
    let cursor = checkpoint.cursor.clone().filter(|_| !checkpoint.done);
    Checkpoint { cursor, outbox: Vec::new(), ..checkpoint.clone() }
}
