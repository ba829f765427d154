//! The run that an operation requests: whether it is live, and how a slice ends.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use finder::run::claim;
use finder::{FindError, Finder, Progress, RunRequest};
use shared::ledger::{self, ClaimView, Phase, RunOptions, RunStart, SharedLedger};
use shared::object::Timestamp;
use shared::queue::Queue;
use shared::tasks::{Operation, SharedTasks, Summary};
use shared::{ErrorKind, Result, terminal};

use crate::operations::slice::{SliceCheckpoint, SliceEnd};

/// Unused: the run of an operation waits for no earlier run.
const LOOK_AT_PREVIOUS_EVERY: Duration = Duration::from_secs(6);

/// A run, as a slice of its operation sees it.
pub struct AskedRun<'a> {
    /// The task's name.
    pub name: &'a str,
    pub tasks: &'a SharedTasks,
    pub ledger: &'a SharedLedger,
    pub operation: &'a Operation,
    /// The worker.
    pub owner: &'a str,
    /// The claim that the sender of the job has seen, a lease ago.
    pub seen: Option<ClaimView>,
}

impl AskedRun<'_> {
    /// The finder of one slice, which sends jobs to this queue.
    pub fn finder(&self, queue: &Queue) -> Finder {
        let definition = self.operation.version;
        let run = RunRequest { id: self.operation.id.clone(), definition, dead: self.seen.clone() };
        Finder {
            task: self.operation.task.clone(),
            queue: queue.clone(),
            ledger: self.ledger.clone(),
            // Two deliveries to one worker are two owners.
            owner: format!("{}/{}", self.owner, uuid::Uuid::now_v7()),
            force: false,
            look_every: LOOK_AT_PREVIOUS_EVERY,
            run: Some(run),
        }
    }

    /// Stops the run for a reason that stays: the ledger says why, and the controller records the end.
    pub async fn refuse(&self, queue: &Queue, why: &str) -> Result<SliceEnd> {
        let Some(summary) = self.live().await? else { return self.cancel().await };
        let run = RunStart {
            id: self.operation.id.clone(),
            task: self.operation.task.clone(),
            source: summary.outline.source,
            destination: summary.outline.destination,
            options: RunOptions::default(),
            started: Timestamp::now(),
        };
        let refused = self.finder(queue).refuse(&run, why).await;
        if refused.is_ok() {
            tracing::error!(task = self.name, run = self.operation.id, "the run cannot begin and is stopped: {why}");
        }
        self.judge(refused, queue, &Progress::default()).await
    }

    /// How the slice ends after its finder.
    pub async fn judge<T>(
        &self,
        ended: std::result::Result<T, FindError>,
        queue: &Queue,
        progress: &Progress,
    ) -> Result<SliceEnd> {
        match ended {
            Ok(_) => Ok(SliceEnd::Left),
            Err(FindError::Cancelled) => self.cancel().await,
            Err(FindError::Interrupted) if self.is_cancelled().await? => self.cancel().await,
            Err(FindError::Interrupted) => {
                let progress = progress_of(progress);
                Ok(SliceEnd::Continued(SliceCheckpoint { progress, ..SliceCheckpoint::default() }, Duration::ZERO))
            }
            Err(FindError::ClaimedByOther(_)) => self.claimed().await,
            // Another finder has the run's fence, or the run was cancelled.
            Err(FindError::Ledger(error)) if error.kind() == ErrorKind::Conflict => {
                if self.is_cancelled().await? {
                    self.cancel().await
                } else {
                    self.claimed().await
                }
            }
            Err(FindError::Ledger(error) | FindError::Queue(error)) => Err(error),
            Err(error) => self.given_up(queue, error).await,
        }
    }

    /// The finder gave the run up, and the ledger says why: the controller ends it.
    async fn given_up(&self, queue: &Queue, error: FindError) -> Result<SliceEnd> {
        if self.ledger.run_state(&self.operation.id).await?.is_none() {
            return Box::pin(self.refuse(queue, &error.to_string())).await;
        }
        tracing::error!(task = self.name, run = self.operation.id, "the run stopped: {error}");
        Ok(SliceEnd::Left)
    }

    async fn claimed(&self) -> Result<SliceEnd> {
        let claim = self.ledger.claimed(&self.operation.task).await?;
        Ok(SliceEnd::Claimed(claim, claim::LEASE))
    }

    /// The task, if this is its live run, which is not cancelled in the task's record.
    async fn live(&self) -> Result<Option<Summary>> {
        let id = &self.operation.id;
        let summary = self.tasks.summary(self.name).await?;
        let of_task = summary.filter(|summary| summary.task.id == self.operation.task);
        let is_live = |summary: &Summary| {
            summary.run.as_ref().is_some_and(|live| live.id == *id) && !summary.cancelled.contains(id)
        };
        Ok(of_task.filter(is_live))
    }

    /// Whether the run is cancelled: in the task's record, or in the ledger. A run that is not its task's live run is
    /// cancelled, and maybe ended as such, or its task is gone.
    pub async fn is_cancelled(&self) -> Result<bool> {
        if self.live().await?.is_none() {
            return Ok(true);
        }
        let state = self.ledger.run_state(&self.operation.id).await?;
        Ok(state.is_some_and(|state| state.phase.is_cancelled()))
    }

    /// Settles what of the run stands in the ledger; workers settle what is on the queue. The controller does the same
    /// if this worker dies: each object counts once. A run that never began has nothing, and one that no finder works
    /// on is the controller's.
    pub async fn cancel(&self) -> Result<SliceEnd> {
        if let Some(run) = self.ledger.run(&self.operation.id).await?
            && matches!(run.phase, Phase::Listing | Phase::Releasing | Phase::Cancelling)
        {
            let summary = self.tasks.summary(self.name).await?;
            let of_task = summary.filter(|summary| summary.task.id == self.operation.task);
            let why = of_task.map_or("cancelled: its task was deleted", |summary| summary.cancel_reason(&run.start.id));
            ledger::cancel(self.ledger, &run, why, self.owner).await?;
        }
        Ok(SliceEnd::Left)
    }
}

fn progress_of(progress: &Progress) -> String {
    let listed = terminal::counted(progress.listed.load(Relaxed), "object");
    let enqueued = terminal::count(progress.enqueued.load(Relaxed));
    format!("{listed} listed, {enqueued} enqueued")
}
