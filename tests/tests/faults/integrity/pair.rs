//! Two places of any kind, a proxy before each that is a store, and a worker between them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use adapters::store::file::FileStore;
use adapters::store::s3::S3Store;
use flotilla_tests::cloud::{Cloud, Encryption, Profile, StoredObject, StoredPart};
use flotilla_tests::emulators::{fresh_folder, side};
use flotilla_tests::proxy::Proxy;
pub use flotilla_tests::stage::numbered_content as content;
use flotilla_tests::stage::{self, Embedded, Running, TASK, copy_job, until};
use shared::config::{MachineSettings, Side, Work};
use shared::ledger::Outcome;
use shared::location::Location;
use shared::object::{Pin, Timestamp};
use shared::objects::UploadLog;
use shared::objects::job::JobObject;
use shared::store::Store;
use worker::Worker;

/// The smallest part that any store takes.
pub const PART: usize = 5 << 20;

/// What a side is, and what it reports about its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SideKind {
    /// A bucket whose tags are MD5s.
    Md5,
    /// A bucket of KMS-encrypted objects with a CRC-64/NVME (as a source), or without (as a destination).
    Crc,
    /// A bucket of objects with tags that say nothing, and no checksum.
    Nothing,
    /// A folder.
    Folder,
}

/// One side.
pub struct TestSide {
    kind: SideKind,
    pub cloud: Option<(Arc<Cloud>, Proxy, String)>,
    folder: PathBuf,
    /// How the store is reached.
    side: Option<Side>,
}

impl TestSide {
    pub async fn new(kind: SideKind, profile: Profile) -> TestSide {
        TestSide::within(kind, Arc::new(Cloud::start(profile).await)).await
    }

    /// A bucket of that store.
    pub async fn within(kind: SideKind, cloud: Arc<Cloud>) -> TestSide {
        let folder = fresh_folder("side");
        if kind == SideKind::Folder {
            return TestSide { kind, cloud: None, folder, side: None };
        }
        let bucket = cloud.create_bucket("bucket");
        if kind != SideKind::Md5 {
            cloud.encrypt(&bucket, Encryption { kind: "aws:kms".into(), key: None });
        }
        let proxy = Proxy::start(&cloud.endpoint).await;
        let side = Some(side(&proxy.endpoint, &bucket, ""));
        TestSide { kind, cloud: Some((cloud, proxy, bucket)), folder, side }
    }

    /// The proxy before the store.
    pub fn proxy(&self) -> &Proxy {
        &self.cloud.as_ref().expect("it is a store").1
    }

    /// Has the store be reached as the other one is: they are one service then.
    pub fn reach_as(&mut self, other: &TestSide) {
        let (own, other) = (self.side.as_mut().expect("it is a store"), other.side.as_ref().expect("it is a store"));
        own.connection = other.connection.clone();
    }

    /// A file's time.
    pub fn modified(&self, key: &str) -> SystemTime {
        std::fs::metadata(self.folder.join(key)).and_then(|file| file.modified()).expect("the file is there")
    }

    pub fn set_modified(&self, key: &str, time: SystemTime) {
        let file = std::fs::File::options().write(true).open(self.folder.join(key)).expect("the file opens");
        file.set_modified(time).expect("its time can be set");
    }

    pub async fn store(&self) -> Store {
        match &self.side {
            Some(side) => Arc::new(S3Store::open(side).await.expect("the store opens")),
            None => {
                let location = Location::folder(&self.folder).expect("the folder is a location");
                Arc::new(FileStore::open(&location).expect("the folder opens"))
            }
        }
    }

    /// Puts an object there, past the wire.
    pub fn put(&self, key: &str, bytes: &[u8]) {
        let Some((cloud, _, bucket)) = &self.cloud else {
            return std::fs::write(self.folder.join(key), bytes).expect("the file is written");
        };
        cloud.put_as(bucket, key, bytes.to_vec(), |object| match self.kind {
            SideKind::Md5 | SideKind::Folder => object.checksum = None,
            SideKind::Crc | SideKind::Nothing => {
                // A tag that only looks like an MD5, another for other bytes.
                object.etag = format!("{:032x}", u128::from(bytes[0]) << 64 | bytes.len() as u128);
                object.encryption = Some(Encryption { kind: "aws:kms".into(), key: None });
                if self.kind == SideKind::Nothing {
                    object.checksum = None;
                }
            }
        });
    }

    /// Puts an object there that was uploaded in parts of these sizes.
    pub fn put_in_parts(&self, key: &str, bytes: &[u8], sizes: &[usize]) {
        let (cloud, _, bucket) = self.cloud.as_ref().expect("it is a store");
        let mut parts = Vec::new();
        let mut rest = bytes;
        for (size, number) in sizes.iter().zip(1..) {
            let (part, later) = rest.split_at(*size);
            let etag = format!("{:x}", md5::compute(part));
            let bytes = part.to_vec().into();
            parts.push(StoredPart { number, bytes, etag, modified: Timestamp::now(), checksum: None });
            rest = later;
        }
        let md5s: Vec<[u8; 16]> = parts.iter().map(|part| md5::compute(&part.bytes).0).collect();
        cloud.put_as(bucket, key, bytes.to_vec(), |object: &mut StoredObject| {
            object.etag = shared::digest::multipart_etag(&md5s);
            object.checksum = None;
            object.parts = parts;
        });
    }

    /// The object's bytes.
    pub fn stored(&self, key: &str) -> Option<Vec<u8>> {
        match &self.cloud {
            Some((cloud, _, bucket)) => cloud.object(bucket, key).map(|object| object.bytes.to_vec()),
            None => std::fs::read(self.folder.join(key)).ok(),
        }
    }
}

/// A worker between two places, with a queue and ledger of its own.
pub struct Pair {
    pub source: TestSide,
    pub destination: TestSide,
    pub machine: MachineSettings,
    pub options: Work,
    pub backend: Embedded,
}

impl Pair {
    pub async fn new(source: TestSide, destination: TestSide) -> Pair {
        let options = Work {
            retry_delay: Duration::from_millis(5),
            part_size: Some(PART as u64),
            multipart_threshold: Some(1 << 20),
            ..Work::default()
        };
        let (machine, backend) = (MachineSettings::default(), Embedded::with_a_run().await);
        Pair { source, destination, machine, options, backend }
    }

    pub async fn of(source: SideKind, destination: SideKind) -> Pair {
        let from = if source == SideKind::Crc { Profile::AMAZON } else { Profile::UNKNOWN };
        Pair::new(TestSide::new(source, from).await, TestSide::new(destination, Profile::UNKNOWN).await).await
    }

    /// Enqueues the source's object as it is.
    pub async fn enqueue(&self, key: &str) {
        let info = self.source.store().await.head(key, &Pin::default()).await.expect("the object is there");
        let object = JobObject {
            index: 0,
            key: key.to_owned(),
            size: info.size,
            modified: info.modified,
            etag: info.etag,
            version: info.version,
            ..JobObject::default()
        };
        self.backend.send(&copy_job(key, vec![object])).await;
    }

    async fn worker(&self) -> Worker {
        let (source, destination) = (self.source.store().await, self.destination.store().await);
        // As the programs do before they take a job: what is known of the stores is known then.
        tokio::try_join!(source.probe(), destination.probe()).expect("both stores answer");
        let Embedded { queue, ledger } = self.backend.clone();
        stage::worker((source, destination), queue, ledger, (&self.machine, &self.options)).build()
    }

    /// Has the source's object copied; gives its outcome.
    pub async fn copy(&self, key: &str) -> Outcome {
        self.enqueue(key).await;
        self.work(key).await
    }

    /// Works until the object is settled.
    pub async fn work(&self, key: &str) -> Outcome {
        let worker = Running::start(self.worker().await);
        until(async || self.backend.last_outcome(key).await.is_some()).await;
        worker.finish().await;
        self.backend.outcome(key).await
    }

    /// Works until `seen` holds, then drops dead.
    pub async fn work_until(&self, seen: impl AsyncFn() -> bool) {
        let worker = Running::start(self.worker().await);
        until(seen).await;
        worker.kill().await;
    }

    /// How many parts are recorded.
    pub async fn recorded_parts(&self, key: &str) -> usize {
        let ledger = &self.backend.ledger;
        match ledger.upload(TASK, key).await.expect("the ledger answers") {
            Some(record) => ledger.recorded_parts(TASK, &record.upload).await.expect("it answers").len(),
            None => 0,
        }
    }
}
