//! A ledger in memory, whose writes wait for their turns.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use shared::job::Origin;
use shared::ledger::*;
use shared::object::Timestamp;
use shared::objects::reasons::REASONS;
use shared::objects::*;
use shared::sync::lock;
use shared::{Error, ErrorKind, Result};
use tokio::time::Instant;

use crate::schedule::{Call, Kind, Schedule};

mod uploads;

type KeyOf = (String, String);

/// All that is recorded.
#[derive(Debug, Default)]
pub struct Pages {
    claims: BTreeMap<String, Claim>,
    /// The fences of runs.
    fences: BTreeMap<String, u64>,
    runs: BTreeMap<String, Run>,
    refused: BTreeSet<String>,
    checkpoints: BTreeMap<(String, u32), Checkpoint>,
    deferred: BTreeMap<(String, u32, u32), String>,
    counted: BTreeSet<(String, String, u32)>,
    outcomes: BTreeMap<KeyOf, Outcome>,
    /// The outcomes that are recorded one by one.
    recorded: BTreeMap<KeyOf, Outcome>,
    failures: BTreeMap<String, Vec<Outcome>>,
    /// Positions of streams by task and partition, with the token of the step that led there.
    positions: BTreeMap<KeyOf, (Position, String)>,
    /// Open uploads by task and key, with their parts.
    pub uploads: BTreeMap<KeyOf, (UploadRecord, BTreeMap<u32, PartRecord>)>,
    suspects: BTreeMap<KeyOf, Timestamp>,
    transfers: BTreeMap<KeyOf, (TransferReport, Instant)>,
    /// Uploads that no record names, by task and key.
    pub intents: BTreeMap<KeyOf, Intents>,
    /// How many were announced so far.
    announced: i64,
}

/// The claim on a task; it stays without an owner when it ends.
#[derive(Debug, Default)]
struct Claim {
    owner: Option<String>,
    fence: u64,
    beat: u64,
}

impl Claim {
    fn view(&self) -> Option<ClaimView> {
        let owner = self.owner.clone()?;
        Some(ClaimView { owner, fence: self.fence, beat: self.beat })
    }
}

fn key_of(task: &str, key: &str) -> KeyOf {
    (task.to_owned(), key.to_owned())
}

impl Pages {
    fn run_mut(&mut self, run: &str) -> Result<&mut Run> {
        let missing = || Error::new(ErrorKind::NotFound, "ledger", run, "no such run");
        self.runs.get_mut(run).ok_or_else(missing)
    }

    fn check_fence(&mut self, run: &str, fence: u64) -> Result<()> {
        self.run_mut(run)?;
        match self.fences.get(run).copied().unwrap_or_default() == fence {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Conflict, "ledger", run, fence_error(run))),
        }
    }

    /// Begins a run, if it has not begun.
    pub fn start(&mut self, start: &RunStart) {
        self.runs.entry(start.id.clone()).or_insert_with(|| Run {
            start: start.clone(),
            phase: Phase::Listing,
            entered: PhaseTimes::begun(start.started),
            error: None,
            found: Found::default(),
            settled: Settled::default(),
        });
    }

    /// Records what a scan has found, with the jobs that it sends and those that it holds.
    pub fn record(&mut self, run: &str, found: Found, outbox: Vec<String>, deferred: Vec<String>) {
        let count = deferred.len() as u32;
        let deferred = (0..).zip(deferred).map(|(number, body)| ((run.to_owned(), 0, number), body));
        self.deferred.extend(deferred);
        let checkpoint = Checkpoint { found, outbox, deferred: count, ..Checkpoint::default() };
        self.checkpoints.insert((run.to_owned(), 0), checkpoint);
    }

    /// Records that all jobs of a run are sent, unless it is cancelled.
    pub fn listed(&mut self, run: &str) {
        if let Some(run) = self.runs.get_mut(run).filter(|run| Phase::Listed.may_follow(run.phase)) {
            run.phase = Phase::Listed;
            run.entered.enter(Phase::Listed, Timestamp::now());
        }
    }

    /// Records of events that were counted, without what follows up cancelled runs.
    pub fn counted_events(&self, run: &str) -> u64 {
        self.counted.iter().filter(|(of, origin, _)| of == run && origin.starts_with("m-")).count() as u64
    }

    /// A run with its counters.
    pub fn run(&self, run: &str) -> Option<Run> {
        let mut found = Found::default();
        self.checkpoints.iter().filter(|((of, _), _)| of == run).for_each(|(_, checkpoint)| found += checkpoint.found);
        if self.refused.contains(run) {
            found.deletes = 0;
        }
        self.runs.get(run).map(|run| Run { found, ..run.clone() })
    }

    /// `together`: the indexes of the outcomes that a ledger may record together.
    fn settle(
        &mut self,
        task: &str,
        run: &str,
        origin: &str,
        outcomes: &[(u32, Outcome)],
        together: &BTreeSet<u32>,
    ) -> Result<BTreeSet<u32>> {
        self.run_mut(run)?;
        let mut new = BTreeSet::new();
        for (index, outcome) in outcomes {
            if outcome.is_of_key() {
                self.outcomes.insert(key_of(task, &outcome.key), outcome.clone());
                if !together.contains(index) {
                    self.recorded.insert(key_of(task, &outcome.key), outcome.clone());
                }
            }
            if self.counted.insert((run.to_owned(), origin.to_owned(), *index)) {
                new.insert(*index);
                self.run_mut(run)?.settled.count(outcome, REASONS);
                if outcome.state == State::Failed {
                    let failures = self.failures.entry(run.to_owned()).or_default();
                    // The event run has each key once, as it failed last.
                    failures.retain(|failure| run != events_run(task) || failure.key != outcome.key);
                    failures.push(outcome.clone());
                }
            }
        }
        Ok(new)
    }

    fn advance(&mut self, step: &Advance<'_>) -> Result<Advanced> {
        if let Some(message) = step.cursor_error() {
            return Err(Error::new(ErrorKind::Invalid, "ledger", step.partition, message));
        }
        let key = key_of(step.task, step.partition);
        match self.positions.get(&key) {
            Some((_, token)) if token == step.token => return Ok(Advanced::Done),
            Some((position, _)) if position.version != step.expected => {
                return Ok(Advanced::Conflict(Some(position.clone())));
            }
            None if step.expected != 0 => return Ok(Advanced::Conflict(None)),
            _ => {}
        }
        self.run_mut(step.run)?.settled += step.counters;
        let position = Position { version: step.expected + 1, cursor: step.cursor.to_owned() };
        self.positions.insert(key, (position, step.token.to_owned()));
        Ok(Advanced::Done)
    }
}

/// The ledger as one worker sees it.
#[derive(Debug, Clone)]
pub struct FakeLedger {
    pub pages: Arc<Mutex<Pages>>,
    /// Who calls.
    pub worker: u32,
    /// Whether it conceals that runs are cancelled, as if nobody asked.
    pub blind: bool,
    /// How often a run's state was read.
    pub reads: Arc<AtomicUsize>,
    pub schedule: Schedule,
}

impl FakeLedger {
    async fn call<T, F>(&self, key: &str, what: &str, effect: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Pages) -> Result<T> + Send + 'static,
    {
        let call = Call { worker: self.worker, key: key.to_owned(), kind: Kind::Ask, what: what.to_owned() };
        let pages = self.pages.clone();
        self.schedule.call(call, move || (effect(&mut lock(&pages)), String::new())).await
    }

    /// Of what only finders do, and of what nobody else can come between: without a turn.
    fn now<T>(&self, effect: impl FnOnce(&mut Pages) -> T) -> T {
        effect(&mut lock(&self.pages))
    }
}

fn words(settlement: &Settlement<'_>) -> String {
    let words = |(index, outcome): &(u32, Outcome)| {
        let reason = outcome.reason.as_ref().or(outcome.error.as_ref()).map(|why| format!(" ({why})"));
        format!("{} {index} {}{}", outcome.key, outcome.state.as_str(), reason.unwrap_or_default())
    };
    let outcomes: Vec<String> = settlement.outcomes.iter().map(words).collect();
    format!("settles {}: {}", settlement.origin.id, outcomes.join(", "))
}

#[async_trait]
impl SuspectKeys for FakeLedger {
    async fn suspect(&self, task: &str, suspect: &Suspect) -> Result<()> {
        self.now(|pages| pages.suspects.insert(key_of(task, &suspect.key), suspect.since));
        Ok(())
    }

    async fn suspects(&self, task: &str, from: &str, limit: usize) -> Result<Vec<Suspect>> {
        Ok(self.now(|pages| {
            let of_task = pages.suspects.range(key_of(task, from)..).take_while(|((of, _), _)| of == task);
            of_task.take(limit).map(|((_, key), since)| Suspect { key: key.clone(), since: *since }).collect()
        }))
    }

    async fn clear_suspect(&self, task: &str, seen: &Suspect) -> Result<()> {
        self.now(|pages| {
            let key = key_of(task, &seen.key);
            if pages.suspects.get(&key) == Some(&seen.since) {
                pages.suspects.remove(&key);
            }
        });
        Ok(())
    }
}

#[async_trait]
impl TransferReports for FakeLedger {
    async fn report_transfers(&self, run: &str, report: &TransferReport, valid: Duration) -> Result<()> {
        let entry = (report.clone(), Instant::now() + valid);
        self.now(|pages| pages.transfers.insert(key_of(run, &report.worker), entry));
        Ok(())
    }

    async fn withdraw_transfers(&self, run: &str, worker: &str) -> Result<()> {
        self.now(|pages| pages.transfers.remove(&key_of(run, worker)));
        Ok(())
    }

    async fn transfers(&self, run: &str) -> Result<Vec<TransferReport>> {
        Ok(self.now(|pages| {
            let of_run = pages.transfers.range(key_of(run, "")..).take_while(|((of, _), _)| of == run);
            let valid = of_run.filter(|(_, (_, until))| *until > Instant::now());
            valid.take(MAX_TRANSFER_REPORTS).map(|(_, (report, _))| report.clone()).collect()
        }))
    }
}

#[async_trait]
impl Ledger for FakeLedger {
    fn is_charged(&self) -> bool {
        false
    }

    async fn claim(&self, task: &str, owner: &str, dead: Option<&ClaimView>) -> Result<u64> {
        self.now(|pages| {
            let claim = pages.claims.entry(task.to_owned()).or_default();
            let view = claim.view();
            match &view {
                Some(view) if view.owner == owner => {}
                Some(other) if dead != Some(other) => {
                    return Err(Error::new(ErrorKind::Conflict, "claim", task, format!("claimed by {}", other.owner)));
                }
                _ => claim.fence += 1,
            }
            claim.beat += 1;
            claim.owner = Some(owner.to_owned());
            Ok(claim.fence)
        })
    }

    async fn unclaim(&self, task: &str, owner: &str) -> Result<()> {
        self.now(|pages| {
            if let Some(claim) = pages.claims.get_mut(task).filter(|claim| claim.owner.as_deref() == Some(owner)) {
                claim.owner = None;
            }
        });
        Ok(())
    }

    async fn claimed(&self, task: &str) -> Result<Option<ClaimView>> {
        Ok(self.now(|pages| pages.claims.get(task).and_then(Claim::view)))
    }

    async fn tasks(&self) -> Result<Vec<String>> {
        let tasks: BTreeSet<String> = self.now(|pages| pages.runs.values().map(|run| run.start.task.clone()).collect());
        Ok(tasks.into_iter().collect())
    }

    async fn start_run(&self, start: &RunStart, fence: u64) -> Result<()> {
        self.now(|pages| {
            pages.fences.entry(start.id.clone()).or_insert(fence);
            pages.start(start);
        });
        Ok(())
    }

    async fn fence(&self, run: &str, fence: u64) -> Result<Vec<Checkpoint>> {
        self.now(|pages| {
            pages.run_mut(run)?;
            let present = pages.fences.entry(run.to_owned()).or_default();
            if *present > fence {
                return Err(Error::new(ErrorKind::Conflict, "ledger", run, fence_error(run)));
            }
            *present = fence;
            Ok(())
        })?;
        self.checkpoints(run).await
    }

    async fn set_phase(&self, run: &str, phase: Phase, error: Option<&str>, fence: Option<u64>) -> Result<()> {
        self.now(|pages| {
            fence.map_or(Ok(()), |fence| pages.check_fence(run, fence))?;
            let run = pages.run_mut(run)?;
            if !phase.may_follow(run.phase) {
                let message = format!("it is {} already", run.phase.as_str());
                return Err(Error::new(ErrorKind::Conflict, "ledger", &run.start.id, message));
            }
            run.phase = phase;
            run.entered.enter(phase, Timestamp::now());
            run.error = error.map(str::to_owned).or(run.error.take());
            Ok(())
        })
    }

    async fn refuse_deletes(&self, run: &str, fence: u64) -> Result<()> {
        self.now(|pages| {
            pages.check_fence(run, fence)?;
            pages.refused.insert(run.to_owned());
            Ok(())
        })
    }

    async fn run(&self, run: &str) -> Result<Option<Run>> {
        Ok(self.now(|pages| pages.run(run)))
    }

    async fn run_state(&self, run: &str) -> Result<Option<RunState>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        // Without a turn: the promise counts from the answer.
        let phase = |run: &Run| if self.blind { Phase::Listing } else { run.phase };
        Ok(self.now(|pages| {
            let is_closed = !self.blind && pages.fences.get(run) == Some(&CLOSED);
            let run = pages.runs.get(run)?;
            Some(RunState { phase: phase(run), options: run.start.options.clone(), is_closed })
        }))
    }

    async fn runs(&self, task: &str, limit: usize) -> Result<Vec<Run>> {
        Ok(self.now(|pages| {
            let of_task =
                pages.runs.values().rev().filter(|run| run.start.task == task && run.start.id != events_run(task));
            of_task.take(limit).filter_map(|run| pages.run(&run.start.id)).collect()
        }))
    }

    async fn checkpoint(&self, run: &str, checkpoint: &Checkpoint, fence: u64) -> Result<()> {
        self.now(|pages| {
            pages.check_fence(run, fence)?;
            let key = (run.to_owned(), checkpoint.id);
            let before = pages.checkpoints.get(&key);
            if before.is_some_and(|before| before.version >= checkpoint.version && before != checkpoint) {
                return Err(Error::new(ErrorKind::Conflict, "ledger", run, checkpoint.conflict(run)));
            }
            pages.checkpoints.insert(key, checkpoint.clone());
            Ok(())
        })
    }

    async fn checkpoints(&self, run: &str) -> Result<Vec<Checkpoint>> {
        Ok(self.now(|pages| {
            pages
                .checkpoints
                .iter()
                .filter(|((of, _), _)| of == run)
                .map(|(_, checkpoint)| checkpoint.clone())
                .collect()
        }))
    }

    async fn defer(&self, run: &str, range: u32, number: u32, body: &str, fence: u64) -> Result<()> {
        self.now(|pages| {
            pages.check_fence(run, fence)?;
            pages.deferred.insert((run.to_owned(), range, number), body.to_owned());
            Ok(())
        })
    }

    async fn deferred(&self, run: &str, range: u32, number: u32) -> Result<Option<String>> {
        Ok(self.now(|pages| pages.deferred.get(&(run.to_owned(), range, number)).cloned()))
    }

    async fn settle(&self, settlement: &Settlement<'_>) -> Result<BTreeSet<u32>> {
        let (task, run) = (settlement.task.to_owned(), settlement.run.to_owned());
        let (origin, outcomes) = (settlement.origin.id.clone(), settlement.outcomes.to_vec());
        let key = outcomes.first().map_or("", |(_, outcome)| outcome.key.as_str()).to_owned();
        let joins = |(index, outcome): &(u32, Outcome)| {
            let joins = settlement.span.is_some_and(|span| span.joins(*index, outcome));
            joins.then_some(*index)
        };
        let together = settlement.outcomes.iter().filter_map(joins).collect();
        let effect = move |pages: &mut Pages| pages.settle(&task, &run, &origin, &outcomes, &together);
        self.call(&key, &words(settlement), effect).await
    }

    async fn settled(&self, run: &str, origin: &Origin) -> Result<BTreeSet<u32>> {
        let (run, origin) = (run.to_owned(), origin.id.clone());
        let indexes = move |pages: &mut Pages| {
            let of_job = pages.counted.iter().filter(|(of, job, _)| (of, job) == (&run, &origin));
            Ok(of_job.map(|(.., index)| *index).collect())
        };
        self.call("", "reads what is settled", indexes).await
    }

    async fn advance(&self, step: &Advance<'_>) -> Result<Advanced> {
        self.now(|pages| pages.advance(step))
    }

    async fn position(&self, task: &str, partition: &str) -> Result<Option<Position>> {
        Ok(self.now(|pages| pages.positions.get(&key_of(task, partition)).map(|(position, _)| position.clone())))
    }

    async fn outcome(&self, task: &str, key: &str) -> Result<Option<Outcome>> {
        let wanted = key_of(task, key);
        self.call(key, &format!("reads the outcome of {key}"), move |pages| Ok(pages.outcomes.get(&wanted).cloned()))
            .await
    }

    async fn recorded(&self, task: &str, key: &str) -> Result<Option<Outcome>> {
        let wanted = key_of(task, key);
        self.call(key, &format!("reads the record of {key}"), move |pages| Ok(pages.recorded.get(&wanted).cloned()))
            .await
    }

    async fn failures(&self, run: &str, after: Option<&str>, limit: usize) -> Result<(Vec<Outcome>, Option<String>)> {
        let after: usize = after.and_then(|token| token.parse().ok()).unwrap_or(0);
        Ok(self.now(|pages| {
            let all = pages.failures.get(run).map(Vec::as_slice).unwrap_or_default();
            let page: Vec<Outcome> = all.iter().skip(after).take(limit).cloned().collect();
            let next = after + page.len();
            (page, (next < all.len()).then(|| next.to_string()))
        }))
    }
}
