//! The claim on a task: at most one finder works on it.

use std::time::Duration;

use shared::ErrorKind;
use shared::ledger::SharedLedger;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::error::FindError;

/// How long a claim holds without renewal, which is how long a task waits for a finder that died.
const LEASE: Duration = Duration::from_secs(60);

/// A renewal is due this often: a quarter of the lease, so that three may fail.
const RENEW_EVERY: Duration = Duration::from_secs(15);

/// The claim counts as lost this long before it ends: covers a call that is under way, and clocks that
/// run unevenly. A process that was stopped for longer than the lease can still write once after it
/// wakes; the jobs it sends are named like those of its successor, and jobs are hints.
const MARGIN: Duration = Duration::from_secs(15);

/// A claim on a task, renewed in the background until it is dropped or ended.
#[derive(Debug)]
pub struct Claim {
    ledger: SharedLedger,
    task: String,
    owner: String,
    lost: CancellationToken,
    ending: CancellationToken,
    /// Comes back with why the claim was lost, or with nothing when it is ended.
    renewal: JoinHandle<Option<FindError>>,
}

impl Claim {
    /// Claims a task; `ClaimedByOther` if another finder works on it.
    pub async fn take(ledger: &SharedLedger, task: &str, owner: &str) -> Result<Claim, FindError> {
        let since = Instant::now();
        ledger.claim(task, owner, LEASE).await.map_err(FindError::of_claim)?;
        let (lost, ending) = (CancellationToken::new(), CancellationToken::new());
        let (ledger, task, owner) = (ledger.clone(), task.to_owned(), owner.to_owned());
        let renewed = renew(ledger.clone(), task.clone(), owner.clone(), since, lost.clone(), ending.clone());
        let renewal = tokio::spawn(renewed);
        Ok(Claim { ledger, task, owner, lost, ending, renewal })
    }

    /// Cancelled when the claim is lost: whoever works under it must end at once.
    pub fn lost(&self) -> CancellationToken {
        self.lost.clone()
    }

    /// Gives the claim back. Returns why it was lost, if it was.
    pub async fn end(mut self) -> Option<FindError> {
        self.ending.cancel();
        // A renewal that is under way is waited for, which its own limit bounds: left alone it may be done after what
        // follows, and would claim the task for nobody. A finder that is told to stop does not wait for so long.
        if let Ok(Some(why)) = (&mut self.renewal).await {
            return Some(why);
        }
        // Failed, or its answer lost: the claim ends with its lease.
        if let Err(error) = self.ledger.unclaim(&self.task, &self.owner).await {
            tracing::warn!(%error, "could not release the claim on the task: it expires by itself");
        }
        None
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

/// Renews until the claim is lost, and returns why, or is ended. The lease counts from when a request was sent, not
/// from when it was answered.
async fn renew(
    ledger: SharedLedger,
    task: String,
    owner: String,
    mut since: Instant,
    lost: CancellationToken,
    ending: CancellationToken,
) -> Option<FindError> {
    loop {
        tokio::select! {
            () = ending.cancelled() => return None,
            () = sleep(RENEW_EVERY) => {}
        }
        let asked = Instant::now();
        let last_moment = since + LEASE - MARGIN;
        match timeout_at(last_moment, ledger.claim(&task, &owner, LEASE)).await {
            Ok(Ok(())) => since = asked,
            Ok(Err(error)) if error.kind() != ErrorKind::Conflict && asked + RENEW_EVERY < last_moment => {
                tracing::warn!(%error, "could not renew the claim on the task: trying again");
            }
            Ok(Err(error)) => {
                lost.cancel();
                return Some(FindError::of_claim(error));
            }
            Err(_) => {
                lost.cancel();
                let message = "could not renew the claim on the task in time";
                return Some(FindError::Ledger(shared::Error::new(ErrorKind::Timeout, "claim", task, message)));
            }
        }
    }
}
