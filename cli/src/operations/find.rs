//! Makes a run, in slices: the operations `find` and `retry`.
//!
//! The finder keeps its own checkpoints in the ledger, so a slice is a finder that is asked to end after some minutes.
//! It ends no operation: the controller ends a run once its objects are settled. Of two slices of one task at once the
//! claim lets one work; the other sends its job again, delayed by the lease, with the claim that it saw. If nothing has
//! changed by then, the owner of the claim is dead.
//!
//! A run that cannot begin for a reason that stays is stopped in the ledger at once, with the reason.

mod asked;
mod planners;

use std::sync::Arc;
use std::time::Duration;

use control::request::RetryRequest;
use finder::{Planner, Progress};
use shared::tasks::OperationKind;
use shared::{Result, terminal};
use tokio::time::{Instant, sleep, sleep_until};

pub use self::asked::AskedRun;
use self::planners::LivePlanner;
use super::OpenedTask;
use super::job::SliceBounds;
use super::slice::SliceEnd;

/// How often a slice reads whether its run is cancelled. It ends within 15 s of that.
const LOOK_EVERY: Duration = Duration::from_secs(8);

/// A slice of a run.
pub struct FindSlice<'a> {
    pub opened: &'a OpenedTask,
    pub run: AskedRun<'a>,
}

impl FindSlice<'_> {
    /// Makes the run until it is enqueued, or the slice ends.
    pub async fn slice(self, bounds: &SliceBounds) -> Result<SliceEnd> {
        let (run, queue) = (&self.run, &self.opened.backend.queue);
        if run.is_cancelled().await? {
            return run.cancel().await;
        }
        let planner = match self.planner().await {
            Ok(planner) => planner,
            Err(Unplanned::Backend(error)) => return Err(error),
            Err(Unplanned::Refused(why)) => return run.refuse(queue, &why).await,
        };
        let planner = LivePlanner { planner: &*planner, run };
        let progress = Arc::new(Progress::default());
        let finder = run.finder(queue);
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
        run.judge(ended, queue, &progress).await
    }

    async fn planner(&self) -> std::result::Result<Box<dyn Planner>, Unplanned> {
        match self.run.operation.kind {
            OperationKind::Retry => self.retry_planner().await,
            _ => self.find_planner(),
        }
    }

    /// The planner of a run, with the options that the run overrides. Ages of objects count from when the run was asked
    /// for, in each slice.
    fn find_planner(&self) -> std::result::Result<Box<dyn Planner>, Unplanned> {
        let OpenedTask { config, backend, kind } = self.opened;
        let operation = self.run.operation;
        let config = kind.overridden(config, &operation.request).map_err(Unplanned::Refused)?;
        kind.planner(&config, backend, operation.requested).map_err(|why| Unplanned::Refused(why.to_string()))
    }

    /// The planner of a retry.
    async fn retry_planner(&self) -> std::result::Result<Box<dyn Planner>, Unplanned> {
        let refused = |why: String| Unplanned::Refused(why);
        let request: RetryRequest = serde_json::from_str(&self.run.operation.request)
            .map_err(|why| refused(format!("the request to retry is invalid: {why}")))?;
        let failed = self.opened.backend.ledger.run(&request.run).await.map_err(Unplanned::Backend)?;
        let id = terminal::run_id(&request.run);
        let failed =
            failed.ok_or_else(|| refused(format!("the ledger has no record of run {id}: it cannot be retried")))?;
        self.opened.kind.retry_planner(self.opened, failed, request.keys).map_err(refused)
    }

    /// Returns when the slice is over, or its run is cancelled. A read that fails decides nothing.
    async fn until_it_must_end(&self, bounds: &SliceBounds) {
        let is_cancelled = async {
            loop {
                sleep(LOOK_EVERY).await;
                if self.run.is_cancelled().await.unwrap_or(false) {
                    return;
                }
            }
        };
        tokio::select! {
            () = sleep_until(Instant::from_std(bounds.until)) => {}
            () = is_cancelled => {}
        }
    }
}

/// Why there is no planner.
enum Unplanned {
    /// The ledger does not answer.
    Backend(shared::Error),
    /// This reason stays: the same request would be refused again.
    Refused(String),
}

#[cfg(test)]
mod tests;
