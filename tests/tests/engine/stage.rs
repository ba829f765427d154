use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::ledger::sqlite::SqliteLedger;
use adapters::queue::sqlite::SqliteQueue;
use adapters::sqlite::Database;
use adapters::store::file::FileStore;
use flotilla_tests::emulators::fresh_folder;
use flotilla_tests::probe::{LedgerProbe, QueueProbe};
use flotilla_tests::stage::{self, run_start};
pub use flotilla_tests::stage::{RUN, TASK};
use shared::config::{MachineSettings, Work};
use shared::fleet::Fleet;
use shared::fleet::solo::Solo;
use shared::job::Origin;
use shared::ledger::{Ledger, NO_FENCE, Settled};
use shared::location::Location;
use shared::object::Timestamp;
use shared::objects::job::{JobObject, ObjectJob, ObjectWork};
use shared::queue::{JobQueue, Outgoing};
use shared::store::Store;
use tokio::task::JoinHandle;
use worker::{Follow, LiveLimits, Stop, TransferProgress, WorkError};

/// Longest wait for anything: far beyond what it takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Two folders, a queue and a ledger.
pub struct Stage {
    pub source: PathBuf,
    pub destination: PathBuf,
    pub queue: Arc<QueueProbe>,
    pub ledger: Arc<LedgerProbe>,
    pub machine: MachineSettings,
    pub options: Work,
    pub fleet: Arc<dyn Fleet>,
    pub follow: Follow,
    /// Unused if `machine` has a bandwidth limit.
    pub limits: LiveLimits,
}

/// A worker at work.
pub struct Working {
    pub stop: Stop,
    pub moved: Arc<TransferProgress>,
    worker: JoinHandle<Result<(), WorkError>>,
}

impl Stage {
    pub async fn new() -> Stage {
        let database = Database::open(&fresh_folder("state")).expect("the state folder opens");
        let ledger = LedgerProbe::new(Arc::new(SqliteLedger::open(&database)));
        ledger.start_run(&run_start(RUN), NO_FENCE).await.expect("the run is recorded");
        Stage {
            source: fresh_folder("source"),
            destination: fresh_folder("destination"),
            queue: Arc::new(QueueProbe::new(Arc::new(SqliteQueue::open(&database, TASK)))),
            ledger: Arc::new(ledger),
            machine: MachineSettings::default(),
            options: Work { retry_delay: Duration::from_millis(10), ..Work::default() },
            fleet: Arc::new(Solo),
            follow: Follow::alone(),
            limits: LiveLimits::default(),
        }
    }

    /// Files of so many bytes in the source; gives them as a job's objects.
    pub fn files(&self, sizes: impl IntoIterator<Item = usize>) -> Vec<JobObject> {
        let file = |(index, size): (u32, usize)| {
            let key = format!("file-{index:05}");
            std::fs::write(self.source.join(&key), vec![b'x'; size]).expect("files can be written");
            let modified = Timestamp::now();
            JobObject { index, key, size: size as u64, modified, ..JobObject::default() }
        };
        (0..).zip(sizes).map(file).collect()
    }

    pub fn job(work: ObjectWork, objects: usize) -> ObjectJob {
        let origin = Origin { id: "0/1".into(), items: objects as u32 };
        ObjectJob::new(TASK, RUN, origin, work)
    }

    pub async fn copy(&self, objects: &[JobObject]) {
        self.send(&Self::job(ObjectWork::Copy { objects: objects.to_vec() }, objects.len())).await;
    }

    pub async fn send(&self, job: &ObjectJob) {
        self.queue.send(&[Outgoing::now(job.to_body())]).await.expect("the job is queued");
    }

    pub fn start(&self) -> Working {
        let store = |path: &PathBuf| -> Store {
            let location = Location::folder(path).expect("a folder is a location");
            Arc::new(FileStore::open(&location).expect("the folder opens"))
        };
        let stores = (store(&self.source), store(&self.destination));
        let (queue, ledger) = (self.queue.clone(), self.ledger.clone());
        let mut worker = stage::worker(stores, queue, ledger, (&self.machine, &self.options));
        worker.worker.fleet = self.fleet.clone();
        worker.objects.follow = self.follow.clone();
        if self.machine.bandwidth_limit.is_none() {
            worker.objects.limits = self.limits.clone();
        }
        let (stop, moved) = (Stop::default(), worker.worker.moved.clone());
        let worker = tokio::spawn(worker.build().run(stop.clone()));
        Working { stop, moved, worker }
    }

    /// Records one more run; gives its id.
    pub async fn next_run(&self, id: &str) -> String {
        self.ledger.start_run(&run_start(id), NO_FENCE).await.expect("the run is recorded");
        id.to_owned()
    }

    pub async fn settled(&self) -> Settled {
        self.ledger.run(RUN).await.expect("the ledger answers").expect("the run is there").settled
    }

    pub async fn until_settled(&self, objects: u64) {
        until(async || self.settled().await.objects() >= objects).await;
    }

    pub async fn until_empty(&self) {
        until(async || self.queue.depth().await.expect("the queue answers").waiting() == 0).await;
    }

    pub async fn until_called(&self, queue: &str, times: u64) {
        until(async || self.queue.calls.count(queue) >= times).await;
    }
}

impl Working {
    /// Drains.
    pub async fn stop(self) -> Result<(), WorkError> {
        self.stop.drain.cancel();
        self.ended().await
    }

    /// As SIGKILL: nothing is written or released any more.
    pub async fn kill(self) {
        self.worker.abort();
        let _ = self.worker.await;
    }

    pub async fn ended(self) -> Result<(), WorkError> {
        let ended = tokio::time::timeout(PATIENCE, self.worker).await;
        ended.expect("the worker ends").expect("the worker does not panic")
    }
}

pub async fn until(reached: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !reached().await {
        assert!(started.elapsed() < PATIENCE, "not reached in time");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
