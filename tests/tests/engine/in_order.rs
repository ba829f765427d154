//! Objects in parts whose source has only the MD5 of the whole: their parts are hashed in order while they are sent.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use adapters::store::file::FileStore;
use async_trait::async_trait;
use flotilla_tests::probe::Fate;
use flotilla_tests::stage::content;
use shared::digest::{Algorithm, Hasher};
use shared::ledger::{Ledger, State};
use shared::object::{ETag, ObjectInfo, Pin};
use shared::objects::ObjectDetail;
use shared::objects::job::JobObject;
use shared::store::{
    Body, Capabilities, EtagMeaning, Object, ObjectStore, Part, PartWrite, Read, StoreWrapper, Upload, Write, Written,
};
use shared::sync::lock;
use shared::{Error, ErrorKind, Result};
use tokio::sync::Semaphore;

use crate::stage::{Stage, TASK, folder, until, with_a_wrong_byte};

const PART_BYTES: u64 = 1_000;

/// Takes two of the sixteen units of two ranges' memory.
const WIDE_PART_BYTES: u64 = 2_000 * PART_BYTES;

/// A folder as a store whose tags are MD5s.
#[derive(Debug)]
pub struct Md5Store {
    inner: FileStore,
    path: PathBuf,
    capabilities: Capabilities,
    /// Where the ranges start that were read.
    reads: Mutex<Vec<u64>>,
    /// The first read of the range that starts here has a wrong byte.
    flipped: Option<u64>,
    /// A read of the first range waits for a permit.
    gate: Option<Arc<Semaphore>>,
}

impl Md5Store {
    pub fn new(path: PathBuf) -> Md5Store {
        let inner = folder(&path);
        let capabilities =
            Capabilities { etags: EtagMeaning::Md5, is_remote: true, verifies: vec![], ..inner.capabilities().clone() };
        Md5Store { inner, path, capabilities, reads: Mutex::default(), flipped: None, gate: None }
    }

    fn tagged(&self, key: &str, info: ObjectInfo) -> ObjectInfo {
        let mut hasher = Hasher::new(Algorithm::Md5).expect("MD5 is computed");
        hasher.update(&std::fs::read(self.path.join(key)).expect("the file is there"));
        ObjectInfo { etag: Some(ETag::new(&hasher.finish().to_hex())), etag_is_opaque: false, ..info }
    }

    pub fn reads(&self) -> usize {
        lock(&self.reads).len()
    }
}

#[async_trait]
impl StoreWrapper for Md5Store {
    fn inner(&self) -> &dyn ObjectStore {
        &self.inner
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn head(&self, key: &str, _: &Pin) -> Result<ObjectInfo> {
        Ok(self.tagged(key, self.inner.head(key, &Pin::default()).await?))
    }

    async fn get(&self, key: &str, read: &Read) -> Result<Object> {
        let start = read.range.as_ref().map_or(0, |range| range.start);
        let is_first = {
            let mut reads = lock(&self.reads);
            reads.push(start);
            reads.iter().filter(|seen| **seen == start).count() == 1
        };
        if let Some(gate) = self.gate.as_ref().filter(|_| start == 0) {
            gate.acquire().await.expect("the semaphore is not closed").forget();
        }
        let read = Read { range: read.range.clone(), pin: Pin::default() };
        let Object { info, body } = self.inner.get(key, &read).await?;
        let body = if is_first && self.flipped == Some(start) { with_a_wrong_byte(body) } else { body };
        Ok(Object { info: self.tagged(key, info), body })
    }
}

/// A remote destination whose calls are counted.
#[derive(Debug)]
struct CountingStore {
    inner: FileStore,
    capabilities: Capabilities,
    reads: AtomicU64,
    parts: AtomicU64,
    completions: AtomicU64,
    /// So many times the second part is refused.
    refusals: AtomicU64,
}

impl CountingStore {
    fn new(path: PathBuf, refusals: u64) -> Arc<CountingStore> {
        let inner = folder(&path);
        let capabilities = Capabilities { is_remote: true, ..inner.capabilities().clone() };
        let (reads, parts, completions) = Default::default();
        Arc::new(CountingStore { inner, capabilities, reads, parts, completions, refusals: AtomicU64::new(refusals) })
    }
}

#[async_trait]
impl StoreWrapper for CountingStore {
    fn inner(&self) -> &dyn ObjectStore {
        &self.inner
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn get(&self, key: &str, read: &Read) -> Result<Object> {
        self.reads.fetch_add(1, SeqCst);
        self.inner.get(key, read).await
    }

    async fn upload_part(&self, upload: &Upload, part: &PartWrite, body: Body) -> Result<Part> {
        self.parts.fetch_add(1, SeqCst);
        let is_refused =
            part.number == 2 && self.refusals.fetch_update(SeqCst, SeqCst, |refusals| refusals.checked_sub(1)).is_ok();
        if is_refused {
            return Err(Error::new(ErrorKind::Unavailable, "part", &upload.key, "503"));
        }
        self.inner.upload_part(upload, part, body).await
    }

    async fn complete_upload(&self, upload: &Upload, parts: &[Part], write: &Write) -> Result<Written> {
        self.completions.fetch_add(1, SeqCst);
        self.inner.complete_upload(upload, parts, write).await
    }
}

async fn in_parts() -> Stage {
    let mut stage = Stage::new().await;
    stage.options.part_size = Some(PART_BYTES);
    stage.options.multipart_threshold = Some(PART_BYTES);
    stage
}

/// Files of so many parts, the last one shorter, with bytes of their own.
fn files(stage: &Stage, parts: impl IntoIterator<Item = usize>) -> Vec<JobObject> {
    let objects = stage.files(parts.into_iter().map(|parts| parts * PART_BYTES as usize - 1));
    for object in &objects {
        std::fs::write(stage.source.join(&object.key), content(&object.key, object.size as usize)).expect("a file");
    }
    objects
}

async fn assert_copied(stage: &Stage, object: &JobObject, verified: &str) {
    let outcome = stage.ledger.outcome(TASK, &object.key).await.expect("the ledger answers").expect("an outcome");
    assert_eq!(outcome.state, State::Copied, "{outcome:?}");
    let detail = ObjectDetail::read(&outcome).expect("a detail");
    assert_eq!(detail.verified.as_deref(), Some(verified), "{outcome:?}");
    let stored = std::fs::read(stage.destination.join(&object.key)).expect("the object is there");
    assert!(stored == content(&object.key, object.size as usize), "the bytes differ");
}

const HASHED: &str = "source md5, destination parts";

#[tokio::test(flavor = "multi_thread")]
async fn regression_an_object_hashed_in_order_is_not_read_again() {
    let stage = in_parts().await;
    let objects = files(&stage, [20]);
    stage.copy(&objects).await;
    let source = Arc::new(Md5Store::new(stage.source.clone()));
    let destination = CountingStore::new(stage.destination.clone(), 0);
    let working = stage.start_between(source.clone(), destination.clone());
    stage.until_settled(1).await;
    assert_eq!(working.moved.bytes(), objects[0].size, "each byte counts once");
    working.stop().await.expect("the worker ends well");
    assert_copied(&stage, &objects[0], HASHED).await;
    assert_eq!((source.reads(), destination.reads.load(SeqCst)), (20, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_are_sent_while_they_wait_for_their_turn() {
    let stage = in_parts().await;
    let objects = files(&stage, [3]);
    stage.copy(&objects).await;
    let gate = Arc::new(Semaphore::new(0));
    let source = Arc::new(Md5Store { gate: Some(gate.clone()), ..Md5Store::new(stage.source.clone()) });
    let destination = CountingStore::new(stage.destination.clone(), 0);
    let working = stage.start_between(source.clone(), destination.clone());
    until(async || destination.parts.load(SeqCst) == 2).await;
    assert_eq!(destination.completions.load(SeqCst), 0, "the first part is not read");
    gate.add_permits(1);
    stage.until_settled(1).await;
    working.stop().await.expect("the worker ends well");
    assert_copied(&stage, &objects[0], HASHED).await;
    assert_eq!((source.reads(), destination.reads.load(SeqCst)), (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_byte_in_a_part_makes_no_object() {
    let stage = in_parts().await;
    let objects = files(&stage, [3]);
    stage.copy(&objects).await;
    let source = Arc::new(Md5Store { flipped: Some(PART_BYTES), ..Md5Store::new(stage.source.clone()) });
    let destination = CountingStore::new(stage.destination.clone(), 0);
    let working = stage.start_between(source.clone(), destination.clone());
    stage.until_settled(1).await;
    working.stop().await.expect("the worker ends well");
    assert_copied(&stage, &objects[0], HASHED).await;
    assert_eq!((source.reads(), destination.reads.load(SeqCst)), (2 * 3, 0), "all parts are read anew");
    assert_eq!(destination.completions.load(SeqCst), 1, "of the right bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_part_is_sent_again_from_memory() {
    let stage = in_parts().await;
    let objects = files(&stage, [3]);
    stage.copy(&objects).await;
    let source = Arc::new(Md5Store::new(stage.source.clone()));
    let destination = CountingStore::new(stage.destination.clone(), 2);
    let working = stage.start_between(source.clone(), destination.clone());
    stage.until_settled(1).await;
    working.stop().await.expect("the worker ends well");
    assert_copied(&stage, &objects[0], HASHED).await;
    assert_eq!(source.reads(), 3);
    assert!(destination.parts.load(SeqCst) >= 3 + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_object_is_read_again() {
    let stage = in_parts().await;
    let objects = files(&stage, [20]);
    stage.copy(&objects).await;
    // What was hashed is known to the first worker alone.
    stage.ledger.calls.decide(|call, number| match (call, number) {
        ("recorded-parts", 1) => Fate::Hang,
        _ => Fate::Pass,
    });
    let source = Arc::new(Md5Store::new(stage.source.clone()));
    let destination = CountingStore::new(stage.destination.clone(), 0);
    let working = stage.start_between(source.clone(), destination.clone());
    until(async || stage.ledger.calls.count("recorded-parts") == 1).await;
    working.kill().await;
    // The job comes again.
    stage.copy(&objects).await;
    let working = stage.start_between(source.clone(), destination.clone());
    stage.until_settled(1).await;
    working.stop().await.expect("the worker ends well");
    assert_copied(&stage, &objects[0], "source md5, destination read again").await;
    assert_eq!((source.reads(), destination.reads.load(SeqCst)), (20, 1), "no part is sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_parts_of_several_objects_share_few_buffers() {
    let mut stage = in_parts().await;
    // Room for two ranges beside four transfers, which is for eight parts.
    stage.options.part_size = Some(WIDE_PART_BYTES);
    stage.machine.concurrency = 4;
    stage.machine.memory_limit = (64 + 4 * 2 + 2 * 8) << 20;
    let objects = files(&stage, [5; 6].map(|parts| parts * (WIDE_PART_BYTES / PART_BYTES) as usize));
    stage.copy(&objects).await;
    let source = Arc::new(Md5Store::new(stage.source.clone()));
    let destination = CountingStore::new(stage.destination.clone(), 2);
    let working = stage.start_between(source.clone(), destination.clone());
    stage.until_settled(6).await;
    working.stop().await.expect("the worker ends well");
    for object in &objects {
        assert_copied(&stage, object, HASHED).await;
    }
    assert_eq!((source.reads(), destination.reads.load(SeqCst)), (6 * 5, 0));
}
