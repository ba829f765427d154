//! Samples per task and minute.

use shared::ledger::{Found, Settled};
use shared::queue::Depth;
use shared::tasks::{Sample, SharedTasks, oldest_sample};

use super::now;
use crate::conformance::ledger::unique;

fn sample(minute: u64, ready: u64) -> Sample {
    Sample {
        minute,
        depth: Depth { ready, leased: 2, delayed: 3, dead: 4 },
        run: Some("r1".to_owned()),
        found: Found { listed: u64::MAX / 2, ..Found::default() },
        settled: Settled { copied: 7, last: Some(now()), ..Settled::default() },
        machines: 3,
        wanted: Some(4),
        in_service: None,
        event_age: Some(42),
    }
}

/// Two controllers write one; any range is read.
pub async fn samples_come_by_minute_and_the_first_of_a_minute_stays(tasks: SharedTasks) {
    let (id, other) = (unique("id"), unique("id"));
    let last = now().as_secs().unsigned_abs() / 60;
    let all: Vec<Sample> = (last - 30..=last).map(|minute| sample(minute, minute)).collect();
    for sample in all.iter().rev() {
        tasks.add_sample(&id, sample).await.unwrap();
    }
    tasks.add_sample(&id, &sample(last, 0)).await.unwrap();
    tasks.add_sample(&other, &sample(last, 1)).await.unwrap();
    assert_eq!(tasks.samples(&id, 0, u64::MAX, 1_000).await.unwrap(), all);
    assert_eq!(tasks.samples(&id, last - 20, last - 10, 1_000).await.unwrap(), all[10..20]);
    assert_eq!(tasks.samples(&id, last - 20, last + 1, 3).await.unwrap(), all[10..13]);
    assert_eq!(tasks.samples(&id, last, last, 10).await.unwrap(), []);
    assert_eq!(tasks.samples(&other, 0, u64::MAX, 10).await.unwrap(), [sample_of(&other, &tasks).await]);
}

async fn sample_of(id: &str, tasks: &SharedTasks) -> Sample {
    let found = tasks.samples(id, 0, u64::MAX, 10).await.unwrap();
    assert_eq!((found.len(), found[0].depth.ready), (1, 1));
    found.into_iter().next().unwrap()
}

/// The service may remove them days later.
pub async fn expired_samples_are_not_returned(tasks: SharedTasks) {
    let id = unique("id");
    let oldest = oldest_sample();
    for minute in [oldest - 100, oldest - 1, oldest + 60] {
        tasks.add_sample(&id, &sample(minute, 1)).await.unwrap();
    }
    let found = tasks.samples(&id, 0, u64::MAX, 10).await.unwrap();
    assert_eq!(found.iter().map(|sample| sample.minute).collect::<Vec<_>>(), [oldest + 60]);
}
