//! The claim of this process on a task: two that do it at once would each take the other's run for one
//! that was interrupted.

use shared::ErrorKind;
use shared::ledger::SharedLedger;
use std::time::Duration;

use crate::exit::Failure;

/// Who holds the claim, for people: the process that its owner's name tells.
fn holder(held: &str) -> String {
    let process = held.strip_prefix("claimed by pid-").and_then(|owner| owner.split_once('-'));
    process.map_or_else(|| held.to_owned(), |(id, _)| format!("process {id}"))
}

/// Longer than any run. The embedded ledger ends a claim with its process, however that ends.
const LEASE: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Held from before the finder begins until the last object is settled; the finder's own claim ends with
/// its listing. Only for embedded ledgers.
#[derive(Debug)]
pub struct Claim {
    ledger: SharedLedger,
    name: String,
    owner: String,
}

impl Claim {
    /// Makes this process the only one to do the task.
    pub async fn take(ledger: &SharedLedger, task: &str) -> Result<Claim, Failure> {
        // No task's name holds a slash.
        let name = format!("{task}/sync");
        let owner = format!("pid-{}-{}", std::process::id(), uuid::Uuid::now_v7());
        match ledger.claim(&name, &owner, LEASE).await {
            Ok(()) => Ok(Claim { ledger: ledger.clone(), name, owner }),
            Err(error) if error.kind() == ErrorKind::Conflict => Err(Failure::usage(format!(
                "another sync of this task is running ({}): wait for it, or stop it",
                holder(error.message())
            ))),
            Err(error) => Err(Failure::usage(error)),
        }
    }

    /// Gives it back. If that fails it ends with the process.
    pub async fn end(self) {
        if let Err(error) = self.ledger.unclaim(&self.name, &self.owner).await {
            tracing::warn!(%error, "could not release the task: no other sync of it can start until this process ends");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_a_claims_holder_is_named_as_a_process() {
        assert_eq!(holder("claimed by pid-32062-01a2b3"), "process 32062");
        assert_eq!(holder("claimed by finder-01a2"), "claimed by finder-01a2");
    }
}
