//! A claim on a task: at most one process works under it.

use std::time::Duration;

use shared::ErrorKind;
use shared::ledger::{ClaimView, SharedLedger};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::error::FindError;

/// Lease of a finder's claim: a task waits at most this long for a finder that died.
pub const LEASE: Duration = Duration::from_secs(60);

/// A claim is renewed this often in the time of its lease, so that three renewals may fail.
const RENEWALS: u32 = 4;

/// Another's claim is looked at this often in the time of its lease.
const LOOKS: u32 = 12;

/// A claim on a task, renewed in the background until it is dropped or ended.
#[derive(Debug)]
pub struct Claim {
    terms: Terms,
    fence: u64,
    lost: CancellationToken,
    ending: CancellationToken,
    /// Returns why the claim was lost, or nothing if it was ended.
    renewal: JoinHandle<Option<FindError>>,
}

/// Who claims what, and for how long.
#[derive(Debug, Clone)]
struct Terms {
    ledger: SharedLedger,
    name: String,
    owner: String,
    lease: Duration,
}

impl Terms {
    async fn claim(&self, dead: Option<&ClaimView>) -> shared::Result<u64> {
        self.ledger.claim(&self.name, &self.owner, dead).await
    }

    /// Time between two renewals.
    fn interval(&self) -> Duration {
        self.lease / RENEWALS
    }

    /// The claim counts as lost this long before its lease ends: covers a call that is under way, and clocks that run
    /// unevenly. A process that was stopped for longer than the lease learns of it after it wakes; until then the claim's
    /// fence keeps it from writing.
    fn margin(&self) -> Duration {
        self.lease / RENEWALS
    }
}

impl Claim {
    /// Claims `name`, a task or a part of its work; `ClaimedByOther` if another owner has the claim. `dead`: the claim
    /// that the caller has seen unchanged for the lease.
    pub async fn take(
        ledger: &SharedLedger,
        name: &str,
        owner: &str,
        lease: Duration,
        dead: Option<&ClaimView>,
    ) -> Result<Claim, FindError> {
        let since = Instant::now();
        let terms = Terms { ledger: ledger.clone(), name: name.to_owned(), owner: owner.to_owned(), lease };
        let fence = terms.claim(dead).await.map_err(FindError::of_claim)?;
        let (lost, ending) = (CancellationToken::new(), CancellationToken::new());
        let renewal = tokio::spawn(renew(terms.clone(), fence, since, lost.clone(), ending.clone()));
        Ok(Claim { terms, fence, lost, ending, renewal })
    }

    /// As [`take`](Self::take), but watches the claim of another owner until it changes, which proves that the owner is
    /// alive, or until it was the same for the lease: then the owner is dead, and its claim is taken. `Interrupted` if
    /// `stop` comes first.
    pub async fn take_from_dead(
        ledger: &SharedLedger,
        name: &str,
        owner: &str,
        lease: Duration,
        stop: &CancellationToken,
    ) -> Result<Claim, FindError> {
        let mut seen: Option<(ClaimView, Instant)> = None;
        loop {
            let dead = seen.as_ref().filter(|(_, since)| since.elapsed() >= lease).map(|(claim, _)| claim);
            let refused = match Claim::take(ledger, name, owner, lease, dead).await {
                Err(refused @ FindError::ClaimedByOther(_)) => refused,
                taken => return taken,
            };
            let present = ledger.claimed(name).await.map_err(FindError::Ledger)?;
            match (&seen, present) {
                // It has ended meanwhile.
                (_, None) => {}
                (None, Some(claim)) => {
                    tracing::info!(owner = claim.owner, "another finder has the task: waiting for a sign of life");
                    seen = Some((claim, Instant::now()));
                }
                (Some((before, _)), Some(claim)) if *before == claim => {}
                (Some(_), Some(_)) => return Err(refused),
            }
            let left = seen.as_ref().map_or(lease, |(_, since)| lease.saturating_sub(since.elapsed()));
            tokio::select! {
                () = sleep(left.min(lease / LOOKS)) => {}
                () = stop.cancelled() => return Err(FindError::Interrupted),
            }
        }
    }

    /// The number under which its owner writes.
    pub fn fence(&self) -> u64 {
        self.fence
    }

    /// Cancelled when the claim is lost: all work under it must end at once.
    pub fn lost(&self) -> CancellationToken {
        self.lost.clone()
    }

    /// Gives the claim back. Returns why it was lost, if it was.
    pub async fn end(mut self) -> Option<FindError> {
        self.ending.cancel();
        // This waits for a renewal that is under way, whose own limit bounds it: done after the claim is given back, it
        // would claim the task for nobody. A finder that has to stop aborts this earlier.
        if let Ok(Some(why)) = (&mut self.renewal).await {
            return Some(why);
        }
        // Failed, or its answer lost: the claim ends with its lease.
        if let Err(error) = self.terms.ledger.unclaim(&self.terms.name, &self.terms.owner).await {
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
    terms: Terms,
    fence: u64,
    mut since: Instant,
    lost: CancellationToken,
    ending: CancellationToken,
) -> Option<FindError> {
    loop {
        tokio::select! {
            () = ending.cancelled() => return None,
            () = sleep(terms.interval()) => {}
        }
        let asked = Instant::now();
        let last_moment = since + terms.lease - terms.margin();
        match timeout_at(last_moment, terms.claim(None)).await {
            Ok(Ok(renewed)) if renewed == fence => since = asked,
            // Another finder had the claim meanwhile and gave it back: this is a new one, which nobody needs.
            Ok(Ok(_)) => {
                lost.cancel();
                let _ = terms.ledger.unclaim(&terms.name, &terms.owner).await;
                let message = "another finder had the claim meanwhile";
                let lost = shared::Error::new(ErrorKind::Conflict, "claim", terms.name, message);
                return Some(FindError::ClaimedByOther(lost));
            }
            Ok(Err(error)) if error.kind() != ErrorKind::Conflict && asked + terms.interval() < last_moment => {
                tracing::warn!(%error, "could not renew the claim on the task: trying again");
            }
            Ok(Err(error)) => {
                lost.cancel();
                return Some(FindError::of_claim(error));
            }
            Err(_) => {
                lost.cancel();
                let message = "could not renew the claim on the task in time";
                return Some(FindError::Ledger(shared::Error::new(ErrorKind::Timeout, "claim", terms.name, message)));
            }
        }
    }
}
