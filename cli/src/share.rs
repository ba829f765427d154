//! Which part of a run's counters is the work of this command: an earlier one may have been interrupted.

use std::collections::HashMap;

use serde::Serialize;
use shared::ledger::{Run, Settled};

/// Work that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct WorkDone {
    /// Objects copied.
    pub copied: u64,
    /// Objects deleted at the destination.
    pub deleted: u64,
    /// Bytes copied.
    pub bytes: u64,
}

impl WorkDone {
    fn of(settled: &Settled) -> WorkDone {
        WorkDone { copied: settled.copied, deleted: settled.deleted, bytes: settled.bytes }
    }

    /// Whether nothing was done.
    pub fn is_none(&self) -> bool {
        *self == WorkDone::default()
    }

    /// The work between the two.
    fn since(self, before: WorkDone) -> WorkDone {
        WorkDone {
            copied: self.copied.saturating_sub(before.copied),
            deleted: self.deleted.saturating_sub(before.deleted),
            bytes: self.bytes.saturating_sub(before.bytes),
        }
    }
}

impl std::ops::AddAssign for WorkDone {
    fn add_assign(&mut self, other: WorkDone) {
        self.copied += other.copied;
        self.deleted += other.deleted;
        self.bytes += other.bytes;
    }
}

/// This command's own share of the runs.
#[derive(Debug, Default)]
pub struct Share {
    /// What runs that are not done had come to when this command began.
    before: HashMap<String, WorkDone>,
    /// What this command did for runs that it has finished on its way.
    finished: WorkDone,
}

impl Share {
    /// From these runs on, as they stand now.
    pub fn since(runs: &[Run]) -> Share {
        let open = runs.iter().filter(|run| !run.is_done());
        let before = open.map(|run| (run.start.id.clone(), WorkDone::of(&run.settled))).collect();
        Share { before, finished: WorkDone::default() }
    }

    /// A run that an earlier command has begun is finished; another one follows.
    pub fn finished(&mut self, run: &Run) {
        self.finished += WorkDone::of(&run.settled).since(self.before(run));
    }

    /// The work of earlier commands for this run.
    pub fn before(&self, run: &Run) -> WorkDone {
        self.before.get(&run.start.id).copied().unwrap_or_default()
    }

    /// What this command did, for this run and for those that it has finished before.
    pub fn own(&self, run: &Run) -> WorkDone {
        let mut own = WorkDone::of(&run.settled).since(self.before(run));
        own += self.finished;
        own
    }
}
