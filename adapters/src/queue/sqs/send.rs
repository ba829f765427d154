//! Sends messages to SQS in batches, and sends refused messages of a batch again.

use std::ops::Range;
use std::sync::Mutex;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchOutput;
use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{meaning, whole_seconds};
use shared::queue::{MAX_BODY_BYTES, Outgoing};
use shared::retry;
use shared::sync::lock;
use shared::{Error, ErrorKind, Result};

/// Most messages of one batch (`SendMessageBatch`).
const BATCH_MESSAGES: usize = 10;

/// Most bytes of one batch. SQS takes 1 MiB since 2025-08; compatible services take the older 256 KiB.
const BATCH_BYTES: usize = MAX_BODY_BYTES;

/// Longest delay of a message (`DelaySeconds`).
const MAX_DELAY: Duration = Duration::from_secs(15 * 60);

/// Most concurrent batches: enough to hide the latency of SQS, few enough not to be throttled.
const BATCHES_AT_ONCE: usize = 4;

/// Longest reason on a dead letter, bytes.
const REASON_BYTES: usize = 1024;

/// The dead letter's attribute for the reason.
pub(super) const REASON: &str = "reason";

/// Sends all messages; `Ok` once SQS has taken every one.
pub(super) async fn send(client: &Client, queue: &str, url: &str, messages: &[Outgoing]) -> Result<()> {
    for message in messages {
        check(message).map_err(|why| Error::new(ErrorKind::Invalid, retry::SEND.verb, queue, why))?;
    }
    let sizes: Vec<usize> = messages.iter().map(|m| m.body.len()).collect();
    let batches: Vec<_> = batches(&sizes).into_iter().map(|b| send_batch(client, queue, url, &messages[b])).collect();
    stream::iter(batches).buffer_unordered(BATCHES_AT_ONCE).try_collect().await
}

/// Sends a batch, and its refused messages again.
async fn send_batch(client: &Client, queue: &str, url: &str, messages: &[Outgoing]) -> Result<()> {
    let left: Mutex<Vec<usize>> = Mutex::new((0..messages.len()).collect());
    retry::run(&retry::SEND, queue, || async {
        let entries = lock(&left).iter().map(|&at| entry(at, &messages[at])).collect();
        // Slow or cut off with an unknown effect: sent again, so messages may be on the queue twice; jobs may
        // be done twice. Taken in part: only the rest is sent again.
        let request = client.send_message_batch().queue_url(url).set_entries(Some(entries));
        let answer = request.send().await.map_err(|error| meaning(retry::SEND.verb, queue, error))?;
        let mut left = lock(&left);
        left.retain(|at| !answer.successful().iter().any(|taken| taken.id() == at.to_string()));
        if left.is_empty() { Ok(()) } else { Err(refusal(queue, &answer)) }
    })
    .await
}

/// The error of a batch's refused messages: permanent if one of the messages is invalid.
fn refusal(queue: &str, answer: &SendMessageBatchOutput) -> Error {
    let throttled = |code: &str| code.to_ascii_lowercase().contains("throttl");
    let Some(worst) = answer.failed().iter().max_by_key(|f| (f.sender_fault() && !throttled(f.code()), f.code()))
    else {
        return Error::new(ErrorKind::Corrupt, retry::SEND.verb, queue, "the answer does not mention all messages");
    };
    let kind = match worst.code() {
        code if throttled(code) => ErrorKind::Throttled,
        _ if worst.sender_fault() => ErrorKind::Invalid,
        _ => ErrorKind::Unavailable,
    };
    let message = format!("{}: {}", worst.code(), worst.message().unwrap_or("no reason given"));
    Error::new(kind, retry::SEND.verb, queue, message)
}

/// Stores a dead letter: the body unchanged, the reason as an attribute.
pub(super) async fn send_dead(client: &Client, queue: &str, url: &str, body: &str, reason: &str) -> Result<()> {
    let reason = reason_that_fits(body.len(), reason);
    let attribute = reason.map(|r| MessageAttributeValue::builder().data_type("String").string_value(r).build());
    let attribute =
        attribute.transpose().map_err(|e| Error::new(ErrorKind::Invalid, retry::SEND.verb, queue, e.to_string()))?;
    // Cut off with an unknown effect: sent again, so the letter may be there twice, for people to read.
    retry::run(&retry::SEND, queue, || async {
        let attributes = attribute.clone().map(|value| [(REASON.to_owned(), value)].into());
        let request = client.send_message().queue_url(url).message_body(body).set_message_attributes(attributes);
        let answer = request.send().await.map_err(|error| meaning(retry::SEND.verb, queue, error))?;
        // The SDK accepts an empty answer as one without fields. The caller deletes the message after this call, so
        // an answer without an id is an error.
        let nameless = || Error::new(ErrorKind::Corrupt, retry::SEND.verb, queue, "the answer has no message id");
        answer.message_id.map(drop).ok_or_else(nameless)
    })
    .await
}

/// The reason in characters that SQS takes, cut to what fits beside a body of this many bytes:
/// attributes count towards the message's size.
fn reason_that_fits(body_bytes: usize, reason: &str) -> Option<String> {
    let limit = if body_bytes <= MAX_BODY_BYTES { MAX_BODY_BYTES } else { 4 * MAX_BODY_BYTES };
    let room = limit.saturating_sub(body_bytes + REASON.len() + "String".len()).min(REASON_BYTES);
    let mut text = String::new();
    for c in reason.chars().map(|c| if is_legal(c) { c } else { char::REPLACEMENT_CHARACTER }) {
        if text.len() + c.len_utf8() > room {
            break;
        }
        text.push(c);
    }
    (!text.is_empty()).then_some(text)
}

/// Whether SQS accepts the character (`SendMessage`: "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to
/// #xFFFD | #x10000 to #x10FFFF").
fn is_legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn check(message: &Outgoing) -> Result<(), String> {
    let size = message.body.len();
    if size == 0 || size > MAX_BODY_BYTES {
        return Err(format!("the message has {size} bytes, and SQS accepts 1 to {MAX_BODY_BYTES}"));
    }
    if message.delay > MAX_DELAY {
        return Err(format!("a delay of {} s is longer than 15 minutes", message.delay.as_secs()));
    }
    match message.body.chars().find(|&c| !is_legal(c)) {
        Some(c) => Err(format!("the message contains the character U+{:04X}, which SQS does not accept", c as u32)),
        None => Ok(()),
    }
}

/// Cuts messages of these sizes, in order, into batches that SQS takes.
fn batches(sizes: &[usize]) -> Vec<Range<usize>> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, size) in sizes.iter().enumerate() {
        if at > start && (at - start == BATCH_MESSAGES || bytes + size > BATCH_BYTES) {
            batches.push(start..at);
            (start, bytes) = (at, 0);
        }
        bytes += size;
    }
    if start < sizes.len() {
        batches.push(start..sizes.len());
    }
    batches
}

fn entry(at: usize, message: &Outgoing) -> SendMessageBatchRequestEntry {
    SendMessageBatchRequestEntry::builder()
        .id(at.to_string())
        .message_body(&message.body)
        .delay_seconds(whole_seconds(message.delay, MAX_DELAY.as_secs()))
        .build()
        .expect("id and body are set")
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_sqs::types::BatchResultErrorEntry;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn batches_have_every_message_once_within_the_limits(sizes in prop::collection::vec(1..=MAX_BODY_BYTES, 0..60)) {
            let batches = batches(&sizes);
            let all: Vec<usize> = batches.iter().cloned().flatten().collect();
            prop_assert_eq!(all, (0..sizes.len()).collect::<Vec<_>>());
            for batch in batches {
                prop_assert!((1..=BATCH_MESSAGES).contains(&batch.len()));
                prop_assert!(sizes[batch].iter().sum::<usize>() <= BATCH_BYTES);
            }
        }

        #[test]
        fn a_reason_is_legal_and_fits_beside_any_body(body in 1..=MAX_BODY_BYTES, reason in any::<String>()) {
            if let Some(text) = reason_that_fits(body, &reason) {
                prop_assert!(text.chars().all(is_legal) && text.len() <= REASON_BYTES);
                prop_assert!(body + REASON.len() + "String".len() + text.len() <= MAX_BODY_BYTES);
            }
        }
    }

    #[test]
    fn what_sqs_would_refuse_is_refused_before_it_is_sent() {
        let long = Outgoing { body: "x".into(), delay: Duration::from_secs(901) };
        assert!(check(&long).unwrap_err().contains("15 minutes"));
        assert!(check(&Outgoing::now("\u{1}".into())).unwrap_err().contains("U+0001"));
        assert!(check(&Outgoing::now(String::new())).is_err());
        assert!(check(&Outgoing::now("x".repeat(MAX_BODY_BYTES + 1))).is_err());
        assert!(check(&Outgoing::now("x".repeat(MAX_BODY_BYTES))).is_ok());
    }

    #[test]
    fn a_bad_message_ends_the_send_and_a_failing_service_does_not() {
        let failed = |code: &str, fault| {
            BatchResultErrorEntry::builder().id("0").code(code).sender_fault(fault).build().unwrap()
        };
        let of = |entries: Vec<BatchResultErrorEntry>| {
            let answer = SendMessageBatchOutput::builder()
                .set_failed(Some(entries))
                .set_successful(Some(vec![]))
                .build()
                .unwrap();
            refusal("q", &answer).kind()
        };
        assert_eq!(of(vec![failed("InternalError", false)]), ErrorKind::Unavailable);
        assert_eq!(
            of(vec![failed("InternalError", false), failed("InvalidMessageContents", true)]),
            ErrorKind::Invalid
        );
        assert_eq!(of(vec![failed("KmsThrottled", true)]), ErrorKind::Throttled);
        assert_eq!(of(vec![]), ErrorKind::Corrupt);
    }
}
