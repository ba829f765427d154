//! Dead letters: messages that workers gave up, kept for people.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::Result;

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The queue's name for the letter.
    pub id: String,
    /// Names this read in [`DeadLetterQueue::remove`].
    pub receipt: String,
    /// The body as it was sent.
    pub body: String,
    /// How often it was received: where the service counts anew for dead letters, since it is one.
    pub deliveries: u32,
    /// Why workers gave it up; `None` of one that the service moved by itself.
    pub reason: Option<String>,
}

/// Where a queue's dead letters are, shared by many callers.
pub type DeadLetters = Arc<dyn DeadLetterQueue>;

/// The dead letters of a queue.
///
/// A letter is gone only after [`remove`](Self::remove) answered `Ok`; after an `Err` it may still be there. Two readers
/// may read one letter at the same time.
#[async_trait]
pub trait DeadLetterQueue: Send + Sync + std::fmt::Debug + 'static {
    /// Some letters, at most [`MAX_RECEIVE`](super::MAX_RECEIVE). A service that leases letters hides them from other
    /// readers for `hidden`, also if the answer is lost; with zero, from nobody.
    async fn read(&self, hidden: Duration) -> Result<Vec<DeadLetter>>;

    /// Removes a letter. `Ok` also if it is gone already.
    async fn remove(&self, letter: &DeadLetter) -> Result<()>;
}
