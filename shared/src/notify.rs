//! The notifier port: how people and programs learn that a run has ended, or that a task waits.
//!
//! # Contract
//!
//! - `Ok` means that the receiver has taken the notice. After an `Err` it may have: the caller sends it again, under the
//!   same id, and the receiver drops what it has.
//! - No error and no log line contains the URL of a webhook, which may be a secret.
//! - A call ends within half a minute.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::ledger::{Found, Settled};
use crate::object::Timestamp;
use crate::tasks::{EndedRun, Operation, RunEnd};
use crate::{Error, ErrorKind, Result};

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

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeEvent {
    /// A run has ended.
    #[default]
    RunEnded,
    /// A task has waited for some minutes: a store is away, or no worker can open the task.
    Waits,
    /// A task that waited goes on.
    GoesOn,
    /// Somebody tests the receivers.
    Test,
}

impl NoticeEvent {
    /// The event as it is recorded.
    pub fn as_str(self) -> &'static str {
        match self {
            NoticeEvent::RunEnded => "run-ended",
            NoticeEvent::Waits => "waits",
            NoticeEvent::GoesOn => "goes-on",
            NoticeEvent::Test => "test",
        }
    }
}

/// The request of an operation of kind `notify`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct NoticeRequest {
    /// What it is about.
    pub event: NoticeEvent,
    /// The receiver; `None`: all of the task, of a test alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// The run that has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Since when the task waits, or waited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// What a worker reports of a task that waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl NoticeRequest {
    /// The text that is recorded.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("a request is representable as JSON")
    }

    /// Reads a request.
    pub fn read(operation: &Operation) -> Result<NoticeRequest> {
        serde_json::from_str(&operation.request).map_err(|error| {
            Error::new(ErrorKind::Corrupt, "read", &operation.id, format!("the request is invalid: {error}"))
        })
    }
}

/// How the progress of a notice begins that a receiver has not taken. The error follows.
pub const NOT_TAKEN: &str = "not taken: ";

/// The result of a test: whether each receiver took it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TestResult {
    /// The receivers of the task.
    pub receivers: Vec<TestedReceiver>,
    /// The receivers that did not take it, with their errors, in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A receiver that was tested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestedReceiver {
    /// The receiver.
    pub channel: Channel,
    /// Why it did not take the notice; `None`: it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A notice, as receivers get it: one JSON object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// Names the notice: one that comes again has the same id.
    pub id: String,
    /// What it is about.
    #[serde(default)]
    pub event: NoticeEvent,
    /// The fleet.
    pub fleet: String,
    /// The task's name.
    pub task: String,
    /// Source location.
    pub source: String,
    /// Destination location.
    pub destination: String,
    /// The run that has ended.
    #[serde(flatten)]
    pub run: Option<NoticeRun>,
    /// Since when the task waits, or waited, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Why a run stopped, what it refused, or why a task waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The page of the run or the task, if the fleet's `public-url` is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The notice for people, in one line: see [`Notice::line`]. Chat services show this field of a webhook's body.
    #[serde(default)]
    pub text: String,
}

/// The end of a run, in a notice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoticeRun {
    /// The run.
    pub run: String,
    /// How it ended.
    pub end: RunEnd,
    /// When it was begun, milliseconds since 1970.
    pub begun: Timestamp,
    /// When its end was seen, milliseconds since 1970.
    pub ended: Timestamp,
    /// Objects whose messages were lost.
    pub lost: u64,
    /// What the finder met.
    pub found: Found,
    /// What became of the objects.
    pub settled: Settled,
}

impl Notice {
    /// One line for people, of printable ASCII: a subject of SNS takes no more than 100 characters.
    pub fn subject(&self) -> String {
        format!("flotilla: task {} {}", self.task, self.words()).chars().take(100).collect()
    }

    /// One line for people: what happened, the most frequent cause of failures, the locations, times in UTC, the link.
    pub fn line(&self) -> String {
        let Notice { fleet, task, source, destination, .. } = self;
        let mut line = format!("flotilla {fleet}: task {task}: {}", self.words());
        if let Some(since) = self.since {
            line += &format!(" since {}", since.to_seconds());
        }
        // Of two causes that are as frequent, the first by name: the line of one notice stays the same.
        let causes = self.run.iter().flat_map(|run| run.settled.failed_by.iter());
        if let Some((cause, objects)) = causes.max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(a.0))) {
            line += &format!("; most frequent cause: {} ({objects})", cause.replace('-', " "));
        }
        if let Some(error) = &self.error {
            line += &format!("; {}", error.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        line += &format!("; {source} to {destination}");
        if let Some(NoticeRun { run, begun, ended, .. }) = &self.run {
            line += &format!("; {} to {}; run {run}", begun.to_seconds(), ended.to_seconds());
        }
        if let Some(link) = &self.link {
            line += &format!("; {link}");
        }
        line
    }

    fn words(&self) -> String {
        match (self.event, &self.run) {
            (NoticeEvent::RunEnded, Some(run)) => run.words(),
            (NoticeEvent::RunEnded, None) => "a run has ended".to_owned(),
            (NoticeEvent::Waits, _) => "waits".to_owned(),
            (NoticeEvent::GoesOn, _) => "goes on, it waited".to_owned(),
            (NoticeEvent::Test, _) => "a test of its notices".to_owned(),
        }
    }
}

impl NoticeRun {
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
        let run = NoticeRun {
            run: "r1".into(),
            end: RunEnd::DoneWithFailures,
            begun: Timestamp(1_767_312_000_000),
            ended: Timestamp(1_767_312_061_000),
            lost: 0,
            found: Found::default(),
            settled: Settled { failed: 17, failed_by, ..Settled::default() },
        };
        let notice = Notice { run: Some(run), error: Some("two\nlines".into()), ..empty(NoticeEvent::RunEnded) };
        let expected = "flotilla f: task photos: done, 17 failed; most frequent cause: archived (7); two lines; \
                        s3://a/ to s3://b/; 2026-01-02T00:00:00Z to 2026-01-02T00:01:01Z; run r1";
        assert_eq!(notice.line(), expected);
        assert_eq!(notice.subject(), "flotilla: task photos done, 17 failed");
    }

    #[test]
    fn a_line_of_a_task_that_waits_has_time_reason_and_link() {
        let since = Some(Timestamp(1_767_312_000_000));
        let link = Some("https://flotilla.example.com/tasks/photos".to_owned());
        let waits = Notice { since, link, error: Some("no answer".into()), ..empty(NoticeEvent::Waits) };
        let expected = "flotilla f: task photos: waits since 2026-01-02T00:00:00Z; no answer; s3://a/ to s3://b/; \
                        https://flotilla.example.com/tasks/photos";
        assert_eq!(waits.line(), expected);
        assert_eq!(waits.subject(), "flotilla: task photos waits");
        let goes_on = Notice { since, ..empty(NoticeEvent::GoesOn) };
        assert!(goes_on.line().starts_with("flotilla f: task photos: goes on, it waited since 2026-01-02T00:00:00Z; "));
        assert_eq!(empty(NoticeEvent::Test).subject(), "flotilla: task photos a test of its notices");
    }

    #[test]
    fn a_notice_without_a_run_reads_as_written() {
        let notice = Notice { since: Some(Timestamp(5)), ..empty(NoticeEvent::GoesOn) };
        let text = serde_json::to_string(&notice).unwrap();
        assert!(text.contains(r#""event":"goes-on""#) && !text.contains("settled"), "{text}");
        assert_eq!(serde_json::from_str::<Notice>(&text).unwrap(), notice);
    }

    #[test]
    fn a_request_of_an_earlier_release_is_about_a_run() {
        let request: NoticeRequest = serde_json::from_str(r#"{"run":"r1","channel":"topic"}"#).unwrap();
        assert_eq!((request.event, request.run.as_deref()), (NoticeEvent::RunEnded, Some("r1")));
    }

    fn empty(event: NoticeEvent) -> Notice {
        Notice {
            id: "id".into(),
            event,
            fleet: "f".into(),
            task: "photos".into(),
            source: "s3://a/".into(),
            destination: "s3://b/".into(),
            run: None,
            since: None,
            error: None,
            link: None,
            text: String::new(),
        }
    }
}
