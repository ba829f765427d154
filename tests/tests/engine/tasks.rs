//! The tasks of the runtime that a job takes: it uses as many cores as there are.

use shared::limits::LiveRates;
use tokio::runtime::Handle;

use crate::stage::{Stage, until};

#[tokio::test(flavor = "multi_thread")]
async fn each_object_of_a_job_has_a_task_of_its_own() {
    let mut stage = Stage::new().await;
    stage.machine.concurrency = 8;
    let rate = |bandwidth| LiveRates { bandwidth, ..LiveRates::default() };
    // Slow enough for all transfers to be in progress at the same time.
    stage.limits.set(&rate(Some(10_000.0)));
    let working = stage.start();
    stage.until_called("receive", 1).await;
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    stage.copy(&stage.files([100_000; 8])).await;
    until(async || working.moved.objects() == 8).await;
    let begun = tasks().saturating_sub(before);
    assert!(begun >= 8, "{begun} tasks for 8 objects");
    stage.limits.set(&rate(None));
    stage.until_settled(8).await;
    working.stop().await.expect("the worker ends well");
    assert_eq!(stage.settled().await.copied, 8);
}
