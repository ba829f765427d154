//! Finished objects and a ledger that fails.

use flotilla_tests::probe::Fate;
use shared::ErrorKind;
use shared::objects::job::{JobKey, JobObject, ObjectWork};
use shared::queue::{JobQueue, MAX_DELIVERIES, MAX_RECEIVE};
use std::time::Duration;
use worker::WorkError;

use crate::stage::{Stage, until};

#[tokio::test(flavor = "multi_thread")]
async fn regression_finished_outcomes_outlive_a_ledger_that_is_away() {
    let stage = Stage::new().await;
    let objects = stage.files([1; 300]);
    stage.ledger.calls.decide(|call, number| match (call, number) {
        ("settle", 1 | 2) => Fate::Fail(ErrorKind::Unavailable),
        _ => Fate::Pass,
    });
    stage.copy(&objects).await;
    let working = stage.start();
    stage.until_settled(300).await;
    stage.until_empty().await;
    assert_eq!(working.moved.bytes(), 300, "nothing is copied twice");
    let calls = &stage.queue.calls;
    assert_eq!((calls.count("release"), calls.count("acknowledge")), (0, 1), "the job is not released");
    assert_eq!(stage.settled().await.copied, 300);
    working.stop().await.expect("the worker ends well");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_redelivered_job_passes_over_recorded_objects() {
    let stage = Stage::new().await;
    let objects = stage.files([1; 600]);
    stage.ledger.calls.decide(|call, number| match (call, number) {
        ("settle", 2) => Fate::Fail(ErrorKind::Denied),
        _ => Fate::Pass,
    });
    stage.copy(&objects).await;
    let ended = stage.start().ended().await;
    assert!(matches!(ended, Err(WorkError::Backend(_))), "a ledger that denies is the worker's end: {ended:?}");
    let recorded = stage.settled().await.copied;
    assert!(recorded > 0 && recorded < 600, "{recorded}");
    assert_eq!(stage.queue.calls.count("release"), 1, "the job is released");
    let reads = |name| stage.ledger.calls.count(name);
    assert_eq!(reads("settled"), 0, "the first delivery has nothing to ask");

    let working = stage.start();
    stage.until_settled(600).await;
    stage.until_empty().await;
    assert!(working.moved.bytes() <= 600 - recorded, "{} of {recorded} recorded", working.moved.bytes());
    assert_eq!(reads("settled"), 1);
    assert!(reads("recorded") <= 600 - recorded, "{} outcomes were read", reads("recorded"));
    assert!(reads("upload") + reads("intents") == 0 && reads("open-uploads") <= 4, "{:?}", stage.ledger.calls);
    assert_eq!(stage.settled().await.copied, 600);
    working.stop().await.expect("the worker ends well");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_one_unrecordable_object_does_not_drop_the_others() {
    let mut stage = Stage::new().await;
    stage.options.multipart_threshold = Some(1_000);
    stage.options.part_size = Some(1_000);
    let objects = stage.files([1, 1, 1, 1, 2_000]);
    stage.ledger.calls.decide(|call, number| match (call, number) {
        ("intend-upload", 1) => Fate::Fail(ErrorKind::Unavailable),
        _ => Fate::Pass,
    });
    stage.copy(&objects).await;
    let working = stage.start();
    stage.until_settled(5).await;
    stage.until_empty().await;
    assert_eq!(working.moved.bytes(), 4 + 2_000, "nothing is copied twice");
    assert!(stage.ledger.calls.count("recorded") <= 1, "only the one is looked at again");
    working.stop().await.expect("the worker ends well");
}

/// Makes every waiting message one that was delivered too often.
async fn wear_out(stage: &Stage) {
    for _ in 0..MAX_DELIVERIES {
        let lease = Duration::from_secs(60);
        for message in stage.queue.receive(MAX_RECEIVE, Duration::ZERO, lease).await.expect("the queue answers") {
            stage.queue.release(&message, Duration::ZERO).await.expect("it is released");
        }
    }
}

async fn worn_out_deletes(count: u32) -> Stage {
    let stage = Stage::new().await;
    let objects = (0..count).map(|index| JobKey { index, key: format!("key-{index}"), may_block: false }).collect();
    stage.send(&Stage::job(ObjectWork::Delete { objects }, count as usize)).await;
    wear_out(&stage).await;
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_giving_up_500_objects_takes_a_few_calls() {
    let stage = worn_out_deletes(500).await;
    let before: u64 = stage.ledger.calls.counts().values().sum();
    let working = stage.start();
    stage.until_empty().await;
    let calls = stage.ledger.calls.counts().values().sum::<u64>() - before;
    assert!(calls <= 5, "{:?}", stage.ledger.calls);
    assert_eq!(stage.settled().await.failed, 500);
    assert_eq!(stage.queue.calls.count("dead-letter"), 1);
    working.stop().await.expect("the worker ends well");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_drain_hands_back_a_job_that_is_given_up() {
    let stage = worn_out_deletes(500).await;
    let released = stage.queue.calls.count("release");
    stage.ledger.calls.decide(|call, _| if call == "open-uploads" { Fate::Hang } else { Fate::Pass });
    let working = stage.start();
    until(async || stage.ledger.calls.count("open-uploads") > 0).await;
    working.stop.abort.cancel();
    working.stop().await.expect("the worker ends well");
    assert_eq!(stage.queue.calls.count("release"), released + 1);
    assert_eq!(stage.settled().await.failed, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retried_object_recorded_meanwhile_is_not_copied_again() {
    let stage = Stage::new().await;
    let objects: Vec<JobObject> = stage.files([5, 7]);
    stage.copy(&objects).await;
    let mut again = Stage::job(ObjectWork::Copy { objects: vec![objects[1].clone()] }, 2);
    again.attempt = 2;
    let working = stage.start();
    stage.until_settled(2).await;
    stage.until_empty().await;
    stage.send(&again).await;
    stage.until_called("acknowledge", 2).await;
    assert_eq!(working.moved.bytes(), 12);
    assert_eq!(stage.settled().await.copied, 2);
    working.stop().await.expect("the worker ends well");
}
