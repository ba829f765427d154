//! The queue port: jobs that wait to be done, and its adapters.
//!
//! # Contract
//!
//! - At least once, in no order: a message may come again, late, or twice at the same time. It is
//!   gone only after [`acknowledge`](JobQueue::acknowledge) or
//!   [`dead_letter`](JobQueue::dead_letter) answered `Ok`; after an `Err` it may come again.
//! - `Ok` from [`send`](JobQueue::send) means that every message is stored durably. After an `Err`
//!   some may be: the sender sends all of them again, and the jobs' identities make that harmless.
//! - A received message is hidden from others until its lease expires. [`extend`](JobQueue::extend)
//!   sets a new deadline from now; `LeaseLost` means that another worker may have it.
//! - Transient failures are retried inside the adapter ([`crate::retry`]), batches that were
//!   accepted in part are completed there. Errors that come out are final for this call.
//! - [`receive`](JobQueue::receive) waits for up to `wait` when there is nothing, without a busy
//!   loop, and may answer with nothing. Dropping its future loses no message for longer than the lease.

mod dead_letters;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::object::Timestamp;
pub use dead_letters::{DeadLetter, DeadLetterQueue, DeadLetters};

/// Most messages that one [`JobQueue::receive`] returns (Amazon SQS `ReceiveMessage`).
pub const MAX_RECEIVE: usize = 10;

/// A job delivered more often than this kills its workers or outlasts its leases: its objects are
/// settled as failed, and it goes to the dead-letter queue.
pub const MAX_DELIVERIES: u32 = 20;

/// Largest message body, bytes. SQS allows 1 MiB since 2025-08; other implementations of its
/// interface have the older 256 KiB, so this is the limit.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// A queue shared by many tasks.
pub type Queue = Arc<dyn JobQueue>;

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The job, as JSON; at most [`MAX_BODY_BYTES`].
    pub body: String,
    /// Time before it may be received; at most 15 minutes (Amazon SQS `DelaySeconds`), whole seconds.
    pub delay: Duration,
}

impl Outgoing {
    /// A message that may be received at once.
    pub fn now(body: String) -> Self {
        Outgoing { body, delay: Duration::ZERO }
    }
}

/// A message that was received and is hidden from others until its lease runs out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The queue's name for the message.
    pub id: String,
    /// Names this receipt in `extend`, `acknowledge`, `release` and `dead_letter`.
    pub receipt: String,
    /// The body as it was sent.
    pub body: String,
    /// Number of receives, including this one: above 1 it is a redelivery.
    pub receive_count: u32,
    /// When it was sent.
    pub sent: Timestamp,
}

/// The numbers of the queue's messages. Approximate on SQS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Depth {
    /// Messages that can be received now.
    pub ready: u64,
    /// Messages that are leased.
    pub leased: u64,
    /// Messages that are delayed.
    pub delayed: u64,
    /// Messages in the dead-letter queue.
    pub dead: u64,
}

impl std::iter::Sum for Depth {
    fn sum<I: Iterator<Item = Depth>>(depths: I) -> Depth {
        depths.fold(Depth::default(), |sum, depth| Depth {
            ready: sum.ready + depth.ready,
            leased: sum.leased + depth.leased,
            delayed: sum.delayed + depth.delayed,
            // Both have one dead-letter queue.
            dead: sum.dead.max(depth.dead),
        })
    }
}

impl Depth {
    /// All messages that still have to be done.
    pub fn waiting(&self) -> u64 {
        self.ready + self.leased + self.delayed
    }
}

/// Jobs that wait to be done. See the [module's contract](self).
#[async_trait]
pub trait JobQueue: Send + Sync + std::fmt::Debug + 'static {
    /// Stores messages durably; any number of them.
    async fn send(&self, messages: &[Outgoing]) -> Result<()>;

    /// Receives up to `max` messages (at most [`MAX_RECEIVE`]) for `lease`, and waits up to `wait` (at
    /// most 20 s) for the first one.
    async fn receive(&self, max: usize, wait: Duration, lease: Duration) -> Result<Vec<Message>>;

    /// Whether a receive continues at the service after its caller was dropped, and may take messages until its `wait`
    /// is over. A caller that releases messages waits for this receive first, or releases them with a delay that
    /// outlasts it.
    fn outlives_callers(&self) -> bool;

    /// Leases a message for `lease` from now; `LeaseLost` if its lease is no longer ours.
    async fn extend(&self, message: &Message, lease: Duration) -> Result<()>;

    /// Deletes a message that is done. `Ok` also if it is gone already.
    async fn acknowledge(&self, message: &Message) -> Result<()>;

    /// Releases a message, to be received again after `delay`. `Ok` also if its lease is no longer ours.
    async fn release(&self, message: &Message, delay: Duration) -> Result<()>;

    /// Moves a message to the dead-letter queue with the reason. It is stored there before it is
    /// deleted here.
    async fn dead_letter(&self, message: &Message, reason: &str) -> Result<()>;

    /// The numbers of the queue's messages.
    async fn depth(&self) -> Result<Depth>;
}
