//! Many events of many keys.

use std::time::Instant;

use flotilla_tests::cloud::{Cloud, Profile};
use flotilla_tests::proxy::Kind;
use flotilla_tests::scale::scale;

use super::bodies::{EventRecord, What, records};
use super::following::Following;
use super::side::Side;
use crate::support::{Random, content};

/// Keys, and events of each of them: in a change's run, and with `--long`.
const KEYS: (usize, usize) = (300, 1_000);
const EVENTS_PER_KEY: usize = 10;

/// Records of one message, at most: what a vendor's message may hold keeps the queue from being what is measured.
const RECORDS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn many_events_beside_a_scan_read_each_object_few_times() {
    let keys = scale(KEYS.0, KEYS.1);
    let events = keys * EVENTS_PER_KEY;
    let cloud = Cloud::start(Profile::AMAZON).await;
    let (from, to) = (Side::cloud(&cloud, "source").await, Side::cloud(&cloud, "destination").await);
    let mut following =
        Following::new(from, to, true, "delete = true\nmax-delete = 1000\njob-objects = 50\n", "").await;
    let bucket = following.from.bucket.clone();
    let mut random = Random(4);
    let key = |index: usize| format!("{}/key {index}", index % 7);
    let put = |index: usize, generation: usize| {
        let key = key(index);
        cloud.put(&bucket, &key, content(&format!("{key}@{generation}"), 100 + 10 * (index % 30)));
    };
    (0..keys).for_each(|index| put(index, 0));
    let began = Instant::now();
    following.start_workers(2);
    let mut finder = None;
    // The second half is reported after each object was written again, or is gone.
    for half in 0..2 {
        if half == 1 {
            (0..keys).for_each(|index| put(index, 1));
            (0..keys).filter(|index| index % 20 == 0).for_each(|index| cloud.remove(&bucket, &key(index)));
            finder = Some(following.start_finder());
        }
        let mut indexes: Vec<usize> = (0..events / 2).map(|event| event % keys).collect();
        (1..indexes.len()).rev().for_each(|at| indexes.swap(at, random.below(at + 1)));
        let mut left = &indexes[..];
        let mut messages = Vec::new();
        while !left.is_empty() {
            let (now, later) = left.split_at(left.len().min(1 + random.below(RECORDS)));
            let names: Vec<String> = now.iter().map(|index| key(*index)).collect();
            let all: Vec<_> =
                names.iter().map(|key| EventRecord { bucket: &bucket, key, what: What::Created }).collect();
            messages.push(records(&all));
            left = later;
        }
        following.follow(messages).await;
    }
    let found = finder.expect("it was started").wait(std::time::Duration::from_secs(300)).await;
    assert_eq!(found.code, Some(0), "{}", found.stderr);
    following.until_followed().await;
    following.task.finished().await;
    let seconds = began.elapsed().as_secs_f64();
    following.stop().await;
    following.assert_followed().await;
    assert_eq!(following.records, events as u64);
    let run = following.task.run().await.expect("the scan is recorded");
    assert_eq!((run.settled.objects(), run.settled.failed), (run.enqueued(), 0), "{run:?}");
    let (gets, heads) = (following.from.proxy.count(Kind::Get), following.from.proxy.count(Kind::Head));
    let puts = following.to.proxy.count(Kind::Put);
    println!(
        "{events} events of {keys} keys: {seconds:.1} s, {:.0} events/s, {gets} GETs and {heads} HEADs of the source, {puts} PUTs",
        events as f64 / seconds
    );
    // Each object was written twice, and events and scan may meet at it: read once for each, and once more.
    assert!(gets <= 3 * keys as u64, "{gets} GETs");
    assert!(puts <= 3 * keys as u64, "{puts} PUTs");
}
