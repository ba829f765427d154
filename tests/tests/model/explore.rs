//! From a list of small numbers to one interleaving, and its end.

use std::time::Duration;

use tokio::time::{Instant, advance};

use crate::idle::{self, Idle};
use crate::random::Random;
use crate::schedule::{Call, Id, Kind};
use crate::world::{Change, EVENTS, Edit, JOBS, KEYS, Profile, WORKERS, World};
use shared::sync::lock;

/// Most edits of the source.
const EDITS: u32 = 12;
/// Most workers that are killed.
const KILLS: u32 = 3;
/// Most answers and requests that are lost.
const LOSSES: u32 = 2;
/// Most deliveries of one message that are not the first: far fewer than what makes it a dead letter.
const REDELIVERIES: u32 = 6;
/// Steps in which everything must come to rest once nothing more is done to it.
const PATIENCE: u32 = 3_000;

/// One interleaving to be tried: everything follows from these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    pub profile: Profile,
    pub choices: Vec<u32>,
}

impl Case {
    /// The case of a seed.
    pub fn of(seed: u64, look_again: bool) -> Case {
        let mut random = Random::of(seed);
        let mut one_in = |n| random.below(n) == 0;
        let profile = Profile {
            look_again,
            one_queue: one_in(3),
            opaque: one_in(3),
            versioned: one_in(3),
            hasty: one_in(4),
            parts: one_in(4),
            service: one_in(4),
            // Without a throw, for seeds to mean what they did.
            mind: seed % 4 == 2,
            blind: false,
        };
        let count = 30 + random.below(200);
        // Long stretches of one worker find what short ones do not, and the other way round.
        let stays = [1, 4, 12][random.below(3) as usize];
        let mut choice = || match random.below(stays + 1) {
            0 => random.below(SLOTS * 1_000),
            _ => random.below(SLOTS) % RESUMES,
        };
        Case { profile, choices: (0..count).map(|_| choice()).collect() }
    }

    /// The same where the user may change their mind, at every second seed with more steps of the scan in place of
    /// redeliveries: else it seldom gets to its end.
    pub fn minded(seed: u64) -> Case {
        let mut case = Case::of(seed, true);
        case.profile.mind = true;
        if seed % 2 == 1 {
            for choice in case.choices.iter_mut().filter(|choice| (25..SCANS).contains(&(**choice % SLOTS))) {
                *choice = *choice / SLOTS * SLOTS + SCANS;
            }
        }
        case
    }
}

/// How an interleaving ended.
#[derive(Debug, Clone)]
pub struct End {
    /// What was not as promised; its first word is the kind.
    pub failure: Option<String>,
    /// One line a step.
    pub trace: Vec<String>,
}

/// Tries a case.
pub fn explore(case: &Case) -> End {
    let (runtime, idle) = idle::runtime();
    let case = case.clone();
    // A task, for the runtime to see it woken: see `Idle`.
    let explored = runtime.block_on(async move { tokio::spawn(run(case, idle)).await });
    explored.expect("the explorer does not panic")
}

async fn run(case: Case, idle: Idle) -> End {
    let mut explorer = Explorer { world: World::new(case.profile), idle, at: Default::default(), spent: [0; 3] };
    explorer.idle.wait().await;
    let mut failure = None;
    for choice in case.choices {
        explorer.step(choice).await;
        failure = failure.or_else(|| explorer.ended_worker());
        if failure.is_some() {
            break;
        }
    }
    let failure = match failure {
        Some(failure) => Some(failure),
        None => explorer.end().await.err(),
    };
    End { failure, trace: explorer.world.schedule.trace() }
}

struct Explorer {
    world: World,
    idle: Idle,
    /// The worker and key that had the last turn.
    at: (u32, String),
    /// Edits, kills and losses so far.
    spent: [u32; 3],
}

/// A choice is a slot, and within it an argument: `choice = argument × SLOTS + slot`.
const SLOTS: u32 = 32;
/// The slots of the step that is chosen most, in the order of the numbers: the one that waits goes on.
const RESUMES: u32 = 16;

/// The slot of the scan's next step, or the user's change of mind.
const SCANS: u32 = 29;

impl Explorer {
    async fn step(&mut self, choice: u32) {
        let (slot, argument) = (choice % SLOTS, choice / SLOTS);
        let done = match slot {
            ..RESUMES => self.resume(argument),
            16..20 => self.deliver(argument),
            20..24 => self.edit(argument),
            24 => self.kill(argument),
            25 => self.start(),
            26 | 27 => self.redeliver(argument),
            28 => self.end_write_in_doubt(argument),
            SCANS => argument % 8 == 7 && self.world.change_mind() || self.world.scan(),
            30 => self.lose(argument),
            _ => return self.advance([1, 20, 100][argument as usize % 3]).await,
        };
        // What cannot be done now is not done: a shorter list stays a list of the same meaning.
        if done {
            self.idle.wait().await;
        } else if slot < RESUMES && !self.deliver(0) {
            self.advance(1).await;
        } else {
            self.idle.wait().await;
        }
        self.world.end_writes_without_a_lease();
    }

    fn calls(&self, wanted: impl Fn(Kind) -> bool) -> Vec<(Call, Id)> {
        self.world.schedule.waiting().into_iter().filter(|(call, _)| wanted(call.kind)).collect()
    }

    /// Zero stays with the worker and the key that had the last turn.
    fn resume(&mut self, argument: u32) -> bool {
        let calls = self.calls(|kind| !matches!(kind, Kind::Receive(_)));
        let stays = calls.iter().position(|(call, _)| (call.worker, &call.key) == (self.at.0, &self.at.1));
        let of_worker = || calls.iter().position(|(call, _)| call.worker == self.at.0);
        let index = match argument {
            0 => stays.or_else(of_worker).unwrap_or(0),
            n => (n as usize - 1) % calls.len().max(1),
        };
        let Some((call, id)) = calls.get(index) else { return false };
        self.at = (call.worker, call.key.clone());
        self.world.schedule.resume(*id);
        true
    }

    /// One message, or all there are, to one who waits.
    fn deliver(&mut self, argument: u32) -> bool {
        let deliverable = [JOBS, EVENTS].map(|queue| self.world.deliverable(queue));
        let mut ways = Vec::new();
        for (call, id) in self.calls(|kind| matches!(kind, Kind::Receive(_))) {
            let Kind::Receive(queue) = call.kind else { continue };
            ways.extend(deliverable[queue].iter().map(|message| (call.worker, id, queue, vec![*message])));
            if deliverable[queue].len() > 1 {
                ways.push((call.worker, id, queue, deliverable[queue].clone()));
            }
        }
        let Some((worker, id, queue, chosen)) = ways.get(argument as usize % ways.len().max(1)).cloned() else {
            return false;
        };
        lock(&self.world.queues[queue]).chosen = Some(chosen);
        self.at = (worker, String::new());
        self.world.schedule.resume(id);
        true
    }

    fn edit(&mut self, argument: u32) -> bool {
        if self.spent[0] == EDITS {
            return false;
        }
        self.spent[0] += 1;
        let digit = |from: u32, count: u32| (argument / from % count) as usize;
        let [key, other] = [digit(1, 3), digit(3, 3)].map(|at| KEYS[at]);
        let change = [Change::Content, Change::Content, Change::Delete, Change::Metadata, Change::Earlier][digit(9, 5)];
        let (twice, names_other) = (digit(45, 5) == 1, digit(225, 4) == 1);
        self.world.edit(Edit { key, change, twice, beside: Some(other).filter(|_| names_other && other != key) });
        true
    }

    fn kill(&mut self, argument: u32) -> bool {
        let workers: Vec<u32> = self.world.workers.keys().copied().collect();
        if self.spent[1] == KILLS || workers.is_empty() {
            return false;
        }
        self.spent[1] += 1;
        self.world.kill(workers[argument as usize % workers.len()]);
        true
    }

    fn start(&mut self) -> bool {
        let can = self.world.workers.len() < WORKERS;
        if can {
            self.world.start_worker();
        }
        can
    }

    fn redeliver(&mut self, argument: u32) -> bool {
        let leased = self.world.leased();
        let Some((queue, id, _)) = leased.get(argument as usize % leased.len().max(1)) else { return false };
        let receives = lock(&self.world.queues[*queue]).letters[id].receives;
        let can = receives <= REDELIVERIES;
        if can {
            self.world.expire(*queue, *id);
        }
        can
    }

    fn end_write_in_doubt(&mut self, argument: u32) -> bool {
        let in_doubt = self.world.schedule.in_doubt();
        let Some((id, ..)) = in_doubt.get(argument as usize / 2 % in_doubt.len().max(1)) else { return false };
        self.world.schedule.end_write_in_doubt(*id, argument.is_multiple_of(2));
        true
    }

    fn lose(&mut self, argument: u32) -> bool {
        let writes = self.calls(|kind| matches!(kind, Kind::Open | Kind::Write));
        let Some((_, id)) = writes.get(argument as usize / 2 % writes.len().max(1)) else { return false };
        if self.spent[2] == LOSSES {
            return false;
        }
        self.spent[2] += 1;
        match argument.is_multiple_of(2) {
            true => self.world.schedule.lose(*id),
            false => self.world.schedule.fail(*id),
        }
        true
    }

    /// Lets time pass. No write stays in doubt for longer than it may.
    async fn advance(&mut self, seconds: u64) {
        let time = Duration::from_secs(seconds);
        let over = self.world.schedule.in_doubt().into_iter().filter(|(.., until)| *until <= Instant::now() + time);
        for (id, ..) in over {
            self.world.schedule.end_write_in_doubt(id, true);
        }
        advance(time).await;
        self.idle.wait().await;
    }

    /// Comes to rest and checks everything, and once more after a user who has not changed their mind does so.
    async fn end(&mut self) -> Result<(), String> {
        self.rest().await?;
        self.world.check()?;
        if self.world.change_mind() {
            self.rest().await?;
            self.world.check()?;
        }
        Ok(())
    }

    /// Nothing more is done to it: everything is delivered, and everybody comes to an end.
    async fn rest(&mut self) -> Result<(), String> {
        let mut waited = 0;
        let mut last_look = true;
        while self.world.scan_is_under_way() {
            self.world.scan();
        }
        for _ in 0..PATIENCE {
            if let Some(ended) = self.ended_worker() {
                return Err(ended);
            }
            if self.go_on() {
                waited = 0;
                self.idle.wait().await;
                continue;
            }
            let is_empty = self.world.queues.iter().all(|queue| lock(queue).letters.is_empty());
            if is_empty && !last_look {
                return Ok(());
            }
            // Longer than any lease or delay of theirs: whatever somebody still means to do, he does now.
            let time = if is_empty { 1_000 } else { 1 << waited.min(6) };
            last_look = !is_empty;
            waited += 1;
            self.advance(time).await;
        }
        Err(format!("REST is not reached in {PATIENCE} steps"))
    }

    /// One step of those that remain; `false` if only time can bring more.
    fn go_on(&mut self) -> bool {
        if let Some((id, ..)) = self.world.schedule.in_doubt().first() {
            self.world.schedule.end_write_in_doubt(*id, true);
            return true;
        }
        let of_dead = self.world.leased().into_iter().find(|(.., lives)| !lives);
        if let Some((queue, id, _)) = of_dead {
            self.world.expire(queue, id);
            return true;
        }
        // With all workers dead, a last one does the rest.
        (self.world.workers.is_empty() && self.start()) || self.resume(0) || self.deliver(0)
    }

    fn ended_worker(&self) -> Option<String> {
        let ended = self.world.workers.iter().find(|(_, worker)| worker.is_finished());
        ended.map(|(number, _)| format!("ENDED worker {number}"))
    }
}
