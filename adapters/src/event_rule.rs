//! A rule of Amazon EventBridge that brings a bucket's events to a task's queue, where a rule of the bucket itself would
//! overlap with another one.
//!
//! The rule is on the account's default bus, in the region of bucket and queue. Its description begins with the task's
//! id: a rule of the same name with another description belongs to somebody else, and is neither changed nor removed.

mod pattern;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_eventbridge::types::{Rule, RuleState, Target};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::aws::{self, allow};
pub use pattern::Pattern;
use shared::config::Connection;
use shared::retry::{self, SUBSCRIBE};
use shared::{Error, ErrorKind, Result};

/// The id of the rule's target.
const TARGET: &str = "queue";

/// The beginning of a description: a task's id follows.
const MARK: &str = "Events of the Flotilla task of id ";

/// The end of a description: the task switched the bucket's EventBridge on.
const SWITCHED: &str = "; it switched the bucket's EventBridge on";

/// Most pages of rules read. A bus has 300 rules, or some thousand with a raised quota; a page has 100.
const MAX_PAGES: usize = 100;

/// The name for a rule of a task in the account and region of its queue.
pub fn rule_arn(queue_arn: &str, name: &str) -> String {
    let mut parts = queue_arn.split(':').skip(1);
    let (partition, region, account) = (parts.next(), parts.nth(1), parts.next());
    let [partition, region, account] = [partition, region, account].map(Option::unwrap_or_default);
    format!("arn:{partition}:events:{region}:{account}:rule/{name}")
}

/// A rule of a task.
#[derive(Debug)]
pub struct EventRule {
    client: Client,
    name: String,
    /// The beginning of its description.
    mark: String,
}

/// What became of the record of a bucket's switch.
enum HandOver {
    /// Another task's rule has it.
    Done,
    /// That rule may not be looked at, or changed.
    Denied,
    /// That rule sends nothing.
    Unused,
}

/// A rule that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRule {
    pattern: Option<String>,
    is_enabled: bool,
    /// Whether the task switched the bucket's EventBridge on.
    pub has_switched: bool,
}

impl EventRule {
    /// The rule of this name, of the task with this id. Sends no request.
    pub async fn open(connection: &Connection, name: String, task: &str) -> Result<EventRule> {
        let client = Client::new(&aws::sdk_config(connection).await?);
        Ok(EventRule { client, name, mark: format!("{MARK}{task}") })
    }

    /// The rule; `None` if it does not exist.
    ///
    /// # Errors
    /// `Conflict` if the rule of this name belongs to somebody else.
    pub async fn find(&self) -> Result<Option<FoundRule>> {
        // Read-only: slow, repeated or lost, it changes nothing.
        let request = || self.client.describe_rule().name(&self.name).send();
        let found = match call("events:DescribeRule", &self.name, request).await {
            Err(error) if error.kind() == ErrorKind::NoSuchContainer => return Ok(None),
            found => found?,
        };
        let description = found.description().unwrap_or_default();
        match description.strip_prefix(&self.mark) {
            Some(end) if end.is_empty() || end == SWITCHED => Ok(Some(FoundRule {
                has_switched: end == SWITCHED,
                is_enabled: found.state() == Some(&RuleState::Enabled),
                pattern: found.event_pattern,
            })),
            _ => {
                let why = "an EventBridge rule of this name does not belong to this task: delete the rule if nobody needs \
                           it, or give the task another name";
                Err(Error::new(ErrorKind::Conflict, SUBSCRIBE.verb, &self.name, why))
            }
        }
    }

    /// Makes the rule send the events of this pattern to the queue. A rule of the task is changed, and keeps the record
    /// of the switch. Repeating it changes nothing.
    ///
    /// # Errors
    /// As [`find`](Self::find); `Exhausted` if the bus takes no more rules.
    pub async fn set(&self, pattern: &Pattern, queue_arn: &str, switches: bool) -> Result<()> {
        let found = self.find().await?;
        let switched = switches || found.as_ref().is_some_and(|found| found.has_switched);
        let is_there = |found: &FoundRule| {
            found.is_enabled && found.has_switched == switched && pattern.is(found.pattern.as_deref())
        };
        if !found.as_ref().is_some_and(is_there) {
            let description = format!("{}{}", self.mark, if switched { SWITCHED } else { "" });
            // Repeated, or done with its answer lost: the same rule is written again. Carried out after the task was
            // deleted: a rule without a target is left, which sends nothing.
            let request = || {
                let request = self.client.put_rule().name(&self.name).event_pattern(pattern.text());
                request.state(RuleState::Enabled).description(&description).send()
            };
            call("events:PutRule", &self.name, request).await?;
        }
        self.set_target(queue_arn).await
    }

    async fn set_target(&self, queue_arn: &str) -> Result<()> {
        let invalid =
            |error| Error::new(ErrorKind::Invalid, SUBSCRIBE.verb, &self.name, "no target").with_source(error);
        let target = Target::builder().id(TARGET).arn(queue_arn).build().map_err(invalid)?;
        if self.targets().await?.contains(&target) {
            return Ok(());
        }
        // Repeated, or done with its answer lost: the target of this id is written again.
        let request = || self.client.put_targets().rule(&self.name).targets(target.clone()).send();
        let answer = call("events:PutTargets", &self.name, request).await?;
        match answer.failed_entries() {
            [] => Ok(()),
            [failed, ..] => Err(self.refused("the target", failed.error_code(), failed.error_message())),
        }
    }

    /// The rule's targets, at most five by its quota.
    async fn targets(&self) -> Result<Vec<Target>> {
        // Read-only: slow, repeated or lost, it changes nothing. One page has up to 100 targets.
        let request = || self.client.list_targets_by_rule().rule(&self.name).send();
        let answer = call("events:ListTargetsByRule", &self.name, request).await?;
        Ok(answer.targets.unwrap_or_default())
    }

    /// Whether somebody gave the rule a target beside the queue. A rule that is gone has none.
    pub async fn has_other_targets(&self) -> Result<bool> {
        match self.targets().await {
            Err(error) if error.kind() == ErrorKind::NoSuchContainer => Ok(false),
            targets => Ok(targets?.iter().any(|target| target.id() != TARGET)),
        }
    }

    /// Removes the rule's target, the queue, and the rule unless somebody gave it other targets: then it stays, for them.
    /// A rule that is gone is fine. If somebody adds a target after the look, EventBridge refuses to remove the
    /// rule, and the next call leaves it.
    pub async fn remove(&self) -> Result<()> {
        let gone = |error: &Error| error.kind() == ErrorKind::NoSuchContainer;
        let is_shared = self.has_other_targets().await?;
        // Repeated, or done with its answer lost: a target or rule that is gone is fine.
        let request = || self.client.remove_targets().rule(&self.name).ids(TARGET).send();
        match call("events:RemoveTargets", &self.name, request).await {
            Err(error) if gone(&error) => return Ok(()),
            answer => {
                if let [failed, ..] = answer?.failed_entries() {
                    return Err(self.refused("removing the target", failed.error_code(), failed.error_message()));
                }
            }
        }
        if is_shared {
            let how = "delete the rule if nobody needs it";
            tracing::warn!("the EventBridge rule {} stays, since it has targets of others: {how}", self.name);
            return Ok(());
        }
        let request = || self.client.delete_rule().name(&self.name).send();
        match call("events:DeleteRule", &self.name, request).await {
            Err(error) if gone(&error) => Ok(()),
            other => other.map(drop),
        }
    }

    /// Whether another rule of the bus may take events of the bucket. In doubt, yes. If one of them is a task's, it gets
    /// the record of the switch: it is the one to switch the bucket's EventBridge off.
    pub async fn others_take(&self, bucket: &str) -> Result<bool> {
        let mut next = None;
        let mut is_taken = false;
        for _ in 0..MAX_PAGES {
            // Read-only: slow, repeated or lost, it changes nothing.
            let request = || self.client.list_rules().set_next_token(next.clone()).send();
            let page = call("events:ListRules", &self.name, request).await?;
            let takes = |pattern: Option<&str>| pattern.is_some_and(|text| pattern::may_take(text, bucket));
            let others = page.rules().iter().filter(|rule| rule.name() != Some(&self.name));
            for rule in others.filter(|rule| takes(rule.event_pattern())) {
                if !rule.description().is_some_and(|description| description.starts_with(MARK)) {
                    is_taken = true;
                    continue;
                }
                match self.hand_over(rule).await? {
                    HandOver::Done => return Ok(true),
                    HandOver::Denied => is_taken = true,
                    HandOver::Unused => {}
                }
            }
            next = page.next_token;
            if next.is_none() {
                return Ok(is_taken);
            }
        }
        Ok(true)
    }

    /// Gives another task's rule the record of the switch. Without the right to change it (another fleet's), the bucket's
    /// EventBridge stays on.
    ///
    /// Repeated, or done with its answer lost: the same description is written again. EventBridge has no conditional
    /// write: a rule that its task removes at the same moment is made again, without a target. It is looked at after the
    /// write, and removed.
    async fn hand_over(&self, rule: &Rule) -> Result<HandOver> {
        let handed = self.try_hand_over(rule).await;
        match handed {
            Err(error) if error.kind() == ErrorKind::Denied => {
                let name = rule.name().unwrap_or_default();
                tracing::warn!("the EventBridge rule {name} does not take over the bucket's switch: {error}");
                Ok(HandOver::Denied)
            }
            handed => handed,
        }
    }

    async fn try_hand_over(&self, rule: &Rule) -> Result<HandOver> {
        let (name, description) = (rule.name().unwrap_or_default(), rule.description().unwrap_or_default());
        if !self.has_target(name).await? {
            return Ok(HandOver::Unused);
        }
        if description.ends_with(SWITCHED) {
            return Ok(HandOver::Done);
        }
        let request = || {
            let request = self.client.put_rule().name(name).set_event_pattern(rule.event_pattern.clone());
            request.set_state(rule.state.clone()).description(format!("{description}{SWITCHED}")).send()
        };
        call("events:PutRule", name, request).await?;
        if self.has_target(name).await? {
            return Ok(HandOver::Done);
        }
        let request = || self.client.delete_rule().name(name).send();
        match call("events:DeleteRule", name, request).await {
            Err(error) if error.kind() != ErrorKind::NoSuchContainer => Err(error),
            _ => Ok(HandOver::Unused),
        }
    }

    /// Whether a task's rule sends to a queue. One that does not was left, or is gone.
    async fn has_target(&self, name: &str) -> Result<bool> {
        // Read-only: slow, repeated or lost, it changes nothing. One page has up to 100 targets.
        let request = || self.client.list_targets_by_rule().rule(name).send();
        match call("events:ListTargetsByRule", name, request).await {
            Err(error) if error.kind() == ErrorKind::NoSuchContainer => Ok(false),
            answer => Ok(answer?.targets().iter().any(|target| target.id() == TARGET)),
        }
    }

    fn refused(&self, what: &str, code: Option<&str>, message: Option<&str>) -> Error {
        let why = format!("{what} is refused: {} ({})", message.unwrap_or_default(), code.unwrap_or_default());
        Error::new(ErrorKind::Invalid, SUBSCRIBE.verb, &self.name, why)
    }
}

/// Sends a request about a rule; a denial names the right.
async fn call<T, E, F>(right: &'static str, rule: &str, mut request: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let answer = retry::run(&SUBSCRIBE, rule, || {
        let sent = request();
        async { sent.await.map_err(|error| meaning(rule, error)) }
    });
    answer.await.map_err(allow(right))
}

/// The meaning of EventBridge's own error codes; [`aws::error_from`] has the codes of all services.
fn meaning<E>(rule: &str, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    // Other services throttle by this code.
    if error.code() == Some("LimitExceededException") {
        let why = "the event bus takes no more rules: remove rules, or raise the quota of rules per event bus";
        return Error::new(ErrorKind::Exhausted, SUBSCRIBE.verb, rule, why).with_source(error);
    }
    aws::error_from(SUBSCRIBE.verb, rule, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_in_the_account_and_region_of_its_queue() {
        let arn = rule_arn("arn:aws-cn:sqs:cn-north-1:123456789012:f--t--events", "f--t");
        assert_eq!(arn, "arn:aws-cn:events:cn-north-1:123456789012:rule/f--t");
    }
}
