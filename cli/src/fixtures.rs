//! Runs for the tests of what is shown of them.

use shared::ledger::{Found, Phase, Run, RunStart, Settled};
use shared::object::Timestamp;

/// A run of task `t` with these counters.
pub fn run(id: &str, phase: Phase, found: Found, settled: Settled) -> Run {
    let start = RunStart {
        id: id.into(),
        task: "t".into(),
        source: "/a".into(),
        destination: "/b".into(),
        options: Default::default(),
        started: Timestamp(0),
    };
    Run { start, phase, error: None, found, settled }
}
