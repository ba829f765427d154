//! Definitions of tasks, and their versions.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Author, Change, Limits, Summary, TaskRef};
use crate::object::Timestamp;
use crate::{Error, ErrorKind, Result};

/// Most bytes of an outline as JSON. A summary holds it, and one query reads all summaries.
pub const MAX_OUTLINE_BYTES: usize = 8_000;

/// What a task is to do. The port does not read the text: a program reads the definition of a newer one as far as its
/// outline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// The definition as a file has it; at most [`super::MAX_TEXT_BYTES`].
    pub text: String,
    /// The fields that a list and the controller need.
    pub outline: Outline,
    /// Its limits. They take effect at once, and until [`super::Control::set_limits`] replaces them.
    pub limits: Limits,
}

/// The part of a definition that stands in the task's [`Summary`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Outline {
    /// For people.
    pub description: String,
    /// Source location.
    pub source: String,
    /// Destination location.
    pub destination: String,
    /// When the task runs, as the definition spells it; empty: only when asked to.
    pub schedule: String,
    /// Whether the task follows events of its source.
    pub events: bool,
    /// The region of the queue of events; `None`: the fleet's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events_region: Option<String>,
    /// Whether somebody is to be notified of the end of each run.
    pub notify: bool,
}

impl Outline {
    /// Refuses an outline that would make the summary too large.
    pub fn check(&self) -> Result<()> {
        let bytes = serde_json::to_string(self).map_or(usize::MAX, |json| json.len());
        if bytes <= MAX_OUTLINE_BYTES {
            return Ok(());
        }
        let message = format!(
            "description, locations and schedule have {bytes} bytes, more than {MAX_OUTLINE_BYTES}: shorten the description"
        );
        Err(Error::new(ErrorKind::Unrepresentable, "keep", "definition", message))
    }
}

/// A task to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTask {
    /// Its name, and an id that no task ever had.
    pub task: TaskRef,
    /// Its first definition, version 1.
    pub definition: Definition,
    /// When its first run is due; `None`: when asked to.
    pub next_due: Option<Timestamp>,
}

/// Definitions and their versions. The versions of a task count from 1.
#[async_trait]
pub trait Definitions {
    /// Creates a task in state `active`. `Conflict` if another task has the name.
    async fn create(&self, new: &NewTask, author: &Author) -> Result<Change<Summary>>;

    /// Makes `definition` the version after `seen`, and, if its schedule is another one, `next_due` the time of the next
    /// run. `Conflict` if the present version is another one (the second of two editors gets it), or if the task is being
    /// deleted. The older versions stay.
    async fn edit(
        &self,
        task: &TaskRef,
        seen: u32,
        definition: &Definition,
        next_due: Option<Timestamp>,
        author: &Author,
    ) -> Result<Change<Summary>>;

    /// The text of a version; `None` if there is none. Read by id: a job names the id.
    async fn definition(&self, id: &str, version: u32) -> Result<Option<String>>;

    /// The versions of a task that are kept, the newest first.
    async fn versions(&self, id: &str) -> Result<Vec<u32>>;

    /// Removes a version. `Conflict` if it is the present one, or if an operation refers to it that is not done. No
    /// operation can refer to it later: a run begins under the present version alone.
    async fn remove_version(&self, task: &TaskRef, version: u32) -> Result<Change<Summary>>;

    /// Removes a task that is in state `deleting`, and all its versions: its name is free. The summary goes last, so a
    /// caller that dies before repeats the call. `Conflict` if it is in another state; `Made` if it is gone.
    async fn forget(&self, task: &TaskRef, author: &Author) -> Result<Change<Summary>>;
}

/// The result of an [`edit`](Definitions::edit) that met `changed` when it wanted to make `version` with this text. The
/// caller's earlier request may have made it, with its answer lost: then it is made.
pub async fn edit_result<D: Definitions + Sync + ?Sized>(
    definitions: &D,
    changed: Change<Summary>,
    (id, version, text): (&str, u32, &str),
) -> Result<Change<Summary>> {
    match &changed {
        Change::Conflict(Some(present)) if present.version == version => {
            let recorded = definitions.definition(id, version).await?;
            Ok(if recorded.as_deref() == Some(text) { Change::Made } else { changed })
        }
        _ => Ok(changed),
    }
}
