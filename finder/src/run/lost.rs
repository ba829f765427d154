//! A previous run whose messages are lost: expired, purged, or redriven in vain.

use shared::ledger::{self, Run};
use shared::terminal;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Finder;
use crate::error::FindError;

/// Looks at a run that seems to have lost messages, [`Finder::look_every`] apart. The depth of an SQS queue is
/// approximate: a message that is handed over between two servers may be in none of its numbers for some seconds.
const LOOKS: u32 = 10;

impl Finder {
    /// Lets the next run begin if the `last` one has lost messages; `Busy` as soon as a part of it shows life:
    /// a message that is ready, leased or delayed, or a counter that moves.
    pub(super) async fn pass_lost(&self, last: Run, waiting: u64, stop: &CancellationToken) -> Result<(), FindError> {
        let since = last.settled.last.unwrap_or(last.start.started);
        let busy = |run: &Run| FindError::Busy { run: run.start.id.clone(), waiting, since };
        for look in 0..LOOKS {
            if look > 0 {
                tokio::select! {
                    () = sleep(self.look_every) => {}
                    () = stop.cancelled() => return Err(FindError::Interrupted),
                }
            }
            // An error is no sign that there is nothing.
            if self.queue.depth().await.map_err(FindError::Queue)?.waiting() > 0 {
                return Err(busy(&last));
            }
            let now = self.ledger.run(&last.start.id).await.map_err(FindError::Ledger)?;
            if now.is_none_or(|now| now.settled.objects() != last.settled.objects()) {
                return Err(busy(&last));
            }
        }
        let lost = ledger::lose(&self.ledger, &last).await.map_err(FindError::Ledger)?;
        tracing::warn!(
            run = %last.start.id,
            lost,
            "the queue lost messages of the previous run {}, with {}: this run finds them again",
            terminal::run_id(&last.start.id),
            terminal::counted(lost, "object")
        );
        Ok(())
    }
}
