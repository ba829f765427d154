//! Leases: how many jobs a worker takes, and the end of a heartbeat.

use std::sync::Arc;
use std::time::Duration;

use flotilla_tests::probe::Fate;
use shared::ErrorKind;
use shared::objects::job::{ObjectWork, Parts};

use crate::stage::{Stage, until};

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_worker_takes_only_parts_jobs_it_works_on() {
    let mut stage = Stage::new().await;
    stage.machine.concurrency = 16;
    for first in (1..=80).step_by(8) {
        let parts =
            Parts { index: 0, key: "k".into(), upload_id: "gone".into(), first, last: first + 7, again: Vec::new() };
        stage.send(&Stage::job(ObjectWork::Parts(parts), 1)).await;
    }
    let working = stage.start();
    stage.until_empty().await;
    let asked = stage.queue.asked();
    assert_eq!((asked[0], asked[1]), (1, 2), "16 transfers are two jobs of 8 parts: {asked:?}");
    working.stop().await.expect("the worker ends well");
}

/// A stage whose queue is slow to extend, and whose ledger waits until a heartbeat is on its way.
async fn slow_heartbeat(settles: Fate) -> Stage {
    let mut stage = Stage::new().await;
    Arc::get_mut(&mut stage.queue).expect("nobody else has it").extending = Duration::from_millis(300);
    stage.machine.lease = Duration::from_secs(2);
    stage.ledger.calls.decide(move |call, _| if call == "settle" { settles } else { Fate::Pass });
    stage
}

async fn order_of(settles: Fate, end: &'static str) {
    let stage = slow_heartbeat(settles).await;
    let objects = stage.files([1]);
    let queue = stage.queue.calls.clone();
    let working = stage.start();
    // The job's only ledger call returns while the heartbeat's is on its way.
    stage.ledger.calls.wait_for("settle", move || queue.count("extend") > queue.count("extended"));
    stage.copy(&objects).await;
    until(async || stage.queue.calls.count(end) > 0).await;
    let log = stage.queue.calls.log();
    let at = |name| log.iter().position(|call| *call == name).unwrap_or(usize::MAX);
    assert!(at("extend") < at("extended") && at("extended") < at(end), "{log:?}");
    let _ = working.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_heartbeat_ends_before_its_message_is_released() {
    order_of(Fate::Fail(ErrorKind::Denied), "release").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_heartbeat_ends_before_the_acknowledgement() {
    order_of(Fate::Pass, "acknowledge").await;
}
