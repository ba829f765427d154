//! Dead letters: messages that workers gave up.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Dead letters of a task. The queue decides which ones it shows. A look hides them from nobody; letters that are being
/// sent again or removed are hidden for that time.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DeadLetters {
    /// The letters; at most 10.
    pub items: Vec<DeadLetter>,
    /// All dead letters, about.
    pub count: u64,
}

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeadLetter {
    /// The message's id.
    pub id: String,
    /// How often it was received.
    pub deliveries: u32,
    /// Why workers gave it up.
    pub reason: Option<String>,
    /// Kind and verb of its job, or the format of its event; `null` if it cannot be read.
    pub what: Option<String>,
    /// The run of its job.
    pub run: Option<String>,
    /// Its objects.
    pub objects: Option<u32>,
    /// Its first 4,096 characters.
    pub body: String,
}

/// Dead letters that were moved, or removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MovedLetters {
    /// The task's name.
    pub task: String,
    /// Letters of this call. There may be more: call again until it is 0.
    pub moved: u64,
}

/// Which events of its source a task follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsRequest {
    /// Which changes are followed.
    pub events: FollowedEvents,
}

/// Which changes of its source a task follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FollowedEvents {
    /// None.
    Off,
    /// Objects that are written.
    Create,
    /// Objects that are written or deleted.
    CreateDelete,
}
