//! How far a run is.

use serde::Serialize;
use shared::ledger::{Phase, Run};
use shared::tasks::RunEnd;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// No worker has begun it.
    Queued,
    /// Both sides are being listed; what differs is copied meanwhile.
    Listing,
    /// Everything is listed; the deletes are being put on the queue.
    Releasing,
    /// Everything is on the queue.
    Copying,
    /// It ended, and every object is in sync.
    Done,
    /// It ended; some objects failed, or could not be compared or listed.
    DoneWithFailures,
    /// The finder gave up, or messages were lost. Nothing was deleted after that.
    Stopped,
    /// Its remaining objects are being settled as cancelled.
    Cancelling,
    /// It was cancelled.
    Cancelled,
}

impl RunState {
    /// The state of a run that the ledger has; `None`: its finder has not begun.
    pub fn of(run: Option<&Run>) -> RunState {
        let Some(run) = run else { return RunState::Queued };
        let has_failures = run.settled.failed + run.found.not_judged + run.found.unlisted > 0;
        match (run.phase, run.is_done()) {
            (Phase::Listing, _) if !run.is_events() => RunState::Listing,
            (Phase::Releasing, _) => RunState::Releasing,
            (Phase::Listed, true) if has_failures => RunState::DoneWithFailures,
            (Phase::Listed, true) => RunState::Done,
            (Phase::Stopped, true) | (Phase::Lost, _) => RunState::Stopped,
            (Phase::Cancelled, true) => RunState::Cancelled,
            (Phase::Cancelling | Phase::Cancelled, _) => RunState::Cancelling,
            (Phase::Listing | Phase::Listed | Phase::Stopped, _) => RunState::Copying,
        }
    }

    /// The state of a run whose end was recorded.
    pub fn ended(end: RunEnd) -> RunState {
        match end {
            RunEnd::Done => RunState::Done,
            RunEnd::DoneWithFailures => RunState::DoneWithFailures,
            RunEnd::Stopped => RunState::Stopped,
            RunEnd::Cancelled => RunState::Cancelled,
        }
    }

    /// The state as the API and `--json` spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            RunState::Queued => "queued",
            RunState::Listing => "listing",
            RunState::Releasing => "releasing",
            RunState::Copying => "copying",
            RunState::Done => "done",
            RunState::DoneWithFailures => "done-with-failures",
            RunState::Stopped => "stopped",
            RunState::Cancelling => "cancelling",
            RunState::Cancelled => "cancelled",
        }
    }
}
