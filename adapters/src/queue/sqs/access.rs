//! The queue's policy: it must allow S3 to send a bucket's events (Amazon S3 user
//! guide, "Granting permissions to publish event notification messages to a destination").

use aws_sdk_sqs::types::QueueAttributeName::{Policy, QueueArn};
use serde_json::{Value, json};

use super::create::attributes_of;
use super::{SqsQueue, allow, call};
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
        let message = format!("queue {} accepts events of bucket {bucket}", self.name);
        match self.change_policy(|policy, arn| with_statement(policy, of_bucket(arn, bucket))).await? {
            true => Ok(message),
            false => Ok(format!("{message} already")),
        }
    }

    /// Allows a rule of EventBridge to send to the queue. The policy's other statements stay. Repeating it changes
    /// nothing.
    pub async fn admit_rule(&self, rule_arn: &str) -> Result<()> {
        self.change_policy(|policy, arn| with_statement(policy, of_rule(arn, rule_arn))).await.map(drop)
    }

    /// Allows no rule of EventBridge to send to the queue any more. The policy's other statements stay. Repeating it
    /// changes nothing.
    pub async fn refuse_rule(&self) -> Result<()> {
        self.change_policy(|policy, _| without_statement(policy, RULE_SID)).await.map(drop)
    }

    /// Whether the queue's policy has the statement of [`admit_rule`](Self::admit_rule).
    pub async fn admits_rule(&self) -> Result<bool> {
        let attributes = attributes_of(&self.client, &self.name, &self.url).await?;
        let removed = without_statement(attributes.get(&Policy), RULE_SID).map_err(|why| self.invalid(why))?;
        Ok(removed.is_some())
    }

    /// Writes the policy that `change` makes of the present one and the queue's ARN, unless that is `None`. Returns
    /// whether it was written.
    async fn change_policy(
        &self,
        change: impl Fn(Option<&String>, &str) -> Result<Option<String>, String>,
    ) -> Result<bool> {
        let attributes = attributes_of(&self.client, &self.name, &self.url).await?;
        let arn = attributes.get(&QueueArn).map(String::as_str).unwrap_or_default();
        let Some(policy) = change(attributes.get(&Policy), arn).map_err(|why| self.invalid(why))? else {
            return Ok(false);
        };
        // Repeated, or done with its answer lost: the same policy is written again. SQS has no conditional form of
        // this write: a change that another program makes at the same moment may be lost. It is not read again: a
        // read may show the old policy for a minute.
        let request = || self.client.set_queue_attributes().queue_url(&self.url).attributes(Policy, &policy).send();
        call(&retry::DESCRIBE, &self.name, request).await.map_err(allow("sqs:SetQueueAttributes"))?;
        Ok(true)
    }

    fn invalid(&self, why: String) -> Error {
        Error::new(ErrorKind::Invalid, "subscribe", &self.name, why)
    }
}

/// Names the statement that allows a rule of EventBridge to send. A queue has one such rule.
const RULE_SID: &str = "flotilla-eventbridge";

/// The statement that allows S3 to send the events of a bucket to a queue.
fn of_bucket(queue_arn: &str, bucket: &str) -> Value {
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

/// The statement that allows a rule of EventBridge to send to a queue.
fn of_rule(queue_arn: &str, rule_arn: &str) -> Value {
    json!({
        "Sid": RULE_SID,
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
    })
}

/// The policy with a statement, which replaces an older one of its name; `None` if the policy has it already.
fn with_statement(policy: Option<&String>, statement: Value) -> Result<Option<String>, String> {
    let (mut policy, mut statements) = statements_of(policy)?;
    if statements.contains(&statement) {
        return Ok(None);
    }
    statements.retain(|other| other["Sid"] != statement["Sid"]);
    statements.push(statement);
    policy["Statement"] = Value::Array(statements);
    Ok(Some(policy.to_string()))
}

/// The policy without the statement of this name, empty if it has no other; `None` if the policy does not have it.
fn without_statement(policy: Option<&String>, sid: &str) -> Result<Option<String>, String> {
    let (mut policy, mut statements) = statements_of(policy)?;
    let before = statements.len();
    statements.retain(|other| other["Sid"] != sid);
    if statements.len() == before {
        return Ok(None);
    }
    if statements.is_empty() {
        return Ok(Some(String::new()));
    }
    policy["Statement"] = Value::Array(statements);
    Ok(Some(policy.to_string()))
}

/// A policy and its statements.
fn statements_of(policy: Option<&String>) -> Result<(Value, Vec<Value>), String> {
    let current = policy.filter(|policy| !policy.is_empty()).map(|policy| serde_json::from_str(policy)).transpose();
    let mut policy = match current {
        Ok(None) => json!({"Version": "2012-10-17"}),
        Ok(Some(policy @ Value::Object(_))) => policy,
        _ => return Err("the queue's policy is not a JSON object, and was not changed".into()),
    };
    let statements = match policy["Statement"].take() {
        Value::Null => Vec::new(),
        Value::Array(statements) => statements,
        one => vec![one],
    };
    Ok((policy, statements))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws-cn:sqs:cn-north-1:1:q";

    #[test]
    fn a_policy_gains_the_statement_once_and_loses_none() {
        let theirs = json!({"Sid": "theirs", "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": ARN});
        let mine = of_bucket(ARN, "my.bucket");
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
            serde_json::from_str(&with_statement(Some(&old), of_bucket(ARN, "b")).unwrap().unwrap()).unwrap();
        assert_eq!(after["Statement"], json!([of_bucket(ARN, "b")]));
    }

    #[test]
    fn a_policy_loses_one_statement_alone() {
        let mine = with_statement(None, of_rule(ARN, "arn:aws-cn:events:cn-north-1:1:rule/r")).unwrap();
        assert_eq!(without_statement(mine.as_ref(), RULE_SID), Ok(Some(String::new())));
        let both = with_statement(mine.as_ref(), of_bucket(ARN, "b")).unwrap();
        let rest: Value = serde_json::from_str(&without_statement(both.as_ref(), RULE_SID).unwrap().unwrap()).unwrap();
        assert_eq!(rest["Statement"], json!([of_bucket(ARN, "b")]));
        assert_eq!(without_statement(Some(&rest.to_string()), RULE_SID), Ok(None));
        assert_eq!(without_statement(None, RULE_SID), Ok(None));
    }

    #[test]
    fn a_policy_that_is_no_object_is_left() {
        for odd in ["{", "[]", "7"] {
            assert!(with_statement(Some(&odd.to_owned()), of_bucket(ARN, "b")).is_err());
        }
    }
}
