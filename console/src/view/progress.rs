//! How a run stands.

use control::views;
use shared::ledger::Run;
use shared::ledger::rate::{self, Rate as LedgerRate};

use crate::api::run::{Progress, Rate, RunState};

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
        state: views::RunState::of(Some(run)).into(),
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
