//! Why a run of the finder ended early, by what its caller does about it.

use shared::filter::FilterError;
use shared::object::Timestamp;
use shared::{Error, ErrorKind, terminal};

/// Why the finder ended early. Prints as one line: what, where, what to do.
///
/// Rule for adding a variant: add one only when some caller acts differently on it.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// A listing failed or was invalid. The run is stopped; what was enqueued is still done.
    #[error("{0}; the listing is incomplete, so the run stopped and deleted nothing: resolve this, then start again")]
    Listing(Error),
    /// The ledger failed. The run can be resumed.
    #[error("{0}; start again to resume the run")]
    Ledger(Error),
    /// The queue failed. The run can be resumed: the jobs are in the ledger's checkpoints.
    #[error("{0}; start again to resume the run")]
    Queue(Error),
    /// The task's previous run has jobs that are not done.
    #[error(
        "the previous run {} still has {} to finish, and made no progress since {since}: wait for the workers, or use --force",
        terminal::run_id(.run), objects(*.waiting)
    )]
    Busy {
        /// The previous run.
        run: String,
        /// Objects enqueued and not settled.
        waiting: u64,
        /// When one was settled last, or the run began.
        since: Timestamp,
    },
    /// Another finder works on the task.
    #[error("another process works on this task ({}): wait until it ends, or stop it", .0.message())]
    ClaimedByOther(Error),
    /// The run that was asked for is cancelled.
    #[error("the run is cancelled")]
    Cancelled,
    /// More deletes were found than are allowed. None was made; the copies stand.
    #[error(
        "refused to delete {}, because max-delete allows {max}: nothing was deleted; check the source, or raise --max-delete",
        objects(*.found)
    )]
    TooManyDeletes {
        /// Deletes found.
        found: u64,
        /// Deletes allowed.
        max: u64,
    },
    /// The source listed nothing, as an unmounted folder or a wrong prefix does. None was deleted.
    #[error(
        "the source has no objects, and the run would delete {}: nothing was deleted; check the source, or allow the deletes with --max-delete {found}",
        objects(*.found)
    )]
    EmptySource {
        /// Deletes found.
        found: u64,
    },
    /// Some folders could not be listed, or objects not be compared. All else is enqueued.
    #[error("{0}")]
    Incomplete(String),
    /// A filter, or the prefix list, is not well formed.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The caller's stop signal came first. The run can be resumed.
    #[error("interrupted; start again to resume the run")]
    Interrupted,
}

fn objects(number: u64) -> String {
    terminal::counted(number, "object")
}

impl FindError {
    /// Whether the run is left as it was, so that starting the task again goes on with it.
    pub fn is_resumable(&self) -> bool {
        matches!(
            self,
            FindError::Ledger(_) | FindError::Queue(_) | FindError::ClaimedByOther(_) | FindError::Interrupted
        )
    }

    /// Whether a store was away while it was listed: the same command may succeed later, as it is.
    pub fn is_outage(&self) -> bool {
        matches!(self, FindError::Listing(error) if error.is_retryable() && error.kind() != ErrorKind::Corrupt)
    }

    /// Of two errors of one run, the one that decides how the run ends. A ledger or queue that failed
    /// may have left a job unsent: such a run must be resumed, whatever else happened.
    pub(crate) fn or_graver(self, other: FindError) -> FindError {
        fn weight(error: &FindError) -> u8 {
            match error {
                FindError::Interrupted => 0,
                FindError::ClaimedByOther(_) => 3,
                FindError::Ledger(_) | FindError::Queue(_) => 2,
                _ => 1,
            }
        }
        if weight(&other) > weight(&self) { other } else { self }
    }

    /// A failed claim: someone else's, or the ledger's own failure.
    pub(crate) fn of_claim(error: Error) -> FindError {
        if error.kind() == ErrorKind::Conflict { FindError::ClaimedByOther(error) } else { FindError::Ledger(error) }
    }
}
