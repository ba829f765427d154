use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use adapters::store::file::FileStore;
use bytes::Bytes;
use flotilla_tests::emulators::fresh_folder;
use flotilla_tests::probe::{LedgerProbe, QueueProbe};
use flotilla_tests::stage::{self, Embedded, Running, copy_job, run_start};
pub use flotilla_tests::stage::{RUN, TASK, until};
use futures::StreamExt;
use shared::Result;
use shared::config::{MachineSettings, Work};
use shared::fleet::Fleet;
use shared::fleet::solo::Solo;
use shared::job::Origin;
use shared::ledger::{Ledger, NO_FENCE, Settled};
use shared::location::Location;
use shared::object::Timestamp;
use shared::objects::job::{JobObject, ObjectJob, ObjectWork};
use shared::queue::{JobQueue, Outgoing};
use shared::store::{Body, Store};
use worker::{Follow, LiveLimits};

/// A folder as a store.
pub fn folder(path: &Path) -> FileStore {
    let location = Location::folder(path).expect("a folder is a location");
    FileStore::open(&location).expect("the folder opens")
}

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

impl Stage {
    pub async fn new() -> Stage {
        let Embedded { queue, ledger } = Embedded::with_a_run().await;
        Stage {
            source: fresh_folder("source"),
            destination: fresh_folder("destination"),
            queue: Arc::new(QueueProbe::new(queue)),
            ledger: Arc::new(LedgerProbe::new(ledger)),
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
        self.send(&copy_job("0/1", objects.to_vec())).await;
    }

    pub async fn send(&self, job: &ObjectJob) {
        self.queue.send(&[Outgoing::now(job.to_body())]).await.expect("the job is queued");
    }

    pub fn start(&self) -> Running {
        self.start_into(Arc::new(folder(&self.destination)))
    }

    /// Starts a worker that copies into this store.
    pub fn start_into(&self, destination: Store) -> Running {
        self.start_between(Arc::new(folder(&self.source)), destination)
    }

    /// Starts a worker between these stores.
    pub fn start_between(&self, source: Store, destination: Store) -> Running {
        let (queue, ledger) = (self.queue.clone(), self.ledger.clone());
        let mut worker = stage::worker((source, destination), queue, ledger, (&self.machine, &self.options));
        worker.worker.fleet = self.fleet.clone();
        worker.objects.follow = self.follow.clone();
        if self.machine.bandwidth_limit.is_none() {
            worker.objects.limits = self.limits.clone();
        }
        Running::start(worker.build())
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

    pub async fn ledger_is_called(&self, call: &str, times: u64) {
        until(async || self.ledger.calls.count(call) >= times).await;
    }

    pub async fn until_called(&self, queue: &str, times: u64) {
        until(async || self.queue.calls.count(queue) >= times).await;
    }
}

/// The same bytes but for the first one.
pub fn with_a_wrong_byte(body: Body) -> Body {
    let first = |(number, chunk): (usize, Result<Bytes>)| {
        let mut bytes = chunk?.to_vec();
        bytes[0] ^= u8::from(number == 0);
        Ok(Bytes::from(bytes))
    };
    Body::stream(body.enumerate().map(first))
}
