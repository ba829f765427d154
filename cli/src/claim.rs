//! The claim of this process on a task: of two processes at one task, each would take the other's run for one that was
//! interrupted.

use std::time::Duration;

use finder::FindError;
use finder::run::claim::Claim;
use shared::ledger::SharedLedger;

use crate::exit::Failure;

/// The embedded ledger ends a claim with its process, however that ends. So the lease need not be short.
const LEASE: Duration = Duration::from_secs(365 * 24 * 3600);

/// What the process that serves a state folder claims. No task's id contains a slash.
const SERVE: &str = "/serve";

/// Makes this process the only one to do the task, from before its finder begins until the last object is settled. The
/// finder's own claim ends with its listing. Only for embedded ledgers.
pub async fn take(ledger: &SharedLedger, task: &str) -> Result<Claim, Failure> {
    // No task's name contains a slash.
    let name = format!("{task}/sync");
    let owner = format!("pid-{}-{}", std::process::id(), uuid::Uuid::now_v7());
    Claim::take(ledger, &name, &owner, LEASE, None).await.map_err(|error| match error {
        FindError::ClaimedByOther(error) => Failure::usage(format!(
            "another sync of this task is running ({}): wait for it, or stop it",
            owner_for_people(error.message())
        )),
        FindError::Ledger(error) => Failure::usage(error),
        error => Failure::usage(error),
    })
}

/// Makes this process the only one that serves a state folder: two would each follow its folders, and begin their runs.
pub async fn take_folder(ledger: &SharedLedger) -> Result<Claim, Failure> {
    let owner = format!("pid-{}-{}", std::process::id(), uuid::Uuid::now_v7());
    Claim::take(ledger, SERVE, &owner, LEASE, None).await.map_err(|error| match error {
        FindError::ClaimedByOther(error) => Failure::usage(format!(
            "another flotilla serve works on this state folder ({}): stop it, or give another --state DIR",
            owner_for_people(error.message())
        )),
        FindError::Ledger(error) => Failure::usage(error),
        error => Failure::usage(error),
    })
}

/// The other process, from the ledger's message about its claim.
fn owner_for_people(message: &str) -> String {
    let process = message.strip_prefix("claimed by pid-").and_then(|owner| owner.split_once('-'));
    process.map_or_else(|| message.to_owned(), |(id, _)| format!("process {id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_a_claims_owner_is_named_as_a_process() {
        assert_eq!(owner_for_people("claimed by pid-32062-01a2b3"), "process 32062");
        assert_eq!(owner_for_people("claimed by finder-01a2"), "claimed by finder-01a2");
    }
}
