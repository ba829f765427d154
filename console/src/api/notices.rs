//! What became of the notices of a task.

use serde::Serialize;
use utoipa::ToSchema;

/// The notices of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Notices {
    /// Its receivers.
    pub receivers: Vec<Receiver>,
    /// The notices among its newest 100 operations, the newest first; at most 20.
    pub items: Vec<Notice>,
}

/// How a notice is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// Published to a topic of Amazon SNS.
    Topic,
    /// Sent to a URL by POST.
    Webhook,
}

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeEvent {
    /// A run has ended.
    RunEnded,
    /// The task has waited for some minutes: a store is away, or no worker can open the task.
    Waits,
    /// The task goes on.
    GoesOn,
    /// Somebody tests the receivers.
    Test,
}

/// A receiver of notices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Receiver {
    /// How it is reached.
    pub channel: Channel,
    /// When it last took a notice; `null`: not among those that are looked through.
    pub delivered: Option<String>,
    /// Why it has not taken the newest notice; `null`: it has.
    pub error: Option<String>,
    /// Attempts at the newest notice.
    pub tries: u64,
}

/// A notice to a receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Notice {
    /// The operation that sends it.
    pub id: String,
    /// What it is about.
    pub event: NoticeEvent,
    /// The receiver; `null`: all, of a test that has no result yet.
    pub channel: Option<Channel>,
    /// The run that has ended.
    pub run: Option<String>,
    /// When it was requested.
    pub requested: String,
    /// When the receiver took it; `null`: it has not.
    pub delivered: Option<String>,
    /// Attempts so far.
    pub tries: u64,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// Whether it is sent no more.
    pub done: bool,
}
