//! Many events of one key.

use std::time::Instant;

use flotilla_tests::cloud::{Cloud, Profile};
use flotilla_tests::proxy::Kind;
use flotilla_tests::scale::scale;

use super::bodies::{EventRecord, What, records};
use super::following::Following;
use super::side::Side;

/// Events: in a change's run, and with `--long`.
const EVENTS: (usize, usize) = (300, 1_000);
const WORKERS: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn many_events_of_one_key_cost_a_few_copies() {
    let events = scale(EVENTS.0, EVENTS.1);
    let cloud = Cloud::start(Profile::UNKNOWN).await;
    let (from, to) = (Side::cloud(&cloud, "source").await, Side::cloud(&cloud, "destination").await);
    let mut following = Following::new(from, to, true, "", "").await;
    let bucket = following.from.bucket.clone();
    following.start_workers(WORKERS);
    let body = records([&EventRecord { bucket: &bucket, key: "hot", what: What::Created }]);
    let began = Instant::now();
    for batch in 0..events / 10 {
        for edit in 0..5 {
            following.from.put("hot", format!("{batch:04}/{edit}")).await;
        }
        following.follow(vec![body.clone(); 10]).await;
    }
    following.until_followed().await;
    let seconds = began.elapsed().as_secs();
    following.stop().await;
    following.assert_followed().await;
    let puts = following.to.proxy.count(Kind::Put);
    println!("{events} events of one key in {seconds} s: {puts} copies");
    let allowed = (WORKERS as u64) * (seconds + 1) + 1;
    assert!((1..=allowed).contains(&puts), "{puts} copies in {seconds} s");
}
