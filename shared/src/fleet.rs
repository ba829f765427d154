//! The fleet port: a worker's view of the service that starts and stops its machine. The controller's view of the same
//! service is [`group`].
//!
//! # Contract
//!
//! - [`protect`](Fleet::protect) is a hint: it may be lost. A worker that is stopped in spite of it loses
//!   nothing, but other workers repeat its work. Repeating the call is harmless.
//! - [`interrupted`](Fleet::interrupted) answers when the machine is about to go (spot notice, scale-in, lifecycle
//!   hook), and never on a machine that stays. It answers [`Interruption::Rebalance`] at most once, and before all
//!   others: the caller asks again.
//! - [`prolong`](Fleet::prolong) keeps the group waiting for the drain; [`leave`](Fleet::leave) says that the machine
//!   may go now and is called after each drain. Neither does anything on a machine that stays.
//! - [`end`](Fleet::end) asks the group to remove the machine and not to replace it. The group is the arbiter between
//!   workers that end themselves at the same time: it refuses to fall below its minimum.

pub mod group;
pub mod solo;

use async_trait::async_trait;

use crate::Result;

/// The reason why a machine ends soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// The provider expects to take a spot machine back, later than the two minutes of a notice: the worker receives no
    /// more, and ends its machine when it is through.
    Rebalance,
    /// The provider takes a spot machine back in about two minutes.
    Spot,
    /// The group removes the machine and waits for its lifecycle hook.
    ScaleIn,
}

/// The answer to a request to end a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The machine is about to go, by this call or an earlier one, or is gone.
    Going,
    /// The group would fall below its minimum: the machine stays.
    Refused,
}

/// The workers' machines as one worker sees them. See the [module's contract](self).
#[async_trait]
pub trait Fleet: Send + Sync + std::fmt::Debug + 'static {
    /// The machine's name in its group; `None` if nobody scales it.
    fn machine(&self) -> Option<&str>;

    /// Protects this machine from scale-in while `busy`.
    async fn protect(&self, busy: bool) -> Result<()>;

    /// Waits until the machine is about to go. Never returns on one that stays.
    async fn interrupted(&self) -> Interruption;

    /// Makes the group wait longer for the lifecycle hook, where one waits. Called every [`PROLONG_EVERY`] while the
    /// worker drains.
    async fn prolong(&self) -> Result<()>;

    /// Lets the machine go: completes the lifecycle hook, where one waits.
    async fn leave(&self) -> Result<()>;

    /// Ends this machine, without another in its place. A worker whose call is refused receives again.
    async fn end(&self) -> Result<Ended>;
}

/// Time between two calls of [`Fleet::prolong`]. A hook's timeout is longer.
pub const PROLONG_EVERY: std::time::Duration = std::time::Duration::from_secs(30);
