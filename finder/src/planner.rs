//! The port between the protocol of a run and a kind of data.

use std::fmt::Debug;

use async_trait::async_trait;
use shared::ledger::{Checkpoint, Found, RunOptions};

use crate::error::FindError;
use crate::run::context::RunContext;

/// Decides what one run of one kind of data enqueues.
///
/// # Contract
///
/// - A planner serves one run: its options do not change while it exists.
/// - [`plan`](Self::plan) goes on where its checkpoints end, and begins anew where there are none. It moves counters,
///   cursor and jobs by [`RunContext::commit`], which the protocol makes safe against a crash at any point.
/// - A job is named by its origin, unique in the run. A planner that makes a job again after a crash gives it the same
///   name: workers may get it twice, and the ledger counts it once.
/// - Memory does not grow with the number of items.
#[async_trait]
pub trait Planner: Debug + Send + Sync {
    /// The source, for people.
    fn source(&self) -> String;

    /// The destination, for people.
    fn destination(&self) -> String;

    /// The options that shape what the run enqueues. Their digest decides which earlier runs are resumed, and which are
    /// cancelled.
    fn options(&self) -> RunOptions;

    /// Enqueues what `checkpoints` leave, and returns when everything is enqueued or recorded as a deferred job.
    ///
    /// An `Err` for which [`FindError::is_resumable`] holds leaves the run open. Any other ends the run, and none of its
    /// deferred jobs is sent.
    async fn plan(&self, run: &RunContext, checkpoints: Vec<Checkpoint>) -> Result<Planned, FindError>;

    /// Whether the deletes that were found may be made. The protocol asks before it sends deferred jobs, also in a run that
    /// is resumed, because the limit may be lower by then. A kind without deletes allows them all.
    fn allow_deletes(&self, _found: &Found) -> Result<(), FindError> {
        Ok(())
    }
}

/// The result of a plan that came to its end.
#[derive(Debug, Clone, Default)]
pub struct Planned {
    /// The counters of all checkpoints.
    pub found: Found,
    /// The last checkpoints of the ranges that have deferred jobs.
    pub deferred: Vec<Checkpoint>,
}
