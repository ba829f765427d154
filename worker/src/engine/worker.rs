//! A worker, before it works.

use std::sync::Arc;
use std::time::Duration;

use shared::config::MachineSettings;
use shared::fleet::Fleet;
use shared::fleet::solo::Solo;
use shared::ledger::SharedLedger;
use shared::limits::{ConcurrencyLimiter, RangeBuffers};
use shared::metrics::tasks::TaskMetrics;
use shared::queue::Queue;
use shared::report::Listener;

use crate::engine::activity::Activity;
use crate::engine::executor::Executor;
use crate::engine::executors::Executors;
use crate::engine::progress::TransferProgress;
use crate::engine::turns::Turns;

/// A release is one short call a job. A process that ends does not wait longer for a queue that does not answer.
const RELEASE_TIME: Duration = Duration::from_millis(1_000);

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
    /// Its machine. A process of many tasks attends to its machine itself ([`Machine`](crate::Machine)), and leaves
    /// this as it is.
    pub fleet: Arc<dyn Fleet>,
    /// How much it does at once, and for how long it leases and drains.
    pub machine: MachineSettings,
    /// Gets each outcome when it is counted.
    pub report: Option<Listener>,
    /// The task's own metrics.
    pub metrics: Option<Arc<TaskMetrics>>,
    /// Bytes transferred so far and objects in flight, for displays.
    pub moved: Arc<TransferProgress>,
    /// What it does, for others to see.
    pub activity: Arc<Activity>,
    /// The limit of its transfers, where several tasks share one; `None`: its own, by `machine`.
    pub limiter: Option<ConcurrencyLimiter>,
    /// Memory for ranges that are read before their turn, where several tasks share it; `None`: its own, by `machine`.
    pub range_buffers: Option<RangeBuffers>,
    /// When it may poll, and for how long, where several tasks share the polls; `None`: whenever it can work.
    pub turns: Option<Arc<Turns>>,
    /// How long it releases jobs that it does not finish, before it leaves them to the ends of their leases: short
    /// where the process ends, longer where it goes on.
    pub release_time: Duration,
    /// What executes its jobs. It may change while the worker works.
    pub executors: Executors,
}

impl Worker {
    /// A worker on a machine of its own that receives from one queue, and executes no kind yet.
    pub fn new(task: &str, name: &str, queue: Queue, ledger: SharedLedger, machine: MachineSettings) -> Self {
        Worker {
            task: task.to_owned(),
            name: name.to_owned(),
            queue,
            events: None,
            ledger,
            fleet: Arc::new(Solo),
            machine,
            report: None,
            metrics: None,
            moved: Arc::default(),
            activity: Arc::default(),
            limiter: None,
            range_buffers: None,
            turns: None,
            release_time: RELEASE_TIME,
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
