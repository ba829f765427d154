//! The held deletes: whether they may be released, and their way to the queue.

use futures::{StreamExt, TryStreamExt, stream};
use shared::ledger::Found;
use shared::queue::Outgoing;
use shared::{Error, ErrorKind};
use tokio_util::sync::CancellationToken;

use super::Finder;
use crate::error::FindError;

/// Held jobs read at once, and sent in one call: one batch of Amazon SQS, at most 2.5 MiB.
const BATCH: usize = 10;

/// Whether the deletes that were found may be made. Both listings have ended well.
pub(crate) fn allow(found: &Found, max: Option<u64>) -> Result<(), FindError> {
    let deletes = found.deletes;
    let within = max.is_some_and(|max| deletes <= max);
    match max {
        _ if deletes == 0 || within => Ok(()),
        // An unmounted folder, a prefix with a typo: the one mistake that would cost everything.
        _ if found.listed == 0 => Err(FindError::EmptySource { found: deletes }),
        Some(max) => Err(FindError::TooManyDeletes { found: deletes, max }),
        None => Ok(()),
    }
}

impl Finder {
    /// Enqueues held delete jobs, given as pairs of a range and its number of them. Died in between:
    /// the resumed run sends all of them again, which counts once.
    pub(super) async fn release(
        &self,
        run: &str,
        held: Vec<(u32, u32)>,
        stop: &CancellationToken,
        lost: &CancellationToken,
    ) -> Result<(), FindError> {
        let numbers = held.into_iter().flat_map(|(range, count)| (0..count).map(move |number| (range, number)));
        let mut bodies = stream::iter(numbers)
            .map(|(range, number)| self.held(run, range, number))
            .buffered(BATCH)
            .try_chunks(BATCH)
            .map_err(|error| error.1);
        while let Some(batch) = bodies.try_next().await? {
            if stop.is_cancelled() || lost.is_cancelled() {
                return Err(FindError::Interrupted);
            }
            let messages: Vec<Outgoing> = batch.into_iter().map(Outgoing::now).collect();
            self.queue.send(&messages).await.map_err(FindError::Queue)?;
        }
        Ok(())
    }

    async fn held(&self, run: &str, range: u32, number: u32) -> Result<String, FindError> {
        let body = self.ledger.held(run, range, number).await.map_err(FindError::Ledger)?;
        body.ok_or_else(|| {
            let message = format!("delete job {number} of range {range} is missing from the ledger");
            FindError::Ledger(Error::new(ErrorKind::Corrupt, "release", run, message))
        })
    }
}
