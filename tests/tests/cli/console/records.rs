//! Records that a test puts into a ledger itself.

use adapters::open::FleetBackend;
use shared::job::Origin;
use shared::ledger::{NO_FENCE, Outcome, RunOptions, RunStart, Settlement, State};
use shared::object::Timestamp;

/// Failures of one settlement.
const BLOCK: u32 = 250;

/// A run of a task, with so many failures of one cause. Their number is a multiple of 250.
pub async fn failures(backend: &FleetBackend, task: &str, run: &str, number: u32) {
    let word = |word: &str| word.to_owned();
    let (source, destination, options) = (word("/a"), word("/b"), RunOptions::default());
    let start = RunStart { id: word(run), task: word(task), source, destination, options, started: Timestamp::now() };
    backend.ledger.start_run(&start, NO_FENCE).await.expect("begun");
    for block in 0..number / BLOCK {
        let origin = Origin { id: format!("job-{block}"), items: BLOCK };
        let failed = |index: u32| {
            let outcome = Outcome::new(format!("folder/object-{block:06}-{index:03}"), State::Failed);
            (index, Outcome { error: Some(word("put: AccessDenied: Access Denied (HTTP 403)")), ..outcome })
        };
        let outcomes: Vec<(u32, Outcome)> = (0..BLOCK).map(failed).collect();
        let settlement = Settlement { task, run, origin: &origin, reasons: &[], outcomes: &outcomes, span: None };
        backend.ledger.settle(&settlement).await.expect("settled");
    }
}
