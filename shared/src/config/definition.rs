//! The definition of a task of a fleet, as files and `flotilla task` spell it.
//!
//! It has the settings of a config file that describe the work, with the same names and bounds. Settings of machines
//! stand in the [fleet file](super::FleetFile): a definition with one of them is refused, and the refusal says where it
//! goes.

mod check;
mod events_queue;
mod text;

use serde::{Deserialize, Serialize};

use super::{Config, ConfigError, EventsConfig, Find, FleetFile, Kind, ObjectsConfig, QueueConfig, Side, Work, size};
use crate::location::Scheme;
use crate::notify::Channel;
use crate::schedule::Schedule;
use crate::tasks::{self, Outline};

/// Keys of `[work]` that machines have, and not tasks.
pub(super) const MACHINE_KEYS: [&str; 4] = ["concurrency", "memory-limit", "lease", "drain"];

/// Keys of `[work]` that neither tasks of a fleet nor its machines have: a fleet always looks again, and waits for a
/// store for ever.
pub(super) const SINGLE_KEYS: [&str; 2] = ["look-again", "outage-limit"];

/// A task of a fleet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TaskDefinition {
    /// The task's name.
    pub task: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// When it runs; absent: when asked to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Which changes of the source are followed.
    #[serde(default)]
    pub events: FollowedEvents,
    /// URL of the queue at SQS that the source bucket sends its events to. A fleet with a table makes a queue of its
    /// own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_queue: Option<String>,
    /// Where objects come from.
    pub source: Side,
    /// Where they go.
    pub destination: Side,
    /// How differences are found.
    #[serde(default)]
    pub find: Find,
    /// How it is copied.
    #[serde(default)]
    pub work: Work,
    /// Limits over all workers.
    #[serde(default)]
    pub limits: TaskLimits,
    /// Who is notified of the end of each run.
    #[serde(default)]
    pub notify: Notify,
}

/// Which changes of the source a task follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FollowedEvents {
    /// None.
    #[default]
    Off,
    /// Objects that are written.
    Create,
    /// Objects that are written or deleted.
    CreateDelete,
}

/// Limits of a task over all workers. They can be changed while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct TaskLimits {
    /// Most machines that are started for the task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machines: Option<u32>,
    /// Bytes a second.
    #[serde(with = "size::optional", skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<u64>,
    /// Requests a second to each store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u32>,
}

impl From<TaskLimits> for tasks::Limits {
    fn from(TaskLimits { machines, bandwidth, requests }: TaskLimits) -> tasks::Limits {
        tasks::Limits { machines, bandwidth, requests }
    }
}

/// Who is notified of the end of each run, and of a task that waits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Notify {
    /// ARN of an SNS topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// URL that is sent a POST; or where it comes from, as credentials do: `env:NAME`, `file:PATH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
    /// Which ends are sent.
    #[serde(skip_serializing_if = "NotifyOn::is_all")]
    pub on: NotifyOn,
}

impl Notify {
    /// The receivers.
    pub fn channels(&self) -> impl Iterator<Item = Channel> {
        Channel::ALL.into_iter().filter(|channel| self.target(*channel).is_some())
    }

    /// Where notices of a channel go.
    pub fn target(&self, channel: Channel) -> Option<&str> {
        match channel {
            Channel::Topic => self.topic.as_deref(),
            Channel::Webhook => self.webhook.as_deref(),
        }
    }
}

/// Of which ends of runs notices are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotifyOn {
    /// Of all.
    #[default]
    All,
    /// Of runs that did not end well: with failures, stopped or cancelled. A task that waits is among them.
    Failures,
}

impl NotifyOn {
    fn is_all(&self) -> bool {
        *self == NotifyOn::All
    }

    /// Whether a run that ended so has a notice.
    pub fn takes(self, end: tasks::RunEnd) -> bool {
        self == NotifyOn::All || end != tasks::RunEnd::Done
    }
}

impl TaskDefinition {
    /// The definition as the tasks port keeps it.
    pub fn kept(&self) -> Result<tasks::Definition, ConfigError> {
        let outline = Outline {
            description: self.description.clone(),
            source: self.source.location.to_string(),
            destination: self.destination.location.to_string(),
            schedule: self.schedule.as_ref().map(Schedule::to_string).unwrap_or_default(),
            events: self.events != FollowedEvents::Off,
            events_region: self.events_region(),
            notify: self.notify.topic.is_some() || self.notify.webhook.is_some(),
        };
        Ok(tasks::Definition { text: self.to_toml()?, outline, limits: self.limits.into() })
    }

    /// The region of the task's queue of events: the source bucket's, since Amazon S3 sends to no other. `None`: the
    /// fleet's.
    pub fn events_region(&self) -> Option<String> {
        let is_amazon = self.source.location.scheme() == Scheme::S3 && self.source.connection.endpoint_url.is_none();
        self.source.connection.region.clone().filter(|_| is_amazon)
    }

    /// The task with this id as one machine of a fleet does it: its own settings, with the machine's, and with the queues
    /// that its name gives it.
    pub fn on(&self, fleet: &FleetFile, id: &str) -> Config {
        let names = fleet.queues_of(&self.task);
        let queue = fleet.state.is_none().then(|| QueueConfig {
            name: names.jobs,
            dead_letter: Some(names.dead),
            connection: fleet.queue.clone(),
        });
        let (tags, strict) = (self.work.tags, self.work.strict);
        Config {
            task: id.to_owned(),
            name: self.task.clone(),
            kind: Kind::OBJECTS,
            events: queue.is_some().then_some(EventsConfig { queue: names.events }),
            queue,
            ledger: fleet.ledger.clone(),
            state: fleet.state.clone(),
            fleet: fleet.group.clone(),
            metrics_addr: fleet.metrics_addr.clone(),
            machine: fleet.work.settings(),
            objects: ObjectsConfig {
                source: self.source.clone(),
                destination: self.destination.clone(),
                find: Find { tags, strict, ..self.find.clone() },
                work: self.work.clone(),
            },
        }
    }
}

#[cfg(test)]
mod tests;
