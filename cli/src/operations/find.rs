//! Makes a run, in slices: the operations `find` and `retry`.
//!
//! The finder keeps its own checkpoints in the ledger, so a slice is a finder that is asked to end after some minutes.
//! It ends no operation: the controller ends a run once its objects are settled. Of two slices of one task at once the
//! claim lets one work; the other sends its job again, delayed by the lease, with the claim that it saw. If nothing has
//! changed by then, the owner of the claim is dead.

mod planners;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use finder::run::claim;
use finder::{FindError, Finder, Planner, Progress, RetryPlanner, RunRequest};
use serde::Deserialize;
use shared::config::{Config, RunOverrides};
use shared::filter::Filter;
use shared::ledger::{self, ClaimView, Phase, RunOptions};
use shared::tasks::{Operation, OperationKind, SharedTasks};
use shared::{ErrorKind, Result, terminal};
use tokio::time::{Instant, sleep, sleep_until};

use self::planners::LivePlanner;
use super::job::Bounds;
use super::slice::{SliceCheckpoint, SliceEnd};
use super::{AGAIN_AFTER, OpenedTask};
use crate::kinds;

/// How often a slice reads whether its run is cancelled. It ends within 15 s of that.
const LOOK_EVERY: Duration = Duration::from_secs(8);

/// Unused: the run of an operation waits for no earlier run.
const LOOK_AT_PREVIOUS_EVERY: Duration = Duration::from_secs(6);

/// The request of an operation `retry`.
#[derive(Debug, Deserialize)]
struct RetryRequest {
    /// The run whose failures are retried.
    run: String,
}

/// What a slice works with.
pub struct Find<'a> {
    pub opened: &'a OpenedTask,
    pub tasks: &'a SharedTasks,
    pub operation: &'a Operation,
    /// The worker.
    pub owner: &'a str,
    /// The claim that the sender of the job has seen, a lease ago.
    pub seen: Option<ClaimView>,
}

impl Find<'_> {
    /// Makes the run until it is enqueued, or the slice ends.
    pub async fn slice(self, bounds: &Bounds) -> Result<SliceEnd> {
        if self.is_cancelled().await? {
            return self.cancel().await;
        }
        let planner = match self.planner().await {
            Ok(planner) => planner,
            Err(Unplanned::Backend(error)) => return Err(error),
            Err(Unplanned::Refused(why)) => return Ok(cannot_begin(why)),
        };
        let planner = LivePlanner { planner: &*planner, find: &self };
        let progress = Arc::new(Progress::default());
        let finder = self.finder();
        let stop = bounds.stop.child_token();
        // The finder commits what it decided, and gives its claim back: it is not dropped.
        let ended = finder.run(&planner, stop.clone(), progress.clone());
        tokio::pin!(ended);
        let ended = tokio::select! {
            ended = &mut ended => ended,
            () = self.until_it_must_end(bounds) => {
                stop.cancel();
                ended.await
            }
        };
        self.judge(ended, &progress).await
    }

    async fn judge(&self, ended: std::result::Result<String, FindError>, progress: &Progress) -> Result<SliceEnd> {
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
            Err(error) => self.given_up(error).await,
        }
    }

    /// The finder gave the run up, and the ledger says why: the controller ends it. A run that could not begin is tried
    /// again.
    async fn given_up(&self, error: FindError) -> Result<SliceEnd> {
        match self.opened.backend.ledger.run_state(&self.operation.id).await? {
            None => Ok(cannot_begin(error)),
            Some(_) => {
                tracing::error!(task = self.opened.config.name, run = self.operation.id, "the run stopped: {error}");
                Ok(SliceEnd::Left)
            }
        }
    }

    async fn claimed(&self) -> Result<SliceEnd> {
        let claim = self.opened.backend.ledger.claimed(&self.operation.task).await?;
        Ok(SliceEnd::Claimed(claim, claim::LEASE))
    }

    fn finder(&self) -> Finder {
        let backend = &self.opened.backend;
        let definition = self.operation.version;
        let run = RunRequest { id: self.operation.id.clone(), definition, dead: self.seen.clone() };
        Finder {
            task: self.operation.task.clone(),
            queue: backend.queue.clone(),
            ledger: backend.ledger.clone(),
            // Two deliveries to one worker are two owners.
            owner: format!("{}/{}", self.owner, uuid::Uuid::now_v7()),
            force: false,
            look_every: LOOK_AT_PREVIOUS_EVERY,
            run: Some(run),
        }
    }

    async fn planner(&self) -> std::result::Result<Box<dyn Planner>, Unplanned> {
        match self.operation.kind {
            OperationKind::Retry => self.retry_planner().await,
            _ => self.find_planner(),
        }
    }

    /// The planner of a run, with the options that the run overrides. Ages of objects count from when the run was asked
    /// for, in each slice.
    fn find_planner(&self) -> std::result::Result<Box<dyn Planner>, Unplanned> {
        let OpenedTask { config, source, destination, backend } = self.opened;
        let overrides = RunOverrides::parse(&self.operation.request).map_err(Unplanned::Refused)?;
        let mut config: Config = config.clone();
        config.objects.find = overrides.apply(&config.objects.find);
        config.objects.find.check().map_err(|why| Unplanned::Refused(why.to_string()))?;
        let sides = (source.clone(), destination.clone());
        kinds::planner_of_run(&config, sides, backend.upload_log.clone(), self.operation.requested)
            .map_err(|why| Unplanned::Refused(why.to_string()))
    }

    /// The planner of a retry. Failures of a run that had other options than the task has now are not retried in their
    /// name; an event is followed as the task is now, whatever it was.
    async fn retry_planner(&self) -> std::result::Result<Box<dyn Planner>, Unplanned> {
        let OpenedTask { config, source, destination, backend } = self.opened;
        let refused = |why: String| Unplanned::Refused(why);
        let request: RetryRequest = serde_json::from_str(&self.operation.request)
            .map_err(|why| refused(format!("the request to retry is invalid: {why}")))?;
        let failed = backend.ledger.run(&request.run).await.map_err(Unplanned::Backend)?;
        let id = terminal::run_id(&request.run);
        let failed =
            failed.ok_or_else(|| refused(format!("the ledger has no record of run {id}: it cannot be retried")))?;
        let (find, work) = (&config.objects.find, &config.objects.work);
        let filter = Filter::load(find, None).map_err(|why| refused(why.to_string()))?;
        let options = RunOptions::of(source, destination, find, work, filter.prefixes());
        if !failed.is_events() && failed.start.options.digest != options.digest {
            return Err(refused(format!("run {id} had other options than its task has now: start a new run")));
        }
        Ok(Box::new(RetryPlanner::new(failed, options, backend.ledger.clone())))
    }

    /// Returns when the slice is over, or its run is cancelled. A read that fails decides nothing.
    async fn until_it_must_end(&self, bounds: &Bounds) {
        let is_cancelled = async {
            loop {
                sleep(LOOK_EVERY).await;
                if self.is_cancelled().await.unwrap_or(false) {
                    return;
                }
            }
        };
        tokio::select! {
            () = sleep_until(Instant::from_std(bounds.until)) => {}
            () = is_cancelled => {}
        }
    }

    /// Whether the run is cancelled: in the task's record, or in the ledger. A run that is not its task's live run is
    /// cancelled, and maybe ended as such, or its task is gone.
    async fn is_cancelled(&self) -> Result<bool> {
        let id = &self.operation.id;
        let summary = self.tasks.summary(&self.opened.config.name).await?;
        let of_task = summary.filter(|summary| summary.task.id == self.operation.task);
        let is_live = of_task
            .is_some_and(|summary| summary.run.is_some_and(|live| live.id == *id) && !summary.cancelled.contains(id));
        if !is_live {
            return Ok(true);
        }
        let state = self.opened.backend.ledger.run_state(&self.operation.id).await?;
        Ok(state.is_some_and(|state| state.phase.is_cancelled()))
    }

    /// Settles what of the run stands in the ledger; workers settle what is on the queue. The controller does the same
    /// if this worker dies: each object counts once. A run that never began has nothing, and one that no finder works
    /// on is the controller's.
    async fn cancel(&self) -> Result<SliceEnd> {
        let ledger = &self.opened.backend.ledger;
        if let Some(run) = ledger.run(&self.operation.id).await?
            && matches!(run.phase, Phase::Listing | Phase::Releasing | Phase::Cancelling)
        {
            ledger::cancel(ledger, &run, "cancelled by command", self.owner).await?;
        }
        Ok(SliceEnd::Left)
    }
}

/// Why there is no planner.
enum Unplanned {
    /// The ledger does not answer.
    Backend(shared::Error),
    /// What somebody has to mend.
    Refused(String),
}

/// An error of the task: it is shown, and tried again.
fn cannot_begin(why: impl std::fmt::Display) -> SliceEnd {
    let progress = format!("cannot begin, trying again in {} s: {why}", AGAIN_AFTER.as_secs());
    SliceEnd::Continued(SliceCheckpoint { progress, ..SliceCheckpoint::default() }, AGAIN_AFTER)
}

fn progress_of(progress: &Progress) -> String {
    let listed = terminal::counted(progress.listed.load(Relaxed), "object");
    let enqueued = terminal::count(progress.enqueued.load(Relaxed));
    format!("{listed} listed, {enqueued} enqueued")
}

#[cfg(test)]
mod tests;
