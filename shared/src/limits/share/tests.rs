use std::collections::BTreeMap;

use super::*;
use crate::object::Timestamp;
use crate::tasks::WorkerState;

fn heartbeat(worker: &str, counter: u64, tasks: &[&str]) -> Heartbeat {
    Heartbeat {
        worker: worker.into(),
        counter,
        machine: None,
        version: String::new(),
        state: WorkerState::Working,
        jobs: tasks.iter().map(|task| (String::from(*task), 1)).collect(),
        errors: BTreeMap::new(),
        event_ages: BTreeMap::new(),
        oldest: BTreeMap::new(),
        at: Timestamp(0),
    }
}

/// A worker `me` with work of task `t`, and what the others write.
struct Bench {
    shares: Shares,
    start: Instant,
    counter: u64,
}

impl Bench {
    fn new() -> Bench {
        Bench { shares: Shares::new("me"), start: Instant::now(), counter: 0 }
    }

    /// The beat at this second, after which the worker reads these others and itself.
    fn beat(&mut self, second: u64, tasks: &[&str], others: &[Heartbeat]) {
        let now = self.start + Duration::from_secs(second);
        self.counter += 1;
        let mut own = heartbeat("me", self.counter, tasks);
        self.shares.beat(&mut own, now);
        let all: Vec<_> = others.iter().cloned().chain([own]).collect();
        self.shares.observe(&all, now);
    }

    /// Its bandwidth at this second, of a limit of 100.
    fn at(&self, second: u64) -> f64 {
        let limits = Limits { bandwidth: Some(100), requests: Some(50), machines: None };
        let rates = self.shares.of("t", &limits);
        let (bandwidth, requests) = (rates.bandwidth.expect("a limit"), rates.requests.expect("a limit"));
        assert!((bandwidth / 2.0 - requests).abs() < 1e-9, "{rates:?}");
        let at = self.start + Duration::from_secs(second);
        let is_valid = rates.from.is_some_and(|from| from <= at) && rates.until.is_some_and(|until| at < until);
        if is_valid { bandwidth } else { 0.0 }
    }
}

#[test]
fn a_joining_worker_waits_two_beats_for_its_share() {
    let mut bench = Bench::new();
    for (second, share) in [(0, 0.0), (5, 0.0), (10, 50.0), (15, 50.0)] {
        bench.beat(second, &["t"], &[heartbeat("b", 7 + second, &["t"]), heartbeat("c", second, &["other"])]);
        assert_eq!(bench.at(second), share, "{second}");
    }
    assert_eq!(bench.at(25), 0.0, "no beat succeeded since");
}

#[test]
fn a_worker_counts_until_three_beats_are_missed() {
    let mut bench = Bench::new();
    for (second, counter, share) in [(10, 1, 0.0), (15, 1, 0.0), (20, 1, 50.0), (25, 1, 100.0), (30, 2, 50.0)] {
        bench.beat(second, &["t"], &[heartbeat("b", counter, &["t"])]);
        assert_eq!(bench.at(second), share, "{second}");
    }
    bench.beat(35, &["t"], &[]);
    assert_eq!(bench.at(35), 100.0, "it left");
}

#[test]
fn workers_have_places_by_name_as_long_as_they_live() {
    let mut bench = Bench::new();
    bench.beat(0, &[], &[heartbeat("a", 1, &[]), heartbeat("z", 1, &[])]);
    assert_eq!(bench.shares.position(), (1, 3));
    for second in [5, 10, 15] {
        bench.beat(second, &[], &[heartbeat("a", 1, &[]), heartbeat("z", second, &[])]);
    }
    assert_eq!(bench.shares.position(), (0, 2), "one is dropped");
}

#[test]
fn a_pause_of_one_beat_gives_no_share_up() {
    let mut bench = Bench::new();
    let tasks: [&[&str]; 7] = [&["t"], &["t"], &["t"], &[], &["t"], &[], &[]];
    for (beat, (tasks, share)) in tasks.into_iter().zip([0.0, 0.0, 100.0, 100.0, 100.0, 100.0, 0.0]).enumerate() {
        let second = beat as u64 * 5;
        bench.beat(second, tasks, &[]);
        assert_eq!(bench.at(second), share, "{second}");
    }
    bench.beat(35, &["t"], &[]);
    assert_eq!(bench.at(44), 0.0, "it joins anew");
}

#[test]
fn a_worker_that_could_not_beat_for_three_beats_joins_anew() {
    let mut bench = Bench::new();
    [0, 5, 10].into_iter().for_each(|second| bench.beat(second, &["t"], &[]));
    bench.beat(20, &["t"], &[]);
    assert_eq!((bench.at(20), bench.at(29)), (100.0, 100.0), "one beat was missing");
    bench.beat(35, &["t"], &[]);
    assert_eq!((bench.at(35), bench.at(44)), (0.0, 0.0));
    bench.beat(40, &["t"], &[]);
    assert_eq!(bench.at(45), 100.0);
}

#[test]
fn without_a_written_heartbeat_a_worker_has_no_share() {
    let mut bench = Bench::new();
    [0, 5, 10].into_iter().for_each(|second| bench.beat(second, &["t"], &[]));
    let now = bench.start + Duration::from_secs(15);
    bench.shares.beat(&mut heartbeat("me", 9, &["t"]), now);
    bench.shares.observe(&[heartbeat("me", 3, &["t"])], now);
    assert_eq!((bench.at(19), bench.at(20)), (100.0, 0.0));
}

#[test]
fn a_task_without_limits_has_none() {
    let shares = Shares::new("me");
    assert_eq!(shares.of("t", &Limits::default()), LiveRates::default());
    let zero = shares.of("t", &Limits { bandwidth: Some(1), ..Limits::default() });
    assert_eq!((zero.bandwidth, zero.requests), (Some(0.0), None));
}
