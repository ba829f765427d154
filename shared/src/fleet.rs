//! The fleet port: a worker's view of the service that starts and stops its machine.
//!
//! # Contract
//!
//! - [`protect`](Fleet::protect) is a hint: it may be lost. A worker that is stopped in spite of it loses
//!   nothing, but other workers repeat its work. Repeating the call is harmless.
//! - [`interrupted`](Fleet::interrupted) answers once, when the machine is about to go (spot notice,
//!   scale-in, lifecycle hook), and never on a machine that stays.
//! - [`leave`](Fleet::leave) says that the machine may go now; it is called after the drain.

pub mod solo;

use async_trait::async_trait;

use crate::Result;

/// The reason why a machine ends soon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interruption {
    /// The provider takes a spot machine back in about two minutes.
    Spot,
    /// The group removes the machine and waits for its lifecycle hook.
    ScaleIn,
}

/// The workers' machines as one worker sees them. See the [module's contract](self).
#[async_trait]
pub trait Fleet: Send + Sync + std::fmt::Debug + 'static {
    /// Protects this machine from scale-in while `busy`.
    async fn protect(&self, busy: bool) -> Result<()>;

    /// Waits until the machine is about to go. Never returns on one that stays.
    async fn interrupted(&self) -> Interruption;

    /// Lets the machine go: completes the lifecycle hook, where there is one.
    async fn leave(&self) -> Result<()>;
}
