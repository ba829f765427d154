//! A run that was asked for under an id: another program recorded it, and decides which run of its task is live.

use shared::ledger::{self, ClaimView, Phase, RunOptions, RunStart};
use shared::{Error, ErrorKind};

use super::claim::{self, Claim};
use super::{Begun, Finder};
use crate::error::FindError;
use crate::planner::Planner;

/// A run that was asked for. The finder makes it, or goes on with it; it neither waits for earlier runs of the task nor
/// cancels them. It closes those that are done and had other options.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// The run's id.
    pub id: String,
    /// The version of the task's definition that the run began with, which its jobs carry.
    pub definition: u32,
    /// The claim of another finder that the caller has seen unchanged for its lease ([`super::claim::LEASE`]).
    pub dead: Option<ClaimView>,
}

impl Finder {
    /// The run that was asked for, with its phase; `None` if it needs no finder any more: everything of it is enqueued,
    /// or it has ended. `Cancelled` if it is cancelled.
    pub(super) async fn requested(
        &self,
        request: &RunRequest,
        planner: &dyn Planner,
        options: RunOptions,
        fence: u64,
    ) -> Result<Option<Begun>, FindError> {
        let state = self.ledger.run_state(&request.id).await.map_err(FindError::Ledger)?;
        let Some(state) = state else {
            // Cut off before the start: the next slice closes them again.
            ledger::close_done(&self.ledger, &self.task, &options).await.map_err(FindError::Ledger)?;
            self.start(&request.id, planner, options, fence).await?;
            return Ok(Some(Begun { id: request.id.clone(), phase: Phase::Listing, is_new: true }));
        };
        match state.phase {
            Phase::Listing | Phase::Releasing if state.options == options => {}
            phase @ (Phase::Listing | Phase::Releasing) => {
                return Err(self.options_changed(&request.id, phase, fence).await);
            }
            Phase::Listed | Phase::Stopped | Phase::Lost => return Ok(None),
            Phase::Cancelling | Phase::Cancelled => return Err(FindError::Cancelled),
        }
        Ok(Some(Begun { id: request.id.clone(), phase: state.phase, is_new: false }))
    }

    /// Stops the run that was asked for, because it cannot be made. `Ok` also if it needs no finder any more. A run that
    /// the ledger does not know is recorded first. Nobody knows which of its deletes were sent if it was releasing them:
    /// then it is cancelled. Repeated, or cut off between two writes, it stops the same run.
    pub async fn refuse(&self, run: &RunStart, why: &str) -> Result<(), FindError> {
        let dead = self.run.as_ref().and_then(|request| request.dead.as_ref());
        let claim = Claim::take(&self.ledger, &self.task, &self.owner, claim::LEASE, dead).await?;
        let refused = self.refuse_claimed(run, why, claim.fence()).await;
        claim.end().await;
        refused
    }

    async fn refuse_claimed(&self, run: &RunStart, why: &str, fence: u64) -> Result<(), FindError> {
        let (ledger, id) = (&self.ledger, run.id.as_str());
        match ledger.run_state(id).await.map_err(FindError::Ledger)?.map(|state| state.phase) {
            None => ledger.start_run(run, fence).await.map_err(FindError::Ledger)?,
            Some(Phase::Listing) => ledger.fence(id, fence).await.map(drop).map_err(FindError::Ledger)?,
            Some(Phase::Releasing) => return self.cancel(id, why).await,
            Some(Phase::Listed | Phase::Stopped | Phase::Lost) => return Ok(()),
            Some(Phase::Cancelling | Phase::Cancelled) => return Err(FindError::Cancelled),
        }
        self.record_stop(id, why, fence).await
    }

    /// Gives up a run that cannot go on as it began. The definition of a run stays the same: the list of prefixes may
    /// not, nor the endpoint that the environment gives a store. A run that was releasing its deletes is cancelled: nobody
    /// knows which of them were sent, and those must not be carried out under options that are no longer the task's.
    /// Repeated, or cut off between two writes, it ends the same run in the same way.
    async fn options_changed(&self, run: &str, phase: Phase, fence: u64) -> FindError {
        let message = "the prefix list or an endpoint has changed since the run began";
        let changed = FindError::Listing(Error::new(ErrorKind::Invalid, "find", run, message));
        if let Err(error) = self.ledger.fence(run, fence).await {
            return FindError::Ledger(error);
        }
        match phase {
            Phase::Releasing => self.cancel(run, &changed.to_string()).await.err().unwrap_or(changed),
            _ => self.give_up(run, changed, fence).await,
        }
    }
}
