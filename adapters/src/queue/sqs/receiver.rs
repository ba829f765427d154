//! The one receiver of a queue that a user made for a bucket's events.
//!
//! SQS gives a message to one of its receivers, so two tasks on one queue lose each other's events. The receiver's name
//! is a tag of the queue. SQS has no conditional write of tags: of two that claim a queue at the same moment the later
//! tag stays, and the other one sees that by its second look, or when it claims the queue again.

use std::time::Duration;

use shared::retry;
use shared::{Error, ErrorKind, Result};
use tokio::time::sleep;

use super::{SqsQueue, call};
use crate::aws::NoEmptyAnswers;

/// The tag that names the receiver of a queue of events.
pub const RECEIVER_TAG: &str = "flotilla:receiver";

/// Between the write of the tag and the second look: longer than another claim takes from its look to its write.
const SECOND_LOOK: Duration = Duration::from_secs(1);

impl SqsQueue {
    /// Makes this the one receiver of the queue; it may be called again at any time. `Invalid` if another one is. A queue
    /// whose tags cannot be read or written is used without, which is logged.
    pub async fn claim_events(&self, receiver: &str) -> Result<()> {
        let present = match self.receiver().await {
            Ok(present) => present,
            Err(error) => return self.accept_unknown(error, "sqs:ListQueueTags"),
        };
        if let Some(present) = present {
            return self.check_receiver(receiver, &present);
        }
        // Repeated, or done with its answer lost: the same tag is written again. Carried out late: the second look, or the
        // next claim, sees it.
        let request = || self.client.tag_queue().queue_url(&self.url).tags(RECEIVER_TAG, receiver).send();
        if let Err(error) = call(&retry::DESCRIBE, &self.name, request).await {
            return self.accept_unknown(error, "sqs:TagQueue");
        }
        sleep(SECOND_LOOK).await;
        match self.receiver().await? {
            Some(present) => self.check_receiver(receiver, &present),
            None => Ok(()),
        }
    }

    /// Makes the queue free for another receiver, if this one has it. Repeating it changes nothing.
    pub async fn disclaim_events(&self, receiver: &str) -> Result<()> {
        match self.receiver().await {
            Ok(present) if present.as_deref() == Some(receiver) => {}
            Ok(_) => return Ok(()),
            Err(error) => return self.accept_unknown(error, "sqs:ListQueueTags"),
        }
        // Carried out late, it may remove the tag of the next receiver, whose next claim writes it anew.
        let request = || self.client.untag_queue().queue_url(&self.url).tag_keys(RECEIVER_TAG).send();
        match call(&retry::DESCRIBE, &self.name, request).await {
            Err(error) => self.accept_unknown(error, "sqs:UntagQueue"),
            Ok(_) => Ok(()),
        }
    }

    async fn receiver(&self) -> Result<Option<String>> {
        // Read-only: slow, repeated or lost, it changes nothing.
        let request =
            || self.client.list_queue_tags().queue_url(&self.url).customize().interceptor(NoEmptyAnswers).send();
        let tags = call(&retry::DESCRIBE, &self.name, request).await?.tags.unwrap_or_default();
        Ok(tags.get(RECEIVER_TAG).filter(|receiver| !receiver.is_empty()).cloned())
    }

    fn check_receiver(&self, receiver: &str, present: &str) -> Result<()> {
        if receiver == present {
            return Ok(());
        }
        let message = format!(
            "{present} receives the events of this queue: give each task a queue of its own, and let the bucket send to \
             both; if nobody receives them any more, remove the tag {RECEIVER_TAG} from the queue"
        );
        Err(Error::new(ErrorKind::Invalid, "open", &self.name, message))
    }

    /// Rights that older deployments lack stop nothing.
    /// An error that may pass is no answer.
    fn accept_unknown(&self, error: Error, right: &str) -> Result<()> {
        match error.kind() {
            ErrorKind::Unsupported => tracing::debug!(queue = self.name, %error, "the queue has no tags"),
            ErrorKind::Denied => {
                tracing::warn!("cannot see who else receives the events of queue {}: allow {right}", self.name);
            }
            _ => return Err(error),
        }
        Ok(())
    }
}
