//! The ledger of the model: runs with what their finders found, what was settled, and the upload of the giant.

use std::collections::{BTreeMap, BTreeSet};

use super::super::task::RunView;
use crate::ledger::Phase;

/// Objects that a run finds to be copied. The first is a giant: it goes in parts.
pub const COPIES: u64 = 3;
/// Objects that a run finds to be deleted, deferred until both listings have ended.
pub const DELETES: u64 = 2;
/// The object that has an upload.
pub const GIANT: u64 = 0;

/// A run as the ledger has it. Settled objects are a set: each is counted once.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub phase: Phase,
    /// The version of the definition that it began with.
    pub version: u32,
    pub fence: u64,
    /// Whether its finder has recorded what it found.
    pub is_found: bool,
    /// Whether its deletes are on the queue.
    pub is_released: bool,
    pub settled: BTreeSet<u64>,
    pub cancelled: u64,
}

impl Recorded {
    fn new(version: u32) -> Recorded {
        let (fence, is_found, is_released, settled, cancelled) = Default::default();
        Recorded { phase: Phase::Listing, version, fence, is_found, is_released, settled, cancelled }
    }

    fn found(&self) -> u64 {
        if self.is_found { COPIES + DELETES } else { 0 }
    }

    fn enqueued(&self) -> u64 {
        let deletes = if self.is_released { DELETES } else { 0 };
        if self.is_found { COPIES + deletes } else { 0 }
    }

    /// Objects that were found and are not settled.
    pub fn unsettled(&self) -> u64 {
        self.found().saturating_sub(self.settled.len() as u64)
    }

    /// Counts an object, if it was not counted before.
    pub fn settle(&mut self, object: u64) {
        if self.settled.insert(object) && self.phase.is_cancelled() {
            self.cancelled += 1;
        }
    }
}

/// What a finder writes, in this order. One that takes over a run writes all of it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// What was found, with the outbox.
    Found,
    /// Deletes are about to be sent.
    Releasing,
    /// Everything is sent.
    Listed,
}

/// All runs, and the open upload of the giant with the run that opened it.
#[derive(Debug, Default)]
pub struct Ledger {
    pub runs: BTreeMap<String, Recorded>,
    pub upload: Option<String>,
    /// Whether writes of finders under an earlier fence are accepted.
    pub is_unfenced: bool,
}

impl Ledger {
    /// A finder takes the run: it begins, or its fence is raised. `None`: there is nothing for a finder to do.
    pub fn take(&mut self, run: &str, version: u32) -> Option<u64> {
        let recorded = self.runs.entry(run.to_owned()).or_insert_with(|| Recorded::new(version));
        if !matches!(recorded.phase, Phase::Listing | Phase::Releasing) {
            return None;
        }
        recorded.fence += 1;
        Some(recorded.fence)
    }

    /// A finder's write; `false`: it is refused, and the finder ends.
    pub fn write(&mut self, run: &str, fence: u64, write: Write) -> bool {
        let is_unfenced = self.is_unfenced;
        let Some(run) = self.runs.get_mut(run) else { return false };
        if run.fence != fence && !is_unfenced {
            return false;
        }
        let mut enter = |phase: Phase| {
            let may = phase.may_follow(run.phase);
            if may {
                run.phase = phase;
            }
            may
        };
        match write {
            Write::Found => {
                run.is_found = true;
                true
            }
            Write::Releasing => {
                let may = enter(Phase::Releasing);
                run.is_released |= may;
                may
            }
            Write::Listed => enter(Phase::Listed),
        }
    }

    /// Cancels a run: closes it to finders, and counts what no queue has.
    pub fn cancel(&mut self, run: &str) {
        let Some(run) = self.runs.get_mut(run).filter(|run| Phase::Cancelling.may_follow(run.phase)) else { return };
        run.fence += 1;
        run.phase = Phase::Cancelled;
        if run.is_found && !run.is_released {
            run.is_released = true;
            (COPIES..COPIES + DELETES).for_each(|object| run.settle(object));
        }
    }

    /// Takes what is not settled for lost.
    pub fn lose(&mut self, run: &str) {
        let run = self.runs.get_mut(run).expect("only a run that was seen is lost");
        assert!(Phase::Lost.may_follow(run.phase) || run.phase.is_cancelled(), "{run:?}");
        if Phase::Lost.may_follow(run.phase) {
            run.phase = Phase::Lost;
        }
    }

    /// Aborts the upload, if the run opened it.
    pub fn close(&mut self, run: &str) {
        self.upload.take_if(|owner| owner == run);
    }

    /// A run as a controller sees it.
    pub fn view(&self, id: String) -> RunView {
        let Some(run) = self.runs.get(&id) else { return RunView::queued(&id) };
        let waiting = run.enqueued().saturating_sub(run.settled.len() as u64);
        let progress = run.settled.len() as u64 * 100 + run.found() * 10 + run.phase as u64;
        RunView { phase: Some(run.phase), unsettled: run.unsettled(), waiting, progress, ..RunView::queued(&id) }
    }
}
