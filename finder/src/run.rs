//! A run: one pass over a task, from the claim to the last enqueued job.

pub mod claim;
pub mod journal;
mod lost;
pub mod progress;
mod release;

pub(crate) use release::allow as allow_deletes;

use std::sync::Arc;
use std::time::Duration;

use shared::config::{Find, Work};
use shared::filter::Filter;
use shared::ledger::{self, Found, Phase, Run, RunOptions, RunStart, SharedLedger};
use shared::object::Timestamp;
use shared::queue::Queue;
use shared::store::Store;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::error::FindError;
use crate::objects::compare::Comparer;
use crate::objects::listing::Sides;
use crate::objects::pack::Owner;
use crate::objects::walk::{Walk, Walked};
use crate::run::claim::Claim;
use crate::run::journal::{Journal, RunJournal};
use crate::run::progress::Progress;

/// Finds what differs between two locations and enqueues it.
#[derive(Debug, Clone)]
pub struct Finder {
    /// The task's name.
    pub task: String,
    /// Where objects come from.
    pub source: Store,
    /// Where they go. It must exist: the caller has prepared it.
    pub destination: Store,
    /// Where jobs go.
    pub queue: Queue,
    /// Where runs are recorded.
    pub ledger: SharedLedger,
    /// What is compared, and how.
    pub options: Find,
    /// How it is copied.
    pub work: Work,
    /// This finder, among those that may work on the task.
    pub owner: String,
    /// Start although the previous run has jobs that are not done.
    pub force: bool,
    /// Time between two looks at a previous run of which nothing seems to be left on the queue: long enough for what
    /// the queue says of its depth to be true by then.
    pub look_every: Duration,
}

impl Finder {
    /// Makes one run, or goes on with the last one if it was interrupted under the same options.
    /// Returns its id once every job is enqueued.
    ///
    /// - `stop` ends it in good order: what was decided is enqueued, and the error is `Interrupted`.
    /// - Earlier runs with other options are cancelled: nothing of them is carried out any more.
    /// - A previous run with jobs that are not done is `Busy`, unless forced; it is not waited for. If nothing of it is
    ///   left on the queue, it is recorded as lost after some looks, and the new one begins.
    /// - Deletes are enqueued only after both listings ended well, and only if there are no more of them
    ///   than `max_delete`. A source that lists nothing at all is taken for a mistake (an unmounted
    ///   folder, a wrong prefix): its deletes are refused unless `max_delete` names their number.
    /// - Two runs of one task never overlap; see [`crate::run::claim`].
    pub async fn run(&self, stop: CancellationToken, progress: Arc<Progress>) -> Result<String, FindError> {
        let filter = self.filter()?;
        let claim = Claim::take(&self.ledger, &self.task, &self.owner).await?;
        let ended = self.claimed(filter, stop, claim.lost(), progress).await;
        // A lost claim shows as an interruption further down: its own error says more.
        match (ended, claim.end().await) {
            (Err(FindError::Interrupted), Some(lost)) => Err(lost),
            (ended, _) => ended,
        }
    }

    fn filter(&self) -> Result<Filter, FindError> {
        Ok(Filter::load(&self.options, Some(Timestamp::now()))?)
    }

    /// Cancels the earlier runs of the task that have other options, as [`run`](Self::run) does at its beginning, for a
    /// caller who is the only one at the task and starts a worker before the run. Returns them as they were.
    pub async fn supersede(&self) -> Result<Vec<Run>, FindError> {
        self.cancel_others(&self.run_options(&self.filter()?)).await
    }

    async fn cancel_others(&self, options: &RunOptions) -> Result<Vec<Run>, FindError> {
        let cancelled = ledger::supersede(&self.ledger, &self.task, options, &self.owner).await;
        let cancelled = cancelled.map_err(FindError::Ledger)?;
        for run in &cancelled {
            tracing::info!(run = %run.start.id, left = run.unsettled(), "cancelled an earlier run, because it had other options");
        }
        Ok(cancelled)
    }

    async fn claimed(
        &self,
        filter: Filter,
        stop: CancellationToken,
        lost: CancellationToken,
        progress: Arc<Progress>,
    ) -> Result<String, FindError> {
        let (run, phase) = self.begin(&self.run_options(&filter), &stop).await?;
        // None in a new run. In a resumed one the previous finder may have died between any two writes.
        let mut checkpoints = self.ledger.checkpoints(&run).await.map_err(FindError::Ledger)?;
        let mut found = Found::default();
        checkpoints.iter().for_each(|checkpoint| found += checkpoint.found);
        progress.begin(&run, &found);
        let journal = Arc::new(RunJournal { run: run.clone(), ledger: self.ledger.clone(), queue: self.queue.clone() });
        for checkpoint in &mut checkpoints {
            send_outbox(&*journal, &mut checkpoint.outbox).await?;
        }
        let held = match phase {
            Phase::Releasing => {
                self.allow_again(&run, &found).await?;
                checkpoints.iter().map(|c| (c.id, c.held)).collect()
            }
            _ => {
                let sides = Sides {
                    source: self.source.clone(),
                    destination: self.destination.clone(),
                    destination_may_be_missing: false,
                };
                let walk = Walk {
                    comparer: Comparer::new(&sides, &self.options),
                    sides,
                    filter: Arc::new(filter),
                    options: self.options.clone(),
                    owner: Owner { task: self.task.clone(), run: run.clone() },
                    journal,
                    progress: progress.clone(),
                    stop: stop.clone(),
                    abort: lost.child_token(),
                    tiling: Default::default(),
                    progressed: Default::default(),
                };
                let walked = Arc::new(walk).run(checkpoints).await;
                self.after_the_walk(&run, walked).await?
            }
        };
        progress.listing_is_done();
        self.release(&run, held, &stop, &lost).await?;
        self.set_phase(&run, Phase::Listed, progress.unlisted().as_deref()).await?;
        Ok(run)
    }

    /// The run to make: the interrupted one, or a new one.
    async fn begin(&self, options: &RunOptions, stop: &CancellationToken) -> Result<(String, Phase), FindError> {
        self.cancel_others(options).await?;
        let last = self.ledger.runs(&self.task, 1).await.map_err(FindError::Ledger)?.pop();
        if let Some(last) = last.filter(|last| !last.phase.is_cancelled()) {
            if matches!(last.phase, Phase::Listing | Phase::Releasing) {
                tracing::info!(run = %last.start.id, "resuming the interrupted run");
                return Ok((last.start.id, last.phase));
            }
            let waiting = last.enqueued().saturating_sub(last.settled.objects());
            if waiting > 0 && !last.is_done() && !self.force {
                self.pass_lost(last, waiting, stop).await?;
            }
        }
        let start = RunStart {
            id: Uuid::now_v7().to_string(),
            task: self.task.clone(),
            source: self.source.location().to_string(),
            destination: self.destination.location().to_string(),
            options: options.clone(),
            started: Timestamp::now(),
        };
        // Done and its answer lost: the next finder finds an empty run and goes on with it.
        self.ledger.start_run(&start).await.map_err(FindError::Ledger)?;
        Ok((start.id, Phase::Listing))
    }

    /// Whether a run that is resumed may go on to release its deletes: as they are allowed now. Some may be released
    /// already, so the run is cancelled where they may not.
    async fn allow_again(&self, id: &str, found: &Found) -> Result<(), FindError> {
        let Err(refused) = release::allow(found, self.options.max_delete) else { return Ok(()) };
        if let Some(run) = self.ledger.run(id).await.map_err(FindError::Ledger)? {
            ledger::cancel(&self.ledger, &run, &self.owner).await.map_err(FindError::Ledger)?;
        }
        Err(refused)
    }

    /// Records what the walk came to. Returns the held deletes that are to be released.
    async fn after_the_walk(&self, run: &str, walked: Result<Walked, FindError>) -> Result<Vec<(u32, u32)>, FindError> {
        let refused = match walked {
            Ok(walked) => match release::allow(&walked.found, self.options.max_delete) {
                Ok(()) if walked.held.is_empty() => return Ok(Vec::new()),
                Ok(()) => {
                    self.set_phase(run, Phase::Releasing, None).await?;
                    return Ok(walked.held);
                }
                Err(refused) => refused,
            },
            Err(error) if error.is_resumable() => return Err(error),
            Err(error) => error,
        };
        // Stopped first: died in between, the deletes are not counted by a stopped run either.
        self.set_phase(run, Phase::Stopped, Some(&refused.to_string())).await?;
        self.ledger.refuse_deletes(run).await.map_err(FindError::Ledger)?;
        Err(refused)
    }

    async fn set_phase(&self, run: &str, phase: Phase, error: Option<&str>) -> Result<(), FindError> {
        self.ledger.set_phase(run, phase, error).await.map_err(FindError::Ledger)
    }

    fn run_options(&self, filter: &Filter) -> RunOptions {
        RunOptions::of(&self.source, &self.destination, &self.options, &self.work, filter.prefixes())
    }
}

/// Sends what the previous finder may not have sent. Sent twice, it counts once.
async fn send_outbox(journal: &dyn Journal, outbox: &mut Vec<String>) -> Result<(), FindError> {
    if !outbox.is_empty() {
        journal.send(outbox).await?;
        outbox.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests;
