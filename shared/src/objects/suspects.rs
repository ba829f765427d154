//! Keys whose object at the destination may have wrong bytes.

use std::fmt::Debug;
use std::sync::Arc;

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

/// Suspect keys that many tasks share.
pub type SharedSuspectKeys = Arc<dyn SuspectKeys>;

/// The record of suspect keys. Size and time prove nothing about the object of a suspect key: it is copied again until
/// a copy is verified, whatever a listing shows.
///
/// - A mark is durable before the failed copy is settled.
/// - A worker clears only a mark that it read before the write that makes the mark void. So a mark of a concurrent
///   write stays.
/// - A write that is repeated, or carried out late, may bring a mark back: that costs one copy.
#[async_trait]
pub trait SuspectKeys: Debug + Send + Sync + 'static {
    /// Marks a key. Repeating it changes nothing; another time replaces the earlier one.
    async fn suspect(&self, task: &str, suspect: &Suspect) -> Result<()>;

    /// The suspect keys of a task that do not come before `from`, in byte order, at most `limit`; fewer mean the end.
    /// (Keys of more than 1,024 bytes may stand a little out of order. No bucket has them.)
    async fn suspects(&self, task: &str, from: &str, limit: usize) -> Result<Vec<Suspect>>;

    /// Removes a mark, unless the key was marked again since.
    async fn clear_suspect(&self, task: &str, seen: &Suspect) -> Result<()>;
}
