//! The group port: the machines of a fleet as the controller sees them.
//!
//! # Contract
//!
//! - [`state`](Group::state) is one read. An error says nothing about the group: the caller decides nothing by it.
//! - [`grow`](Group::grow) never makes the group smaller: its adapter reads the present number before each attempt. Two
//!   callers may still cross: of two calls under way at the same time the later one counts. A group that is too small
//!   by that is asked again a minute later, and machines with work are protected from scale-in.
//! - [`terminate`](Group::terminate) may be repeated: a machine that is going, or gone, is left alone, so no repetition
//!   makes the group smaller twice.
//! - Transient failures are retried inside the adapter ([`crate::retry`]).

use std::sync::Arc;

use async_trait::async_trait;

use super::Ended;
use crate::Result;

/// A group that many callers share.
pub type SharedGroup = Arc<dyn Group>;

/// A group at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupState {
    /// Fewest machines.
    pub min: u32,
    /// Most machines.
    pub max: u32,
    /// Machines that the group wants, those that boot among them.
    pub desired: u32,
    /// Its machines.
    pub machines: Vec<GroupMachine>,
}

/// A machine of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMachine {
    /// Its name, as in heartbeats.
    pub id: String,
    /// Whether it is in service, and not about to go.
    pub is_in_service: bool,
}

/// The machines of a fleet. See the [module's contract](self).
#[async_trait]
pub trait Group: Send + Sync + std::fmt::Debug + 'static {
    /// The group now.
    async fn state(&self) -> Result<GroupState>;

    /// Makes the group want `desired` machines, at most its maximum, unless it wants as many already.
    async fn grow(&self, desired: u32) -> Result<()>;

    /// Ends a machine, whatever it does. With `is_smaller` the group does not replace it, which it refuses at its
    /// minimum.
    async fn terminate(&self, machine: &str, is_smaller: bool) -> Result<Ended>;
}
