//! A worker, before it works.

use std::sync::Arc;

use shared::config::Work;
use shared::fleet::Fleet;
use shared::fleet::solo::Solo;
use shared::ledger::SharedLedger;
use shared::queue::Queue;

use crate::engine::executor::Executor;
use crate::engine::executors::Executors;
use crate::engine::progress::TransferProgress;

/// Gets each outcome when it is counted.
pub type Report = shared::report::Listener;

/// A worker for one task.
#[derive(Clone)]
pub struct Worker {
    /// The task whose jobs it executes; others' go to the dead-letter queue.
    pub task: String,
    /// Its name in outcomes.
    pub name: String,
    /// Where jobs wait.
    pub queue: Queue,
    /// Where events wait, if not there. They are done first.
    pub events: Option<Queue>,
    /// Where outcomes are recorded.
    pub ledger: SharedLedger,
    /// Its machine.
    pub fleet: Arc<dyn Fleet>,
    /// How much it does at once, and for how long it leases and drains.
    pub options: Work,
    /// Gets the outcomes.
    pub report: Option<Report>,
    /// Bytes transferred so far and objects in flight, for displays.
    pub moved: Arc<TransferProgress>,
    /// What executes its jobs. It may change while the worker works.
    pub executors: Executors,
}

impl Worker {
    /// A worker on a machine of its own that receives from one queue, and executes no kind yet.
    pub fn new(task: &str, name: &str, queue: Queue, ledger: SharedLedger, options: Work) -> Self {
        Worker {
            task: task.to_owned(),
            name: name.to_owned(),
            queue,
            events: None,
            ledger,
            fleet: Arc::new(Solo),
            options,
            report: None,
            moved: Arc::default(),
            executors: Executors::default(),
        }
    }

    /// The same worker, which also executes the jobs of one more kind, of all definitions.
    #[must_use]
    pub fn with(self, executor: impl Executor + 'static) -> Self {
        self.executors.add(0, executor);
        self
    }
}
