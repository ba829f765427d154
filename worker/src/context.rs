//! A worker, and what all its jobs share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use shared::config::Work;
use shared::fleet::Fleet;
use shared::job::{Job, JobObject};
use shared::ledger::{Outcome, SharedLedger, State};
use shared::limits::{Bandwidth, Brake, Permit, transfers_within};
use shared::object::Timestamp;
use shared::queue::Queue;
use shared::store::Store;

/// Is told every outcome after it is recorded. May be told one twice, after a redelivery.
pub type Report = Arc<dyn Fn(&Outcome) + Send + Sync>;

/// A worker for one task.
#[derive(Clone)]
pub struct Worker {
    /// The task whose jobs it does; others' go to the dead-letter queue.
    pub task: String,
    /// Its name in outcomes.
    pub name: String,
    /// Where objects come from.
    pub source: Store,
    /// Where they go.
    pub destination: Store,
    /// Where jobs wait.
    pub queue: Queue,
    /// Where outcomes are recorded.
    pub ledger: SharedLedger,
    /// Its machine.
    pub fleet: Arc<dyn Fleet>,
    /// How to copy.
    pub options: Work,
    /// Whom to tell outcomes.
    pub report: Option<Report>,
    /// Bytes read from sources so far, for progress.
    pub moved: Arc<AtomicU64>,
}

/// A worker at work.
pub(crate) struct Context {
    pub worker: Worker,
    pub brake: Brake,
    pub bandwidth: Option<Arc<Bandwidth>>,
    /// Cleared when the service has refused to copy between the two buckets: asking again for
    /// every object would double the requests.
    pub server_side_copy: AtomicBool,
}

impl std::ops::Deref for Context {
    type Target = Worker;
    fn deref(&self) -> &Worker {
        &self.worker
    }
}

impl Context {
    pub fn new(worker: Worker) -> Arc<Self> {
        let options = &worker.options;
        let brake = Brake::new(options.concurrency.min(transfers_within(options.memory_limit)));
        let bandwidth = options.bandwidth_limit.map(|rate| Arc::new(Bandwidth::new(rate)));
        let server_side_copy = AtomicBool::new(options.server_side_copy);
        Arc::new(Context { brake, bandwidth, server_side_copy, worker })
    }

    /// Waits for the right to one transfer; the stores' throttling counts from here.
    pub async fn transfer_permit(&self) -> Permit {
        self.brake.throttles(self.source.throttles() + self.destination.throttles());
        self.brake.acquire().await
    }

    /// Whether the service may be asked to copy.
    pub fn may_copy_server_side(&self) -> bool {
        self.server_side_copy.load(Ordering::Relaxed)
    }

    /// Remembers that the service does not copy between the two.
    pub fn no_server_side_copy(&self, error: &shared::Error) {
        if self.server_side_copy.swap(false, Ordering::Relaxed) {
            tracing::info!(%error, "the service does not copy between source and destination: streaming");
        }
    }

    /// The outcome of an object of `job` in which everything but the end is filled in.
    pub fn outcome(&self, job: &Job, object: &JobObject, started: Timestamp, state: State) -> Outcome {
        Outcome {
            key: object.key.clone(),
            state,
            reason: None,
            size: object.size,
            source: object.pin(),
            etag: None,
            checksum: None,
            verified: None,
            attempts: job.attempt,
            error: None,
            worker: self.name.clone(),
            started,
            finished: Timestamp::now(),
        }
    }
}
