//! The notifier port: how people and programs learn that a run has ended.
//!
//! # Contract
//!
//! - `Ok` means that the receiver has taken the notice. After an `Err` it may have: the caller sends it again, under the
//!   same id, and the receiver drops what it has.
//! - No error and no log line contains the URL of a webhook, which may be a secret.
//! - A call ends within half a minute.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::ledger::{Found, Settled};
use crate::object::Timestamp;
use crate::tasks::{EndedRun, RunEnd};

/// How a notice is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// Published to a topic of Amazon SNS.
    Topic,
    /// Sent to a URL by POST.
    Webhook,
}

impl Channel {
    /// All channels.
    pub const ALL: [Channel; 2] = [Channel::Topic, Channel::Webhook];

    /// The channel as it is recorded.
    pub fn as_str(self) -> &'static str {
        match self {
            Channel::Topic => "topic",
            Channel::Webhook => "webhook",
        }
    }
}

/// The end of a run, as receivers get it: one JSON object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// Names the notice: one that comes again has the same id.
    pub id: String,
    /// The fleet.
    pub fleet: String,
    /// The task's name.
    pub task: String,
    /// The run.
    pub run: String,
    /// How it ended.
    pub end: RunEnd,
    /// When it was begun, milliseconds since 1970.
    pub begun: Timestamp,
    /// When its end was seen, milliseconds since 1970.
    pub ended: Timestamp,
    /// Source location.
    pub source: String,
    /// Destination location.
    pub destination: String,
    /// Objects whose messages were lost.
    pub lost: u64,
    /// Why it stopped, or what it refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What the finder met.
    pub found: Found,
    /// What became of the objects.
    pub settled: Settled,
}

impl Notice {
    /// One line for people, of printable ASCII: a subject of SNS takes no more than 100 characters.
    pub fn subject(&self) -> String {
        let end = EndedRun {
            failed: self.settled.failed,
            lost: self.lost,
            not_judged: self.found.not_judged,
            unlisted: self.found.unlisted,
            ..EndedRun::new(&self.run, self.end, self.ended)
        };
        format!("flotilla: task {} {}", self.task, end.words()).chars().take(100).collect()
    }
}

/// Sends notices. See the [module's contract](self).
#[async_trait]
pub trait Notifier: Send + Sync + std::fmt::Debug + 'static {
    /// Sends a notice to `target`: the topic's ARN, or the webhook's URL or its origin (`env:NAME`, `file:PATH`), which
    /// is read now.
    async fn send(&self, channel: Channel, target: &str, notice: &Notice) -> Result<()>;
}
