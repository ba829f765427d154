//! How a run stands.

use shared::ledger::rate::{self, Rate as LedgerRate};
use shared::ledger::{Phase, Run};
use shared::tasks::RunEnd;

use crate::api::run::{Progress, Rate, RunState};

/// The state of a run that the ledger has; `None`: its finder has not begun.
pub fn state(run: Option<&Run>) -> RunState {
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
pub fn ended_state(end: RunEnd) -> RunState {
    match end {
        RunEnd::Done => RunState::Done,
        RunEnd::DoneWithFailures => RunState::DoneWithFailures,
        RunEnd::Stopped => RunState::Stopped,
        RunEnd::Cancelled => RunState::Cancelled,
    }
}

/// How a run stands, at a rate that its samples show, with bytes of large objects that are on their way.
pub fn progress(run: Option<&Run>, rate: Option<LedgerRate>, under_way_bytes: u64) -> Progress {
    let Some(run) = run else {
        return Progress {
            state: RunState::Queued,
            enqueued: 0,
            found: Default::default(),
            settled: Default::default(),
            share: None,
            rate: None,
            seconds_left: None,
            progress: None,
            error: None,
        };
    };
    let under_way_bytes = under_way_bytes.min(run.found.enqueued_bytes.saturating_sub(run.settled.bytes));
    let left = rate.and_then(|rate| rate::remaining(run, under_way_bytes, rate));
    Progress {
        state: state(Some(run)),
        enqueued: run.enqueued(),
        found: run.found.into(),
        settled: (&run.settled).into(),
        share: rate::share(run, under_way_bytes).filter(|_| !run.is_events()),
        rate: rate.map(|LedgerRate { objects, bytes }| Rate { objects, bytes }),
        seconds_left: left.map(|left| left.as_secs()),
        progress: None,
        error: run.error.clone(),
    }
}
