//! Who changed what.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::TaskRef;
use crate::Result;
use crate::object::Timestamp;

/// The subject of a change that deletes a task with its records in the ledger.
pub const WITH_RECORDS: &str = "with its records";

/// Most bytes of an author's note.
pub const MAX_NOTE_BYTES: usize = 2_000;

/// Who makes a change, and when by that program's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// A person, a role or a program.
    pub who: String,
    /// When.
    pub at: Timestamp,
    /// More about the change: for example the settings that changed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Author {
    /// An author; a longer note is cut to [`MAX_NOTE_BYTES`].
    pub fn new(who: impl Into<String>, at: Timestamp, note: &str) -> Author {
        Author { who: who.into(), at, note: note[..note.floor_char_boundary(MAX_NOTE_BYTES)].to_owned() }
    }
}

/// One change of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// The task.
    pub task: TaskRef,
    /// Who made it, and when.
    #[serde(flatten)]
    pub author: Author,
    /// The verb: `create`, `edit`, `pause`, `resume`, `limit`, `run`, `cancel`, `delete`, `forget`,
    /// `redrive`, `purge`.
    pub action: String,
    /// What the change was made to, where that is a run or a version.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
}

/// The record of changes. The calls that change a task write it in the same transaction: a change without its record,
/// or a record without its change, does not exist.
#[async_trait]
pub trait AuditLog {
    /// Records a change of something else than a task's record. Repeated, it is recorded again.
    async fn record(&self, audit: &Audit) -> Result<()>;

    /// The changes of the task with this id, or of all tasks, newest first, `limit` at a time; `after` is the last
    /// page's token. The token is `None` at the end. The records outlive the task.
    async fn audits(&self, id: Option<&str>, after: Option<&str>, limit: usize)
    -> Result<(Vec<Audit>, Option<String>)>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_note_is_cut_between_characters() {
        let author = Author::new("me", Timestamp(1), &"\u{1f6a2}".repeat(MAX_NOTE_BYTES));
        assert_eq!(author.note.len(), MAX_NOTE_BYTES);
        let author = Author::new("me", Timestamp(1), &format!("a{}", "\u{1f6a2}".repeat(MAX_NOTE_BYTES)));
        assert!(author.note.len() <= MAX_NOTE_BYTES && author.note.len() > MAX_NOTE_BYTES - 4);
    }
}
