//! Workers that join, work, leave and die at random, each with a clock of its own, over a ledger that is slow and fails.
//!
//! Each worker with work uses all that it may. In no moment they use more than the limit; 20 s after the last change,
//! they use it all.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::{BEAT, JOINING, Shares};
use crate::limits::LiveRates;
use crate::object::Timestamp;
use crate::tasks::{Heartbeat, Limits, WorkerState};

const TASK: &str = "task";
const LIMIT: u64 = 1_000_000;
/// One step of the simulation, and the spans that are judged, in milliseconds.
const STEP: u64 = 20;
const WINDOW: u64 = 10_000;
const SETTLED: u64 = 20_000;
const BEAT_MS: u64 = BEAT.as_millis() as u64;

/// Random numbers (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

/// A call to the ledger: its effect and its answer, each at a time; `None`: never.
#[derive(Clone, Copy)]
struct Call {
    effect: Option<u64>,
    answer: u64,
    is_answered_well: bool,
}

impl Call {
    fn new(now: u64, cut_off: bool, random: &mut Random) -> (Call, bool) {
        let effect = now + random.below(100);
        let answer = effect + random.below(100);
        let (lost, answer_lost) = (cut_off || random.one_in(400), random.one_in(400));
        let slow = if random.one_in(400) { random.below(12_000) } else { 0 };
        let fails = lost || answer_lost;
        let answer = if fails { now + 3_000 + slow } else { answer + slow };
        let call = Call { effect: (!lost).then_some(effect), answer, is_answered_well: !fails };
        (call, fails || slow > 0)
    }
}

enum Phase {
    /// The next beat begins then.
    Waits(u64),
    Writes(Call, Heartbeat),
    Reads(Call, Vec<Heartbeat>),
}

struct Worker {
    name: String,
    shares: Shares,
    rates: LiveRates,
    /// What its clock is ahead of the simulation's.
    clock: Duration,
    counter: u64,
    beat_began: u64,
    phase: Phase,
    holds: bool,
    lives: bool,
    /// Cut off from the ledger until then.
    cut_off: u64,
}

struct World {
    start: Instant,
    now: u64,
    ledger: BTreeMap<String, Heartbeat>,
    workers: Vec<Worker>,
    random: Random,
    joining: Duration,
    changed: u64,
}

impl World {
    fn new(seed: u64, joining: Duration) -> World {
        let random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        World {
            start: Instant::now(),
            now: 0,
            ledger: BTreeMap::new(),
            workers: Vec::new(),
            random,
            joining,
            changed: 0,
        }
    }

    fn limits() -> Limits {
        Limits { bandwidth: Some(LIMIT), ..Limits::default() }
    }

    fn clock(&self, worker: &Worker) -> Instant {
        self.start + worker.clock + Duration::from_millis(self.now)
    }

    fn start_worker(&mut self) {
        let name = format!("worker-{}", self.workers.len());
        let mut shares = Shares::new(&name);
        shares.joining = self.joining;
        let rates = shares.of(TASK, &World::limits());
        let clock = Duration::from_millis(self.random.below(600_000));
        let phase = Phase::Waits(self.now + self.random.below(BEAT_MS));
        let (counter, beat_began, holds, lives, cut_off) = (0, 0, true, true, 0);
        self.workers.push(Worker { name, shares, rates, clock, counter, beat_began, phase, holds, lives, cut_off });
    }

    /// Somebody joins, begins or ends work, dies, or is cut off.
    fn change(&mut self) {
        self.changed = self.now;
        let living: Vec<usize> = (0..self.workers.len()).filter(|index| self.workers[*index].lives).collect();
        let chance = self.random.below(8);
        if living.len() < 2 || (chance < 2 && living.len() < 12) {
            return self.start_worker();
        }
        let index = living[self.random.below(living.len() as u64) as usize];
        let cut_off = self.now + self.random.below(40_000);
        let worker = &mut self.workers[index];
        match chance {
            2 => worker.lives = false,
            3 => worker.cut_off = cut_off,
            _ => worker.holds = !worker.holds,
        }
    }

    /// One step of a worker's beat.
    fn step(&mut self, index: usize) {
        let mut worker = self.workers.swap_remove(index);
        let clock = self.clock(&worker);
        let cut_off = worker.cut_off > self.now;
        let mut is_faulty = cut_off;
        worker.phase = match worker.phase {
            Phase::Waits(until) if until <= self.now => {
                worker.counter += 1;
                worker.beat_began = self.now;
                let mut heartbeat = heartbeat(&worker);
                worker.shares.beat(&mut heartbeat, clock);
                worker.rates = worker.shares.of(TASK, &World::limits());
                let (call, fails) = Call::new(self.now, cut_off, &mut self.random);
                is_faulty |= fails;
                Phase::Writes(call, heartbeat)
            }
            Phase::Writes(mut call, heartbeat) => {
                if call.effect.take_if(|effect| *effect <= self.now).is_some() {
                    self.ledger.insert(worker.name.clone(), heartbeat.clone());
                }
                match call.answer <= self.now {
                    true if call.is_answered_well => {
                        let (call, fails) = Call::new(self.now, cut_off, &mut self.random);
                        is_faulty |= fails;
                        Phase::Reads(call, Vec::new())
                    }
                    true => Phase::Waits(self.now.max(worker.beat_began + BEAT_MS)),
                    false => Phase::Writes(call, heartbeat),
                }
            }
            Phase::Reads(mut call, mut read) => {
                if call.effect.take_if(|effect| *effect <= self.now).is_some() {
                    read = self.ledger.values().cloned().collect();
                }
                if call.answer > self.now {
                    Phase::Reads(call, read)
                } else {
                    if call.is_answered_well {
                        worker.shares.observe(&read, clock);
                        worker.rates = worker.shares.of(TASK, &World::limits());
                    }
                    Phase::Waits(self.now.max(worker.beat_began + BEAT_MS))
                }
            }
            phase => phase,
        };
        // A fault is a change, until the next good beat.
        if is_faulty || worker.beat_began + 2 * BEAT_MS < self.now {
            self.changed = self.now;
        }
        self.workers.push(worker);
        let last = self.workers.len() - 1;
        self.workers.swap(index, last);
    }

    /// Bytes a second that all use together.
    fn used(&self) -> f64 {
        let used = |worker: &Worker| {
            let (clock, rates) = (self.clock(worker), &worker.rates);
            let is_valid =
                rates.from.is_some_and(|from| from <= clock) && rates.until.is_some_and(|until| clock < until);
            if worker.holds && worker.lives && is_valid { rates.bandwidth.unwrap_or(f64::MAX) } else { 0.0 }
        };
        self.workers.iter().map(used).sum()
    }
}

fn heartbeat(worker: &Worker) -> Heartbeat {
    Heartbeat {
        worker: worker.name.clone(),
        counter: worker.counter,
        machine: None,
        version: String::new(),
        state: WorkerState::Working,
        jobs: worker.holds.then(|| (TASK.to_owned(), 1)).into_iter().collect(),
        errors: BTreeMap::new(),
        event_ages: BTreeMap::new(),
        oldest: BTreeMap::new(),
        at: Timestamp(0),
    }
}

/// What the most demanding windows of a simulation saw, as shares of the limit.
#[derive(Debug)]
struct Seen {
    most: f64,
    least_settled: f64,
    settled_windows: u64,
}

/// Simulates half an hour.
fn simulate(seed: u64, joining: Duration) -> Seen {
    let mut world = World::new(seed, joining);
    world.start_worker();
    let mut next_change = 1_000;
    let mut window: VecDeque<f64> = VecDeque::new();
    let (mut sum, mut begun) = (0.0, 0);
    let mut seen = Seen { most: 0.0, least_settled: 1.0, settled_windows: 0 };
    while world.now < 1_800_000 {
        world.now += STEP;
        if world.now >= next_change {
            world.change();
            let calm = if world.random.one_in(2) { 60_000 } else { 6_000 };
            next_change = world.now + world.random.below(calm);
        }
        for index in 0..world.workers.len() {
            if world.workers[index].lives {
                world.step(index);
            }
        }
        let used = world.used() / LIMIT as f64;
        (sum, begun) = (sum + used, begun + 1);
        window.push_back(used);
        if begun * STEP < WINDOW {
            continue;
        }
        let average = sum * STEP as f64 / WINDOW as f64;
        sum -= window.pop_front().unwrap_or_default();
        seen.most = seen.most.max(average);
        let somebody_works = world.workers.iter().any(|worker| worker.lives && worker.holds);
        if somebody_works && world.now - world.changed >= SETTLED + WINDOW {
            seen.least_settled = seen.least_settled.min(average);
            seen.settled_windows += 1;
        }
    }
    seen
}

#[test]
fn the_shares_of_all_workers_keep_to_the_limit_and_use_it() {
    let mut settled = 0;
    for seed in 1..40 {
        let seen = simulate(seed, JOINING);
        assert!(seen.most <= 1.000_001, "seed {seed}: {seen:?}");
        assert!(seen.least_settled >= 0.9, "seed {seed}: {seen:?}");
        settled += seen.settled_windows;
    }
    assert!(settled > 100_000, "only {settled} windows were without a change");
}

#[test]
fn without_the_two_beats_workers_that_join_exceed_the_limit() {
    for (joining, most) in [(Duration::ZERO, 1.1), (BEAT / 2, 1.02)] {
        let exceeds = (1..40).any(|seed| simulate(seed, joining).most > most);
        assert!(exceeds, "{joining:?} is as good as two beats");
    }
}
