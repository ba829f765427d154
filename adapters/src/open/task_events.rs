//! Brings the events of a source bucket to its task's queue of events, and undoes exactly that.
//!
//! The bucket has one rule for the task, of id `flotilla-ID` (the task's id, which nobody else has), and the queue's
//! policy has one statement. Rules and statements of others are not touched. S3 has no conditional write of a bucket's
//! notifications: the configuration is read, merged, written and read again.
//!
//! S3 refuses a rule that overlaps with another one of the bucket. Then the bucket sends its events to EventBridge, and a
//! rule there, `FLEET--TASK`, sends those of the task to the queue. A task that has this rule keeps it. Its parts are made
//! in the order statement, rule, target, bucket, and undone in the reverse order: after a program was killed between any
//! two of them, doing or undoing it again finds what is left. The statement shows that the rule may exist.

use crate::event_rule::{EventRule, FoundRule, Pattern, rule_arn};
use crate::queue::sqs::SqsQueue;
use crate::store::s3::{EVENTS, S3Store};
use shared::config::{FleetFile, FollowedEvents, TaskDefinition};
use shared::location::Scheme;
use shared::tasks::Summary;
use shared::{Error, ErrorKind, Result};

use super::leave_bucket_queue;
use super::task_queues::{events_config, owner};

/// The same events as [`EVENTS`], as EventBridge names them.
const TYPES: [&str; 2] = ["Object Created", "Object Deleted"];

/// Said where a bucket begins to send to EventBridge (Amazon S3 user guide, "Enabling Amazon EventBridge").
const SLOW_SWITCH: &str = "S3 takes five minutes to begin, and a run finds what changes until then";

/// Makes the source bucket send the events that the task follows to its queue, which must exist, or no events if it
/// follows none. Returns one line for the user, if there is something to be said. Repeating it changes nothing.
pub async fn wire_events(fleet: &FleetFile, task: &Summary, definition: &TaskDefinition) -> Result<Option<String>> {
    let location = &definition.source.location;
    let kinds = match (definition.events, location.scheme()) {
        // Their worker leaves the queue.
        (FollowedEvents::Off, _) if fleet.state.is_some() => return Ok(None),
        (FollowedEvents::Off, _) => return unwire_events(fleet, task, definition).await.map(|()| None),
        // The machine that serves the state folder watches it.
        (_, Scheme::File) => return Ok(None),
        // The user who made the queue has the bucket send to it.
        _ if fleet.state.is_some() && !definition.lacks_queue() => return Ok(None),
        _ if fleet.state.is_some() => {
            let how =
                "give events-queue, a queue at SQS that the bucket sends them to, or a schedule: runs find changes";
            return Ok(Some(format!("events of {location}: {how}")));
        }
        (_, scheme) if scheme != Scheme::S3 => {
            let how = "this provider sends events through a function: see deploy/functions/README.md";
            return Ok(Some(format!("events of {location}: {how}")));
        }
        (FollowedEvents::Create, _) => 1,
        (FollowedEvents::CreateDelete, _) => 2,
    };
    let wiring = Wiring::open(fleet, task, definition).await?;
    let queue = SqsQueue::open_owned(&events_config(fleet, task), &owner(fleet, task)).await?;
    let line = format!("bucket {} sends its events to queue {}", location.bucket(), events_config(fleet, task).name);
    let is_marked = queue.admits_rule().await?;
    let has_rule =
        (is_marked || wiring.source.sends_to_eventbridge().await?) && wiring.found(is_marked).await?.is_some();
    if !has_rule {
        queue.admit_bucket(location.bucket()).await?;
        let overlap = wiring.source.set_rule(&wiring.rule_id, &queue.arn().await?, &EVENTS[..kinds]).await?;
        let Some(why) = overlap else { return Ok(Some(line)) };
        tracing::info!("task {}: events come by EventBridge: {why}", task.task.name);
    }
    let was_on = wiring.by_eventbridge(&queue, &TYPES[..kinds]).await?;
    let why = "another rule of the bucket takes some of these events";
    let since = if was_on { String::new() } else { format!("; {SLOW_SWITCH}: flotilla task run {}", task.task.name) };
    Ok(Some(format!("{line} by the EventBridge rule {}, since {why}{since}", wiring.rule_name)))
}

/// Makes the source bucket send no events to the task. A bucket that is gone sends none. The queue's policy goes with
/// the queue, but for the statement of EventBridge. Repeating it changes nothing.
pub async fn unwire_events(fleet: &FleetFile, task: &Summary, definition: &TaskDefinition) -> Result<()> {
    if fleet.state.is_some() {
        return match definition.bucket_queue() {
            Some(queue) => leave_bucket_queue(&queue, &task.task).await,
            None => Ok(()),
        };
    }
    if definition.source.location.scheme() != Scheme::S3 {
        return Ok(());
    }
    let wiring = Wiring::open(fleet, task, definition).await?;
    unless_gone(wiring.source.remove_rule(&wiring.rule_id).await)?;
    let queue = match SqsQueue::open_owned(&events_config(fleet, task), &owner(fleet, task)).await {
        // Gone, or of somebody else: it is not changed.
        Err(error) if matches!(error.kind(), ErrorKind::NoSuchContainer | ErrorKind::Invalid) => None,
        queue => Some(queue?),
    };
    let is_marked = match &queue {
        Some(queue) => queue.admits_rule().await?,
        None => false,
    };
    let is_on = unless_gone(wiring.source.sends_to_eventbridge().await)?.unwrap_or(false);
    // Without queue and bucket the rule may exist all the same.
    if !is_marked && !is_on && queue.is_some() {
        return Ok(());
    }
    if let Some(rule) = wiring.found(is_marked).await? {
        wiring.leave_eventbridge(rule, is_on).await?;
        wiring.rule.remove().await?;
    }
    match &queue {
        Some(queue) if is_marked => queue.refuse_rule().await,
        _ => Ok(()),
    }
}

/// A task's bucket and its rule of EventBridge.
struct Wiring {
    source: S3Store,
    bucket: String,
    prefix: String,
    /// The id of the task's rule in its bucket.
    rule_id: String,
    rule: EventRule,
    /// The name of the task's rule of EventBridge.
    rule_name: String,
}

impl Wiring {
    async fn open(fleet: &FleetFile, task: &Summary, definition: &TaskDefinition) -> Result<Wiring> {
        let location = &definition.source.location;
        let rule_name = fleet.queues_of(&task.task.name).jobs;
        // A bucket sends to the EventBridge of its own region, where the queue of events is.
        let connection = events_config(fleet, task).connection;
        Ok(Wiring {
            source: S3Store::open(&definition.source).await?,
            bucket: location.bucket().to_owned(),
            prefix: location.prefix().to_owned(),
            rule_id: format!("flotilla-{}", task.task.id),
            rule: EventRule::open(&connection, rule_name.clone(), &task.task.id).await?,
            rule_name,
        })
    }

    /// The task's rule of EventBridge; a rule of somebody else is none. If nothing shows that the task has one, a missing
    /// right hides none.
    async fn found(&self, is_marked: bool) -> Result<Option<FoundRule>> {
        match self.rule.find().await {
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(None),
            Err(error) if !is_marked && error.kind() == ErrorKind::Denied => {
                tracing::debug!(%error, "cannot look for a rule of EventBridge");
                Ok(None)
            }
            found => found,
        }
    }

    /// Has EventBridge send the events of these types to the queue. Whether the bucket sent to EventBridge before.
    async fn by_eventbridge(&self, queue: &SqsQueue, types: &[&str]) -> Result<bool> {
        let arn = queue.arn().await?;
        let account = arn.split(':').nth(4).unwrap_or_default();
        let is_on = self.source.sends_to_eventbridge_of(account).await?;
        queue.admit_rule(&rule_arn(&arn, &self.rule_name)).await?;
        self.rule.set(&Pattern::new(&self.bucket, &self.prefix, types), &arn, !is_on).await?;
        self.source.send_to_eventbridge(Some(&self.rule_id)).await?;
        Ok(is_on)
    }

    /// Switches the bucket's EventBridge off again, if the task switched it on and no other rule may take its events.
    async fn leave_eventbridge(&self, rule: FoundRule, is_on: bool) -> Result<()> {
        // With targets of others the rule stays, and needs the bucket's events.
        if !rule.has_switched || !is_on || self.rule.has_other_targets().await? {
            return Ok(());
        }
        match self.rule.others_take(&self.bucket).await {
            Ok(false) => unless_gone(self.source.leave_eventbridge().await).map(drop),
            Ok(true) => {
                tracing::info!("bucket {} goes on sending to EventBridge: another rule may need it", self.bucket);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::Denied => {
                tracing::warn!("bucket {} goes on sending to EventBridge: {error}", self.bucket);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

/// The answer, or `None` if the bucket is gone.
fn unless_gone<T>(answer: Result<T, Error>) -> Result<Option<T>> {
    match answer {
        Err(error) if matches!(error.kind(), ErrorKind::NoSuchContainer | ErrorKind::NotFound) => Ok(None),
        answer => answer.map(Some),
    }
}
