//! Keys whose object at the destination may hold wrong bytes.

use async_trait::async_trait;

use crate::Result;
use crate::object::Timestamp;

/// A key under which wrong bytes were written, were found to be wrong, and could not be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspect {
    /// The key, relative to the task's locations.
    pub key: String,
    /// When the bytes were found to be wrong. It names this mark: a later one replaces it.
    pub since: Timestamp,
}

/// The record of suspect keys. Size and time say nothing of such an object: it is copied again until a copy was
/// verified, whatever a listing shows.
///
/// - A mark is durable before the failed copy is settled.
/// - Who clears a mark has seen it before the write that makes it void. So a mark of a concurrent write stays.
/// - A write that is repeated, or carried out late, may bring a mark back: that costs one copy.
#[async_trait]
pub trait SuspectKeys {
    /// Marks a key. Repeating it changes nothing; another time replaces the earlier one.
    async fn suspect(&self, task: &str, suspect: &Suspect) -> Result<()>;

    /// The suspect keys of a task that do not come before `from`, in byte order, at most `limit`; fewer mean the end.
    /// (Keys of more than 1,024 bytes may stand a little out of order. No bucket has them.)
    async fn suspects(&self, task: &str, from: &str, limit: usize) -> Result<Vec<Suspect>>;

    /// Removes a mark, unless the key was marked again since.
    async fn clear_suspect(&self, task: &str, seen: &Suspect) -> Result<()>;
}
