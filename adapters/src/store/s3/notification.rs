//! Where a bucket sends its events, without a function in between (Amazon S3 user guide, "Amazon S3 Event
//! Notifications").
//!
//! A bucket has one notification configuration, and a PUT replaces it as a whole. So it is read, the task's rule is put
//! beside those of others, everything is written back and read again. S3 knows no condition for this write. Each
//! attempt reads first, also after a lost answer: what another program writes between that read and the PUT, some
//! milliseconds, is lost, and nobody can see it. If the other program's PUT removes ours, the last read finds that.

mod rules;

use aws_sdk_s3::operation::get_bucket_notification_configuration::GetBucketNotificationConfigurationOutput as Current;
use aws_sdk_s3::types::{EventBridgeConfiguration, NotificationConfiguration};

use self::rules::{Rule, as_written, conflict, is_there, rules, with_rule, without_rule};
use super::{Bucket, S3Store};
use crate::aws::allow;
use shared::retry::{self, SUBSCRIBE};
use shared::{Error, ErrorKind, Result};

/// What a task follows. Expirations by a lifecycle have events of their own, and are left to the scan.
pub const EVENTS: [&str; 2] = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"];

/// How often a change that another program's write removed is written again.
const MAX_WRITES: usize = 3;

/// What a configuration needs to become the wanted one.
enum Step {
    /// Nothing.
    Done,
    /// Another rule overlaps, which the text names: nothing can be written.
    Overlap(String),
    /// This is to be written.
    Write(NotificationConfiguration),
}

impl S3Store {
    /// Whether the bucket sends the events of objects that are made or removed below the location's prefix to a
    /// queue already.
    ///
    /// # Errors
    /// `Conflict` if another rule takes some of these events: S3 lets each go to one rule only.
    pub async fn notifies_queue(&self, id: &str, queue_arn: &str) -> Result<bool> {
        self.0.is_notified(&self.0.notifications(None).await?, &self.0.rule(id, queue_arn, &EVENTS))
    }

    /// Makes it so, by a rule with this id, and says in one line what was done. Repeating it changes nothing; other
    /// rules stay.
    ///
    /// # Errors
    /// As [`notifies_queue`](Self::notifies_queue); `Unavailable` if S3 may not send to the queue: its test message
    /// goes there before the rule is taken.
    pub async fn notify_queue(&self, id: &str, queue_arn: &str) -> Result<String> {
        let (bucket, wanted) = (&self.0, self.0.rule(id, queue_arn, &EVENTS));
        let message = format!("bucket {} sends its events to {queue_arn}", bucket.name());
        if self.notifies_queue(id, queue_arn).await? {
            return Ok(format!("{message} already"));
        }
        bucket
            .change(|current| match bucket.is_notified(&current, &wanted)? {
                true => Ok(Step::Done),
                false => Ok(Step::Write(with_rule(current, &wanted)?)),
            })
            .await?;
        Ok(message)
    }

    /// Makes the rule with this id send these events alone to a queue. Other rules stay. Repeating it changes nothing.
    /// Returns why nothing was changed if another rule takes some of these events.
    ///
    /// # Errors
    /// `Conflict` if other programs remove the rule as often as it is written; `Unavailable` if S3 may not send to the
    /// queue.
    pub async fn set_rule(&self, id: &str, queue_arn: &str, events: &[&str]) -> Result<Option<String>> {
        let wanted = self.0.rule(id, queue_arn, events);
        self.0
            .change(|current| {
                let found = rules(&current);
                if found.contains(&wanted) {
                    return Ok(Step::Done);
                }
                match conflict(&found, &wanted) {
                    Ok(()) => Ok(Step::Write(with_rule(current, &wanted)?)),
                    Err(why) => Ok(Step::Overlap(why)),
                }
            })
            .await
    }

    /// Removes the rule with this id. Other rules stay. Repeating it changes nothing.
    pub async fn remove_rule(&self, id: &str) -> Result<()> {
        let step = |current: Current| match rules(&current).iter().all(|rule| rule.id != id) {
            true => Ok(Step::Done),
            false => Ok(Step::Write(without_rule(current, id).build())),
        };
        self.0.change(step).await.map(drop)
    }

    /// Whether the bucket sends its events to EventBridge.
    pub async fn sends_to_eventbridge(&self) -> Result<bool> {
        Ok(self.0.notifications(None).await?.event_bridge_configuration.is_some())
    }

    /// As [`sends_to_eventbridge`](Self::sends_to_eventbridge), of a bucket that must belong to this account: a bucket
    /// sends to the EventBridge of its own account.
    ///
    /// # Errors
    /// `Invalid` if the bucket belongs to another account.
    pub async fn sends_to_eventbridge_of(&self, account: &str) -> Result<bool> {
        match self.0.notifications(Some(account)).await {
            Ok(current) => Ok(current.event_bridge_configuration.is_some()),
            // Denied also without the condition: the right is missing.
            Err(error) if error.kind() == ErrorKind::Denied && self.sends_to_eventbridge().await.is_ok() => {
                let why = format!(
                    "the bucket does not belong to account {account} of the task's queue, and EventBridge brings events \
                     of that account only: give the task a prefix that no other rule of the bucket has, or no events"
                );
                Err(Error::new(ErrorKind::Invalid, SUBSCRIBE.verb, self.0.location.to_string(), why))
            }
            Err(error) => Err(error),
        }
    }

    /// Sends all events of the bucket to EventBridge, and removes the rule with this id. Other rules stay. Repeating it
    /// changes nothing.
    pub async fn send_to_eventbridge(&self, instead_of: Option<&str>) -> Result<()> {
        let step = |current: Current| {
            let has_rule = instead_of.is_some_and(|id| rules(&current).iter().any(|rule| rule.id == id));
            if current.event_bridge_configuration.is_some() && !has_rule {
                return Ok(Step::Done);
            }
            let rest = match instead_of {
                Some(id) => without_rule(current, id),
                None => as_written(current),
            };
            Ok(Step::Write(rest.event_bridge_configuration(EventBridgeConfiguration::builder().build()).build()))
        };
        self.0.change(step).await.map(drop)
    }

    /// Sends no events of the bucket to EventBridge any more. Rules stay. Repeating it changes nothing.
    pub async fn leave_eventbridge(&self) -> Result<()> {
        let step = |current: Current| match current.event_bridge_configuration {
            None => Ok(Step::Done),
            Some(_) => Ok(Step::Write(as_written(current).set_event_bridge_configuration(None).build())),
        };
        self.0.change(step).await.map(drop)
    }

    /// Sends all events of the bucket to EventBridge, and says in one line what was done.
    pub async fn notify_eventbridge(&self) -> Result<String> {
        let message = format!("bucket {} sends its events to EventBridge", self.0.name());
        if self.sends_to_eventbridge().await? {
            return Ok(format!("{message} already"));
        }
        self.send_to_eventbridge(None).await?;
        Ok(message)
    }
}

impl Bucket {
    /// The task's rule.
    fn rule(&self, id: &str, queue_arn: &str, events: &[&str]) -> Rule {
        Rule {
            id: id.to_owned(),
            target: queue_arn.to_owned(),
            events: events.iter().map(|event| (*event).to_owned()).collect(),
            prefix: self.location.prefix().to_owned(),
            suffix: String::new(),
        }
    }

    fn is_notified(&self, current: &Current, wanted: &Rule) -> Result<bool> {
        let refused = |why| Error::new(ErrorKind::Conflict, SUBSCRIBE.verb, self.location.to_string(), why);
        is_there(&rules(current), wanted).map_err(refused)
    }

    /// Changes the configuration until a read finds it done. Returns the overlap that forbids it.
    async fn change(&self, step: impl Fn(Current) -> Result<Step>) -> Result<Option<String>> {
        for writes in 0..=MAX_WRITES {
            // Slow, cut off, throttled, or done with its answer lost: the next attempt reads anew, and finds the change
            // done or writes it over what is there then. Carried out late, after a later PUT of another program, it
            // undoes that one.
            let change = || async {
                match step(self.read_notifications(None).await?)? {
                    Step::Done => Ok(Some(None)),
                    Step::Overlap(why) => Ok(Some(Some(why))),
                    Step::Write(_) if writes == MAX_WRITES => Err(self.overwritten()),
                    Step::Write(wanted) => self.write_notifications(wanted).await.map(|()| None),
                }
            };
            if let Some(end) = retry::run(&SUBSCRIBE, &self.location.to_string(), change).await? {
                return Ok(end);
            }
        }
        Err(self.overwritten())
    }

    fn overwritten(&self) -> Error {
        let why = "another program changes the bucket's notifications at the same time: try again";
        Error::new(ErrorKind::Conflict, SUBSCRIBE.verb, self.location.to_string(), why)
    }

    async fn notifications(&self, account: Option<&str>) -> Result<Current> {
        // Read-only: slow, repeated or lost, it changes nothing.
        retry::run(&SUBSCRIBE, &self.location.to_string(), || self.read_notifications(account)).await
    }

    /// One attempt to read the configuration. An answer cut short is an error, and never taken for a bucket without
    /// rules.
    async fn read_notifications(&self, account: Option<&str>) -> Result<Current> {
        let request = self.client.get_bucket_notification_configuration().bucket(self.name());
        let request = request.set_expected_bucket_owner(account.map(str::to_owned));
        let answer = request.send().await.map_err(|error| self.error(SUBSCRIBE.verb, "", error));
        answer.map_err(allow("s3:GetBucketNotification"))
    }

    /// One attempt to write the configuration.
    async fn write_notifications(&self, wanted: NotificationConfiguration) -> Result<()> {
        let request = self.client.put_bucket_notification_configuration().bucket(self.name());
        let sent = request.notification_configuration(wanted).send().await;
        let error = |error| self.error(SUBSCRIBE.verb, "", error);
        sent.map(drop).map_err(error).map_err(allow("s3:PutBucketNotification")).map_err(not_yet)
    }
}

/// Makes errors retryable that another attempt may not meet. A queue's policy takes up to a minute to hold everywhere
/// (SQS, `SetQueueAttributes`); until then S3 finds that it may not send there. A rule that another program has made
/// since the read may overlap: the next read finds it.
fn not_yet(error: Error) -> Error {
    if error.kind() != ErrorKind::Invalid {
        return error;
    }
    let (subject, why) = if error.message().contains("Unable to validate the following destination") {
        (
            "queue",
            "S3 cannot send to the queue: the queue must be in the bucket's region, and its policy (and its KMS key, if \
             it has one) must allow s3.amazonaws.com to send",
        )
    } else if error.message().contains("ambiguously defined") {
        ("rule", "a rule of the bucket overlaps that another program has just made")
    } else {
        return error;
    };
    Error::new(ErrorKind::Unavailable, SUBSCRIBE.verb, subject, why).with_source(error)
}
