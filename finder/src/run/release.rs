//! Deferred jobs: sending those that wait until everything is planned, which are deletes.

use futures::{StreamExt, TryStreamExt, stream};
use shared::ledger::Checkpoint;
use shared::queue::Outgoing;
use shared::{Error, ErrorKind};

use super::Finder;
use super::context::RunContext;
use crate::error::FindError;

/// Deferred jobs read at once, and sent in one call: one batch of Amazon SQS, at most 2.5 MiB.
const BATCH: u32 = 10;

/// Ranges whose jobs are sent at once: each holds a batch.
const RANGES_AT_ONCE: usize = 4;

impl Finder {
    /// Sends the deferred jobs of these ranges that were not sent.
    pub(super) async fn release(&self, run: &RunContext, deferred: Vec<Checkpoint>) -> Result<(), FindError> {
        let ranges = deferred.into_iter().map(|checkpoint| self.release_range(run, checkpoint));
        stream::iter(ranges).buffer_unordered(RANGES_AT_ONCE).try_collect().await
    }

    /// Records how many jobs were sent, then sends a batch more: a finder that has lost its claim is refused before it
    /// sends. Died in between: the resumed run sends at most one batch of the range again, and each job counts once.
    async fn release_range(&self, run: &RunContext, mut checkpoint: Checkpoint) -> Result<(), FindError> {
        while checkpoint.released < checkpoint.deferred {
            run.wait_for_room().await?;
            if run.stop.is_cancelled() || run.abort.is_cancelled() {
                return Err(FindError::Interrupted);
            }
            checkpoint.version += 1;
            run.journal.checkpoint(&checkpoint).await?;
            let end = checkpoint.deferred.min(checkpoint.released + BATCH);
            let bodies = stream::iter(checkpoint.released..end)
                .map(|number| self.deferred(&run.names.run, checkpoint.id, number))
                .buffered(BATCH as usize);
            let bodies: Vec<String> = bodies.try_collect().await?;
            let messages: Vec<Outgoing> = bodies.into_iter().map(Outgoing::now).collect();
            self.queue.send(&messages).await.map_err(FindError::Queue)?;
            checkpoint.released = end;
        }
        Ok(())
    }

    async fn deferred(&self, run: &str, range: u32, number: u32) -> Result<String, FindError> {
        let body = self.ledger.deferred(run, range, number).await.map_err(FindError::Ledger)?;
        body.ok_or_else(|| {
            let message = format!("deferred job {number} of range {range} is missing from the ledger");
            FindError::Ledger(Error::new(ErrorKind::Corrupt, "release", run, message))
        })
    }
}
