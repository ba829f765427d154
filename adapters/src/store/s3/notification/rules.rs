//! The rules of a bucket's notification configuration, without requests.

use aws_sdk_s3::operation::get_bucket_notification_configuration::GetBucketNotificationConfigurationOutput as Current;
use aws_sdk_s3::types::builders::NotificationConfigurationBuilder;
use aws_sdk_s3::types::{
    Event, FilterRule, FilterRuleName, NotificationConfiguration, NotificationConfigurationFilter, QueueConfiguration,
    S3KeyFilter,
};

use shared::retry::SUBSCRIBE;
use shared::{Error, ErrorKind, Result};

/// A rule of whatever target, as far as two of them can be in each other's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) target: String,
    pub(super) events: Vec<String>,
    pub(super) prefix: String,
    pub(super) suffix: String,
}

/// Whether a rule does already what the wanted one would.
///
/// # Errors
/// If another rule is in its way: S3 refuses two rules that an event of one key could both go to.
pub(super) fn is_there(rules: &[Rule], wanted: &Rule) -> Result<bool, String> {
    if rules.iter().any(|rule| rule.target == wanted.target && covers(rule, wanted)) {
        return Ok(true);
    }
    let remedy = "use --eventbridge, or let an SNS topic send to both";
    conflict(rules, wanted).map(|()| false).map_err(|why| format!("{why}: {remedy}"))
}

/// Refuses a rule that another one is in the way of.
pub(super) fn conflict(rules: &[Rule], wanted: &Rule) -> Result<(), String> {
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
pub(super) fn rules(current: &Current) -> Vec<Rule> {
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
pub(super) fn with_rule(current: Current, rule: &Rule) -> Result<NotificationConfiguration> {
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
pub(super) fn without_rule(current: Current, id: &str) -> NotificationConfigurationBuilder {
    let mut queues = current.queue_configurations.clone().unwrap_or_default();
    queues.retain(|queue| queue.id() != Some(id));
    as_written(current).set_queue_configurations(Some(queues))
}

/// What was read, to be written back.
pub(super) fn as_written(current: Current) -> NotificationConfigurationBuilder {
    NotificationConfiguration::builder()
        .set_topic_configurations(current.topic_configurations)
        .set_queue_configurations(current.queue_configurations)
        .set_lambda_function_configurations(current.lambda_function_configurations)
        .set_event_bridge_configuration(current.event_bridge_configuration)
}

#[cfg(test)]
mod tests {
    use super::super::EVENTS;
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
