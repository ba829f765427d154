//! How long a change takes to arrive, measured. `tests/bench/events` runs it.

use std::time::{Duration, Instant};

use shared::ledger::{Ledger, State};

use super::bodies::{EventRecord, What, records};
use super::following::Following;
use super::side::Side;
use crate::support::content;

/// Puts, one each `EVERY`: a gentle rate, so that each finds the fleet idle.
const PUTS: usize = 250;
const EVERY: Duration = Duration::from_millis(200);

/// How often it is looked whether an outcome is recorded: what the figures may be too high by.
const LOOK: Duration = Duration::from_millis(10);

const WORKERS: usize = 2;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: run tests/bench/events"]
async fn puts_at_a_gentle_rate_arrive_and_are_recorded() {
    let (from, to) = (Side::weed("source").await, Side::weed("destination").await);
    let mut following = Following::new(from, to, true, "", "").await;
    following.start_workers(WORKERS);
    let bucket = following.from.bucket.clone();
    // The first ones open connections.
    for index in 0..5 {
        let key = format!("first/{index}");
        following.from.put(&key, content(&key, 10_000)).await;
        following.follow([records([&EventRecord { bucket: &bucket, key: &key, what: What::Created }])]).await;
    }
    following.until_followed().await;
    let mut clock = tokio::time::interval(EVERY);
    let mut watched = tokio::task::JoinSet::new();
    for index in 0..PUTS {
        clock.tick().await;
        let key = format!("{}/{index}", index % 10);
        let put = Instant::now();
        following.from.put(&key, content(&key, 10_000)).await;
        following.follow([records([&EventRecord { bucket: &bucket, key: &key, what: What::Created }])]).await;
        let (task, ledger) = (following.task.name.clone(), following.task.ledger.clone());
        watched.spawn(async move {
            let mut look = tokio::time::interval(LOOK);
            loop {
                look.tick().await;
                if let Some(outcome) = ledger.outcome(&task, &key).await.expect("the ledger answers") {
                    assert_eq!(outcome.state, State::Copied, "{outcome:?}");
                    return put.elapsed();
                }
            }
        });
    }
    let mut times = watched.join_all().await;
    following.until_followed().await;
    following.stop().await;
    following.assert_followed().await;
    times.sort();
    let at = |percent: usize| times[(times.len() * percent).div_ceil(100) - 1].as_secs_f64();
    println!(
        "latency of {PUTS} puts of 10 kB, {:.0}/s, {WORKERS} workers: p50 {:.3} s, p99 {:.3} s, max {:.3} s",
        1.0 / EVERY.as_secs_f64(),
        at(50),
        at(99),
        at(100)
    );
}
