//! Jobs of a later release, and of a kind that the worker does not execute.

use shared::job::{self, VERSION};
use shared::object::Timestamp;
use shared::queue::{JobQueue, Outgoing};
use worker::WorkError;

use crate::stage::{RUN, Stage, TASK, until};

/// A job whose form only a later release knows.
fn newer() -> String {
    format!(r#"{{"v":{},"task":"{TASK}","kind":"objects","verb":"fly","work":["unknown"]}}"#, VERSION + 1)
}

async fn send(stage: &Stage, body: String) {
    stage.queue.send(&[Outgoing::now(body)]).await.expect("the job is queued");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_a_later_release_is_sent_back_and_ends_the_worker() {
    let stage = Stage::new().await;
    let objects = stage.files([1, 2, 3]);
    send(&stage, newer()).await;
    let ended = stage.start().ended().await;
    let Err(WorkError::Outdated(why)) = ended else { panic!("{ended:?}") };
    assert!(why.to_string().contains("update this program"), "{why}");
    let depth = stage.queue.depth().await.expect("the queue answers");
    assert_eq!((depth.delayed, depth.dead, depth.waiting()), (1, 0, 1), "sent anew, so that no delivery is counted");
    let calls = &stage.queue.calls;
    assert_eq!((calls.count("send"), calls.count("acknowledge"), calls.count("release")), (2, 1, 0));
    // Others' jobs go on: the next worker of this release executes what it knows until it meets such a job.
    stage.copy(&objects).await;
    let working = stage.start();
    stage.until_settled(3).await;
    working.stop().await.expect("the job of a later release is delayed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_no_release_takes_for_13_days_is_a_dead_letter() {
    let stage = Stage::new().await;
    let days_ago = |days: i64| Timestamp(Timestamp::now().0 - days * 24 * 3600 * 1000);
    for (days, dead) in [(12, 0), (13, 1)] {
        send(&stage, job::left(&newer(), days_ago(days))).await;
        let ended = stage.start().ended().await;
        assert!(matches!(ended, Err(WorkError::Outdated(_))), "{ended:?}");
        let depth = stage.queue.depth().await.expect("the queue answers");
        assert_eq!((depth.delayed, depth.dead, depth.waiting()), (1, dead, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outdated_worker_finishes_its_leased_jobs() {
    let stage = Stage::new().await;
    let objects = stage.files([100; 20]);
    stage.copy(&objects).await;
    send(&stage, newer()).await;
    let ended = stage.start().ended().await;
    assert!(matches!(ended, Err(WorkError::Outdated(_))), "{ended:?}");
    let settled = stage.settled().await;
    assert_eq!((settled.copied, settled.failed), (20, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_an_unknown_kind_is_a_dead_letter() {
    let stage = Stage::new().await;
    let head = format!(r#"{{"v":{VERSION},"task":"{TASK}","run":"{RUN}","attempt":1,"origin":{{"id":"o","items":1}}"#);
    for rest in [
        r#""kind":"tables","verb":"copy","items":1,"body":{}}"#,
        r#""kind":"objects","verb":"copy","items":1,"body":{"rows":[]}}"#,
    ] {
        send(&stage, format!("{head},{rest}")).await;
    }
    let working = stage.start();
    until(async || stage.queue.depth().await.expect("the queue answers").dead == 2).await;
    working.stop().await.expect("the worker ends well");
    assert_eq!(stage.queue.depth().await.expect("the queue answers").waiting(), 0);
}
