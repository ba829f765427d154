//! Two workers that work on one key at the same moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use flotilla_tests::probe::{Fate, QueueProbe};
use flotilla_tests::stage::{Embedded, Running, until};

use crate::stage::{Objects, Stage, content};

const LARGE: &str = "large";

/// Makes each worker's first record of an upload wait until both workers have created one.
fn meet_at_open(stage: &Stage) {
    let opened = Arc::new(AtomicU64::new(0));
    let counted = opened.clone();
    stage.worker_ledger.calls.decide(move |call, number| {
        if call == "open-upload" {
            counted.store(number, Ordering::SeqCst);
        }
        Fate::Pass
    });
    stage.worker_ledger.calls.wait_for("open-upload", move || opened.load(Ordering::SeqCst) >= 2);
}

/// Another worker that looks for uploads without a record aborts the upload of a giant just before it is recorded.
#[tokio::test(flavor = "multi_thread")]
async fn regression_a_giants_upload_that_others_abort_fails_no_event() {
    let objects = Objects::with_parts();
    let size = objects.0.last().expect("there is one").1;
    let mut stage = Stage::new(objects).await;
    stage.work.look_again = Some(true);
    stage.work.giant_threshold = size as u64;
    stage.work.attempts = 1;
    let may_record = Arc::new(AtomicBool::new(false));
    let recorded = may_record.clone();
    stage.worker_ledger.calls.wait_for("open-upload", move || recorded.load(Ordering::SeqCst));
    stage.send_event("m-1", LARGE, 1).await;
    let worker = Running::start(stage.worker().await);
    until(async || stage.worker_ledger.calls.count("open-upload") == 1).await;
    let bucket = stage.destination.location.bucket();
    for upload in stage.cloud.uploads(bucket) {
        stage.cloud.drop_upload(bucket, &upload.id);
    }
    may_record.store(true, Ordering::SeqCst);
    stage.until_followed().await;
    worker.stop().await.expect("the worker ends well");
    let settled = stage.events().await;
    assert_eq!((settled.copied, settled.objects()), (1, 1), "{settled:?}");
    assert!(stage.holds(LARGE) && stage.open_uploads() == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_uploads_created_at_once_fail_no_event() {
    for changes in [false, true] {
        let case = format!("the source changes in between: {changes}");
        let objects = Objects::with_parts();
        let size = objects.0.last().expect("there is one").1;
        let mut stage = Stage::new(objects).await;
        stage.work.look_again = Some(true);
        // One lost moment would fail the event.
        stage.work.attempts = 1;
        meet_at_open(&stage);
        stage.send_event("m-1", LARGE, 1).await;
        let first = Running::start(stage.worker().await);
        until(async || stage.worker_ledger.calls.count("open-upload") == 1).await;
        let source = stage.source.location.bucket().to_owned();
        let last = content(if changes { "changed" } else { LARGE }, size);
        if changes {
            stage.cloud.put(&source, LARGE, last.clone());
        }
        // A queue of its own: the first worker does not receive the second event.
        stage.queue = Embedded::new().queue;
        stage.worker_queue = Arc::new(QueueProbe::new(stage.queue.clone()));
        stage.send_event("m-2", LARGE, 1).await;
        let second = Running::start(stage.worker().await);
        until(async || stage.events().await.objects() == 2).await;
        let copied = async || {
            let object = stage.cloud.object(stage.destination.location.bucket(), LARGE);
            object.is_some_and(|object| object.bytes == last) && stage.open_uploads() == 0
        };
        until(copied).await;
        first.stop().await.expect("the worker ends well");
        second.stop().await.expect("the worker ends well");
        let settled = stage.events().await;
        assert_eq!((settled.objects(), settled.failed), (2, 0), "{case}: {settled:?}");
    }
}
