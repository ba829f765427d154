//! Bringing a bucket's events to a task's queue of events (or its only queue), for sources on Amazon S3.

use serde_json::json;

use crate::event_rule::rule_arn;
use crate::queue::sqs::SqsQueue;
use crate::store::s3::S3Store;
use shared::config::Config;
use shared::location::Scheme;
use shared::{Error, ErrorKind, Result};

/// Lets the source bucket send its events to the task's queue of events, which must exist, and says in one line each what was
/// done. What bucket and queue had configured stays. Repeating it changes nothing.
pub async fn subscribe(config: &Config) -> Result<Vec<String>> {
    let (queue, source) = ends(config).await?;
    let (arn, name) = (queue.arn().await?, rule_name(config));
    // Checked first: if another rule conflicts, nothing is changed.
    source.notifies_queue(&name, &arn).await?;
    let admitted = queue.admit_bucket(config.objects.source.location.bucket()).await?;
    let notified = source.notify_queue(&name, &arn).await?;
    Ok(vec![admitted, notified])
}

/// Lets the source bucket send its events to EventBridge, and says what is still to be done there: a rule belongs to
/// an event bus, which is not the task's.
pub async fn subscribe_by_eventbridge(config: &Config) -> Result<Vec<String>> {
    let (queue, source) = ends(config).await?;
    let (arn, name) = (queue.arn().await?, rule_name(config));
    let notified = source.notify_eventbridge().await?;
    let (bucket, prefix) = (config.objects.source.location.bucket(), config.objects.source.location.prefix());
    let mut detail = json!({"bucket": {"name": [bucket]}});
    if !prefix.is_empty() {
        detail["object"] = json!({"key": [{"prefix": prefix}]});
    }
    let types =
        ["Object Created", "Object Deleted", "Object Restore Completed", "Object Tags Added", "Object Tags Deleted"];
    let pattern = json!({"source": ["aws.s3"], "detail-type": types, "detail": detail});
    let statement = json!({
        "Sid": name,
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn(&arn, &name)}},
    });
    Ok(vec![
        notified,
        "run these commands in the bucket's region:".into(),
        format!("aws events put-rule --name {name} --event-pattern {}", quoted(&pattern.to_string())),
        format!("aws events put-targets --rule {name} --targets Id=queue,Arn={arn}"),
        format!("and add this statement to the policy of the queue: {statement}"),
    ])
}

/// The bucket that sends events, and the queue that gets them.
async fn ends(config: &Config) -> Result<(SqsQueue, S3Store)> {
    let refuse =
        |why: &str| Err(Error::new(ErrorKind::Invalid, "subscribe", config.objects.source.location.to_string(), why));
    match (config.events_queue().or_else(|| config.queue.clone()), config.objects.source.location.scheme()) {
        (Some(queue), Scheme::S3) => {
            let queue = SqsQueue::open(&queue).await?;
            queue.check_task(&config.task).await?;
            Ok((queue, S3Store::open(&config.objects.source).await?))
        }
        (None, _) => {
            refuse("the task has no SQS queue, and events need one: give [queue] and [ledger] instead of state")
        }
        (_, Scheme::File) => refuse("the source is a folder, which sends no events: use flotilla watch"),
        (_, _) => refuse("this provider sends events through a function: see deploy/functions/README.md"),
    }
}

/// The name of the task's rule: unique in a bucket, which may be the source of several tasks.
fn rule_name(config: &Config) -> String {
    format!("flotilla-{}", config.task)
}

/// A text as one word for a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
