//! Jobs that come again: what an earlier delivery has done, and what the source has become since.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use flotilla_tests::probe::Fate;
use flotilla_tests::proxy::Kind;
use flotilla_tests::stage::{RUN, Running, copy_job, run_start, until};
use shared::ErrorKind;
use shared::ledger::{self, Ledger, NO_FENCE, Phase, Run};
use shared::object::ETag;
use shared::objects::job::{JobObject, ObjectJob};
use shared::queue::{JobQueue, Outgoing};

use crate::bulk_deletes::{self, STALE, stale};
use crate::stage::{Objects, Stage, TASK};

/// A stage whose destination has the listed version of a key, and whose source a newer one; and the job's object, as it
/// was listed.
async fn stage_with_a_newer_version() -> (Stage, JobObject) {
    let mut stage = Stage::new(Objects(Vec::new())).await;
    stage.work.look_again = Some(true);
    let (from, to) = (stage.source.location.bucket().to_owned(), stage.destination.location.bucket().to_owned());
    stage.cloud.put(&from, "key", "old");
    let old = stage.cloud.object(&from, "key").expect("it is there");
    stage.cloud.put(&to, "key", "old");
    stage.cloud.put(&from, "key", "the newer one");
    let (etag, modified) = (Some(ETag::new(&old.etag)), old.modified);
    stage.ledger.start_run(&run_start(RUN), NO_FENCE).await.expect("the run is recorded");
    (stage, JobObject { key: "key".into(), size: 3, modified, etag, ..JobObject::default() })
}

/// Has a worker do all jobs; then the newer version has arrived.
async fn assert_the_newer_version_arrives(stage: &Stage) {
    let worker = Running::start(stage.worker().await);
    until(async || stage.queue.depth().await.expect("the queue answers").waiting() == 0).await;
    worker.finish().await;
    let stored = stage.cloud.object(stage.destination.location.bucket(), "key").expect("it is there");
    assert_eq!(&stored.bytes[..], b"the newer one");
}

/// An earlier delivery has written the job's version over a newer one, and died before its second look.
#[tokio::test(flavor = "multi_thread")]
async fn regression_a_redelivered_copy_looks_at_the_source_first() {
    let (stage, object) = stage_with_a_newer_version().await;
    stage.queue.send(&[Outgoing::now(copy_job("c0-0", vec![object]).to_body())]).await.expect("the job is queued");
    let lease = Duration::from_secs(60);
    let message = stage.queue.receive(1, Duration::ZERO, lease).await.expect("answers").pop().expect("is there");
    stage.queue.release(&message, Duration::ZERO).await.expect("is released");
    assert_the_newer_version_arrives(&stage).await;
}

/// An earlier attempt may have begun to upload the newer version, whose events leave the key to it. This delivery of the
/// next attempt is the first one.
#[tokio::test(flavor = "multi_thread")]
async fn regression_a_retried_copy_looks_at_the_source_first() {
    let (stage, object) = stage_with_a_newer_version().await;
    let job = ObjectJob { attempt: 2, ..copy_job("c0-0", vec![object]) };
    stage.queue.send(&[Outgoing::now(job.to_body())]).await.expect("the job is queued");
    assert_the_newer_version_arrives(&stage).await;
}

/// A run that deletes, up to the moment at which the keys are gone and no outcome is recorded.
struct Deleted {
    stage: Stage,
    worker: Running,
    run: String,
    /// Whether the worker may record outcomes.
    may_settle: Arc<AtomicBool>,
}

impl Deleted {
    async fn new() -> Deleted {
        let mut stage = bulk_deletes::stage().await;
        stage.machine.lease = Duration::from_secs(2);
        let may_settle = Arc::new(AtomicBool::new(false));
        let allowed = may_settle.clone();
        stage.worker_ledger.calls.wait_for("settle", move || allowed.load(Relaxed));
        let run = stage.enqueue().await.expect("the finder ends well");
        let worker = Running::start(stage.worker().await);
        until(async || stage.to.count(Kind::DeleteMany) == 1 && stage.worker_ledger.calls.count("settle") > 1).await;
        assert!((0..STALE).all(|n| !stage.holds(&stale(n))));
        Deleted { stage, worker, run, may_settle }
    }

    async fn run(&self) -> Run {
        self.stage.ledger.run(&self.run).await.expect("the ledger answers").expect("the run is there")
    }

    async fn cancel(&self) {
        let ledger: ledger::SharedLedger = self.stage.ledger.clone();
        ledger::cancel(&ledger, &self.run().await, "cancelled by the test", "test").await.expect("it is cancelled");
    }

    /// Every object is counted once, and no message is left that says it is in doubt.
    async fn ended(&self) -> Run {
        until(async || self.run().await.is_done()).await;
        until(async || self.stage.queue.depth().await.expect("the queue answers").waiting() == 0).await;
        let run = self.run().await;
        assert_eq!((run.settled.objects(), run.settled.failed), (run.enqueued(), 0), "{run:?}");
        self.stage.assert_stored_all_but(&[], "deletes");
        run
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_of_a_worker_that_died_unrecorded_count_once() {
    let mut deleted = Deleted::new().await;
    let next = Running::start(deleted.stage.worker().await);
    std::mem::replace(&mut deleted.worker, next).kill().await;
    deleted.may_settle.store(true, Relaxed);
    let run = deleted.ended().await;
    assert_eq!((run.settled.deleted, run.settled.copied), (STALE as u64, 3), "{run:?}");
    deleted.worker.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unrecorded_deletes_of_a_lost_lease_count_once() {
    let deleted = Deleted::new().await;
    let queue = deleted.stage.worker_queue.calls.clone();
    let extended = queue.count("extend");
    queue.decide(move |call, number| match call {
        "extend" if number <= extended + 2 => Fate::Fail(ErrorKind::LeaseLost),
        _ => Fate::Pass,
    });
    until(async || queue.count("extend") >= extended + 2).await;
    deleted.may_settle.store(true, Relaxed);
    let run = deleted.ended().await;
    assert_eq!((run.settled.deleted, run.settled.copied), (STALE as u64, 3), "{run:?}");
    deleted.worker.finish().await;
}

/// The cancellation counts what nobody has recorded yet; the worker's record comes later, and counts nothing twice.
#[tokio::test(flavor = "multi_thread")]
async fn deletes_that_are_recorded_after_a_cancellation_count_once() {
    let deleted = Deleted::new().await;
    deleted.cancel().await;
    deleted.may_settle.store(true, Relaxed);
    let run = deleted.ended().await;
    let settled = &run.settled;
    assert_eq!((run.phase, settled.deleted + settled.cancelled), (Phase::Cancelled, STALE as u64), "{run:?}");
    deleted.worker.finish().await;
}

/// Nobody knows any more whether they were deleted in the run's name: they count as cancelled, and are looked at again.
#[tokio::test(flavor = "multi_thread")]
async fn unrecorded_deletes_of_a_cancelled_run_are_looked_at_again() {
    let mut deleted = Deleted::new().await;
    deleted.cancel().await;
    let next = Running::start(deleted.stage.worker().await);
    std::mem::replace(&mut deleted.worker, next).kill().await;
    let heads = deleted.stage.from.count(Kind::Head);
    deleted.may_settle.store(true, Relaxed);
    let run = deleted.ended().await;
    assert_eq!((run.phase, run.settled.deleted), (Phase::Cancelled, 0), "{run:?}");
    assert!(run.settled.cancelled >= STALE as u64, "{run:?}");
    assert!(deleted.stage.from.count(Kind::Head) >= heads + STALE as u64, "each key is looked for at the source");
    assert_eq!(TASK, run.start.task);
    deleted.worker.finish().await;
}
