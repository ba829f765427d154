//! Makes the queues, for users without terraform.

use std::collections::HashMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName::{
    self, MessageRetentionPeriod, QueueArn, ReceiveMessageWaitTimeSeconds, RedrivePolicy, VisibilityTimeout,
};
use serde_json::{Value, json};
use shared::queue::MAX_DELIVERIES;

use super::{SqsQueue, allow, call, url_of};
use shared::retry;
use shared::{Error, ErrorKind, Result};

/// Receives after which SQS itself moves a message to the dead-letter queue. A worker gives a job up
/// before that, and settles its objects, without which a run would never be done. This limit is for
/// messages that kill every worker.
pub(super) const MAX_RECEIVES: u32 = 5 * MAX_DELIVERIES;

/// How long a message waits, at most (SQS's own limit): a paused fleet loses nothing for two weeks.
const RETENTION_SECONDS: u32 = 14 * 24 * 3600;

/// Lease of a receive that names none (workers name theirs).
const VISIBILITY_SECONDS: u32 = 60;

/// Wait of a receive that names none (SQS's own limit).
const WAIT_SECONDS: u32 = 20;

type Attributes = HashMap<QueueAttributeName, String>;

/// Tags of a queue.
pub(super) type Tags = HashMap<String, String>;

/// A queue that exists now.
#[derive(Debug)]
pub(super) struct Ensured {
    pub(super) url: String,
    /// What was done, for the user.
    pub(super) line: String,
    /// Whether this call made it.
    pub(super) is_new: bool,
}

/// Makes the dead-letter queue, then the queue that points to it. A queue that is made gets these tags.
pub(super) async fn create(client: &Client, name: &str, dead: &str, tags: &Tags) -> Result<[Ensured; 2]> {
    let dead_queue = ensure(client, dead, [retention()].into(), tags).await?;
    let arn = attributes_of(client, dead, &dead_queue.url).await?.remove(&QueueArn);
    let arn = arn.ok_or_else(|| Error::new(ErrorKind::Corrupt, "describe", dead, "the queue has no ARN"))?;
    Ok([dead_queue, ensure(client, name, wanted(&arn), tags).await?])
}

fn retention() -> (QueueAttributeName, String) {
    (MessageRetentionPeriod, RETENTION_SECONDS.to_string())
}

/// The attributes of a queue whose dead letters go to the queue of this ARN.
fn wanted(dead_arn: &str) -> Attributes {
    let redrive = json!({ "deadLetterTargetArn": dead_arn, "maxReceiveCount": MAX_RECEIVES });
    [
        retention(),
        (VisibilityTimeout, VISIBILITY_SECONDS.to_string()),
        (ReceiveMessageWaitTimeSeconds, WAIT_SECONDS.to_string()),
        (RedrivePolicy, redrive.to_string()),
    ]
    .into()
}

impl SqsQueue {
    /// How the queue differs from one that this program makes, one phrase each. Changes nothing.
    pub async fn differences(&self) -> Result<Vec<String>> {
        let dead = attributes_of(&self.client, &self.dead_name, &self.dead_url).await?;
        let dead_arn = dead.get(&QueueArn).map_or("", String::as_str);
        Ok(differences(&wanted(dead_arn), &attributes_of(&self.client, &self.name, &self.url).await?))
    }
}

/// Makes a queue unless it exists.
async fn ensure(client: &Client, name: &str, wanted: Attributes, tags: &Tags) -> Result<Ensured> {
    match url_of(client, name).await {
        Ok(url) => return existing(client, name, url, &wanted).await,
        Err(error) if error.kind() == ErrorKind::NoSuchContainer => {}
        Err(error) => return Err(error),
    }
    // Repeated, or done with its answer lost: with the same attributes SQS answers with the same queue.
    let tags = (!tags.is_empty()).then(|| tags.clone());
    let request = || {
        let request = client.create_queue().queue_name(name).set_attributes(Some(wanted.clone()));
        request.set_tags(tags.clone()).send()
    };
    match call(&retry::DESCRIBE, name, request).await.map_err(allow("sqs:CreateQueue and sqs:TagQueue")) {
        Ok(answer) => {
            let missing = || Error::new(ErrorKind::Corrupt, "describe", name, "the queue has no URL");
            let url = answer.queue_url.ok_or_else(missing)?;
            Ok(Ensured { url, line: format!("created queue {name}"), is_new: true })
        }
        // Another program made it meanwhile, with other attributes.
        Err(error) if error.kind() == ErrorKind::Conflict && url_of(client, name).await.is_ok() => {
            existing(client, name, url_of(client, name).await?, &wanted).await
        }
        Err(error) => Err(error),
    }
}

async fn existing(client: &Client, name: &str, url: String, wanted: &Attributes) -> Result<Ensured> {
    let line = match differences(wanted, &attributes_of(client, name, &url).await?) {
        differences if differences.is_empty() => format!("queue {name} exists"),
        differences => format!("queue {name} exists and is not changed; it has {}", differences.join(", ")),
    };
    Ok(Ensured { url, line, is_new: false })
}

pub(super) async fn attributes_of(client: &Client, name: &str, url: &str) -> Result<Attributes> {
    // Read-only: slow, repeated or lost, it changes nothing.
    let request = || client.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::All).send();
    let answer = call(&retry::DESCRIBE, name, request).await.map_err(allow("sqs:GetQueueAttributes"))?;
    Ok(answer.attributes.unwrap_or_default())
}

/// Attributes in which a queue differs from a new one, one phrase each.
fn differences(wanted: &Attributes, actual: &Attributes) -> Vec<String> {
    let mut lines: Vec<String> = wanted
        .iter()
        .filter(|(name, value)| actual.get(name).is_none_or(|other| !same(value, other)))
        .map(|(name, value)| {
            let other = actual.get(name).map_or("none", |v| v.as_str());
            format!("{} {other} instead of {value}", name.as_str())
        })
        .collect();
    lines.sort();
    lines
}

/// Whether two attributes are equal, as JSON (some services write numbers as strings) or as text.
fn same(one: &str, other: &str) -> bool {
    let flat = |text: &str| match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => {
            let text = |v: Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
            Some(fields.into_iter().map(|(k, v)| (k, text(v))).collect::<HashMap<_, _>>())
        }
        _ => None,
    };
    one == other || flat(one).is_some_and(|fields| Some(fields) == flat(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redrive_policy_is_compared_by_meaning() {
        assert!(same(r#"{"a":"x","n":20}"#, r#"{"n":"20", "a":"x"}"#));
        assert!(!same(r#"{"a":"x","n":20}"#, r#"{"n":5,"a":"x"}"#));
        assert!(same("60", "60") && !same("60", "30"));
    }

    #[test]
    fn differences_are_reported_in_words() {
        let wanted = [(VisibilityTimeout, "60".to_owned()), (RedrivePolicy, "{}".to_owned())].into();
        let actual = [(VisibilityTimeout, "30".to_owned())].into();
        assert_eq!(
            differences(&wanted, &actual),
            ["RedrivePolicy none instead of {}", "VisibilityTimeout 30 instead of 60"]
        );
    }
}
