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
}

#[derive(Debug, Default)]
pub struct BookPages {
    pub claim: Option<String>,
    pub runs: BTreeMap<String, Run>,
    pub checkpoints: BTreeMap<(String, u32), Checkpoint>,
    pub deferred: BTreeMap<(String, u32, u32), String>,
    pub counted: BTreeSet<(String, String, u32)>,
    pub suspects: BTreeMap<String, Timestamp>,
    pub failures: Vec<Outcome>,
}

impl Book {
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
    async fn claim(&self, _: &str, owner: &str, _: Duration) -> Result<()> {
        let (pages, owner, takes) = (self.pages.clone(), owner.to_owned(), self.claim_takes);
        let claimed = tokio::spawn(async move {
            tokio::time::sleep(takes).await;
            let mut pages = pages.lock().unwrap();
            if pages.claim.as_deref().is_some_and(|other| other != owner) {
                return Err(error(ErrorKind::Conflict));
            }
            pages.claim = Some(owner);
            Ok(())
        });
        claimed.await.unwrap()
    }
    async fn unclaim(&self, _: &str, owner: &str) -> Result<()> {
        let mut pages = self.pages.lock().unwrap();
        pages.claim = pages.claim.take().filter(|other| other != owner);
        Ok(())
    }
    async fn start_run(&self, start: &RunStart) -> Result<()> {
        let run = Run {
            start: start.clone(),
            phase: Phase::Listing,
            error: None,
            found: Found::default(),
            settled: Settled::default(),
        };
        self.write(|pages| {
            pages.runs.entry(start.id.clone()).or_insert(run);
        })
    }
    async fn set_phase(&self, run: &str, phase: Phase, error: Option<&str>) -> Result<()> {
        self.write(|pages| {
            let run = pages.runs.get_mut(run).unwrap();
            run.phase = phase;
            run.error = error.map(str::to_owned).or(run.error.take());
        })
    }
    async fn refuse_deletes(&self, run: &str) -> Result<()> {
        self.write(|pages| {
            let of_run = pages.checkpoints.iter_mut().filter(|((id, _), _)| id == run);
            of_run.for_each(|(_, checkpoint)| checkpoint.found.deletes = 0);
        })
    }
    async fn run(&self, run: &str) -> Result<Option<Run>> {
        Ok(self.get(run))
    }
    async fn run_state(&self, run: &str) -> Result<Option<RunState>> {
        Ok(self.get(run).map(|run| RunState { phase: run.phase, options: run.start.options }))
    }
    async fn runs(&self, _: &str, limit: usize) -> Result<Vec<Run>> {
        let ids: Vec<String> = self.pages.lock().unwrap().runs.keys().rev().take(limit).cloned().collect();
        Ok(ids.iter().filter_map(|id| self.get(id)).collect())
    }
    async fn checkpoint(&self, run: &str, checkpoint: &Checkpoint) -> Result<()> {
        let bytes: usize = checkpoint.outbox.iter().map(String::len).sum();
        assert!(bytes <= shared::queue::MAX_BODY_BYTES, "an outbox of {bytes} bytes");
        let key = (run.to_owned(), checkpoint.id);
        let before = self.pages.lock().unwrap().checkpoints.get(&key).cloned();
        assert!(before.is_none_or(|before| before.version < checkpoint.version), "{checkpoint:?} is late");
        self.write(|pages| drop(pages.checkpoints.insert(key, checkpoint.clone())))
    }
    async fn checkpoints(&self, run: &str) -> Result<Vec<Checkpoint>> {
        let pages = self.pages.lock().unwrap();
        Ok(pages.checkpoints.iter().filter(|((id, _), _)| id == run).map(|(_, c)| c.clone()).collect())
    }
    async fn defer(&self, run: &str, range: u32, number: u32, body: &str) -> Result<()> {
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
            for (place, outcome) in settlement.outcomes {
                if pages.counted.insert((settlement.run.into(), settlement.origin.id.clone(), *place)) {
                    pages.runs.get_mut(settlement.run).unwrap().settled.count(outcome);
                    new.insert(*place);
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
    async fn failures(&self, _: &str, after: Option<&str>, limit: usize) -> Result<(Vec<Outcome>, Option<String>)> {
        let pages = self.pages.lock().unwrap();
        let from: usize = after.map_or(0, |token| token.parse().unwrap());
        let page: Vec<Outcome> = pages.failures.iter().skip(from).take(limit).cloned().collect();
        let next = from + page.len();
        Ok((page, (next < pages.failures.len()).then(|| next.to_string())))
    }
}
