//! A run under way, as its planner sees it.

use std::sync::Arc;

use shared::ledger::Checkpoint;
use tokio_util::sync::CancellationToken;

use crate::error::FindError;
use crate::run::journal::Journal;
use crate::run::progress::Progress;

/// The names that every job of a run carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRef {
    /// The task.
    pub task: String,
    /// The run.
    pub run: String,
    /// The version of the task's definition that the run began with; 0: the present one.
    pub definition: u32,
}

/// A run under way.
#[derive(Debug, Clone)]
pub struct RunContext {
    /// Its names.
    pub names: RunRef,
    /// Where checkpoints and jobs go.
    pub journal: Arc<dyn Journal>,
    /// Counters for people.
    pub progress: Arc<Progress>,
    /// Asks for an orderly end: the planner commits what it decided, then returns `Interrupted`.
    pub stop: CancellationToken,
    /// Asks for an end at once: the planner commits nothing more.
    pub abort: CancellationToken,
}

impl RunContext {
    /// Records a checkpoint, then sends the jobs of its outbox and empties it. `deferred` is the number and body of a
    /// job that waits until everything is planned; the checkpoint counts it already.
    ///
    /// Died before the checkpoint: the next finder finds all again, and replaces the deferred job. Died after it: the
    /// next finder sends the outbox first. A checkpoint with jobs waits for room on the queue.
    pub async fn commit(&self, checkpoint: &mut Checkpoint, deferred: Option<(u32, String)>) -> Result<(), FindError> {
        if !checkpoint.outbox.is_empty() {
            self.wait_for_room().await?;
        }
        checkpoint.version += 1;
        if let Some((number, body)) = deferred {
            self.journal.defer(checkpoint.id, number, &body).await?;
        }
        self.journal.checkpoint(checkpoint).await?;
        self.send(checkpoint).await
    }

    /// Waits until the queue takes more jobs. An orderly end does not wait: what was decided is sent.
    pub(crate) async fn wait_for_room(&self) -> Result<(), FindError> {
        tokio::select! {
            biased;
            () = self.abort.cancelled() => Err(FindError::Interrupted),
            () = self.stop.cancelled() => Ok(()),
            room = self.journal.wait_for_room() => room,
        }
    }

    /// Sends the outbox of a checkpoint and empties it. Sent twice, a job counts once.
    pub(crate) async fn send(&self, checkpoint: &mut Checkpoint) -> Result<(), FindError> {
        if !checkpoint.outbox.is_empty() {
            self.journal.send(&checkpoint.outbox).await?;
            checkpoint.outbox.clear();
        }
        Ok(())
    }
}
