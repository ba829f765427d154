//! A writer edits keys at random, its events come out of order and partly twice, and workers are killed.
//!
//! `FLOTILLA_CHAOS_ROUNDS` sets the number of rounds of each kind, `FLOTILLA_CHAOS_SEED` the first seed, which is the
//! run's seed otherwise: with one round, it replays the choices of that seed (not the moments at which things meet).
//! `FLOTILLA_CHAOS_EDITS` sets the number of edits of a round.

use std::collections::BTreeMap;
use std::time::Duration;

use flotilla_tests::cloud::{Cloud, Profile};
use flotilla_tests::scale::{number, scale, seed};
use shared::ledger::Ledger as _;

use super::bodies::{EventRecord, FORMS, What, records};
use super::following::Following;
use super::side::{Seen, Side};
use crate::support::{MIB, Random, content};

/// Keys that are edited.
const KEYS: usize = 50;

/// Edits of a round: in a change's run, and with `--long`.
const EDITS: (usize, usize) = (300, 1_500);

/// The same of a round with large objects, or from a store, that take their time.
const FEW_EDITS: (usize, usize) = (150, 500);

/// Edits between two kills, on average.
const EDITS_PER_KILL: usize = 75;

/// Messages delayed at most, and messages that may wait: the writer is not to run away from the workers.
const MAX_DELAYED: usize = 40;
const MAY_WAIT: u64 = 150;

/// Where objects become giants, bytes; a little below they go in parts. Some keys have both sizes.
const LARGE: usize = 6 * MIB;

struct Writer {
    random: Random,
    bucket: String,
    has_large: bool,
    /// What is at each key.
    there: BTreeMap<String, Seen>,
    /// Messages that are not sent yet.
    delayed: Vec<String>,
}

impl Writer {
    /// Edits one key, and delays its event.
    async fn edit(&mut self, from: &Side, number: usize) {
        let index = self.random.below(KEYS);
        let key = format!("{}/key {index}+\u{e9}", index % 3);
        let is_large = self.has_large && index < 4;
        let what = match self.there.get(&key).cloned() {
            Some(_) if self.random.percent(25) => {
                from.delete(&key).await;
                self.there.remove(&key);
                What::Removed
            }
            // The same bytes: only its metadata changes.
            Some(now) if self.random.percent(25) => {
                let object = Seen { bytes: now.bytes, ..self.described(number) };
                self.put(from, key.clone(), object).await;
                What::Created
            }
            _ => {
                let sizes = if is_large { [LARGE + 1, LARGE - 1, 100] } else { [0, 100, 5_000] };
                // Mostly the same size as ever.
                let size = if self.random.percent(80) { sizes[index % 3] } else { self.random.pick(&sizes) };
                let bytes = content(&format!("{key}@{number}"), size).into();
                let object = Seen { bytes, ..self.described(number) };
                self.put(from, key.clone(), object).await;
                What::Created
            }
        };
        self.delay(&key, what);
    }

    async fn put(&mut self, from: &Side, key: String, object: Seen) {
        from.put_as(&key, object.clone()).await;
        self.there.insert(key, object);
    }

    fn described(&mut self, number: usize) -> Seen {
        let content_type = self.random.pick(&["text/plain", "text/html", "image/png"]).to_owned();
        let user = [("edit".to_owned(), number.to_string())].into();
        Seen { content_type, user, ..Seen::default() }
    }

    /// Makes an event of a key in some vendor's form, sometimes together with another key's record, sometimes twice.
    fn delay(&mut self, key: &str, what: What) {
        let record = EventRecord { bucket: &self.bucket, key, what };
        let other = format!("0/key {}+\u{e9}", 3 * self.random.below(KEYS / 3));
        let body = match self.random.percent(20) {
            true => records([&record, &EventRecord { key: &other, ..record }]),
            false => self.random.pick(&FORMS).1(&record),
        };
        if self.random.percent(15) {
            self.delayed.push(body.clone());
        }
        self.delayed.push(body);
    }

    /// Messages whose time has come, in no order.
    fn release(&mut self, keep: usize) -> Vec<String> {
        let mut now = Vec::new();
        while self.delayed.len() > keep {
            now.push(self.delayed.swap_remove(self.random.below(self.delayed.len())));
        }
        now
    }
}

async fn round(seed: u64, from: Side, to: Side, own_queue: bool, has_large: bool, edits: (usize, usize)) {
    // Who is killed is missed soon, but a crowded machine does not lose its leases all the time.
    let work = "lease = \"10s\"\npart-size = \"5MiB\"\nmultipart-threshold = \"5MiB\"\ngiant-threshold = \"6MiB\"\nconcurrency = 8\n";
    let find = "delete = true\nmax-delete = 1000\njob-objects = 10\n";
    let mut following = Following::new(from, to, own_queue, find, work).await;
    let bucket = following.from.bucket.clone();
    let mut writer = Writer { random: Random(seed), bucket, has_large, there: BTreeMap::new(), delayed: Vec::new() };
    following.start_workers(2);
    let edits = number("FLOTILLA_CHAOS_EDITS").map_or(scale(edits.0, edits.1), |edits| edits as usize);
    let mut finder = None;
    let mut kills = 0;
    for edit in 0..edits {
        writer.edit(&following.from, edit).await;
        if writer.random.percent(10) {
            let keep = writer.random.below(MAX_DELAYED);
            following.follow(writer.release(keep)).await;
        }
        if edit == edits / 2 {
            finder = Some(following.start_finder());
        }
        if writer.random.below(EDITS_PER_KILL) == 0 {
            following.replace(writer.random.below(2));
            kills += 1;
        }
        if edit % 20 == 0 {
            following.until("some events are followed", async |following| following.waiting().await < MAY_WAIT).await;
        }
    }
    following.follow(writer.release(0)).await;
    following.replace(writer.random.below(2));
    let found = finder.expect("it was started").wait(Duration::from_secs(300)).await;
    assert_eq!(found.code, Some(0), "{}", found.stderr);
    following.until_followed().await;
    following.task.finished().await;
    following.stop().await;
    println!("seed {seed}: {edits} edits, {} events, {} kills", following.records, kills + 1);
    assert_eq!(following.from.keys().await, writer.there.keys().cloned().collect::<Vec<_>>());
    following.assert_followed().await;
    let run = following.task.run().await.expect("the scan is recorded");
    let failures = following.task.ledger.failures(&run.start.id, None, 10).await.expect("the ledger answers").0;
    assert_eq!((run.settled.objects(), run.settled.failed), (run.enqueued(), 0), "{run:?} {failures:?}");
}

/// Runs rounds by seed, one after another, and says of the first that fails how to replay it.
async fn rounds(round: impl AsyncFn(u64)) {
    let first = number("FLOTILLA_CHAOS_SEED").unwrap_or_else(seed);
    for seed in first..first + number("FLOTILLA_CHAOS_ROUNDS").unwrap_or(1) {
        println!("replay with FLOTILLA_CHAOS_ROUNDS=1 and FLOTILLA_CHAOS_SEED={seed}");
        round(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_killed_workers_leave_every_key_as_the_source_has_it() {
    rounds(async |seed| {
        let cloud = Cloud::start(Profile::AMAZON).await;
        let (from, to) = (Side::cloud(&cloud, "source").await, Side::cloud(&cloud, "destination").await);
        round(seed, from, to, true, false, EDITS).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_killed_workers_converge_without_conditional_writes() {
    rounds(async |seed| {
        let cloud = Cloud::start(Profile::UNKNOWN).await;
        let (from, to) = (Side::cloud(&cloud, "source").await, Side::cloud(&cloud, "destination").await);
        round(seed, from, to, true, true, FEW_EDITS).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn they_do_so_from_seaweedfs_with_events_on_the_queue_of_jobs() {
    rounds(async |seed| {
        let cloud = Cloud::start(Profile::MINIO).await;
        let (from, to) = (Side::weed("source").await, Side::cloud(&cloud, "destination").await);
        round(seed, from, to, false, false, FEW_EDITS).await;
    })
    .await;
}
