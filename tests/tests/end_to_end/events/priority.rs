//! Events beside a large scan.

use std::time::Duration;

use flotilla_tests::cloud::{Cloud, Profile};
use flotilla_tests::proxy::{Fault, Kind, Rule};

use super::bodies::{EventRecord, What, records};
use super::following::Following;
use super::side::Side;

/// Scan jobs that wait, each with one slow object.
const JOBS: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_done_while_most_of_a_large_scan_waits() {
    let cloud = Cloud::start(Profile::AMAZON).await;
    let (from, to) = (Side::cloud(&cloud, "source").await, Side::cloud(&cloud, "destination").await);
    let mut following = Following::new(from, to, true, "job-objects = 1\n", "concurrency = 8\n").await;
    for index in 0..JOBS {
        cloud.put(&following.from.bucket, &format!("scan/{index}"), "slow");
    }
    following.find().await;
    assert!(following.waiting().await >= JOBS as u64, "all jobs of the scan wait");
    let slow = Rule::on(Kind::Get, Fault::Delay(Duration::from_secs(1))).containing("/scan/");
    following.from.proxy.inject(slow);
    following.start_workers(1);
    following
        .until("the scan is under way", async |following| {
            following.task.run().await.is_some_and(|run| run.settled.objects() >= 20)
        })
        .await;
    let bucket = following.from.bucket.clone();
    for round in 0..5 {
        let key = format!("event/{round}");
        following.from.put(&key, key.clone()).await;
        following.follow([records([&EventRecord { bucket: &bucket, key: &key, what: What::Created }])]).await;
        following
            .until("the event is done", async |following| following.settled().await.objects() == following.records)
            .await;
        assert_eq!(following.to.get(&key).await, following.from.get(&key).await);
    }
    let settled = following.task.run().await.expect("a run").settled.objects();
    println!("5 events were done while {settled} of {JOBS} scan jobs were");
    assert!(settled < JOBS as u64 / 2, "{settled} scan jobs were done before the events");
    assert_eq!(following.settled().await.copied, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_neither_refused_nor_ended_by_events_that_wait() {
    for own_queue in [true, false] {
        let cloud = Cloud::start(Profile::AMAZON).await;
        let (from, to) = (Side::cloud(&cloud, "source").await, Side::cloud(&cloud, "destination").await);
        let mut following = Following::new(from, to, own_queue, "job-objects = 10\n", "").await;
        let bucket = following.from.bucket.clone();
        let keys: Vec<String> = (0..100).map(|index| format!("key/{index}")).collect();
        let mut bodies = Vec::new();
        for key in &keys {
            cloud.put(&bucket, key, key.clone());
            bodies.push(records([&EventRecord { bucket: &bucket, key, what: What::Created }]));
        }
        following.follow(bodies).await;
        following.find().await;
        let run = following.task.run().await.expect("a run");
        assert_eq!((run.found.enqueued, &run.error), (100, &None));
        // Their event run is none that the next one would wait for.
        following.start_workers(1);
        following.until_followed().await;
        following.task.finished().await;
        following.follow([records([&EventRecord { bucket: &bucket, key: &keys[0], what: What::Created }])]).await;
        following.find().await;
        let next = following.task.run().await.expect("a run");
        assert_ne!(next.start.id, run.start.id);
        assert_eq!((next.found.unchanged, next.found.enqueued), (100, 0));
        following.until_followed().await;
        following.stop().await;
        following.assert_followed().await;
    }
}
