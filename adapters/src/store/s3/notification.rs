//! Where a bucket sends its events, without a function in between (Amazon S3 user guide, "Amazon S3 Event
//! Notifications").
//!
//! A bucket has one notification configuration, and a PUT replaces all of it. So it is read, the task's rule is put
//! beside those of others, and everything is written back. S3 knows no condition for this write: who changes the same
//! bucket's notifications at the same moment may lose the change, or undo ours, which a second run finds.

use aws_sdk_s3::operation::get_bucket_notification_configuration::GetBucketNotificationConfigurationOutput as Current;
use aws_sdk_s3::types::{
    Event, EventBridgeConfiguration, FilterRule, FilterRuleName, NotificationConfiguration,
    NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter,
};

use super::{Bucket, S3Store};
use shared::retry::{self, SUBSCRIBE};
use shared::{Error, ErrorKind, Result};

/// What a task follows. Expirations by a lifecycle have events of their own, and are left to the scan.
pub const EVENTS: [&str; 2] = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"];

/// How often a rule that another program's write removed is written again.
const MAX_WRITES: usize = 3;

/// A rule of whatever target, as far as two of them can be in each other's way.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    id: String,
    target: String,
    events: Vec<String>,
    prefix: String,
    suffix: String,
}

impl S3Store {
    /// Whether the bucket sends the events of objects that are made or removed below the location's prefix to a
    /// queue already.
    ///
    /// # Errors
    /// `Conflict` if another rule takes some of these events: S3 lets each go to one rule only.
    pub async fn notifies_queue(&self, id: &str, queue_arn: &str) -> Result<bool> {
        self.0.is_notified(&self.0.notifications().await?, &self.0.rule(id, queue_arn, &EVENTS))
    }

    /// Makes it so, by a rule with this id, and says in one line what was done. Repeating it changes nothing; other
    /// rules stay.
    ///
    /// # Errors
    /// As [`notifies_queue`](Self::notifies_queue); `Unavailable` if S3 may not send to the queue: its test message
    /// goes there before the rule is taken.
    pub async fn notify_queue(&self, id: &str, queue_arn: &str) -> Result<String> {
        let (bucket, wanted) = (&self.0, self.0.rule(id, queue_arn, &EVENTS));
        let current = bucket.notifications().await?;
        let message = format!("bucket {} sends its events to {queue_arn}", bucket.name());
        if bucket.is_notified(&current, &wanted)? {
            return Ok(format!("{message} already"));
        }
        bucket.set_notifications(with_rule(current, &wanted)?).await?;
        Ok(message)
    }

    /// Makes the rule with this id send these events alone to a queue, and reads it again: another program may have
    /// written at the same moment. Other rules stay. Repeating it changes nothing.
    ///
    /// # Errors
    /// As [`notify_queue`](Self::notify_queue).
    pub async fn set_rule(&self, id: &str, queue_arn: &str, events: &[&str]) -> Result<()> {
        let (bucket, wanted) = (&self.0, self.0.rule(id, queue_arn, events));
        for _ in 0..MAX_WRITES {
            let current = bucket.notifications().await?;
            if rules(&current).contains(&wanted) {
                return Ok(());
            }
            let remedy = "remove that rule, or let an SNS topic or EventBridge send to both";
            conflict(&rules(&current), &wanted).map_err(|why| {
                let (location, why) = (bucket.location.to_string(), format!("{why}: {remedy}"));
                Error::new(ErrorKind::Conflict, SUBSCRIBE.verb, location, why)
            })?;
            bucket.set_notifications(with_rule(current, &wanted)?).await?;
        }
        match rules(&bucket.notifications().await?).contains(&wanted) {
            true => Ok(()),
            false => Err(bucket.overwritten()),
        }
    }

    /// Removes the rule with this id, and reads again. Other rules stay. Repeating it changes nothing.
    pub async fn remove_rule(&self, id: &str) -> Result<()> {
        for _ in 0..MAX_WRITES {
            let current = self.0.notifications().await?;
            if rules(&current).iter().all(|rule| rule.id != id) {
                return Ok(());
            }
            self.0.set_notifications(without_rule(current, id)).await?;
        }
        match rules(&self.0.notifications().await?).iter().all(|rule| rule.id != id) {
            true => Ok(()),
            false => Err(self.0.overwritten()),
        }
    }

    /// Sends all events of the bucket to EventBridge, and says in one line what was done.
    pub async fn notify_eventbridge(&self) -> Result<String> {
        let current = self.0.notifications().await?;
        let message = format!("bucket {} sends its events to EventBridge", self.0.name());
        if current.event_bridge_configuration.is_some() {
            return Ok(format!("{message} already"));
        }
        let on = EventBridgeConfiguration::builder().build();
        self.0.set_notifications(as_written(current).event_bridge_configuration(on).build()).await?;
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

    fn overwritten(&self) -> Error {
        let why = "another program changes the bucket's notifications at the same time: try again";
        Error::new(ErrorKind::Conflict, SUBSCRIBE.verb, self.location.to_string(), why)
    }

    async fn notifications(&self) -> Result<Current> {
        // Read-only: slow, repeated or lost, it changes nothing. An answer cut short is an error, and never taken for
        // a bucket without rules.
        let once = || async {
            let request = self.client.get_bucket_notification_configuration().bucket(self.name());
            request.send().await.map_err(|error| self.error(SUBSCRIBE.verb, "", error))
        };
        retry::run(&SUBSCRIBE, &self.location.to_string(), once).await
    }

    async fn set_notifications(&self, wanted: NotificationConfiguration) -> Result<()> {
        // Repeated, or done with its answer lost: the same configuration is written again.
        let once = || async {
            let request = self.client.put_bucket_notification_configuration().bucket(self.name());
            let sent = request.notification_configuration(wanted.clone()).send().await;
            sent.map(drop).map_err(|error| not_yet(self.error(SUBSCRIBE.verb, "", error)))
        };
        retry::run(&SUBSCRIBE, &self.location.to_string(), once).await
    }
}

/// A queue's policy takes up to a minute to hold everywhere (SQS, `SetQueueAttributes`); until then S3 finds that
/// it may not send there. So that is worth another try.
fn not_yet(error: Error) -> Error {
    if error.kind() != ErrorKind::Invalid || !error.message().contains("Unable to validate the following destination") {
        return error;
    }
    let why = "S3 cannot send to the queue: the queue must be in the bucket's region, and its policy (and its KMS key, if it has one) must allow s3.amazonaws.com to send";
    Error::new(ErrorKind::Unavailable, SUBSCRIBE.verb, "queue", why).with_source(error)
}

/// Whether a rule does already what the wanted one would.
///
/// # Errors
/// If another rule is in its way: S3 refuses two rules that an event of one key could both go to.
fn is_there(rules: &[Rule], wanted: &Rule) -> Result<bool, String> {
    if rules.iter().any(|rule| rule.target == wanted.target && covers(rule, wanted)) {
        return Ok(true);
    }
    let remedy = "use --eventbridge, or let an SNS topic send to both";
    conflict(rules, wanted).map(|()| false).map_err(|why| format!("{why}: {remedy}"))
}

/// Refuses a rule that another one is in the way of.
fn conflict(rules: &[Rule], wanted: &Rule) -> Result<(), String> {
    let others = rules.iter().filter(|rule| rule.id != wanted.id);
    match others.into_iter().find(|rule| overlap(rule, wanted)) {
        None => Ok(()),
        Some(Rule { id, target, prefix, suffix, .. }) => Err(format!(
            "rule {id:?} of the bucket sends some of these events to {target} (keys {prefix:?}…{suffix:?}), and S3 lets an \
             event go to one rule only"
        )),
    }
}

fn covers(rule: &Rule, wanted: &Rule) -> bool {
    let event = |wanted: &String| rule.events.iter().any(|event| includes(event, wanted));
    wanted.events.iter().all(event) && wanted.prefix.starts_with(&rule.prefix) && wanted.suffix.ends_with(&rule.suffix)
}

fn overlap(one: &Rule, other: &Rule) -> bool {
    let events = one.events.iter().any(|a| other.events.iter().any(|b| includes(a, b) || includes(b, a)));
    let prefixes = one.prefix.starts_with(&other.prefix) || other.prefix.starts_with(&one.prefix);
    let suffixes = one.suffix.ends_with(&other.suffix) || other.suffix.ends_with(&one.suffix);
    events && prefixes && suffixes
}

/// Whether an event's name, which may end with `*`, stands for another.
fn includes(event: &str, other: &str) -> bool {
    event == other || event.strip_suffix('*').is_some_and(|start| other.starts_with(start))
}

/// The rules of a configuration, whatever they send to.
fn rules(current: &Current) -> Vec<Rule> {
    let rule =
        |id: Option<&str>, target: &str, events: &[Event], filter: Option<&NotificationConfigurationFilter>| Rule {
            id: id.unwrap_or_default().to_owned(),
            target: target.to_owned(),
            events: events.iter().map(|event| event.as_str().to_owned()).collect(),
            prefix: filtered(filter, "prefix"),
            suffix: filtered(filter, "suffix"),
        };
    let topics = current.topic_configurations().iter().map(|c| rule(c.id(), c.topic_arn(), c.events(), c.filter()));
    let queues = current.queue_configurations().iter().map(|c| rule(c.id(), c.queue_arn(), c.events(), c.filter()));
    let functions = current.lambda_function_configurations().iter();
    let functions = functions.map(|c| rule(c.id(), c.lambda_function_arn(), c.events(), c.filter()));
    topics.chain(queues).chain(functions).collect()
}

/// The value of a filter's rule, whose name S3 answers with a capital.
fn filtered(filter: Option<&NotificationConfigurationFilter>, name: &str) -> String {
    let rules =
        filter.and_then(NotificationConfigurationFilter::key).map(S3KeyFilter::filter_rules).unwrap_or_default();
    let is_named = |rule: &&FilterRule| rule.name().is_some_and(|n| n.as_str().eq_ignore_ascii_case(name));
    rules.iter().find(is_named).and_then(FilterRule::value).unwrap_or_default().to_owned()
}

/// The configuration with a queue's rule in it, in the place of an older one with its id.
fn with_rule(current: Current, rule: &Rule) -> Result<NotificationConfiguration> {
    let incomplete =
        |error| Error::new(ErrorKind::Invalid, SUBSCRIBE.verb, &rule.id, "the rule is incomplete").with_source(error);
    let prefix = FilterRule::builder().name(FilterRuleName::Prefix).value(&rule.prefix).build();
    let filter =
        NotificationConfigurationFilter::builder().key(S3KeyFilter::builder().filter_rules(prefix).build()).build();
    let mine = QueueConfiguration::builder()
        .id(&rule.id)
        .queue_arn(&rule.target)
        .set_events(Some(rule.events.iter().map(|event| Event::from(event.as_str())).collect()))
        .set_filter((!rule.prefix.is_empty()).then_some(filter))
        .build()
        .map_err(incomplete)?;
    let mut queues = current.queue_configurations.clone().unwrap_or_default();
    queues.retain(|queue| queue.id() != Some(&rule.id));
    queues.push(mine);
    Ok(as_written(current).set_queue_configurations(Some(queues)).build())
}

/// The configuration without the rule of this id.
fn without_rule(current: Current, id: &str) -> NotificationConfiguration {
    let mut queues = current.queue_configurations.clone().unwrap_or_default();
    queues.retain(|queue| queue.id() != Some(id));
    as_written(current).set_queue_configurations(Some(queues)).build()
}

/// What was read, to be written back.
fn as_written(current: Current) -> aws_sdk_s3::types::builders::NotificationConfigurationBuilder {
    NotificationConfiguration::builder()
        .set_topic_configurations(current.topic_configurations)
        .set_queue_configurations(current.queue_configurations)
        .set_lambda_function_configurations(current.lambda_function_configurations)
        .set_event_bridge_configuration(current.event_bridge_configuration)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(id: &str, target: &str, events: &[&str], prefix: &str, suffix: &str) -> Rule {
        Rule {
            id: id.into(),
            target: target.into(),
            events: events.iter().map(|&event| event.into()).collect(),
            prefix: prefix.into(),
            suffix: suffix.into(),
        }
    }

    #[test]
    fn a_rule_is_added_beside_others_that_are_not_in_its_way() {
        let wanted = rule("mine", "q", &EVENTS, "p/", "");
        for other in [
            rule("", "t", &EVENTS, "q/", ""),
            rule("", "t", &EVENTS, "p2/", ""),
            rule("", "t", &["s3:ObjectRestore:*", "s3:ObjectTagging:Put"], "", ""),
            // An older rule of the same task is replaced.
            rule("mine", "q", &EVENTS, "old/", ""),
            rule("mine", "elsewhere", &EVENTS, "p/", ""),
        ] {
            assert_eq!(is_there(std::slice::from_ref(&other), &wanted), Ok(false), "{other:?}");
        }
    }

    #[test]
    fn a_rule_that_does_the_same_is_enough() {
        let wanted = rule("mine", "q", &EVENTS, "p/", "");
        for other in [
            wanted.clone(),
            rule("other", "q", &EVENTS, "", ""),
            rule("other", "q", &["s3:ObjectRemoved:*", "s3:ObjectAcl:Put", "s3:ObjectCreated:*"], "p/", ""),
        ] {
            assert_eq!(is_there(std::slice::from_ref(&other), &wanted), Ok(true), "{other:?}");
        }
    }

    #[test]
    fn a_rule_that_takes_some_of_the_events_is_named_and_left() {
        let wanted = rule("mine", "q", &EVENTS, "p/", "");
        for other in [
            rule("theirs", "t", &EVENTS, "", ""),
            rule("theirs", "t", &["s3:ObjectCreated:Put"], "", ".jpg"),
            rule("theirs", "t", &["s3:ObjectRemoved:*"], "p/q/", ""),
            // To the same queue, but only some of them.
            rule("theirs", "q", &["s3:ObjectCreated:*"], "", ""),
            rule("theirs", "q", &EVENTS, "p/q/", ""),
        ] {
            let error = is_there(std::slice::from_ref(&other), &wanted).unwrap_err();
            assert!(error.contains("\"theirs\"") && error.contains("--eventbridge"), "{other:?}: {error}");
        }
    }
}
