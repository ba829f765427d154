//! Planners around the planner of a run.

use std::fmt;

use async_trait::async_trait;
use finder::run::context::RunContext;
use finder::{FindError, Planned, Planner};
use shared::ledger::{Checkpoint, Found, RunOptions};

use super::AskedRun;

/// A planner that asks once more whether its run is live, after the run is recorded and before its first commit.
///
/// While the ledger did not know the run, the controller ended it at once if it was cancelled: nothing names it any
/// more. From its record on, the controller has the ledger cancel it, and the finder's writes are refused.
pub struct LivePlanner<'a> {
    pub planner: &'a dyn Planner,
    pub run: &'a AskedRun<'a>,
}

impl fmt::Debug for LivePlanner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LivePlanner").field(&self.planner).finish()
    }
}

#[async_trait]
impl Planner for LivePlanner<'_> {
    fn source(&self) -> String {
        self.planner.source()
    }

    fn destination(&self) -> String {
        self.planner.destination()
    }

    fn options(&self) -> RunOptions {
        self.planner.options()
    }

    async fn plan(&self, run: &RunContext, checkpoints: Vec<Checkpoint>) -> Result<Planned, FindError> {
        // The read fails: the run stays open, and its job comes again. Cancelled: the slice has the ledger cancel it.
        if self.run.is_cancelled().await.map_err(FindError::Ledger)? {
            return Err(FindError::Interrupted);
        }
        self.planner.plan(run, checkpoints).await
    }

    fn allow_deletes(&self, found: &Found) -> Result<(), FindError> {
        self.planner.allow_deletes(found)
    }
}
