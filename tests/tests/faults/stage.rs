//! A task between two buckets, with a proxy before each: finder and worker in this process, on an embedded
//! queue and ledger, until the run has ended one way or another.

use std::sync::Arc;
use std::time::Duration;

use adapters::ledger::sqlite::SqliteLedger;
use adapters::queue::sqlite::SqliteQueue;
use adapters::store::file::FileStore;
use adapters::store::s3::S3Store;
use finder::{FindError, Finder, ObjectsPlanner};
use flotilla_tests::cloud::{Cloud, Profile};
use flotilla_tests::emulators::side;
use flotilla_tests::probe::{LedgerProbe, QueueProbe};
use flotilla_tests::proxy::Proxy;
use flotilla_tests::stage::{self, Embedded, Running};
pub use flotilla_tests::stage::{TASK, content};
use shared::config::{Find, MachineSettings, Side, Work};
use shared::job::Origin;
use shared::ledger::{Ledger, Outcome, Phase, Run, Settled, events_run};
use shared::location::Scheme;
use shared::objects::job::{JobChange, ObjectJob, ObjectWork};
use shared::queue::{JobQueue, Outgoing};
use shared::store::Store;
use shared::telemetry::endpoint::Health;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use worker::{WorkError, Worker};

/// A run that is not through after so long hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// Larger objects go in parts here; one part has at least 5 MiB.
const THRESHOLD: u64 = 1 << 20;
const PART: u64 = 5 << 20;

/// What a source holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objects(pub Vec<(String, usize)>);

impl Objects {
    /// So many small ones.
    pub fn small(count: usize) -> Objects {
        Objects((0..count).map(|n| (format!("small/{n:04}"), 100 + n)).collect())
    }

    /// Six small ones and one of two parts.
    pub fn with_parts() -> Objects {
        let mut objects = Objects::small(6);
        objects.0.push(("large".to_owned(), PART as usize + 1));
        objects
    }
}

/// Two buckets, a proxy before each, and a queue and ledger.
pub struct Stage {
    pub objects: Objects,
    pub cloud: Cloud,
    pub from: Proxy,
    pub to: Proxy,
    pub source: Side,
    pub destination: Side,
    pub find: Find,
    pub machine: MachineSettings,
    pub work: Work,
    pub outage_limit: Option<Duration>,
    pub health: Health,
    pub queue: Arc<SqliteQueue>,
    pub ledger: Arc<SqliteLedger>,
    /// Queue and ledger as the worker sees them.
    pub worker_queue: Arc<QueueProbe>,
    pub worker_ledger: Arc<LedgerProbe>,
    /// The source as the worker sees it, made of the store; `None`: the store itself.
    pub worker_source: Option<Seen>,
}

/// Makes a store that behaves otherwise.
pub type Seen = Arc<dyn Fn(Store) -> Store + Send + Sync>;

/// How it ended.
#[derive(Debug)]
pub struct End {
    pub run: Option<Run>,
    pub find_error: Option<FindError>,
    pub outage: Option<String>,
}

impl Stage {
    pub async fn new(objects: Objects) -> Stage {
        Stage::at(Profile::UNKNOWN, objects).await
    }

    /// The same at a store of this kind.
    pub async fn at(profile: Profile, objects: Objects) -> Stage {
        let cloud = Cloud::start(profile).await;
        let (from, to) = (Proxy::start(&cloud.endpoint).await, Proxy::start(&cloud.endpoint).await);
        let bucket = cloud.create_bucket("source");
        for (key, size) in &objects.0 {
            cloud.put(&bucket, key, content(key, *size));
        }
        let Embedded { queue, ledger } = Embedded::new();
        Stage {
            source: side(&from.endpoint, &bucket, ""),
            destination: side(&to.endpoint, &cloud.create_bucket("destination"), ""),
            cloud,
            objects,
            from,
            to,
            find: Find { list_concurrency: 1, ..Find::default() },
            machine: MachineSettings::default(),
            work: Work {
                retry_delay: Duration::from_millis(10),
                part_size: Some(PART),
                multipart_threshold: Some(THRESHOLD),
                ..Work::default()
            },
            outage_limit: Some(LIMIT),
            health: Health::default(),
            worker_queue: Arc::new(QueueProbe::new(queue.clone())),
            queue,
            worker_ledger: Arc::new(LedgerProbe::new(ledger.clone())),
            ledger,
            worker_source: None,
        }
    }

    /// The same with both sides at one service, which then copies by itself; its requests pass `to`.
    pub fn within_one_service(mut self) -> Stage {
        self.source.connection = self.destination.connection.clone();
        self
    }

    /// Has the destination hold a key that the source does not, and the run delete it.
    pub fn with_a_stale_key(mut self) -> Stage {
        self.find.delete = true;
        self.cloud.put(self.destination.location.bucket(), "stale", "stale");
        self
    }

    async fn store(side: &Side) -> Store {
        match side.location.scheme() {
            Scheme::File => Arc::new(FileStore::open(&side.location).expect("the folder opens")),
            _ => Arc::new(S3Store::open(side).await.expect("the store opens")),
        }
    }

    /// Both stores, as a run opens them.
    pub async fn stores(&self) -> (Store, Store) {
        (Self::store(&self.source).await, Self::store(&self.destination).await)
    }

    pub async fn worker(&self) -> Worker {
        let (queue, ledger) = (self.worker_queue.clone(), self.worker_ledger.clone());
        let (source, destination) = self.stores().await;
        let source = self.worker_source.as_ref().map_or_else(|| source.clone(), |seen| seen(source.clone()));
        let mut worker = stage::worker((source, destination), queue, ledger, (&self.machine, &self.work));
        worker.objects.follow.metadata = self.find.metadata;
        worker.objects.follow.look_again = self.work.look_again == Some(true);
        worker.objects.health = self.health.clone();
        worker.objects.outage_limit = self.outage_limit;
        worker.build()
    }

    fn finder(&self) -> Finder {
        Finder {
            task: TASK.into(),
            queue: self.queue.clone(),
            ledger: self.ledger.clone(),
            owner: "finder".into(),
            force: false,
            look_every: Duration::from_millis(100),
            run: None,
        }
    }

    /// Enqueues a run. Gives its id.
    pub async fn enqueue(&self) -> Result<String, FindError> {
        let (source, destination) = self.stores().await;
        let planner = ObjectsPlanner::new(source, destination, &self.find, &self.work, self.ledger.clone());
        let planner = planner.expect("the filters are valid");
        self.finder().run(&planner, CancellationToken::new(), Arc::default()).await
    }

    /// One run, from the first listing to the last outcome.
    pub async fn sync(&self) -> End {
        let mut worker = Some(Running::start(self.worker().await));
        let found = self.enqueue().await;
        let began = Instant::now();
        let mut outage = None;
        let run = loop {
            let run = self.last_run().await;
            if found.is_err() || run.as_ref().is_some_and(Run::is_done) {
                break run;
            }
            if let Some(worker) = worker.take_if(|worker| worker.is_finished()) {
                match worker.ended().await {
                    Err(WorkError::Outage(why)) => outage = Some(why.to_string()),
                    ended => panic!("the worker ended: {ended:?}"),
                }
                break self.last_run().await;
            }
            assert!(began.elapsed() < LIMIT, "the run hangs: {run:?}");
            sleep(Duration::from_millis(10)).await;
        };
        if let Some(worker) = worker {
            worker.stop.escalate();
            worker.finish().await;
        }
        End { run, find_error: found.err(), outage }
    }

    /// Sends a message that reports a change of this key so many times.
    pub async fn send_event(&self, id: &str, key: &str, times: u32) {
        let change = |index| JobChange { index, key: key.to_owned(), time: None, no_delete: false };
        let work = ObjectWork::Changed { objects: (0..times).map(change).collect() };
        let job = ObjectJob::new(TASK, &events_run(TASK), Origin { id: id.into(), items: times }, work);
        self.queue.send(&[Outgoing::now(job.to_body())]).await.expect("the event is queued");
    }

    /// What the event run has counted.
    pub async fn events(&self) -> Settled {
        let run = self.ledger.run(&events_run(TASK)).await.expect("the ledger answers");
        run.map(|run| run.settled).unwrap_or_default()
    }

    /// Waits until no message is left.
    pub async fn until_followed(&self) {
        stage::until(async || self.queue.depth().await.expect("the queue answers").waiting() == 0).await;
    }

    pub async fn last_run(&self) -> Option<Run> {
        self.ledger.runs(TASK, 1).await.expect("the ledger answers").pop()
    }

    /// The failed objects of a run.
    pub async fn failures(&self, run: &Run) -> Vec<Outcome> {
        let (failures, rest) = self.ledger.failures(&run.start.id, None, 1_000).await.expect("the ledger answers");
        assert_eq!(rest, None);
        failures
    }

    pub async fn outcome(&self, key: &str) -> Outcome {
        self.ledger.outcome(TASK, key).await.expect("the ledger answers").expect("an outcome is recorded")
    }

    /// Whether the destination holds the key.
    pub fn holds(&self, key: &str) -> bool {
        self.cloud.object(self.destination.location.bucket(), key).is_some()
    }

    /// Checks that the destination holds every byte of all objects but those, and nothing else.
    pub fn assert_stored_all_but(&self, missing: &[String], case: &str) {
        let stored = self.cloud.objects(self.destination.location.bucket());
        let whole: Vec<_> = self.objects.0.iter().filter(|(key, _)| !missing.contains(key)).collect();
        let mut wanted: Vec<&String> = whole.iter().map(|(key, _)| key).collect();
        wanted.sort();
        assert_eq!(stored.keys().collect::<Vec<_>>(), wanted, "{case}: the keys differ");
        for (key, size) in whole {
            assert!(stored[key].bytes == content(key, *size), "{case}: bytes of {key} differ");
        }
    }

    /// Uploads that nobody has ended.
    pub fn open_uploads(&self) -> usize {
        self.cloud.uploads(self.destination.location.bucket()).len()
    }
}

impl End {
    /// The run, which must have come to its end.
    pub fn done(&self, case: &str) -> &Run {
        let run = self.run.as_ref().unwrap_or_else(|| panic!("{case}: {self:?}"));
        assert!(self.find_error.is_none() && self.outage.is_none(), "{case}: {self:?}");
        assert!(run.is_done() && run.phase == Phase::Listed, "{case}: {self:?}");
        run
    }
}
