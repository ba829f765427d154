//! A message that reports one key twice.

use std::time::Duration;

use flotilla_tests::proxy::{Fault, Kind, Rule};
use flotilla_tests::stage::{Running, until};
use shared::queue::JobQueue;

use crate::stage::{Objects, Stage};

const LARGE: &str = "large";

/// A stage whose large object is a giant. Its first two parts take longer than the time between two records of its key.
async fn stage() -> Stage {
    let objects = Objects::with_parts();
    let size = objects.0.last().expect("there is one").1;
    let mut stage = Stage::new(objects).await;
    stage.work.look_again = Some(true);
    stage.work.giant_threshold = size as u64;
    stage.to.inject(Rule::on(Kind::Part, Fault::Delay(Duration::from_secs(3))).times(2));
    stage
}

/// Each of so many events is counted once, and the giant is there.
async fn assert_followed(stage: &Stage, events: u64, case: &str) {
    let settled = stage.events().await;
    assert_eq!((settled.objects(), settled.failed), (events, 0), "{case}: {settled:?}");
    assert!(stage.holds(LARGE), "{case}: the giant is missing");
    assert_eq!(stage.open_uploads(), 0, "{case}");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_giant_that_is_reported_twice_counts_twice() {
    for is_redelivered in [false, true] {
        let stage = stage().await;
        stage.send_event("m-1", LARGE, 2).await;
        if is_redelivered {
            let lease = Duration::from_secs(60);
            let messages = stage.queue.receive(1, Duration::ZERO, lease).await.expect("the queue answers");
            let message = messages.first().expect("it is there");
            stage.queue.release(message, Duration::ZERO).await.expect("it is released");
        }
        let worker = Running::start(stage.worker().await);
        stage.until_followed().await;
        worker.stop().await.expect("the worker ends well");
        assert_followed(&stage, 2, &format!("redelivered: {is_redelivered}")).await;
    }
}

/// Both parts jobs find that the upload is gone, and begin the giant anew at the same moment, beside another event.
#[tokio::test(flavor = "multi_thread")]
async fn regression_a_giant_that_is_begun_anew_at_once_loses_no_event() {
    let stage = stage().await;
    // The uploads after the first one are created at once.
    stage.to.inject(Rule::on(Kind::Create, Fault::Delay(Duration::from_millis(500))).after(1));
    // No job forgets the lost upload before both have sent the copy: one send shares the parts, and two begin anew.
    let queue = stage.worker_queue.calls.clone();
    stage.worker_ledger.calls.wait_for("close-upload", move || queue.count("send") >= 3);
    stage.send_event("m-1", LARGE, 2).await;
    let workers = [Running::start(stage.worker().await), Running::start(stage.worker().await)];
    until(async || stage.to.count(Kind::Part) == 2).await;
    let bucket = stage.destination.location.bucket();
    for upload in stage.cloud.uploads(bucket) {
        stage.cloud.drop_upload(bucket, &upload.id);
    }
    until(async || stage.worker_queue.calls.count("send") >= 3).await;
    stage.send_event("m-2", LARGE, 1).await;
    stage.until_followed().await;
    for worker in workers {
        worker.stop().await.expect("the worker ends well");
    }
    assert_followed(&stage, 3, "begun anew").await;
}
