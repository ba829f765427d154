//! The share of one worker in a task's limit that holds over all workers.
//!
//! A worker that holds work of a task may use limit / N, where N counts the workers that hold work of it, as their
//! heartbeats say. The shares of all workers never add up to more than the limit:
//!
//! - **Join.** A worker uses nothing for `JOINING` after a read has shown its own heartbeat with the task. A worker
//!   that has not read since then has stopped by itself: no share is valid for longer than `JOINING` from the
//!   beginning of the cycle that computed it.
//! - **Death.** A worker is counted until its counter did not change for [`DROPPED`]. It has stopped before: its last
//!   complete cycle began before that counter could be read. A worker that comes back after a gap of [`DROPPED`]
//!   joins anew.
//! - **Leave.** A worker uses nothing from the moment at which it composes a heartbeat without the task.
//!
//! All times are those of one worker's monotonic clock: none is compared with another machine's. Between a change and
//! the end of a cycle of everybody concerned a part of the limit is used by nobody: at most some 20 s.
//!
//! The one thing that breaks the rule is a heartbeat write that the ledger carries out more than `JOINING` after it
//! was sent, over a newer one, and that does not have the task: then others see the task released until the next beat.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use super::live::LiveRates;
use crate::tasks::{Heartbeat, Limits};

/// A worker writes its heartbeat, and reads those of all, this often.
pub const BEAT: Duration = Duration::from_secs(5);

/// A worker that begins to hold work of a task uses nothing for two beats: all others have read its heartbeat by then,
/// or use nothing themselves.
const JOINING: Duration = Duration::from_secs(10);

/// A worker whose counter did not change for so long is not counted: at the third beat without a change. Half a beat
/// less than three, because a read takes time.
const DROPPED: Duration = Duration::from_millis(12_500);

/// A worker as the heartbeats of others show it.
#[derive(Debug)]
struct Other {
    counter: u64,
    /// When a read had shown this counter first.
    seen: Instant,
    is_dropped: bool,
    tasks: Vec<String>,
}

/// The beat that is under way, or the last one.
#[derive(Debug)]
struct Cycle {
    began: Instant,
    counter: u64,
    tasks: HashSet<String>,
}

/// The shares of one worker. Each beat goes: [`beat`](Shares::beat), write the heartbeat, read all heartbeats,
/// [`observe`](Shares::observe). After both calls the caller sets the limits of all tasks as [`of`](Shares::of) answers.
///
/// A beat whose write or read failed ends without `observe`, and the next one begins. When no beat succeeds for
/// 10 s, the rates that were set end by their [`LiveRates::until`].
#[derive(Debug)]
pub struct Shares {
    worker: String,
    joining: Duration,
    others: HashMap<String, Other>,
    cycle: Option<Cycle>,
    /// Tasks of which the worker had work at the last beat.
    working: HashSet<String>,
    /// Tasks in the own heartbeat, as a read has shown it, each with the time from which the worker uses its share.
    joined: HashMap<String, Instant>,
    /// When the last complete cycle began: a read showed the heartbeat that the cycle had written.
    complete: Option<Instant>,
}

impl Shares {
    /// The shares of this worker, which has written no heartbeat yet.
    pub fn new(worker: &str) -> Self {
        Shares {
            worker: worker.to_owned(),
            joining: JOINING,
            others: HashMap::new(),
            cycle: None,
            working: HashSet::new(),
            joined: HashMap::new(),
            complete: None,
        }
    }

    /// Before the heartbeat is written. Adds the tasks that the worker had work of at the last beat, with no jobs: a
    /// short pause between two jobs gives no share up.
    pub fn beat(&mut self, heartbeat: &mut Heartbeat, now: Instant) {
        let working = heartbeat.jobs.keys().cloned().collect();
        for task in std::mem::replace(&mut self.working, working) {
            heartbeat.jobs.entry(task).or_insert(0);
        }
        let tasks: HashSet<String> = heartbeat.jobs.keys().cloned().collect();
        self.joined.retain(|task, _| tasks.contains(task));
        self.cycle = Some(Cycle { began: now, counter: heartbeat.counter, tasks });
    }

    /// The heartbeats of all workers, read after the own one was written; `now` is the time after the read.
    pub fn observe(&mut self, heartbeats: &[Heartbeat], now: Instant) {
        let Some(cycle) = &self.cycle else { return };
        self.others.retain(|worker, _| heartbeats.iter().any(|heartbeat| heartbeat.worker == *worker));
        for heartbeat in heartbeats.iter().filter(|heartbeat| heartbeat.worker != self.worker) {
            let tasks = || heartbeat.jobs.keys().cloned().collect();
            let counter = heartbeat.counter;
            match self.others.get_mut(&heartbeat.worker) {
                Some(other) if other.counter == counter => {
                    other.is_dropped |= cycle.began.saturating_duration_since(other.seen) >= DROPPED;
                }
                _ => {
                    let other = Other { counter, seen: now, is_dropped: false, tasks: tasks() };
                    self.others.insert(heartbeat.worker.clone(), other);
                }
            }
        }
        let is_own = |heartbeat: &Heartbeat| heartbeat.worker == self.worker && heartbeat.counter == cycle.counter;
        if !heartbeats.iter().any(is_own) {
            // The write is not there (yet), or an older one came over it: others do not see what it says.
            return;
        }
        if self.complete.is_none_or(|complete| now.saturating_duration_since(complete) >= DROPPED) {
            self.joined.clear();
        }
        self.complete = Some(cycle.began);
        for task in &cycle.tasks {
            self.joined.entry(task.clone()).or_insert(now + self.joining);
        }
    }

    /// The place of this worker among all that live, by name from 0, and their number. Workers disagree about it for some
    /// beats after a change.
    pub fn position(&self) -> (u64, u64) {
        let live = self.others.iter().filter(|(_, other)| !other.is_dropped).map(|(name, _)| name);
        let (before, after): (Vec<_>, Vec<_>) = live.partition(|name| **name < self.worker);
        (before.len() as u64, 1 + (before.len() + after.len()) as u64)
    }

    /// The rates of the worker for a task with these limits.
    pub fn of(&self, task: &str, limits: &Limits) -> LiveRates {
        let none = LiveRates {
            bandwidth: limits.bandwidth.map(|_| 0.0),
            requests: limits.requests.map(|_| 0.0),
            ..LiveRates::default()
        };
        let (Some(from), Some(complete)) = (self.joined.get(task), self.complete) else { return none };
        let others = self.others.values().filter(|other| !other.is_dropped);
        let holders = 1 + others.filter(|other| other.tasks.iter().any(|working| working == task)).count();
        let share = |limit: f64| limit / holders as f64;
        LiveRates {
            bandwidth: limits.bandwidth.map(|limit| share(limit as f64)),
            requests: limits.requests.map(|limit| share(f64::from(limit))),
            from: Some(*from),
            until: Some(complete + JOINING),
        }
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
