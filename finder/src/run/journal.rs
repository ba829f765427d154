//! Where checkpoints and jobs go: to ledger and queue in a run, into sums in a dry run.

use std::fmt::Debug;

use async_trait::async_trait;
use shared::ledger::{Checkpoint, SharedLedger};
use shared::queue::{Outgoing, Queue};

use crate::error::FindError;
use crate::run::room::Room;

/// Where checkpoints and jobs go. Each call may be repeated; an `Err` ends the plan.
#[async_trait]
pub trait Journal: Send + Sync + Debug + 'static {
    /// Records a job that waits until everything is planned. A repetition replaces the body.
    async fn defer(&self, range: u32, number: u32, body: &str) -> Result<(), FindError>;

    /// Writes a range's checkpoint over its earlier one.
    async fn checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), FindError>;

    /// Sends jobs that stand in the outbox of a checkpoint.
    async fn send(&self, bodies: &[String]) -> Result<(), FindError>;

    /// Waits until there is room for more jobs. The caller may drop the call.
    async fn wait_for_room(&self) -> Result<(), FindError> {
        Ok(())
    }
}

/// A run's journal.
#[derive(Debug)]
pub struct RunJournal {
    /// The run.
    pub run: String,
    /// The fence of the finder's claim.
    pub fence: u64,
    /// Where checkpoints and deferred jobs go.
    pub ledger: SharedLedger,
    /// Where jobs go.
    pub queue: Queue,
    /// Whether the queue takes more of them.
    pub room: Room,
}

#[async_trait]
impl Journal for RunJournal {
    // Deferred before the checkpoint that counts it. Died in between: the resumed walk makes the job of
    // that number anew, perhaps with other keys, and it replaces this one.
    async fn defer(&self, range: u32, number: u32, body: &str) -> Result<(), FindError> {
        self.ledger.defer(&self.run, range, number, body, self.fence).await.map_err(FindError::Ledger)
    }

    // The adapter tries again where that can help. Done and its answer lost: the run ends here, and the
    // resumed one reads the checkpoint that is there, with its outbox.
    async fn checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), FindError> {
        self.ledger.checkpoint(&self.run, checkpoint, self.fence).await.map_err(FindError::Ledger)
    }

    // Awaited, so a slow or throttled queue slows the listing down. Sent in part, or its answer lost: the
    // outbox is sent again by the resumed run; jobs have names, so that twice counts once.
    async fn send(&self, bodies: &[String]) -> Result<(), FindError> {
        let messages: Vec<Outgoing> = bodies.iter().cloned().map(Outgoing::now).collect();
        self.queue.send(&messages).await.map_err(FindError::Queue)
    }

    async fn wait_for_room(&self) -> Result<(), FindError> {
        self.room.wait().await
    }
}
