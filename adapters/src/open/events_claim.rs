//! The claim of one receiver on a queue that a bucket sends its events to.

use std::time::Duration;

use shared::{Error, ErrorKind, Result};
use tokio::time::sleep;

use crate::queue::sqs::SqsQueue;

/// How often the claim is renewed, which shows another receiver: one look at the queue's tags.
const RENEW_EVERY: Duration = Duration::from_secs(300);

/// The claim of one receiver on a queue of a bucket's events.
#[derive(Debug)]
pub struct EventsClaim {
    queue: SqsQueue,
    receiver: String,
    renew_every: Duration,
}

impl EventsClaim {
    /// Claims a queue. `Invalid` if another receiver has it.
    pub(super) async fn take(queue: SqsQueue, receiver: String) -> Result<EventsClaim> {
        let claim = EventsClaim { queue, receiver, renew_every: RENEW_EVERY };
        claim.renew().await?;
        Ok(claim)
    }

    /// The same, renewed this often.
    pub fn renewed_every(self, renew_every: Duration) -> EventsClaim {
        EventsClaim { renew_every, ..self }
    }

    /// Claims the queue again. `Invalid` if another receiver has it.
    pub async fn renew(&self) -> Result<()> {
        self.queue.claim_events(&self.receiver).await
    }

    /// Renews the claim for as long as it is this receiver's, and returns why it is no longer. A look that fails, or is
    /// not answered, decides nothing.
    pub async fn lost(&self) -> Error {
        loop {
            sleep(self.renew_every).await;
            match self.renew().await {
                Err(error) if error.kind() == ErrorKind::Invalid => return error,
                _ => {}
            }
        }
    }

    /// Makes the queue free for another receiver, if this one has it.
    pub async fn leave(&self) -> Result<()> {
        self.queue.disclaim_events(&self.receiver).await
    }
}
