//! Runs, and fleets in folders, for tests.

use std::path::Path;
use std::sync::Arc;

use adapters::ledger::sqlite::SqliteLedger;
use adapters::open::Backend;
use adapters::queue::sqlite::SqliteQueue;
use adapters::sqlite::Database;
use adapters::tasks::sqlite::SqliteTasks;
use shared::ledger::{Found, Phase, Run, RunStart, Settled};
use shared::object::Timestamp;
use shared::queue::Queue;
use shared::tasks::SharedTasks;

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

/// Tasks, queues and ledger of a fleet in a state folder, as one process opens them. When they are dropped, its leases
/// and claims are free, as those of a killed process are.
pub fn process(state: &Path) -> (SharedTasks, Backend) {
    let database = Database::open(state).unwrap();
    let ledger = Arc::new(SqliteLedger::open(&database));
    let queue = |name| -> Queue { Arc::new(SqliteQueue::open(&database, name)) };
    let (upload_log, records) = (ledger.clone(), ledger.clone());
    let backend = Backend { queue: queue("jobs"), events: Some(queue("events")), upload_log, records, ledger };
    (Arc::new(SqliteTasks::open(&database)), backend)
}
