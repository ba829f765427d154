//! The queue on Amazon SQS, or on a service with its JSON interface.
//!
//! A standard queue and its dead-letter queue, both made by [`SqsQueue::create`]. Beyond the port's
//! contract, this is how SQS behaves:
//!
//! - `extend` may accept a receipt that a later receipt has replaced, and `acknowledge` may then have no
//!   effect: `LeaseLost` is certain, its absence is not. Jobs may be done twice, so this does no harm.
//! - A lease lasts 12 hours in all, however often it is extended.
//! - SQS moves a message that was received 100 times to the dead-letter queue,
//!   without a reason: each of its workers died.

mod access;
mod create;
mod dead_letters;
mod owned;
mod receiver;
mod rights;
mod send;
mod task;

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::aws::{self, allow};
use create::Tags;
pub use owned::{FLEET_TAG, Owner, TASK_ID_TAG};
pub use receiver::RECEIVER_TAG;
use shared::config::QueueConfig;
use shared::object::Timestamp;
use shared::queue::{Depth, JobQueue, MAX_RECEIVE, Message, Outgoing};
use shared::retry::{self, Policy};
use shared::{Error, ErrorKind, Result};
pub use task::TASK_TAG;

/// Longest lease (`VisibilityTimeout`), seconds.
const MAX_LEASE_SECONDS: u64 = 12 * 3600;

/// Longest wait for a message (`WaitTimeSeconds`), seconds.
const MAX_WAIT_SECONDS: u64 = 20;

/// A queue and its dead-letter queue on SQS.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: Client,
    name: String,
    url: String,
    dead_name: String,
    dead_url: String,
}

impl SqsQueue {
    /// Opens the configured queue and its dead-letter queue. `NoSuchContainer` if one is missing.
    pub async fn open(config: &QueueConfig) -> Result<SqsQueue> {
        let client = client(config).await?;
        let dead = config.dead_letter_name();
        let (url, dead_url) = futures::try_join!(url_of(&client, &config.name), url_of(&client, &dead))?;
        Ok(SqsQueue { client, name: config.name.clone(), url, dead_name: dead, dead_url })
    }

    /// Makes the configured queue and its dead-letter queue if they do not exist. Returns one line for each
    /// one that was made, or that differs from the configuration; an existing queue is not changed.
    pub async fn create(config: &QueueConfig) -> Result<Vec<String>> {
        let client = client(config).await?;
        let made = create::create(&client, &config.name, &config.dead_letter_name(), &Tags::new()).await?;
        Ok(made.map(|queue| queue.line).into())
    }

    /// The number of messages of one kind (ready, leased, delayed) on the queue at `url`.
    async fn counts(&self, url: &str) -> Result<[u64; 3]> {
        use QueueAttributeName::{
            ApproximateNumberOfMessages as Ready, ApproximateNumberOfMessagesDelayed as Delayed,
            ApproximateNumberOfMessagesNotVisible as Leased,
        };
        let verb = retry::DESCRIBE.verb;
        // Read-only: slow, repeated or lost, it changes nothing.
        retry::run(&retry::DESCRIBE, &self.name, || async {
            let names = Some(vec![Ready, Leased, Delayed]);
            let request = self.client.get_queue_attributes().queue_url(url).set_attribute_names(names);
            let answer = request.send().await.map_err(|error| meaning(verb, &self.name, error))?;
            // An error, not zero: a run with an empty queue would be recorded as lost.
            let count = |name: QueueAttributeName| {
                let count = answer.attributes().and_then(|a| a.get(&name)?.parse().ok());
                count.ok_or_else(|| {
                    Error::new(ErrorKind::Corrupt, verb, &self.name, format!("the answer has no {}", name.as_str()))
                })
            };
            Ok([count(Ready)?, count(Leased)?, count(Delayed)?])
        })
        .await
    }

    async fn set_visibility(&self, receipt: &str, lease: Duration) -> Result<()> {
        // Repeated or answered twice: the deadline is set again, which only lengthens it. Cut off:
        // the lease ends at the old or the new deadline; the caller assumes the old one.
        let seconds = whole_seconds(lease, MAX_LEASE_SECONDS);
        let request = || {
            let call = self.client.change_message_visibility().queue_url(&self.url).receipt_handle(receipt);
            call.visibility_timeout(seconds).send()
        };
        call(&retry::EXTEND, &self.name, request).await.map(drop)
    }
}

#[async_trait]
impl JobQueue for SqsQueue {
    async fn send(&self, messages: &[Outgoing]) -> Result<()> {
        send::send(&self.client, &self.name, &self.url, messages).await
    }

    async fn receive(&self, max: usize, wait: Duration, lease: Duration) -> Result<Vec<Message>> {
        use MessageSystemAttributeName::{ApproximateReceiveCount, SentTimestamp};
        // If the answer is lost, or comes after the attempt's limit, its messages stay hidden for one lease and
        // come again with a higher count. A repeated request gets others: none is lost.
        let policy = Policy { attempt: wait + retry::RECEIVE.attempt, ..retry::RECEIVE };
        let answer = call(&policy, &self.name, || {
            let request = self.client.receive_message().queue_url(&self.url);
            request
                .max_number_of_messages(max.clamp(1, MAX_RECEIVE) as i32)
                .wait_time_seconds(whole_seconds(wait, MAX_WAIT_SECONDS))
                .visibility_timeout(whole_seconds(lease, MAX_LEASE_SECONDS))
                .set_message_system_attribute_names(Some(vec![ApproximateReceiveCount, SentTimestamp]))
                .send()
        })
        .await?;
        Ok(answer.messages.unwrap_or_default().into_iter().filter_map(message).collect())
    }

    // SQS, like compatible services, does not check whether the caller still waits.
    fn outlives_callers(&self) -> bool {
        true
    }

    async fn extend(&self, message: &Message, lease: Duration) -> Result<()> {
        self.set_visibility(&message.receipt, lease).await
    }

    // Single calls, not batches: a job is seconds of work, so one call a job costs next to nothing.
    async fn acknowledge(&self, message: &Message) -> Result<()> {
        // Repeated, or done with its answer lost: deleting a deleted message is `Ok` at SQS. Cut off and not
        // done: the job comes again, and the ledger counts it once.
        let request = || self.client.delete_message().queue_url(&self.url).receipt_handle(&message.receipt).send();
        lost_is_ok(call(&retry::ACKNOWLEDGE, &self.name, request).await.map(drop))
    }

    async fn release(&self, message: &Message, delay: Duration) -> Result<()> {
        lost_is_ok(self.set_visibility(&message.receipt, delay).await)
    }

    async fn dead_letter(&self, message: &Message, reason: &str) -> Result<()> {
        send::send_dead(&self.client, &self.name, &self.dead_url, &message.body, reason).await?;
        // Cut off between the two: the message comes again and is stored there twice, for people to read.
        self.acknowledge(message).await
    }

    async fn depth(&self) -> Result<Depth> {
        let (counts, dead) = futures::try_join!(self.counts(&self.url), self.counts(&self.dead_url))?;
        let [ready, leased, delayed] = counts;
        Ok(Depth { ready, leased, delayed, dead: dead.iter().sum() })
    }
}

async fn client(config: &QueueConfig) -> Result<Client> {
    Ok(Client::new(&aws::sdk_config(&config.connection).await?))
}

/// The URL of the queue of this name in the credentials' account.
async fn url_of(client: &Client, name: &str) -> Result<String> {
    let verb = retry::DESCRIBE.verb;
    // Read-only: slow, repeated or lost, it changes nothing.
    retry::run(&retry::DESCRIBE, name, || async {
        let request = client.get_queue_url().queue_name(name);
        let answer = request.send().await.map_err(|error| meaning(verb, name, error))?;
        answer.queue_url.ok_or_else(|| Error::new(ErrorKind::Corrupt, verb, name, "the queue has no URL"))
    })
    .await
    .map_err(allow("sqs:GetQueueUrl"))
}

/// Sends a request under a retry policy; its errors are the port's.
async fn call<T, E, F>(policy: &Policy, queue: &str, mut request: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    retry::run(policy, queue, || {
        let sent = request();
        async { sent.await.map_err(|error| meaning(policy.verb, queue, error)) }
    })
    .await
}

/// The meaning of SQS's own error codes; [`aws::error_from`] has the codes of all services.
fn meaning<E>(verb: &'static str, queue: &str, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    // Codes come with or without the prefix of the older query interface.
    let code = error.code().unwrap_or_default().rsplit('.').next().unwrap_or_default();
    let about_lease = matches!(verb, "extend" | "acknowledge");
    let text = error.message().unwrap_or_default();
    let (kind, message) = match code {
        "NonExistentQueue" | "QueueDoesNotExist" => {
            let message = format!("queue {queue} does not exist: create it with `flotilla init`");
            (ErrorKind::NoSuchContainer, message)
        }
        "MessageNotInflight" | "ReceiptHandleIsInvalid" if about_lease => {
            (ErrorKind::LeaseLost, "the lease of the message has ended".to_owned())
        }
        // "The receipt handle has expired", and the end of the 12 hours ("Total VisibilityTimeout for
        // the message is beyond the limit"), have no code of their own.
        "InvalidParameterValue" if about_lease && (text.contains("expired") || text.contains("beyond the limit")) => {
            (ErrorKind::LeaseLost, "the lease of the message has ended, or reached the limit of 12 hours".to_owned())
        }
        "InvalidMessageContents" | "BatchRequestTooLong" => (ErrorKind::Invalid, text.to_owned()),
        "OverLimit" => (ErrorKind::Throttled, "too many messages are in flight (120,000)".to_owned()),
        "QueueDeletedRecently" => (
            ErrorKind::Conflict,
            "a queue of this name was deleted within the last 60 s: try again in a minute".to_owned(),
        ),
        "QueueNameExists" | "QueueAlreadyExists" => (ErrorKind::Conflict, "the queue already exists".to_owned()),
        _ => return aws::error_from(verb, queue, error),
    };
    Error::new(kind, verb, queue, message).with_source(error)
}

/// `Ok` also if the message is no longer ours: the caller wanted to give it up.
fn lost_is_ok(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::LeaseLost => Ok(()),
        other => other,
    }
}

/// A duration in whole seconds, as SQS takes it: rounded up, at most `max`.
fn whole_seconds(duration: Duration, max: u64) -> i32 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    seconds.min(max) as i32
}

/// A received message; `None` for one without a receipt, which nobody can acknowledge: it comes again.
fn message(raw: aws_sdk_sqs::types::Message) -> Option<Message> {
    let attribute = |name| raw.attributes.as_ref()?.get(&name)?.parse::<i64>().ok();
    let receive_count = attribute(MessageSystemAttributeName::ApproximateReceiveCount);
    let sent = attribute(MessageSystemAttributeName::SentTimestamp);
    Some(Message {
        receipt: raw.receipt_handle?,
        id: raw.message_id.unwrap_or_default(),
        body: raw.body.unwrap_or_default(),
        receive_count: receive_count.and_then(|n| u32::try_from(n).ok()).unwrap_or(1).max(1),
        sent: sent.map_or_else(Timestamp::now, Timestamp),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_second_is_a_second_to_sqs() {
        assert_eq!(whole_seconds(Duration::ZERO, 20), 0);
        assert_eq!(whole_seconds(Duration::from_millis(1), 20), 1);
        assert_eq!(whole_seconds(Duration::from_secs(90), 20), 20);
    }

    #[test]
    fn a_message_without_attributes_is_taken_for_a_first_delivery() {
        let raw = aws_sdk_sqs::types::Message::builder().receipt_handle("r").body("b").build();
        assert_eq!(message(raw).unwrap().receive_count, 1);
        assert!(message(aws_sdk_sqs::types::Message::builder().body("b").build()).is_none());
    }
}
