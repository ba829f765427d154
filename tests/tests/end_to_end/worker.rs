//! A worker in this process, on an embedded queue and ledger, between buckets whose requests are
//! counted and broken.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::ledger::sqlite::SqliteLedger;
use adapters::queue::sqlite::SqliteQueue;
use adapters::sqlite::Database;
use adapters::store::s3::S3Store;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use flotilla_tests::emulators::{READ_ONLY_KEY, READ_ONLY_SECRET, fresh_folder, side, side_as, weed};
use flotilla_tests::proxy::{Fault, Kind, Proxy, Rule};
use flotilla_tests::stage::{self, RUN, TASK};
use shared::config::Work;
use shared::job::Origin;
use shared::ledger::{Ledger, Outcome, Phase, RunStart, Settled, State};
use shared::object::{ETag, Timestamp};
use shared::objects::UploadLog;
use shared::objects::job::{Job, JobKey, JobObject, Work as JobWork};
use shared::queue::{JobQueue, Outgoing};
use shared::store::ObjectStore;
use worker::{Stop, Worker};

use crate::support::{MIB, content};

/// Two buckets behind proxies, and a queue and ledger of their own.
struct Stage {
    client: Client,
    from: Proxy,
    to: Proxy,
    source: String,
    destination: String,
    queue: Arc<SqliteQueue>,
    ledger: Arc<SqliteLedger>,
    options: Work,
    denied: bool,
}

impl Stage {
    async fn new() -> Stage {
        let weed = weed();
        let database = Database::open(&fresh_folder("state")).expect("the state folder opens");
        let ledger = Arc::new(SqliteLedger::open(&database));
        ledger.start_run(&stage::run_start(RUN)).await.expect("the run is recorded");
        Stage {
            client: weed.client(&weed.endpoint),
            from: Proxy::start(&weed.endpoint).await,
            to: Proxy::start(&weed.second_endpoint).await,
            source: weed.create_bucket("source").await,
            destination: weed.create_bucket("destination").await,
            queue: Arc::new(SqliteQueue::open(&database, TASK)),
            ledger,
            options: Work { retry_delay: Duration::from_millis(10), lease: Duration::from_secs(5), ..Work::default() },
            denied: false,
        }
    }

    /// Puts an object of `content` into the source; gives it as a job's object.
    async fn object(&self, index: u32, key: &str, size: usize) -> JobObject {
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

    fn job(&self, origin: &str, objects: Vec<JobObject>) -> Job {
        let origin = Origin { id: origin.into(), items: objects.len() as u32 };
        Job { task: TASK.into(), run: RUN.into(), attempt: 1, origin, restoring: None, work: JobWork::Copy { objects } }
    }

    async fn send(&self, job: &Job) {
        self.queue.send(&[Outgoing::now(job.to_body())]).await.expect("the job is queued");
    }

    async fn worker(&self) -> Worker {
        let to = match self.denied {
            true => side_as(&self.to.endpoint, &self.destination, "", READ_ONLY_KEY, READ_ONLY_SECRET),
            false => side(&self.to.endpoint, &self.destination, ""),
        };
        let source: Arc<dyn ObjectStore> =
            Arc::new(S3Store::open(&side(&self.from.endpoint, &self.source, "")).await.expect("the source opens"));
        let destination: Arc<dyn ObjectStore> = Arc::new(S3Store::open(&to).await.expect("the destination opens"));
        // As the programs do before they take a job: what is known of the stores is known then.
        tokio::try_join!(source.probe(), destination.probe()).expect("both stores answer");
        stage::worker((source, destination), self.queue.clone(), self.ledger.clone(), self.options.clone()).build()
    }

    /// Runs a worker until so many objects are settled and nothing waits on the queue.
    async fn work_until_settled(&self, objects: u64) -> Settled {
        let stop = Stop::default();
        let worker = tokio::spawn(self.worker().await.run(stop.clone()));
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
        stop.escalate();
        worker.await.expect("no panic").expect("the worker ends well");
        settled
    }

    async fn settled(&self) -> Settled {
        self.ledger.run(RUN).await.expect("the ledger answers").expect("the run is there").settled
    }

    async fn outcome(&self, key: &str) -> Outcome {
        self.ledger.outcome(TASK, key).await.expect("the ledger answers").expect("an outcome is recorded")
    }

    async fn destination_has(&self, key: &str) -> Option<Vec<u8>> {
        let object = self.client.get_object().bucket(&self.destination).key(key).send().await.ok()?;
        Some(object.body.collect().await.expect("the object is whole").into_bytes().to_vec())
    }

    async fn open_uploads(&self) -> usize {
        let open = self.client.list_multipart_uploads().bucket(&self.destination).send().await;
        open.expect("uploads are listed").uploads().len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_object_costs_one_get_and_one_put() {
    let stage = Stage::new().await;
    let object = stage.object(0, "a", 1000).await;
    stage.send(&stage.job("j", vec![object])).await;
    let settled = stage.work_until_settled(1).await;
    assert_eq!((settled.copied, settled.bytes), (1, 1000));
    assert_eq!(stage.destination_has("a").await, Some(content("a", 1000)));
    assert_eq!((stage.from.count(Kind::Get), stage.from.count(Kind::Head)), (1, 0));
    assert_eq!((stage.to.writes(), stage.to.count(Kind::Put), stage.to.count(Kind::Head)), (1, 1, 0));
    assert_eq!(stage.outcome("a").await.verified.as_deref(), Some("source md5, destination md5"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_n_parts_makes_n_part_calls_and_leaves_no_upload_open() {
    let mut stage = Stage::new().await;
    stage.options.part_size = Some(5 << 20);
    stage.options.multipart_threshold = Some(6 << 20);
    let object = stage.object(0, "a", 21 * MIB).await;
    stage.send(&stage.job("j", vec![object])).await;
    stage.work_until_settled(1).await;
    assert_eq!(stage.destination_has("a").await, Some(content("a", 21 * MIB)));
    let counts = [Kind::Create, Kind::Part, Kind::Complete, Kind::Abort, Kind::Put].map(|kind| stage.to.count(kind));
    assert_eq!(counts, [1, 5, 1, 0, 0]);
    assert_eq!(stage.open_uploads().await, 0);
    assert!(stage.ledger.upload(TASK, "a").await.expect("answers").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_was_put_in_parts_is_cut_alike_and_its_tag_compared() {
    let stage = Stage::new().await;
    let (client, bucket) = (&stage.client, &stage.source);
    let bytes = content("m", 11 * MIB);
    let upload = client.create_multipart_upload().bucket(bucket).key("m").send().await.expect("is opened");
    let id = upload.upload_id().expect("has an id");
    let mut parts = aws_sdk_s3::types::CompletedMultipartUpload::builder();
    for (number, chunk) in (1..).zip(bytes.chunks(5 * MIB)) {
        let body = ByteStream::from(chunk.to_vec());
        let request = client.upload_part().bucket(bucket).key("m").upload_id(id).part_number(number).body(body);
        let etag = request.send().await.expect("is taken").e_tag().map(str::to_owned);
        parts = parts.parts(aws_sdk_s3::types::CompletedPart::builder().part_number(number).set_e_tag(etag).build());
    }
    let complete = client.complete_multipart_upload().bucket(bucket).key("m").upload_id(id);
    let done = complete.multipart_upload(parts.build()).send().await.expect("is completed");
    let etag = done.e_tag().map(ETag::new).expect("has a tag");
    assert_eq!(etag.part_count(), Some(3));
    let object = JobObject {
        index: 0,
        key: "m".into(),
        size: bytes.len() as u64,
        modified: Timestamp::now(),
        etag: Some(etag.clone()),
        ..JobObject::default()
    };
    stage.send(&stage.job("j", vec![object])).await;
    stage.work_until_settled(1).await;
    assert_eq!(stage.destination_has("m").await, Some(bytes));
    let outcome = stage.outcome("m").await;
    assert_eq!((outcome.verified.as_deref(), outcome.etag), (Some("etag"), Some(etag)));
    assert_eq!(stage.to.count(Kind::Part), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_giant_is_shared_by_two_workers_and_counted_once() {
    let mut stage = Stage::new().await;
    stage.options.part_size = Some(5 << 20);
    stage.options.giant_threshold = 20 << 20;
    let object = stage.object(0, "giant", 64 * MIB).await;
    let job = stage.job("j", vec![object]);
    stage.send(&job).await;
    stage.send(&job).await;
    let (one, two) = tokio::join!(stage.work_until_settled(1), stage.work_until_settled(1));
    let outcome = stage.outcome("giant").await;
    assert_eq!((one.objects(), two.copied, two.bytes), (1, 1, 64 * MIB as u64), "{outcome:?}");
    assert_eq!(stage.destination_has("giant").await, Some(content("giant", 64 * MIB)));
    assert_eq!(stage.open_uploads().await, 0);
    assert_eq!(outcome.verified.as_deref(), Some("source md5, destination read again"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_comes_twice_is_counted_once() {
    let stage = Stage::new().await;
    let mut objects = Vec::new();
    for index in 0..10 {
        objects.push(stage.object(index, &format!("k{index}"), 100).await);
    }
    let job = stage.job("j", objects);
    stage.send(&job).await;
    stage.work_until_settled(10).await;
    stage.send(&job).await;
    let settled = stage.work_until_settled(10).await;
    assert_eq!((settled.copied, settled.bytes), (10, 1000));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_has_changed_since_the_listing_arrives_wholly_new() {
    let stage = Stage::new().await;
    let seen = stage.object(0, "a", 500).await;
    stage
        .client
        .put_object()
        .bucket(&stage.source)
        .key("a")
        .body(ByteStream::from_static(b"new"))
        .send()
        .await
        .expect("is put");
    stage.send(&stage.job("j", vec![seen])).await;
    assert_eq!(stage.work_until_settled(1).await.copied, 1);
    assert_eq!(stage.destination_has("a").await.as_deref(), Some(&b"new"[..]));
    assert_eq!(stage.outcome("a").await.size, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_gone_from_the_source_is_skipped_with_the_reason() {
    let stage = Stage::new().await;
    let seen = stage.object(0, "a", 500).await;
    stage.client.delete_object().bucket(&stage.source).key("a").send().await.expect("is deleted");
    stage.send(&stage.job("j", vec![seen])).await;
    assert_eq!(stage.work_until_settled(1).await.skipped, 1);
    assert_eq!(stage.outcome("a").await.reason.as_deref(), Some("gone from the source"));
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_an_object_that_the_source_lists_and_does_not_give_is_a_failure_and_not_gone() {
    let mut stage = Stage::new().await;
    stage.options.attempts = 1;
    let seen = stage.object(0, "a", 500).await;
    let absent = || Fault::Respond(404, "<Error><Code>NoSuchKey</Code></Error>".to_owned());
    stage.from.inject(Rule::on(Kind::Get, absent()));
    stage.from.inject(Rule::on(Kind::Head, absent()));
    stage.send(&stage.job("j", vec![seen])).await;
    assert_eq!(stage.work_until_settled(1).await.failed, 1);
    let error = stage.outcome("a").await.error.expect("says why");
    assert!(error.contains("the source lists the object"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_is_not_done_when_the_source_has_the_key_again() {
    let stage = Stage::new().await;
    stage.object(0, "back", 5).await;
    for key in ["back", "stale"] {
        stage
            .client
            .put_object()
            .bucket(&stage.destination)
            .key(key)
            .body(ByteStream::from_static(b"x"))
            .send()
            .await
            .expect("is put");
    }
    let keys = ["back", "stale"]
        .iter()
        .zip(0..)
        .map(|(key, index)| JobKey { index, key: (*key).into(), may_block: false })
        .collect();
    let job = Job {
        origin: Origin { id: "d".into(), items: 2 },
        work: JobWork::Delete { objects: keys },
        ..stage.job("d", vec![])
    };
    stage.send(&job).await;
    let settled = stage.work_until_settled(2).await;
    assert_eq!((settled.deleted, settled.skipped), (1, 1));
    assert!(stage.destination_has("back").await.is_some());
    assert!(stage.destination_has("stale").await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_delete_done_again_copies_what_the_source_has_again() {
    let stage = Stage::new().await;
    stage.object(0, "back", 5).await;
    let work = JobWork::Delete { objects: vec![JobKey { index: 0, key: "back".into(), may_block: false }] };
    let origin = Origin { id: "d".into(), items: 1 };
    // As it comes when an earlier attempt has deleted the key and could not say so.
    let job = Job { attempt: 2, origin, work, ..stage.job("d", vec![]) };
    stage.send(&job).await;
    assert_eq!(stage.work_until_settled(1).await.copied, 1);
    assert_eq!(stage.destination_has("back").await, Some(content("back", 5)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_destination_fails_each_object_with_its_reason_and_ends() {
    let mut stage = Stage::new().await;
    stage.denied = true;
    let objects = vec![stage.object(0, "a", 10).await, stage.object(1, "b", 10).await];
    stage.send(&stage.job("j", objects)).await;
    assert_eq!(stage.work_until_settled(2).await.failed, 2);
    let outcome = stage.outcome("a").await;
    assert_eq!((outcome.state, outcome.attempts), (State::Failed, 1));
    assert!(outcome.error.is_some_and(|e| e.contains("AccessDenied") || e.contains("403")));
    let (failures, next) = stage.ledger.failures(RUN, None, 10).await.expect("answers");
    assert_eq!((failures.len(), next), (2, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_byte_flipped_on_either_leg_is_healed_by_another_try() {
    for (kind, leg) in [(Kind::Get, 0), (Kind::Put, 1)] {
        let stage = Stage::new().await;
        let object = stage.object(0, "a", 100_000).await;
        let (proxy, fault) = match leg {
            0 => (&stage.from, Fault::FlipResponse(5)),
            _ => (&stage.to, Fault::FlipRequest(5)),
        };
        proxy.inject(Rule::on(kind, fault).times(1));
        stage.send(&stage.job("j", vec![object])).await;
        assert_eq!(stage.work_until_settled(1).await.copied, 1);
        assert_eq!(stage.destination_has("a").await, Some(content("a", 100_000)), "{kind:?}");
        assert!(proxy.count(kind) >= 2, "{kind:?} was tried again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_cut_short_never_becomes_an_object() {
    let stage = Stage::new().await;
    let object = stage.object(0, "a", 200_000).await;
    stage.from.inject(Rule::on(Kind::Get, Fault::CutResponse(1000)).times(2));
    stage.send(&stage.job("j", vec![object])).await;
    assert_eq!(stage.work_until_settled(1).await.copied, 1);
    assert_eq!(stage.destination_has("a").await, Some(content("a", 200_000)));
    assert_eq!(stage.from.count(Kind::Get), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completion_whose_answer_is_lost_is_looked_up_and_not_repeated_in_vain() {
    let mut stage = Stage::new().await;
    stage.options.part_size = Some(5 << 20);
    stage.options.multipart_threshold = Some(6 << 20);
    let object = stage.object(0, "a", 12 * MIB).await;
    stage.to.inject(Rule::on(Kind::Complete, Fault::CloseAfter).times(1));
    stage.send(&stage.job("j", vec![object])).await;
    assert_eq!(stage.work_until_settled(1).await.copied, 1);
    assert_eq!(stage.destination_has("a").await, Some(content("a", 12 * MIB)));
    assert_eq!((stage.to.count(Kind::Part), stage.open_uploads().await), (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_keeps_failing_is_given_up_after_its_attempts_and_the_others_go_on() {
    let stage = Stage::new().await;
    let objects = vec![stage.object(0, "bad", 10).await, stage.object(1, "good", 10).await];
    stage.to.inject(Rule::on(Kind::Put, Fault::Respond(500, String::new())).containing("/bad"));
    stage.send(&stage.job("j", objects)).await;
    let settled = stage.work_until_settled(2).await;
    assert_eq!((settled.copied, settled.failed), (1, 1));
    assert_eq!(stage.outcome("bad").await.attempts, stage.options.attempts);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_job_of_this_task_goes_to_the_dead_letters_and_blocks_nothing() {
    let stage = Stage::new().await;
    let foreign = Job { task: "another".into(), ..stage.job("x", vec![stage.object(0, "x", 1).await]) };
    let good = stage.job("j", vec![stage.object(0, "a", 1).await]);
    let bodies = ["not json".to_owned(), "{\"v\":7}".to_owned(), foreign.to_body(), good.to_body()];
    stage.queue.send(&bodies.map(Outgoing::now)).await.expect("are queued");
    stage.work_until_settled(1).await;
    assert_eq!(stage.queue.depth().await.expect("answers").dead, 3);
    assert!(stage.destination_has("x").await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_worker_hands_its_job_back_and_the_next_one_sends_only_the_missing_parts() {
    let mut stage = Stage::new().await;
    stage.options.part_size = Some(5 << 20);
    stage.options.multipart_threshold = Some(6 << 20);
    stage.options.concurrency = 1;
    stage.options.drain = Duration::ZERO;
    let object = stage.object(0, "a", 40 * MIB).await;
    stage.send(&stage.job("j", vec![object])).await;
    // One transfer at a time: the fifth part is on its way, the four before it are recorded.
    stage.to.inject(Rule::on(Kind::Part, Fault::Stall).containing("partNumber=5"));
    let stop = Stop::default();
    let first = tokio::spawn(stage.worker().await.run(stop.clone()));
    while stage.to.count(Kind::Part) < 5 {
        assert!(!first.is_finished(), "the worker ended");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stop.escalate();
    first.await.expect("no panic").expect("the worker ends well");
    let record = stage.ledger.upload(TASK, "a").await.expect("answers").expect("the upload stays recorded");
    let recorded = stage.ledger.recorded_parts(TASK, &record.upload).await.expect("answers");
    assert_eq!(recorded.iter().map(|part| part.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    stage.to.heal();
    stage.to.reset();
    assert_eq!(stage.work_until_settled(1).await.copied, 1);
    assert_eq!(stage.to.count(Kind::Part), 4);
    assert_eq!(stage.destination_has("a").await, Some(content("a", 40 * MIB)));
    let run = stage.ledger.run(RUN).await.expect("answers").expect("is there");
    assert_eq!(run.phase, Phase::Listing, "the worker does not touch the finder's part");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_of_two_runs_at_one_giant_the_newer_copies_it_and_each_counts_it_once() {
    let mut stage = Stage::new().await;
    stage.options.part_size = Some(5 * MIB as u64);
    stage.options.multipart_threshold = Some(6 * MIB as u64);
    stage.options.giant_threshold = 8 * MIB as u64;
    let older = stage.job("old", vec![stage.object(0, "giant", 12 * MIB).await]);
    let newer = Job { run: "run-newer".into(), ..older.clone() };
    let start = stage.ledger.run(RUN).await.expect("answers").expect("is there").start;
    stage.ledger.start_run(&RunStart { id: newer.run.clone(), ..start }).await.expect("the run is recorded");
    stage.to.inject(Rule::on(Kind::Part, Fault::Stall));
    let stop = Stop::default();
    let worker = tokio::spawn(stage.worker().await.run(stop.clone()));
    // The newer run opens its upload, then the older one comes by.
    stage.send(&newer).await;
    wait_for("the upload", async || stage.ledger.upload(TASK, "giant").await.expect("answers").is_some()).await;
    let opened = stage.ledger.upload(TASK, "giant").await.expect("answers").expect("is open");
    stage.send(&older).await;
    wait_for("the older run's end", async || stage.settled().await.objects() > 0).await;
    assert_eq!(stage.ledger.upload(TASK, "giant").await.expect("answers"), Some(opened), "it is left alone");
    stop.escalate();
    stop.escalate();
    worker.await.expect("no panic").expect("the worker ends well");
    stage.to.heal();
    let settled = stage.work_until_settled(1).await;
    assert_eq!((settled.skipped, settled.objects()), (1, 1));
    let newest = stage.ledger.run(&newer.run).await.expect("answers").expect("is there").settled;
    assert_eq!((newest.copied, newest.objects()), (1, 1));
    assert_eq!(stage.destination_has("giant").await, Some(content("giant", 12 * MIB)));
    assert_eq!(stage.open_uploads().await, 0);
}

async fn wait_for(what: &str, reached: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !reached().await {
        assert!(started.elapsed() < Duration::from_secs(300), "{what}: not in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Stage {
    fn with_parts_of_5_mib(mut self) -> Stage {
        self.options.part_size = Some(5 << 20);
        self.options.multipart_threshold = Some(6 << 20);
        self
    }

    /// Runs a worker until it has made such a request, and ends it there: its job comes back.
    async fn interrupt_at(&self, kind: Kind, count: u64) {
        let stop = Stop::default();
        let worker = tokio::spawn(self.worker().await.run(stop.clone()));
        while self.to.count(kind) < count {
            assert!(!worker.is_finished(), "the worker ended");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Also the effect, of what is held back only after it.
        wait_for("what is held back", async || self.to.held() > 0).await;
        stop.escalate();
        worker.await.expect("no panic").expect("the worker ends well");
        self.to.heal();
    }

    async fn assert_nothing_is_open(&self, key: &str) {
        assert_eq!(self.open_uploads().await, 0);
        assert!(self.ledger.upload(TASK, key).await.expect("answers").is_none());
        assert!(self.ledger.intents(TASK, key).await.expect("answers").is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_an_upload_that_was_created_and_not_recorded_is_aborted_and_those_of_others_are_not() {
    let stage = Stage::new().await.with_parts_of_5_mib();
    let open = async |key: &str| {
        let created = stage.client.create_multipart_upload().bucket(&stage.destination).key(key).send().await;
        created.expect("is opened").upload_id().map(str::to_owned)
    };
    let others = [open("a").await, open("ab").await, open("other").await];
    // Times are told in whole seconds.
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    let object = stage.object(0, "a", 12 * MIB).await;
    stage.send(&stage.job("j", vec![object])).await;
    stage.to.inject(Rule::on(Kind::Create, Fault::StallAfter).times(1));
    stage.interrupt_at(Kind::Create, 1).await;
    assert_eq!(stage.open_uploads().await, 4, "one was created");
    // The stopped worker announced it once more, for it never saw the answer.
    assert_eq!(stage.ledger.intents(TASK, "a").await.expect("answers").map(|intents| intents.count), Some(2));
    assert_eq!(stage.work_until_settled(1).await.copied, 1);
    assert_eq!(stage.destination_has("a").await, Some(content("a", 12 * MIB)));
    let left = stage.client.list_multipart_uploads().bucket(&stage.destination).send().await.expect("are listed");
    let mut left: Vec<_> = left.uploads().iter().map(|upload| upload.upload_id().map(str::to_owned)).collect();
    let mut others = others.to_vec();
    left.sort();
    others.sort();
    assert_eq!(left, others);
    assert!(stage.ledger.intents(TASK, "a").await.expect("answers").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_uploads_whose_creates_lost_their_answers_are_aborted() {
    let stage = Stage::new().await.with_parts_of_5_mib();
    let object = stage.object(0, "a", 12 * MIB).await;
    stage.to.inject(Rule::on(Kind::Create, Fault::CloseAfter).times(2));
    stage.send(&stage.job("j", vec![object])).await;
    assert_eq!(stage.work_until_settled(1).await.copied, 1);
    assert_eq!((stage.to.count(Kind::Create), stage.to.count(Kind::ListUploads)), (3, 1));
    stage.assert_nothing_is_open("a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_failed_object_leaves_no_upload_open() {
    let mut stage = Stage::new().await.with_parts_of_5_mib();
    stage.options.attempts = 2;
    let object = stage.object(0, "a", 12 * MIB).await;
    stage.to.inject(Rule::on(Kind::Part, Fault::Respond(500, String::new())).containing("partNumber=3"));
    stage.send(&stage.job("j", vec![object])).await;
    assert_eq!(stage.work_until_settled(1).await.failed, 1);
    stage.assert_nothing_is_open("a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_an_interrupted_upload_of_what_is_small_or_gone_now_is_aborted() {
    let stage = Stage::new().await.with_parts_of_5_mib();
    let objects = vec![stage.object(0, "a", 12 * MIB).await, stage.object(1, "b", 12 * MIB).await];
    stage.send(&stage.job("j", objects)).await;
    stage.to.inject(Rule::on(Kind::Part, Fault::Stall));
    stage.interrupt_at(Kind::Part, 4).await;
    assert_eq!(stage.open_uploads().await, 2);
    stage.object(0, "a", 100).await;
    stage.client.delete_object().bucket(&stage.source).key("b").send().await.expect("is deleted");
    let settled = stage.work_until_settled(2).await;
    assert_eq!((settled.copied, settled.skipped), (1, 1));
    assert_eq!(stage.destination_has("a").await, Some(content("a", 100)));
    stage.assert_nothing_is_open("a").await;
    stage.assert_nothing_is_open("b").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_an_object_that_was_completed_and_not_settled_is_not_sent_again() {
    let stage = Stage::new().await.with_parts_of_5_mib();
    let object = stage.object(0, "a", 12 * MIB).await;
    stage.send(&stage.job("j", vec![object])).await;
    stage.to.inject(Rule::on(Kind::Complete, Fault::StallAfter).times(1));
    stage.interrupt_at(Kind::Complete, 1).await;
    assert_eq!(stage.work_until_settled(1).await.copied, 1);
    assert_eq!((stage.to.count(Kind::Part), stage.to.count(Kind::Create)), (3, 1));
    assert_eq!(stage.destination_has("a").await, Some(content("a", 12 * MIB)));
    stage.assert_nothing_is_open("a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changed_while_nobody_worked_on_it_arrives_wholly_new() {
    let stage = Stage::new().await.with_parts_of_5_mib();
    let object = stage.object(0, "a", 12 * MIB).await;
    stage.send(&stage.job("j", vec![object])).await;
    stage.to.inject(Rule::on(Kind::Part, Fault::Stall).containing("partNumber=3"));
    stage.interrupt_at(Kind::Part, 3).await;
    // Of the same size: only its version tells.
    let now = ByteStream::from(content("another a", 12 * MIB));
    stage.client.put_object().bucket(&stage.source).key("a").body(now).send().await.expect("is put");
    assert_eq!(stage.work_until_settled(1).await.copied, 1);
    assert_eq!(stage.destination_has("a").await, Some(content("another a", 12 * MIB)));
    stage.assert_nothing_is_open("a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_part_that_is_missing_at_completion_is_sent_again_and_the_others_stay() {
    let stage = Stage::new().await.with_parts_of_5_mib();
    let object = stage.object(0, "a", 12 * MIB).await;
    // As when another delivery is sending the parts once more.
    let none = "<ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>";
    stage.to.inject(Rule::on(Kind::ListParts, Fault::Respond(200, none.to_owned())).times(1));
    stage.send(&stage.job("j", vec![object])).await;
    assert_eq!(stage.work_until_settled(1).await.copied, 1);
    assert_eq!((stage.to.count(Kind::Create), stage.to.count(Kind::Part), stage.to.count(Kind::Abort)), (1, 3, 0));
    assert_eq!(stage.destination_has("a").await, Some(content("a", 12 * MIB)));
    stage.assert_nothing_is_open("a").await;
}
