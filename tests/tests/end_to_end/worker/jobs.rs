//! Jobs, the outcomes of their objects, and messages that are no jobs.

use aws_sdk_s3::primitives::ByteStream;
use flotilla_tests::proxy::{Fault, Kind, Rule};
use flotilla_tests::stage::RUN;
use shared::job::Origin;
use shared::ledger::{Ledger, State};
use shared::objects::job::{JobKey, ObjectJob, ObjectWork};
use shared::queue::{JobQueue, Outgoing};

use super::stage::Stage;
use crate::support::content;

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
    assert_eq!(stage.detail("a").await.verified.as_deref(), Some("source md5, destination md5"));
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
async fn an_object_changed_since_the_listing_arrives_wholly_new() {
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
async fn an_object_gone_from_the_source_is_skipped_with_a_reason() {
    let stage = Stage::new().await;
    let seen = stage.object(0, "a", 500).await;
    stage.client.delete_object().bucket(&stage.source).key("a").send().await.expect("is deleted");
    stage.send(&stage.job("j", vec![seen])).await;
    assert_eq!(stage.work_until_settled(1).await.skipped, 1);
    assert_eq!(stage.outcome("a").await.reason.as_deref(), Some("gone from the source"));
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_listed_object_without_a_body_is_a_failure() {
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
    let job = ObjectJob {
        origin: Origin { id: "d".into(), items: 2 },
        work: ObjectWork::Delete { objects: keys },
        ..stage.job("d", vec![])
    };
    stage.send(&job).await;
    let settled = stage.work_until_settled(2).await;
    assert_eq!((settled.deleted, settled.skipped), (1, 1));
    assert!(stage.destination_has("back").await.is_some());
    assert!(stage.destination_has("stale").await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_repeated_delete_copies_an_object_that_is_back() {
    let stage = Stage::new().await;
    stage.object(0, "back", 5).await;
    let work = ObjectWork::Delete { objects: vec![JobKey { index: 0, key: "back".into(), may_block: false }] };
    let origin = Origin { id: "d".into(), items: 1 };
    // As it comes when an earlier attempt has deleted the key and could not say so.
    let job = ObjectJob { attempt: 2, origin, work, ..stage.job("d", vec![]) };
    stage.send(&job).await;
    assert_eq!(stage.work_until_settled(1).await.copied, 1);
    assert_eq!(stage.destination_has("back").await, Some(content("back", 5)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_destination_fails_each_object_with_a_reason() {
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
async fn an_object_that_keeps_failing_stops_no_other() {
    let stage = Stage::new().await;
    let objects = vec![stage.object(0, "bad", 10).await, stage.object(1, "good", 10).await];
    stage.to.inject(Rule::on(Kind::Put, Fault::Respond(500, String::new())).containing("/bad"));
    stage.send(&stage.job("j", objects)).await;
    let settled = stage.work_until_settled(2).await;
    assert_eq!((settled.copied, settled.failed), (1, 1));
    assert_eq!(stage.outcome("bad").await.attempts, stage.options.attempts);
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_jobs_are_dead_letters_and_block_nothing() {
    let stage = Stage::new().await;
    let foreign = ObjectJob { task: "another".into(), ..stage.job("x", vec![stage.object(0, "x", 1).await]) };
    let good = stage.job("j", vec![stage.object(0, "a", 1).await]);
    let bodies = ["not json".to_owned(), "{\"v\":0}".to_owned(), foreign.to_body(), good.to_body()];
    stage.queue.send(&bodies.map(Outgoing::now)).await.expect("are queued");
    stage.work_until_settled(1).await;
    assert_eq!(stage.queue.depth().await.expect("answers").dead, 3);
    assert!(stage.destination_has("x").await.is_none());
}
