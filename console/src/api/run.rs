//! A run, as the API has it.

use std::collections::BTreeMap;

use control::views;
use serde::{Deserialize, Serialize};
use shared::ledger::{self, Reasons, RunTransfers};
use utoipa::ToSchema;

use super::page::time;

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// No worker has begun it.
    Queued,
    /// Both sides are being listed; what differs is copied meanwhile.
    Listing,
    /// Everything is listed; the deletes are being put on the queue.
    Releasing,
    /// Everything is on the queue.
    Copying,
    /// It ended, and every object is in sync.
    Done,
    /// It ended; some objects failed, or could not be compared or listed.
    DoneWithFailures,
    /// The finder gave up, or messages were lost. Nothing was deleted after that.
    Stopped,
    /// Its remaining objects are being settled as cancelled.
    Cancelling,
    /// It was cancelled.
    Cancelled,
}

impl From<views::RunState> for RunState {
    fn from(state: views::RunState) -> RunState {
        match state {
            views::RunState::Queued => RunState::Queued,
            views::RunState::Listing => RunState::Listing,
            views::RunState::Releasing => RunState::Releasing,
            views::RunState::Copying => RunState::Copying,
            views::RunState::Done => RunState::Done,
            views::RunState::DoneWithFailures => RunState::DoneWithFailures,
            views::RunState::Stopped => RunState::Stopped,
            views::RunState::Cancelling => RunState::Cancelling,
            views::RunState::Cancelled => RunState::Cancelled,
        }
    }
}

/// A state of a run, and when it was entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Phase {
    /// The state.
    pub state: RunState,
    /// When the run entered it.
    pub entered: String,
}

/// What a run's finder met. All are counts of objects, but for `enqueued_bytes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct Found {
    /// Listed at the source, after filters by key.
    pub listed: u64,
    /// Listed at the destination.
    pub listed_destination: u64,
    /// In sync.
    pub unchanged: u64,
    /// Left out by filters.
    pub filtered: u64,
    /// Could not be compared: nothing is done about them.
    pub not_judged: u64,
    /// To be copied.
    pub enqueued: u64,
    /// Bytes of those.
    pub enqueued_bytes: u64,
    /// To be deleted at the destination.
    pub deletes: u64,
    /// Folders and names that could not be listed.
    pub unlisted: u64,
}

/// What became of a run's objects.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct Settled {
    /// Copied.
    pub copied: u64,
    /// Deleted at the destination.
    pub deleted: u64,
    /// Needed nothing when their turn came, or could not be read.
    pub skipped: u64,
    /// Those of them with a reason, by it.
    pub skipped_by: BTreeMap<String, u64>,
    /// Given up.
    pub failed: u64,
    /// Those of them with a cause, by it.
    pub failed_by: BTreeMap<String, u64>,
    /// Settled without a request, because the run was cancelled.
    pub cancelled: u64,
    /// Bytes of the copied objects.
    pub bytes: u64,
    /// When the last of them was settled.
    pub last: Option<String>,
}

/// Objects and bytes a second, over the last minutes.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, ToSchema)]
pub struct Rate {
    /// Objects settled a second.
    pub objects: f64,
    /// Bytes copied a second.
    pub bytes: f64,
}

/// Large objects that workers transfer now; their bytes are in no counter yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Transfers {
    /// Workers that report.
    pub workers: u64,
    /// Large objects.
    pub objects: u64,
    /// Bytes of them that were transferred so far.
    pub bytes: u64,
    /// Bytes a second that they get.
    pub bytes_per_second: u64,
}

/// How a run stands.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Progress {
    /// How far it is.
    pub state: RunState,
    /// Objects that are to be settled: copies, and deletes once they are on the queue.
    pub enqueued: u64,
    /// What its finder met.
    pub found: Found,
    /// What became of its objects.
    pub settled: Settled,
    /// The share that is done, from 0 to 1; `null` while nobody knows how much there is.
    pub share: Option<f64>,
    /// How fast it moves; `null` before two samples show it.
    pub rate: Option<Rate>,
    /// Estimate of the time that it still takes.
    pub seconds_left: Option<u64>,
    /// What its finder reports while it cannot begin.
    pub progress: Option<String>,
    /// Why its finder gave up, or what it refused.
    pub error: Option<String>,
}

impl From<ledger::Found> for Found {
    fn from(found: ledger::Found) -> Found {
        let ledger::Found { listed, listed_destination, unchanged, filtered, not_judged, .. } = found;
        let ledger::Found { enqueued, enqueued_bytes, deletes, unlisted, .. } = found;
        Found {
            listed,
            listed_destination,
            unchanged,
            filtered,
            not_judged,
            enqueued,
            enqueued_bytes,
            deletes,
            unlisted,
        }
    }
}

impl From<&ledger::Settled> for Settled {
    fn from(settled: &ledger::Settled) -> Settled {
        let by = |reasons: &Reasons| reasons.iter().map(|(reason, count)| (reason.to_owned(), count)).collect();
        Settled {
            copied: settled.copied,
            deleted: settled.deleted,
            skipped: settled.skipped,
            skipped_by: by(&settled.skipped_by),
            failed: settled.failed,
            failed_by: by(&settled.failed_by),
            cancelled: settled.cancelled,
            bytes: settled.bytes,
            last: settled.last.map(time),
        }
    }
}

impl From<RunTransfers> for Transfers {
    fn from(in_flight: RunTransfers) -> Transfers {
        let RunTransfers { workers, objects, bytes, bytes_per_second } = in_flight;
        Transfers { workers, objects, bytes, bytes_per_second }
    }
}
