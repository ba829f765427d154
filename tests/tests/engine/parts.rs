//! Objects in parts: how many calls to the ledger they take.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use adapters::store::file::FileStore;
use async_trait::async_trait;
use flotilla_tests::probe::Fate;
use shared::ledger::{Ledger, events_run};
use shared::object::Timestamp;
use shared::objects::UploadLog;
use shared::objects::job::{JobChange, JobObject, ObjectJob, ObjectWork};
use shared::store::{Body, ObjectStore, Part, PartWrite, StoreWrapper, Upload, Write, Written};
use shared::{ErrorKind, Result};

use crate::stage::{Stage, TASK, folder, until};

const PART_BYTES: u64 = 100;

/// Parts of a full group at a ledger that charges for writes.
const GROUP_PARTS: u64 = 64;

async fn in_parts() -> Stage {
    let mut stage = Stage::new().await;
    stage.options.part_size = Some(PART_BYTES);
    stage.options.multipart_threshold = Some(PART_BYTES);
    stage
}

/// The calls of a name so far.
fn calls(stage: &Stage, name: &str) -> u64 {
    stage.ledger.calls.count(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_ten_thousand_parts_take_few_ledger_calls() {
    const PARTS: u64 = 10_000;
    let stage = in_parts().await;
    stage.ledger.charges.store(true, Relaxed);
    let objects = stage.files([(PARTS * PART_BYTES) as usize]);
    stage.copy(&objects).await;
    let started = Instant::now();
    let working = stage.start();
    stage.until_settled(1).await;
    stage.until_empty().await;
    // One more group than full ones, and one more for each 2 s that go by.
    let most = PARTS / GROUP_PARTS + 1 + started.elapsed().as_secs() / 2;
    let writes = calls(&stage, "record-parts");
    assert!((2..=most).contains(&writes), "at most {most}: {:?}", stage.ledger.calls);
    assert!(calls(&stage, "part-set") == 1 && calls(&stage, "recorded-parts") == 1, "{:?}", stage.ledger.calls);
    assert_eq!(working.moved.bytes(), PARTS * PART_BYTES);
    working.stop().await.expect("the worker ends well");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_parts_job_reads_one_set_and_writes_groups() {
    let mut stage = in_parts().await;
    stage.ledger.charges.store(true, Relaxed);
    stage.options.giant_threshold = PART_BYTES;
    let objects = stage.files([(2_000 * PART_BYTES) as usize]);
    stage.copy(&objects).await;
    let started = Instant::now();
    let working = stage.start();
    stage.until_settled(1).await;
    stage.until_empty().await;
    let jobs = stage.queue.calls.count("acknowledge");
    assert!(jobs >= 10, "it was shared out: {jobs}");
    // The copy job reads the set once too, and sends the last part first. Several jobs may find the set complete.
    assert!(calls(&stage, "part-set") <= jobs && calls(&stage, "recorded-parts") <= jobs, "{:?}", stage.ledger.calls);
    let most = jobs + 2_000 / GROUP_PARTS + jobs * (started.elapsed().as_secs() / 2);
    assert!(calls(&stage, "record-parts") <= most, "at most {most}: {:?}", stage.ledger.calls);
    assert_eq!(stage.settled().await.copied, 1);
    working.stop().await.expect("the worker ends well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_worker_records_the_parts_of_its_last_group() {
    let stage = in_parts().await;
    stage.ledger.charges.store(true, Relaxed);
    let objects = stage.files([(GROUP_PARTS * PART_BYTES) as usize]);
    stage.copy(&objects).await;
    // The first group never gets into the ledger; a worker that stops writes it once more.
    stage.ledger.calls.decide(|call, number| match (call, number) {
        ("record-parts", 1) => Fate::Hang,
        _ => Fate::Pass,
    });
    let working = stage.start();
    until(async || calls(&stage, "record-parts") == 1).await;
    working.stop.abort.cancel();
    working.stop().await.expect("the worker ends well");
    let record = stage.ledger.upload(TASK, &objects[0].key).await.expect("answers").expect("stays recorded");
    assert!(stage.ledger.part_set(TASK, &record.upload).await.expect("answers").is_complete(GROUP_PARTS as u32));
    let working = stage.start();
    stage.until_settled(1).await;
    assert_eq!(working.moved.bytes(), 0, "no part is sent again");
    working.stop().await.expect("the worker ends well");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_killed_worker_loses_only_its_last_group() {
    const PARTS: u64 = 200;
    let stage = in_parts().await;
    stage.ledger.charges.store(true, Relaxed);
    let objects = stage.files([(PARTS * PART_BYTES) as usize]);
    stage.copy(&objects).await;
    // Two groups are recorded, the third one is not.
    stage.ledger.calls.decide(|call, number| match (call, number) {
        ("record-parts", 3) => Fate::Hang,
        _ => Fate::Pass,
    });
    let working = stage.start();
    until(async || calls(&stage, "record-parts") == 3).await;
    working.kill().await;
    let record = stage.ledger.upload(TASK, &objects[0].key).await.expect("answers").expect("stays recorded");
    let recorded = u64::from(stage.ledger.part_set(TASK, &record.upload).await.expect("answers").len());
    assert!((2..PARTS).contains(&recorded), "{recorded}");
    // The job comes again.
    stage.copy(&objects).await;
    let working = stage.start();
    stage.until_settled(1).await;
    assert_eq!(working.moved.bytes(), (PARTS - recorded) * PART_BYTES, "what was recorded is not sent again");
    assert_eq!(calls(&stage, "open-upload"), 1, "{:?}", stage.ledger.calls);
    working.stop().await.expect("the worker ends well");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_free_ledger_records_each_part_at_once() {
    let mut stage = in_parts().await;
    // Four parts of 0.4 s each, one after the other: all of them would fit into one group's 2 s.
    stage.options.part_size = Some(80_000);
    stage.machine.bandwidth_limit = Some(200_000);
    stage.machine.concurrency = 1;
    let objects = stage.files([320_000]);
    stage.copy(&objects).await;
    let working = stage.start();
    stage.until_settled(1).await;
    assert!(calls(&stage, "record-parts") >= 2, "{:?}", stage.ledger.calls);
    working.stop().await.expect("the worker ends well");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_group_does_not_wait_until_it_is_full() {
    let mut stage = in_parts().await;
    stage.ledger.charges.store(true, Relaxed);
    // Four parts of 5 s each, one after the other.
    stage.options.part_size = Some(400_000);
    stage.machine.bandwidth_limit = Some(80_000);
    stage.machine.concurrency = 1;
    let objects = stage.files([1_600_000]);
    stage.copy(&objects).await;
    let working = stage.start();
    until(async || calls(&stage, "record-parts") == 1).await;
    let record = stage.ledger.upload(TASK, &objects[0].key).await.expect("answers").expect("is recorded");
    until(async || !stage.ledger.part_set(TASK, &record.upload).await.expect("answers").is_empty()).await;
    let set = stage.ledger.part_set(TASK, &record.upload).await.expect("answers");
    assert!(set.len() < 4, "recorded while other parts are on their way: {set:?}");
    working.kill().await;
}

/// Kills a worker that completes an object of 20 parts when it makes this call to the ledger, and has `next` come after
/// it. The ledger ends without a record of the upload, and the object is counted once.
async fn killed_at(call: &'static str, is_giant: bool, next: impl AsyncFn(&Stage, &[JobObject])) {
    let mut stage = in_parts().await;
    if is_giant {
        stage.options.giant_threshold = PART_BYTES;
    }
    let objects = stage.files([(20 * PART_BYTES) as usize]);
    stage.copy(&objects).await;
    stage.ledger.calls.decide(move |name, number| match (name, number) {
        (name, 1) if name == call => Fate::Hang,
        _ => Fate::Pass,
    });
    let working = stage.start();
    until(async || calls(&stage, call) == 1).await;
    working.kill().await;
    let case = format!("{call}, giant: {is_giant}");
    let left = stage.ledger.upload(TASK, &objects[0].key).await.expect("answers");
    assert!(left.is_some(), "{case}: the record is left");
    next(&stage, &objects).await;
    let working = stage.start();
    stage.until_settled(1).await;
    until(async || stage.ledger.upload(TASK, &objects[0].key).await.expect("answers").is_none()).await;
    assert_eq!(working.moved.bytes(), 0, "{case}: nothing is sent again");
    working.stop().await.expect("the worker ends well");
    let settled = stage.settled().await;
    assert_eq!((settled.copied, settled.objects()), (1, 1), "{case}");
    let bytes = std::fs::read(stage.destination.join(&objects[0].key)).expect("the object is there");
    assert_eq!(bytes.len() as u64, 20 * PART_BYTES, "{case}");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_worker_killed_after_completing_leaves_no_record() {
    // The job comes again: before its object was settled, and after.
    for call in ["settle", "close-upload"] {
        killed_at(call, false, async |stage, objects| stage.copy(objects).await).await;
        killed_at(call, true, async |stage, objects| stage.copy(objects).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_the_next_run_ends_the_upload_of_a_killed_worker() {
    let stage = in_parts().await;
    let objects = stage.files([(20 * PART_BYTES) as usize]);
    stage.copy(&objects).await;
    stage.ledger.calls.decide(|call, number| match (call, number) {
        ("close-upload", 1) => Fate::Hang,
        _ => Fate::Pass,
    });
    let working = stage.start();
    until(async || calls(&stage, "close-upload") == 1).await;
    working.kill().await;
    // The job does not come again; the next run copies the object as it is by then.
    let run = stage.next_run("run-2").await;
    std::fs::write(stage.source.join(&objects[0].key), vec![b'y'; 21 * PART_BYTES as usize]).expect("can be written");
    let object = JobObject { size: 21 * PART_BYTES, modified: Timestamp::now(), ..objects[0].clone() };
    let job = ObjectJob { run: run.clone(), ..Stage::job(ObjectWork::Copy { objects: vec![object] }, 1) };
    stage.send(&job).await;
    let working = stage.start();
    until(async || stage.ledger.run(&run).await.expect("answers").expect("is there").settled.objects() == 1).await;
    working.stop().await.expect("the worker ends well");
    let settled = stage.ledger.run(&run).await.expect("answers").expect("is there").settled;
    assert_eq!((settled.copied, settled.failed), (1, 0));
    assert_eq!(stage.settled().await.objects(), 1, "the first run counted it once");
    assert_eq!(stage.ledger.upload(TASK, &objects[0].key).await.expect("answers"), None);
}

/// The worker has read, some moments before, that the task has no run of events.
#[tokio::test(flavor = "multi_thread")]
async fn regression_the_first_event_beside_a_run_opens_its_upload() {
    let stage = in_parts().await;
    let objects = stage.files([2 * PART_BYTES as usize; 2]);
    let working = stage.start();
    stage.copy(&objects[..1]).await;
    stage.until_settled(1).await;
    let change = JobChange { index: 0, key: objects[1].key.clone(), time: None, no_delete: false };
    let work = ObjectWork::Changed { objects: vec![change] };
    stage.send(&ObjectJob { run: events_run(TASK), ..Stage::job(work, 1) }).await;
    let events = async || stage.ledger.run(&events_run(TASK)).await.expect("the ledger answers");
    until(async || events().await.is_some_and(|run| run.settled.copied == 1)).await;
    working.stop().await.expect("the worker ends well");
}

/// Larger than the least threshold, and smaller than that of near stores, bytes.
const FAR_BYTES: usize = 33 << 20;

/// The parts of objects that go far, bytes.
const FAR_PART_BYTES: usize = 8 << 20;

/// A folder as a store that is far away or near.
#[derive(Debug)]
struct CountingStore {
    inner: FileStore,
    is_far: bool,
    /// The objects that it got whole.
    puts: AtomicU64,
    /// The parts that it got.
    parts: AtomicU64,
}

#[async_trait]
impl StoreWrapper for CountingStore {
    fn inner(&self) -> &dyn ObjectStore {
        &self.inner
    }

    fn latency(&self) -> Option<Duration> {
        if self.is_far { Some(Duration::from_secs(1)) } else { self.inner.latency() }
    }

    async fn put(&self, key: &str, write: &Write, body: Body) -> Result<Written> {
        self.puts.fetch_add(1, Relaxed);
        self.inner.put(key, write, body).await
    }

    async fn upload_part(&self, upload: &Upload, part: &PartWrite, body: Body) -> Result<Part> {
        self.parts.fetch_add(1, Relaxed);
        self.inner.upload_part(upload, part, body).await
    }
}

fn destination(stage: &Stage, is_far: bool) -> Arc<CountingStore> {
    let (puts, parts) = Default::default();
    Arc::new(CountingStore { inner: folder(&stage.destination), is_far, puts, parts })
}

/// Waits until the only object is settled and has no open upload; gives the bytes of its copy.
async fn bytes_of_copy(stage: &Stage, key: &str) -> usize {
    stage.until_settled(1).await;
    until(async || stage.ledger.upload(TASK, key).await.expect("answers").is_none()).await;
    assert_eq!(stage.settled().await.copied, 1);
    std::fs::read(stage.destination.join(key)).expect("the object is there").len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_far_store_gets_in_parts_what_a_near_one_gets_whole() {
    for (is_far, set_by_hand, uploads) in [(true, false, 1), (false, false, 0), (true, true, 0)] {
        let mut stage = Stage::new().await;
        stage.options.multipart_threshold = set_by_hand.then_some(FAR_BYTES as u64);
        let objects = stage.files([FAR_BYTES]);
        stage.copy(&objects).await;
        let store = destination(&stage, is_far);
        let working = stage.start_into(store.clone());
        assert_eq!(bytes_of_copy(&stage, &objects[0].key).await, FAR_BYTES);
        assert_eq!(calls(&stage, "open-upload"), uploads, "far: {is_far}, set: {set_by_hand}");
        let parts = uploads * FAR_BYTES.div_ceil(FAR_PART_BYTES) as u64;
        assert_eq!(store.parts.load(Relaxed), parts, "far: {is_far}, set: {set_by_hand}");
        working.stop().await.expect("the worker ends well");
    }
}

/// How the first look for open uploads fails.
const LOOK_FAULTS: [ErrorKind; 3] = [ErrorKind::Throttled, ErrorKind::Connection, ErrorKind::Timeout];

/// Has the next look for open uploads fail, and no other call.
fn fail_the_next_look(stage: &Stage, kind: ErrorKind) {
    let next = calls(stage, "open-uploads") + 1;
    stage.ledger.calls.decide(move |call, number| match call {
        "open-uploads" if number == next => Fate::Fail(kind),
        _ => Fate::Pass,
    });
}

/// Begins an object in parts in a process to which the destination seems far, and kills that before a part is recorded.
async fn begin_in_parts(stage: &Stage) {
    stage.ledger.calls.decide(|call, number| match (call, number) {
        ("record-parts", 1) => Fate::Hang,
        _ => Fate::Pass,
    });
    let working = stage.start_into(destination(stage, true));
    until(async || calls(stage, "record-parts") == 1).await;
    working.kill().await;
}

/// Has a process to which the destination seems near copy an object whose upload is open.
async fn assert_resumed(stage: &Stage, key: &str, case: &str) {
    let store = destination(stage, false);
    let working = stage.start_into(store.clone());
    assert_eq!(bytes_of_copy(stage, key).await, FAR_BYTES, "{case}");
    assert_eq!(calls(stage, "open-upload"), 1, "{case}: {:?}", stage.ledger.calls);
    assert!(calls(stage, "recorded-parts") >= 1, "{case}: it went in parts: {:?}", stage.ledger.calls);
    assert_eq!(store.puts.load(Relaxed), 0, "{case}: it did not go whole");
    working.stop().await.expect("the worker ends well");
}

/// The process that comes after knows nothing of the latency: the object would go whole.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_to_a_far_store_is_resumed_by_a_new_process() {
    let stage = Stage::new().await;
    let objects = stage.files([FAR_BYTES]);
    stage.copy(&objects).await;
    begin_in_parts(&stage).await;
    // The job comes again.
    stage.copy(&objects).await;
    assert_resumed(&stage, &objects[0].key, "no fault").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_resumed_after_a_failed_look_for_it() {
    for kind in LOOK_FAULTS {
        let stage = Stage::new().await;
        let objects = stage.files([FAR_BYTES]);
        stage.copy(&objects).await;
        begin_in_parts(&stage).await;
        fail_the_next_look(&stage, kind);
        stage.copy(&objects).await;
        assert_resumed(&stage, &objects[0].key, kind.as_str()).await;
    }
}

/// A look that fails reports nothing of the key's uploads: the object's job comes again, and looks again.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_look_for_open_uploads_is_repeated() {
    for kind in LOOK_FAULTS {
        let stage = Stage::new().await;
        let objects = stage.files([FAR_BYTES]);
        fail_the_next_look(&stage, kind);
        stage.copy(&objects).await;
        let store = destination(&stage, false);
        let working = stage.start_into(store.clone());
        assert_eq!(bytes_of_copy(&stage, &objects[0].key).await, FAR_BYTES, "{kind}");
        stage.until_empty().await;
        working.stop().await.expect("the worker ends well");
        assert_eq!((store.puts.load(Relaxed), store.parts.load(Relaxed)), (1, 0), "{kind}: once, and whole");
        let (looks, uploads) = (calls(&stage, "open-uploads"), calls(&stage, "open-upload"));
        assert!(looks >= 2 && uploads == 0, "{kind}: {:?}", stage.ledger.calls);
        assert_eq!(stage.settled().await.objects(), 1, "{kind}");
    }
}
