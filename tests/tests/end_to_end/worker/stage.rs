//! Two buckets behind proxies, and a worker between them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::ledger::sqlite::SqliteLedger;
use adapters::queue::sqlite::SqliteQueue;
use adapters::store::s3::S3Store;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use flotilla_tests::emulators::{READ_ONLY_KEY, READ_ONLY_SECRET, side, side_as, weed};
use flotilla_tests::proxy::{Kind, Proxy};
pub use flotilla_tests::stage::until;
use flotilla_tests::stage::{self, Embedded, RUN, Running, TASK, copy_job};
use shared::config::{MachineSettings, Work};
use shared::ledger::{Ledger, Outcome, Settled};
use shared::object::{ETag, Timestamp};
use shared::objects::job::{JobObject, ObjectJob};
use shared::objects::{ObjectDetail, UploadLog};
use shared::queue::{JobQueue, Outgoing};
use shared::store::ObjectStore;
use worker::Worker;

use crate::support::content;

/// Two buckets behind proxies, and a queue and ledger of their own.
pub struct Stage {
    pub client: Client,
    pub from: Proxy,
    pub to: Proxy,
    pub source: String,
    pub destination: String,
    pub queue: Arc<SqliteQueue>,
    pub ledger: Arc<SqliteLedger>,
    pub machine: MachineSettings,
    pub options: Work,
    pub denied: bool,
}

impl Stage {
    pub async fn new() -> Stage {
        let weed = weed();
        let Embedded { queue, ledger } = Embedded::with_a_run().await;
        Stage {
            client: weed.client(&weed.endpoint),
            from: Proxy::start(&weed.endpoint).await,
            to: Proxy::start(&weed.second_endpoint).await,
            source: weed.create_bucket("source").await,
            destination: weed.create_bucket("destination").await,
            queue,
            ledger,
            machine: MachineSettings { lease: Duration::from_secs(5), ..MachineSettings::default() },
            options: Work { retry_delay: Duration::from_millis(10), ..Work::default() },
            denied: false,
        }
    }

    /// Puts an object of `content` into the source; gives it as a job's object.
    pub async fn object(&self, index: u32, key: &str, size: usize) -> JobObject {
        let body = ByteStream::from(content(key, size));
        let put = self.client.put_object().bucket(&self.source).key(key).body(body).send().await.expect("is put");
        let etag = put.e_tag().map(ETag::new);
        JobObject {
            index,
            key: key.into(),
            size: size as u64,
            modified: Timestamp::now(),
            etag,
            ..JobObject::default()
        }
    }

    pub fn job(&self, origin: &str, objects: Vec<JobObject>) -> ObjectJob {
        copy_job(origin, objects)
    }

    pub async fn send(&self, job: &ObjectJob) {
        self.queue.send(&[Outgoing::now(job.to_body())]).await.expect("the job is queued");
    }

    pub async fn worker(&self) -> Worker {
        let to = match self.denied {
            true => side_as(&self.to.endpoint, &self.destination, "", READ_ONLY_KEY, READ_ONLY_SECRET),
            false => side(&self.to.endpoint, &self.destination, ""),
        };
        let source: Arc<dyn ObjectStore> =
            Arc::new(S3Store::open(&side(&self.from.endpoint, &self.source, "")).await.expect("the source opens"));
        let destination: Arc<dyn ObjectStore> = Arc::new(S3Store::open(&to).await.expect("the destination opens"));
        // As the programs do before they take a job: what is known of the stores is known then.
        tokio::try_join!(source.probe(), destination.probe()).expect("both stores answer");
        stage::worker((source, destination), self.queue.clone(), self.ledger.clone(), (&self.machine, &self.options))
            .build()
    }

    /// Runs a worker until so many objects are settled and nothing waits on the queue.
    pub async fn work_until_settled(&self, objects: u64) -> Settled {
        let worker = Running::start(self.worker().await);
        let started = Instant::now();
        let settled = loop {
            let settled = self.settled().await;
            let waiting = self.queue.depth().await.expect("the queue answers").waiting();
            if settled.objects() >= objects && waiting == 0 {
                break settled;
            }
            assert!(started.elapsed() < Duration::from_secs(300), "{settled:?}, {waiting} jobs wait");
            assert!(!worker.is_finished(), "the worker ended");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        worker.finish().await;
        settled
    }

    pub async fn settled(&self) -> Settled {
        self.ledger.run(RUN).await.expect("the ledger answers").expect("the run is there").settled
    }

    pub async fn detail(&self, key: &str) -> ObjectDetail {
        ObjectDetail::read(&self.outcome(key).await).expect("a detail")
    }

    pub async fn outcome(&self, key: &str) -> Outcome {
        self.ledger.outcome(TASK, key).await.expect("the ledger answers").expect("an outcome is recorded")
    }

    pub async fn destination_has(&self, key: &str) -> Option<Vec<u8>> {
        let object = self.client.get_object().bucket(&self.destination).key(key).send().await.ok()?;
        Some(object.body.collect().await.expect("the object is whole").into_bytes().to_vec())
    }

    pub async fn open_uploads(&self) -> usize {
        let open = self.client.list_multipart_uploads().bucket(&self.destination).send().await;
        open.expect("uploads are listed").uploads().len()
    }
}

impl Stage {
    pub fn with_parts_of_5_mib(mut self) -> Stage {
        self.options.part_size = Some(5 << 20);
        self.options.multipart_threshold = Some(6 << 20);
        self
    }

    /// Runs a worker until it has made such a request, and ends it there: its job comes back.
    pub async fn interrupt_at(&self, kind: Kind, count: u64) {
        let worker = Running::start(self.worker().await);
        while self.to.count(kind) < count {
            assert!(!worker.is_finished(), "the worker ended");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Also the effect, of a request that is delayed only after it.
        until(async || self.to.delayed() > 0).await;
        worker.finish().await;
        self.to.heal();
    }

    pub async fn assert_nothing_is_open(&self, key: &str) {
        assert_eq!(self.open_uploads().await, 0);
        assert!(self.ledger.upload(TASK, key).await.expect("answers").is_none());
        assert!(self.ledger.intents(TASK, key).await.expect("answers").is_none());
    }
}
