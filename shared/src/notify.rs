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
    /// The notice for people, in one line: see [`Notice::line`]. Chat services show this field of a webhook's body.
    #[serde(default)]
    pub text: String,
}

impl Notice {
    /// One line for people, of printable ASCII: a subject of SNS takes no more than 100 characters.
    pub fn subject(&self) -> String {
        format!("flotilla: task {} {}", self.task, self.words()).chars().take(100).collect()
    }

    /// One line for people: the end, the most frequent cause of failures, the locations, and times in UTC.
    pub fn line(&self) -> String {
        let Notice { fleet, task, run, source, destination, .. } = self;
        let mut line = format!("flotilla {fleet}: task {task}: {}", self.words());
        // Of two causes that are as frequent, the first by name: the line of one notice stays the same.
        if let Some((cause, objects)) = self.settled.failed_by.iter().max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(a.0))) {
            line += &format!("; most frequent cause: {} ({objects})", cause.replace('-', " "));
        }
        if let Some(error) = &self.error {
            line += &format!("; {}", error.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        let (begun, ended) = (self.begun.to_seconds(), self.ended.to_seconds());
        line + &format!("; {source} to {destination}; {begun} to {ended}; run {run}")
    }

    fn words(&self) -> String {
        let end = EndedRun {
            failed: self.settled.failed,
            lost: self.lost,
            not_judged: self.found.not_judged,
            unlisted: self.found.unlisted,
            ..EndedRun::new(&self.run, self.end, self.ended)
        };
        end.words()
    }
}

/// Sends notices. See the [module's contract](self).
#[async_trait]
pub trait Notifier: Send + Sync + std::fmt::Debug + 'static {
    /// Sends a notice to `target`: the topic's ARN, or the webhook's URL or its origin (`env:NAME`, `file:PATH`), which
    /// is read now.
    async fn send(&self, channel: Channel, target: &str, notice: &Notice) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Reasons;

    #[test]
    fn a_line_has_cause_locations_and_times() {
        let mut failed_by = Reasons::default();
        for (cause, objects) in [("denied", 7), ("timeout", 3), ("archived", 7)] {
            failed_by.add(cause, objects);
        }
        let notice = Notice {
            id: "id".into(),
            fleet: "f".into(),
            task: "photos".into(),
            run: "r1".into(),
            end: RunEnd::DoneWithFailures,
            begun: Timestamp(1_767_312_000_000),
            ended: Timestamp(1_767_312_061_000),
            source: "s3://a/".into(),
            destination: "s3://b/".into(),
            lost: 0,
            error: Some("two\nlines".into()),
            found: Found::default(),
            settled: Settled { failed: 17, failed_by, ..Settled::default() },
            text: String::new(),
        };
        let expected = "flotilla f: task photos: done, 17 failed; most frequent cause: archived (7); two lines; \
                        s3://a/ to s3://b/; 2026-01-02T00:00:00Z to 2026-01-02T00:01:01Z; run r1";
        assert_eq!(notice.line(), expected);
        assert_eq!(notice.subject(), "flotilla: task photos done, 17 failed");
    }
}
