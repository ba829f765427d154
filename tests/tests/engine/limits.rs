//! Limits that are set while a worker works.

use std::time::Duration;

use shared::limits::LiveRates;

use crate::stage::{Stage, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_set_applies_to_a_running_transfer() {
    let stage = Stage::new().await;
    let rate = |bandwidth| LiveRates { bandwidth, ..LiveRates::default() };
    stage.limits.set(&rate(Some(100_000.0)));
    let objects = stage.files([3_000_000]);
    stage.copy(&objects).await;
    let working = stage.start();
    until(async || working.moved.bytes() > 0).await;
    stage.limits.set(&rate(Some(0.0)));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let moved = working.moved.bytes();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(working.moved.bytes(), moved, "nothing passes");
    assert!(moved < 1_000_000, "{moved}");
    stage.limits.set(&rate(None));
    stage.until_settled(1).await;
    working.stop().await.expect("the worker ends well");
    assert_eq!(std::fs::read(stage.destination.join(&objects[0].key)).expect("the copy").len(), 3_000_000);
}
