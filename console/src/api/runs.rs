//! Runs of a task: list, look, begin, cancel, retry.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::run::{Phase, Progress, Transfers};

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Run {
    /// Its id, which sorts by time among the runs of a task.
    pub id: String,
    /// The task's name; `null` once the task is deleted.
    pub task: Option<String>,
    /// The task's id.
    pub task_id: String,
    /// What began it.
    pub kind: RunKind,
    /// The version of the definition that it keeps.
    pub version: Option<u32>,
    /// Source location.
    pub source: Option<String>,
    /// Destination location.
    pub destination: Option<String>,
    /// Who asked for it.
    pub who: Option<String>,
    /// When it was asked for.
    pub begun: Option<String>,
    /// When its finder began.
    pub started: Option<String>,
    /// When its end was seen.
    pub ended: Option<String>,
    /// The states that it has entered so far, the earliest first.
    pub phases: Vec<Phase>,
    /// Objects whose messages were lost.
    pub lost: u64,
    /// How it stands.
    #[serde(flatten)]
    pub progress: Progress,
    /// Large objects that workers transfer now.
    pub transfers: Option<Transfers>,
    /// The options that it was begun with, in place of its definition's.
    pub overrides: Option<RunOverrides>,
}

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunKind {
    /// Lists both sides.
    Find,
    /// Copies again what failed.
    Retry,
    /// Counts events; it has no end.
    Events,
}

/// Options of one run, in place of its definition's. One that is left out stays as the definition has it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RunOverrides {
    /// How objects are compared: `auto`, `size-mtime`, `size`, `etag`, `checksum`, `always`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 20)]
    pub compare: Option<String>,
    /// Whether objects are deleted that the source does not have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete: Option<bool>,
    /// Refuse all deletes if there are more than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_delete: Option<u64>,
    /// Rules by key in their order: `+ GLOB` includes, `- GLOB` excludes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filters: Option<Vec<String>>,
    /// Leave out smaller objects, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_size: Option<u64>,
    /// Leave out larger objects, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_size: Option<u64>,
    /// Leave out younger objects, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_age: Option<u64>,
    /// Leave out older objects, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u64>,
}

/// A page of runs, the newest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RunPage {
    /// The runs.
    pub items: Vec<Run>,
    /// The cursor of the next page; `null`: there is none.
    pub next: Option<String>,
}

/// A run to be begun.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RunRequest {
    /// Options of this run alone.
    pub overrides: RunOverrides,
    /// Cancel the live run, if there is one.
    pub supersede: bool,
}

/// A run that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BegunRun {
    /// The task's name.
    pub task: String,
    /// The run.
    pub run: String,
    /// The run that it replaces, which is being cancelled.
    pub superseded: Option<String>,
}

/// What of a run is to be copied again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RetryRequest {
    /// Keys of failed objects; absent: all of the run.
    #[schema(max_items = 1000)]
    pub keys: Option<Vec<String>>,
}

/// A run that is being cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CancelledRun {
    /// The task's name.
    pub task: String,
    /// The run.
    pub run: String,
}
