//! A ledger of runs and checkpoints.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use shared::job::Origin;
use shared::ledger::*;
use shared::object::Timestamp;
use shared::objects::{Suspect, SuspectKeys};
use shared::{ErrorKind, Result};

use super::{Faults, error, unsupported};

/// A ledger of runs and checkpoints.
#[derive(Debug, Default)]
pub struct Book {
    pub faults: Arc<Faults>,
    pub pages: Arc<Mutex<BookPages>>,
    /// How long a claim takes, which goes on when its caller is gone.
    pub claim_takes: Duration,
    /// Writes under any fence are taken.
    pub is_unfenced: bool,
}

#[derive(Debug, Default)]
pub struct BookPages {
    pub claim: Option<String>,
    pub fence: u64,
    pub beat: u64,
    pub fences: BTreeMap<String, u64>,
    pub runs: BTreeMap<String, Run>,
    pub checkpoints: BTreeMap<(String, u32), Checkpoint>,
    pub deferred: BTreeMap<(String, u32, u32), String>,
    pub counted: BTreeSet<(String, String, u32)>,
    pub suspects: BTreeMap<String, Timestamp>,
    pub failures: Vec<Outcome>,
}

/// The owner of a claim that renews it at any time.
pub const ALIVE: &str = "another";

impl BookPages {
    fn claim_view(&self) -> Option<ClaimView> {
        let owner = self.claim.clone()?;
        Some(ClaimView { owner, fence: self.fence, beat: self.beat })
    }
}

impl Book {
    fn check_fence(&self, run: &str, fence: Option<u64>) -> Result<()> {
        let present = self.pages.lock().unwrap().fences.get(run).copied();
        let holds = self.is_unfenced || fence.is_none() || fence == present;
        if holds { Ok(()) } else { Err(error(ErrorKind::Conflict)) }
    }

    fn write(&self, effect: impl FnOnce(&mut BookPages)) -> Result<()> {
        self.faults.step(|| effect(&mut self.pages.lock().unwrap()))
    }

    pub fn last_run(&self) -> Run {
        let id = self.pages.lock().unwrap().runs.keys().next_back().unwrap().clone();
        self.get(&id).unwrap()
    }

    /// The workers' part: every enqueued object is settled.
    pub fn settle_all(&self, run: &str) {
        let enqueued = self.get(run).unwrap().enqueued();
        self.pages.lock().unwrap().runs.get_mut(run).unwrap().settled.copied = enqueued;
    }

    /// All that finders write.
    pub fn snapshot(&self) -> String {
        let pages = self.pages.lock().unwrap();
        format!("{:?}", (&pages.runs, &pages.checkpoints, &pages.deferred, &pages.fences))
    }

    fn get(&self, run: &str) -> Option<Run> {
        let pages = self.pages.lock().unwrap();
        let mut found = Found::default();
        pages.checkpoints.iter().filter(|((id, _), _)| id == run).for_each(|(_, c)| found += c.found);
        pages.runs.get(run).map(|run| Run { found, ..run.clone() })
    }
}

#[async_trait]
impl SuspectKeys for Book {
    async fn suspect(&self, _: &str, suspect: &Suspect) -> Result<()> {
        self.pages.lock().unwrap().suspects.insert(suspect.key.clone(), suspect.since);
        Ok(())
    }
    async fn suspects(&self, _: &str, from: &str, limit: usize) -> Result<Vec<Suspect>> {
        let pages = self.pages.lock().unwrap();
        let suspects = pages.suspects.range(from.to_owned()..).take(limit);
        Ok(suspects.map(|(key, since)| Suspect { key: key.clone(), since: *since }).collect())
    }
    async fn clear_suspect(&self, _: &str, _: &Suspect) -> Result<()> {
        unsupported()
    }
}

#[async_trait]
impl TransferReports for Book {
    async fn report_transfers(&self, _: &str, _: &TransferReport, _: Duration) -> Result<()> {
        unsupported()
    }
    async fn withdraw_transfers(&self, _: &str, _: &str) -> Result<()> {
        unsupported()
    }
    async fn transfers(&self, _: &str) -> Result<Vec<TransferReport>> {
        unsupported()
    }
}

#[async_trait]
impl Ledger for Book {
    fn is_charged(&self) -> bool {
        false
    }

    async fn claim(&self, _: &str, owner: &str, dead: Option<&ClaimView>) -> Result<u64> {
        let (pages, owner, takes) = (self.pages.clone(), owner.to_owned(), self.claim_takes);
        let dead = dead.cloned();
        let claimed = tokio::spawn(async move {
            tokio::time::sleep(takes).await;
            let mut pages = pages.lock().unwrap();
            let is_dead = dead.is_some_and(|dead| Some(dead) == pages.claim_view());
            match pages.claim.as_deref() {
                Some(other) if other == owner => {}
                Some(_) if !is_dead => return Err(error(ErrorKind::Conflict)),
                _ => pages.fence += 1,
            }
            pages.beat += 1;
            pages.claim = Some(owner);
            Ok(pages.fence)
        });
        claimed.await.unwrap()
    }
    async fn unclaim(&self, _: &str, owner: &str) -> Result<()> {
        let mut pages = self.pages.lock().unwrap();
        pages.claim = pages.claim.take().filter(|other| other != owner);
        Ok(())
    }
    async fn claimed(&self, _: &str) -> Result<Option<ClaimView>> {
        let mut pages = self.pages.lock().unwrap();
        pages.beat += u64::from(pages.claim.as_deref() == Some(ALIVE));
        Ok(pages.claim_view())
    }
    async fn start_run(&self, start: &RunStart, fence: u64) -> Result<()> {
        self.faults.pass().await;
        let run = Run {
            start: start.clone(),
            phase: Phase::Listing,
            // Its times differ from one test to the next: none is recorded.
            entered: PhaseTimes::default(),
            error: None,
            found: Found::default(),
            settled: Settled::default(),
        };
        self.write(|pages| {
            pages.fences.entry(start.id.clone()).or_insert(fence);
            pages.runs.entry(start.id.clone()).or_insert(run);
        })
    }
    async fn fence(&self, run: &str, fence: u64) -> Result<Vec<Checkpoint>> {
        self.faults.pass().await;
        if self.pages.lock().unwrap().fences.get(run).is_some_and(|present| *present > fence) {
            return Err(error(ErrorKind::Conflict));
        }
        self.write(|pages| {
            pages.fences.insert(run.to_owned(), fence);
        })?;
        self.checkpoints(run).await
    }
    async fn set_phase(&self, run: &str, phase: Phase, why: Option<&str>, fence: Option<u64>) -> Result<()> {
        self.faults.pass().await;
        self.check_fence(run, fence)?;
        if !phase.may_follow(self.get(run).unwrap().phase) {
            return Err(error(ErrorKind::Conflict));
        }
        self.write(|pages| {
            let run = pages.runs.get_mut(run).unwrap();
            run.phase = phase;
            run.error = why.map(str::to_owned).or(run.error.take());
        })
    }
    async fn refuse_deletes(&self, run: &str, fence: u64) -> Result<()> {
        self.faults.pass().await;
        self.check_fence(run, Some(fence))?;
        self.write(|pages| {
            let of_run = pages.checkpoints.iter_mut().filter(|((id, _), _)| id == run);
            of_run.for_each(|(_, checkpoint)| checkpoint.found.deletes = 0);
        })
    }
    async fn run(&self, run: &str) -> Result<Option<Run>> {
        Ok(self.get(run))
    }
    async fn run_state(&self, run: &str) -> Result<Option<RunState>> {
        let is_closed = self.pages.lock().unwrap().fences.get(run) == Some(&CLOSED);
        Ok(self.get(run).map(|run| RunState { phase: run.phase, options: run.start.options, is_closed }))
    }
    async fn runs(&self, _: &str, limit: usize) -> Result<Vec<Run>> {
        let ids: Vec<String> = self.pages.lock().unwrap().runs.keys().rev().take(limit).cloned().collect();
        Ok(ids.iter().filter_map(|id| self.get(id)).collect())
    }
    async fn checkpoint(&self, run: &str, checkpoint: &Checkpoint, fence: u64) -> Result<()> {
        self.faults.pass().await;
        self.check_fence(run, Some(fence))?;
        let bytes: usize = checkpoint.outbox.iter().map(String::len).sum();
        assert!(bytes <= shared::queue::MAX_BODY_BYTES, "an outbox of {bytes} bytes");
        let key = (run.to_owned(), checkpoint.id);
        let before = self.pages.lock().unwrap().checkpoints.get(&key).cloned();
        if before.is_some_and(|before| before.version >= checkpoint.version) {
            assert!(self.is_unfenced, "{checkpoint:?} is late");
            return Err(error(ErrorKind::Conflict));
        }
        self.write(|pages| drop(pages.checkpoints.insert(key, checkpoint.clone())))
    }
    async fn checkpoints(&self, run: &str) -> Result<Vec<Checkpoint>> {
        let pages = self.pages.lock().unwrap();
        Ok(pages.checkpoints.iter().filter(|((id, _), _)| id == run).map(|(_, c)| c.clone()).collect())
    }
    async fn defer(&self, run: &str, range: u32, number: u32, body: &str, fence: u64) -> Result<()> {
        self.faults.pass().await;
        self.check_fence(run, Some(fence))?;
        self.write(|pages| {
            pages.deferred.insert((run.into(), range, number), body.into());
        })
    }
    async fn deferred(&self, run: &str, range: u32, number: u32) -> Result<Option<String>> {
        Ok(self.pages.lock().unwrap().deferred.get(&(run.into(), range, number)).cloned())
    }
    async fn tasks(&self) -> Result<Vec<String>> {
        unsupported()
    }
    async fn settle(&self, settlement: &Settlement<'_>) -> Result<BTreeSet<u32>> {
        let mut new = BTreeSet::new();
        self.write(|pages| {
            for (index, outcome) in settlement.outcomes {
                if pages.counted.insert((settlement.run.into(), settlement.origin.id.clone(), *index)) {
                    pages.runs.get_mut(settlement.run).unwrap().settled.count(outcome, settlement.reasons);
                    new.insert(*index);
                }
            }
        })?;
        Ok(new)
    }
    async fn settled(&self, _: &str, _: &Origin) -> Result<BTreeSet<u32>> {
        unsupported()
    }
    async fn advance(&self, _: &Advance<'_>) -> Result<Advanced> {
        unsupported()
    }
    async fn position(&self, _: &str, _: &str) -> Result<Option<Position>> {
        unsupported()
    }
    async fn outcome(&self, _: &str, _: &str) -> Result<Option<Outcome>> {
        unsupported()
    }
    async fn recorded(&self, _: &str, _: &str) -> Result<Option<Outcome>> {
        unsupported()
    }
    async fn failures(&self, _: &str, after: Option<&str>, limit: usize) -> Result<(Vec<Outcome>, Option<String>)> {
        let pages = self.pages.lock().unwrap();
        let from: usize = after.map_or(0, |token| token.parse().unwrap());
        let page: Vec<Outcome> = pages.failures.iter().skip(from).take(limit).cloned().collect();
        let next = from + page.len();
        Ok((page, (next < pages.failures.len()).then(|| next.to_string())))
    }
}
