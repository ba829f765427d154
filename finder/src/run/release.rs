//! Held jobs: sending those that wait until everything is planned, which are deletes.

use futures::{StreamExt, TryStreamExt, stream};
use shared::queue::Outgoing;
use shared::{Error, ErrorKind};

use super::Finder;
use super::context::RunContext;
use crate::error::FindError;

/// Held jobs read at once, and sent in one call: one batch of Amazon SQS, at most 2.5 MiB.
const BATCH: usize = 10;

impl Finder {
    /// Sends deferred jobs, given as pairs of a range and its number of them. Died in between: the resumed run sends all
    /// of them again, and each counts once.
    pub(super) async fn release(&self, run: &RunContext, deferred: Vec<(u32, u32)>) -> Result<(), FindError> {
        let numbers = deferred.into_iter().flat_map(|(range, count)| (0..count).map(move |number| (range, number)));
        let mut bodies = stream::iter(numbers)
            .map(|(range, number)| self.deferred(&run.names.run, range, number))
            .buffered(BATCH)
            .try_chunks(BATCH)
            .map_err(|error| error.1);
        while let Some(batch) = bodies.try_next().await? {
            if run.stop.is_cancelled() || run.abort.is_cancelled() {
                return Err(FindError::Interrupted);
            }
            let messages: Vec<Outgoing> = batch.into_iter().map(Outgoing::now).collect();
            self.queue.send(&messages).await.map_err(FindError::Queue)?;
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
