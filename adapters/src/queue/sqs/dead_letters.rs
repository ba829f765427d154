//! The dead letters of a queue on SQS.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};

use super::send::REASON;
use super::{MAX_LEASE_SECONDS, SqsQueue, call, lost_is_ok, whole_seconds};
use shared::Result;
use shared::queue::{DeadLetter, DeadLetterQueue, MAX_RECEIVE};
use shared::retry::{self, Policy};

/// A read waits for this long: SQS then asks all its machines for letters, and not some.
const WAIT: Duration = Duration::from_secs(1);

/// The dead letters of a queue.
#[derive(Debug)]
pub struct SqsDeadLetters {
    client: Client,
    name: String,
    url: String,
}

impl SqsQueue {
    /// Its dead letters.
    pub fn dead_letters(&self) -> SqsDeadLetters {
        SqsDeadLetters { client: self.client.clone(), name: self.dead_name.clone(), url: self.dead_url.clone() }
    }
}

#[async_trait]
impl DeadLetterQueue for SqsDeadLetters {
    async fn read(&self, hidden: Duration) -> Result<Vec<DeadLetter>> {
        // If the answer is lost, its letters stay hidden for that time, and come again.
        let policy = Policy { attempt: WAIT + retry::RECEIVE.attempt, ..retry::RECEIVE };
        let answer = call(&policy, &self.name, || {
            let request = self.client.receive_message().queue_url(&self.url);
            request
                .max_number_of_messages(MAX_RECEIVE as i32)
                .wait_time_seconds(whole_seconds(WAIT, 20))
                .visibility_timeout(whole_seconds(hidden, MAX_LEASE_SECONDS))
                .message_attribute_names(REASON)
                .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
                .send()
        })
        .await?;
        Ok(answer.messages.unwrap_or_default().into_iter().filter_map(letter).collect())
    }

    async fn remove(&self, letter: &DeadLetter) -> Result<()> {
        // Repeated, or done with its answer lost: deleting a deleted message is `Ok` at SQS.
        let request = || self.client.delete_message().queue_url(&self.url).receipt_handle(&letter.receipt).send();
        lost_is_ok(call(&retry::ACKNOWLEDGE, &self.name, request).await.map(drop))
    }
}

/// A letter; `None` for one without a receipt, which nobody can remove: it comes again.
fn letter(raw: Message) -> Option<DeadLetter> {
    let count = raw
        .attributes
        .as_ref()
        .and_then(|attributes| attributes.get(&MessageSystemAttributeName::ApproximateReceiveCount)?.parse().ok());
    let reason = raw.message_attributes.as_ref().and_then(|attributes| attributes.get(REASON)?.string_value.clone());
    Some(DeadLetter {
        receipt: raw.receipt_handle?,
        id: raw.message_id.unwrap_or_default(),
        body: raw.body.unwrap_or_default(),
        deliveries: count.unwrap_or(1),
        reason,
    })
}
