//! The protocol of a run: one pass over a task, from the claim to the last enqueued job.
//!
//! ```text
//! claim → cancel runs with other options → resume or begin → plan → send deferred jobs → listed
//! ```
//!
//! All that a finder writes to a run is written under the fence of its claim: a finder that lost the claim without
//! knowing it, because its process or machine was stopped, is refused. What it sends is in the ledger before.
//!
//! The [`Planner`] decides which jobs are enqueued: this module knows no kind of data.

pub mod claim;
pub mod context;
pub mod journal;
mod lost;
pub mod progress;
mod release;
mod requested;
pub mod room;

use std::sync::Arc;
use std::time::Duration;

use shared::ledger::{self, Checkpoint, Found, MAX_RUNS, Phase, Run, RunOptions, RunStart, SharedLedger};
use shared::object::Timestamp;
use shared::queue::Queue;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::error::FindError;
use crate::planner::{Planned, Planner};
use claim::Claim;
use context::{RunContext, RunRef};
use journal::RunJournal;
use progress::Progress;
pub use requested::RunRequest;
use room::Room;

/// Makes the runs of one task.
#[derive(Debug, Clone)]
pub struct Finder {
    /// The task's name.
    pub task: String,
    /// Where jobs go.
    pub queue: Queue,
    /// Where runs are recorded.
    pub ledger: SharedLedger,
    /// This finder, among those that may work on the task.
    pub owner: String,
    /// Start although the previous run has jobs that are not done.
    pub force: bool,
    /// Time between two looks at a previous run of which nothing seems to be left on the queue: longer than the queue
    /// takes to report its depth correctly.
    pub look_every: Duration,
    /// The run to make; `None`: the finder resumes the task's newest run, or begins a new one.
    pub run: Option<RunRequest>,
}

/// How a run is written to.
struct Writing {
    fence: u64,
    is_new: bool,
}

/// A run that begins or goes on.
struct Begun {
    id: String,
    phase: Phase,
    is_new: bool,
}

impl Finder {
    /// Makes one run, or goes on with an earlier one if it was interrupted under the same options.
    /// Returns its id once every job is enqueued.
    ///
    /// - `stop` ends it in good order: what was decided is enqueued, and the error is `Interrupted`.
    /// - Earlier runs with other options are cancelled: nothing of them is carried out any more.
    /// - A previous run with jobs that are not done is `Busy`, unless forced; it is not waited for. If nothing of it is
    ///   left on the queue, it is recorded as lost after some looks, and the new one begins. A retry waits for no run.
    /// - Deferred jobs, which delete, are sent only after the plan has ended well, and only if the planner allows the
    ///   number of deletes.
    /// - Two runs of one task never overlap; see [`claim`]. The claim of a finder that seems to be dead is watched for
    ///   its lease, and then taken.
    ///
    /// If a [certain run](Self::run) is asked for, that one alone is made or resumed, no other is waited for or
    /// cancelled, and another's claim is `ClaimedByOther` at once. A run of which everything is enqueued, or that has
    /// ended, is `Ok` at once; one that is cancelled is `Cancelled`.
    pub async fn run(
        &self,
        planner: &dyn Planner,
        stop: CancellationToken,
        progress: Arc<Progress>,
    ) -> Result<String, FindError> {
        let (ledger, task, owner) = (&self.ledger, &self.task, &self.owner);
        let claim = match &self.run {
            Some(request) => Claim::take(ledger, task, owner, claim::LEASE, request.dead.as_ref()).await?,
            None => Claim::take_from_dead(ledger, task, owner, claim::LEASE, &stop).await?,
        };
        let ended = self.claimed(planner, claim.fence(), stop, claim.lost().child_token(), progress).await;
        // A lost claim shows as an interruption further down: its own error says more.
        match (ended, claim.end().await) {
            (Err(FindError::Interrupted), Some(lost)) => Err(lost),
            (ended, _) => ended,
        }
    }

    /// Cancels the earlier runs of the task that have other options, as [`run`](Self::run) does at its beginning, for a
    /// caller who is the only one at the task and starts a worker before the run. Returns them as they were.
    pub async fn supersede(&self, options: &RunOptions) -> Result<Vec<Run>, FindError> {
        let cancelled = ledger::supersede(&self.ledger, &self.task, options, &self.owner).await;
        let cancelled = cancelled.map_err(FindError::Ledger)?;
        for run in &cancelled {
            tracing::info!(run = %run.start.id, left = run.unsettled(), "cancelled an earlier run, because it had other options");
        }
        Ok(cancelled)
    }

    async fn claimed(
        &self,
        planner: &dyn Planner,
        fence: u64,
        stop: CancellationToken,
        abort: CancellationToken,
        progress: Arc<Progress>,
    ) -> Result<String, FindError> {
        let begun = match &self.run {
            Some(request) => self.requested(request, planner, planner.options(), fence).await?,
            None => Some(self.next(planner, fence, &stop, &progress).await?),
        };
        let Some(Begun { id, phase, is_new }) = begun else {
            return Ok(self.run.iter().map(|request| request.id.clone()).collect());
        };
        // In a resumed run the previous finder may have died between any two writes; or it is alive, and writes no
        // more.
        let mut checkpoints = match is_new {
            true => Vec::new(),
            false => self.ledger.fence(&id, fence).await.map_err(FindError::Ledger)?,
        };
        let mut found = Found::default();
        checkpoints.iter().for_each(|checkpoint| found += checkpoint.found);
        progress.begin(&id, &found);
        let run = self.context(&id, Writing { fence, is_new }, progress.clone(), stop, abort);
        for checkpoint in &mut checkpoints {
            run.send(checkpoint).await?;
        }
        let deferred = match phase {
            Phase::Releasing => {
                self.allow_again(planner, &id, &found).await?;
                checkpoints
            }
            _ => {
                let planned = planner.plan(&run, checkpoints).await;
                self.after_the_plan(planner, &id, planned, fence).await?
            }
        };
        progress.listing_is_done();
        self.release(&run, deferred).await?;
        self.set_phase(&id, Phase::Listed, progress.unlisted().as_deref(), fence).await?;
        Ok(id)
    }

    fn context(
        &self,
        id: &str,
        Writing { fence, is_new }: Writing,
        progress: Arc<Progress>,
        stop: CancellationToken,
        abort: CancellationToken,
    ) -> RunContext {
        let room = Room::of(self.queue.clone(), is_new);
        let (ledger, queue) = (self.ledger.clone(), self.queue.clone());
        let journal = RunJournal { run: id.to_owned(), fence, ledger, queue, room };
        let definition = self.run.as_ref().map_or(0, |request| request.definition);
        let names = RunRef { task: self.task.clone(), run: id.to_owned(), definition };
        RunContext { names, journal: Arc::new(journal), progress, stop, abort }
    }

    /// The run that is resumed, or a new one, when no certain run is asked for.
    async fn next(
        &self,
        planner: &dyn Planner,
        fence: u64,
        stop: &CancellationToken,
        progress: &Progress,
    ) -> Result<Begun, FindError> {
        let options = planner.options();
        progress.has_cancelled(self.supersede(&options).await?);
        if let Some((id, phase)) = self.interrupted(&options).await? {
            return Ok(Begun { id, phase, is_new: false });
        }
        let id = self.begin(planner, options, fence, stop).await?;
        Ok(Begun { id, phase: Phase::Listing, is_new: true })
    }

    /// The run to go on with: one that was interrupted under the same options. A retry goes on with a retry of the same
    /// run. Others go on with the newest run alone: it finds what earlier ones have left.
    async fn interrupted(&self, options: &RunOptions) -> Result<Option<(String, Phase)>, FindError> {
        let newest = if options.retries.is_some() { MAX_RUNS } else { 1 };
        let runs = self.ledger.runs(&self.task, newest).await.map_err(FindError::Ledger)?;
        let open = |run: &Run| matches!(run.phase, Phase::Listing | Phase::Releasing) && run.start.options == *options;
        let run = runs.into_iter().find(open);
        Ok(run.map(|run| {
            tracing::info!(run = %run.start.id, "resuming the interrupted run");
            (run.start.id, run.phase)
        }))
    }

    /// Begins a new run, unless the previous one has jobs that are not done.
    async fn begin(
        &self,
        planner: &dyn Planner,
        options: RunOptions,
        fence: u64,
        stop: &CancellationToken,
    ) -> Result<String, FindError> {
        if options.retries.is_none() && !self.force {
            self.await_previous(stop).await?;
        }
        let id = Uuid::now_v7().to_string();
        self.start(&id, planner, options, fence).await?;
        Ok(id)
    }

    async fn start(&self, id: &str, planner: &dyn Planner, options: RunOptions, fence: u64) -> Result<(), FindError> {
        let start = RunStart {
            id: id.to_owned(),
            task: self.task.clone(),
            source: planner.source(),
            destination: planner.destination(),
            options,
            started: Timestamp::now(),
        };
        // Done and its answer lost: the next finder finds an empty run and goes on with it.
        self.ledger.start_run(&start, fence).await.map_err(FindError::Ledger)
    }

    /// `Busy` while the previous run has jobs that are not done.
    async fn await_previous(&self, stop: &CancellationToken) -> Result<(), FindError> {
        let last = self.ledger.runs(&self.task, 1).await.map_err(FindError::Ledger)?.pop();
        let Some(last) = last.filter(|last| !last.phase.is_cancelled() && !last.is_done()) else { return Ok(()) };
        match last.enqueued().saturating_sub(last.settled.objects()) {
            0 => Ok(()),
            waiting => self.pass_lost(last, waiting, stop).await,
        }
    }

    /// Whether a run that is resumed may go on to send its deferred jobs: as they are allowed now. Some may be sent
    /// already, so the run is cancelled where they may not.
    async fn allow_again(&self, planner: &dyn Planner, id: &str, found: &Found) -> Result<(), FindError> {
        let Err(refused) = planner.allow_deletes(found) else { return Ok(()) };
        self.cancel(id, "cancelled: its deletes are no longer allowed").await?;
        Err(refused)
    }

    /// Cancels a run, which settles what its messages do not.
    async fn cancel(&self, id: &str, why: &str) -> Result<(), FindError> {
        let Some(run) = self.ledger.run(id).await.map_err(FindError::Ledger)? else { return Ok(()) };
        ledger::cancel(&self.ledger, &run, why, &self.owner).await.map_err(FindError::Ledger)
    }

    /// Records the result of the plan. Returns the ranges with deferred jobs to send.
    async fn after_the_plan(
        &self,
        planner: &dyn Planner,
        run: &str,
        planned: Result<Planned, FindError>,
        fence: u64,
    ) -> Result<Vec<Checkpoint>, FindError> {
        match planned {
            Ok(planned) => match planner.allow_deletes(&planned.found) {
                Ok(()) if planned.deferred.is_empty() => Ok(Vec::new()),
                Ok(()) => {
                    self.set_phase(run, Phase::Releasing, None, fence).await?;
                    Ok(planned.deferred)
                }
                Err(refused) => Err(self.give_up(run, refused, fence).await),
            },
            Err(error) if error.is_resumable() => Err(error),
            Err(error) => Err(self.give_up(run, error, fence).await),
        }
    }

    /// Stops a run for this reason, which it returns, unless that cannot be recorded.
    async fn give_up(&self, run: &str, why: FindError, fence: u64) -> FindError {
        self.record_stop(run, &why.to_string(), fence).await.err().unwrap_or(why)
    }

    async fn record_stop(&self, run: &str, why: &str, fence: u64) -> Result<(), FindError> {
        // Stopped first: died in between, the deletes are not counted by a stopped run either.
        self.set_phase(run, Phase::Stopped, Some(why), fence).await?;
        self.ledger.refuse_deletes(run, fence).await.map_err(FindError::Ledger)
    }

    async fn set_phase(&self, run: &str, phase: Phase, error: Option<&str>, fence: u64) -> Result<(), FindError> {
        self.ledger.set_phase(run, phase, error, Some(fence)).await.map_err(FindError::Ledger)
    }
}

#[cfg(test)]
mod tests;
