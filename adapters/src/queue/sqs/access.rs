//! The queue's policy: it must allow S3 to send a bucket's events (Amazon S3 user
//! guide, "Granting permissions to publish event notification messages to a destination").

use aws_sdk_sqs::types::QueueAttributeName::{Policy, QueueArn};
use serde_json::{Value, json};

use super::create::attributes_of;
use super::{SqsQueue, call};
use shared::retry;
use shared::{Error, ErrorKind, Result};

impl SqsQueue {
    /// The queue's ARN.
    pub async fn arn(&self) -> Result<String> {
        let arn = attributes_of(&self.client, &self.name, &self.url).await?.remove(&QueueArn);
        arn.ok_or_else(|| Error::new(ErrorKind::Corrupt, "describe", &self.name, "the queue has no ARN"))
    }

    /// Allows S3 to send the events of a bucket to the queue, and returns one line about the change. The policy's
    /// other statements stay. Repeating it changes nothing.
    pub async fn admit_bucket(&self, bucket: &str) -> Result<String> {
        let attributes = attributes_of(&self.client, &self.name, &self.url).await?;
        let arn = attributes.get(&QueueArn).map(String::as_str).unwrap_or_default();
        let statement = statement(arn, bucket);
        let invalid = |why| Error::new(ErrorKind::Invalid, "subscribe", &self.name, why);
        let message = format!("queue {} accepts events of bucket {bucket}", self.name);
        let Some(policy) = with_statement(attributes.get(&Policy), statement).map_err(invalid)? else {
            return Ok(format!("{message} already"));
        };
        // Repeated, or done with its answer lost: the same policy is written again. SQS has no conditional form of
        // this write: a change that another program makes at the same moment may be lost.
        let request = || self.client.set_queue_attributes().queue_url(&self.url).attributes(Policy, &policy).send();
        call(&retry::DESCRIBE, &self.name, request).await?;
        Ok(message)
    }
}

/// The statement that allows S3 to send the events of a bucket to a queue.
fn statement(queue_arn: &str, bucket: &str) -> Value {
    // The bucket is in the queue's partition: `aws`, `aws-cn` or `aws-us-gov`.
    let partition = queue_arn.split(':').nth(1).unwrap_or("aws");
    json!({
        // At most 80 letters, digits, hyphens and underscores; a bucket's name has 63, and dots.
        "Sid": format!("flotilla-events-{}", bucket.replace('.', "_")),
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": format!("arn:{partition}:s3:::{bucket}")}},
    })
}

/// The policy with a statement, which replaces an older one of its name; `None` if the policy has it already.
fn with_statement(policy: Option<&String>, statement: Value) -> Result<Option<String>, String> {
    let current = policy.filter(|policy| !policy.is_empty()).map(|policy| serde_json::from_str(policy)).transpose();
    let mut policy = match current {
        Ok(None) => json!({"Version": "2012-10-17"}),
        Ok(Some(policy @ Value::Object(_))) => policy,
        _ => return Err("the queue's policy is not a JSON object, and was not changed".into()),
    };
    let mut statements = match policy["Statement"].take() {
        Value::Null => Vec::new(),
        Value::Array(statements) => statements,
        one => vec![one],
    };
    if statements.contains(&statement) {
        return Ok(None);
    }
    statements.retain(|other| other["Sid"] != statement["Sid"]);
    statements.push(statement);
    policy["Statement"] = Value::Array(statements);
    Ok(Some(policy.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws-cn:sqs:cn-north-1:1:q";

    #[test]
    fn a_policy_gains_the_statement_once_and_loses_none() {
        let theirs = json!({"Sid": "theirs", "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": ARN});
        let mine = statement(ARN, "my.bucket");
        assert_eq!(mine["Sid"], "flotilla-events-my_bucket");
        assert_eq!(mine["Condition"]["ArnEquals"]["aws:SourceArn"], "arn:aws-cn:s3:::my.bucket");
        for before in [
            None,
            Some(String::new()),
            Some(json!({"Version": "2008-10-17", "Id": "x", "Statement": theirs}).to_string()),
            Some(json!({"Version": "2012-10-17", "Statement": [theirs]}).to_string()),
        ] {
            let after = with_statement(before.as_ref(), mine.clone()).unwrap().unwrap();
            let policy: Value = serde_json::from_str(&after).unwrap();
            let statements = policy["Statement"].as_array().unwrap();
            assert_eq!(statements.last(), Some(&mine));
            assert_eq!(statements.contains(&theirs), before.is_some_and(|before| !before.is_empty()));
            assert_eq!(with_statement(Some(&after), mine.clone()), Ok(None));
        }
    }

    #[test]
    fn an_older_statement_of_the_same_name_is_replaced() {
        let old = json!({"Statement": [{"Sid": "flotilla-events-b", "Effect": "Allow"}]}).to_string();
        let after: Value =
            serde_json::from_str(&with_statement(Some(&old), statement(ARN, "b")).unwrap().unwrap()).unwrap();
        assert_eq!(after["Statement"], json!([statement(ARN, "b")]));
    }

    #[test]
    fn a_policy_that_is_no_object_is_left() {
        for odd in ["{", "[]", "7"] {
            assert!(with_statement(Some(&odd.to_owned()), statement(ARN, "b")).is_err());
        }
    }
}
