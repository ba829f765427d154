//! The machine that a process works on: its protection, its end, and its leave. Apart from the tasks, so that a process
//! of many tasks attends to it once.

use std::sync::Arc;

use shared::fleet::{Fleet, Interruption, PROLONG_EVERY};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::engine::protection;

/// A machine of a fleet. Clones share it.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The service that starts and stops it.
    pub fleet: Arc<dyn Fleet>,
}

impl Machine {
    /// Keeps the machine protected from scale-in while there are leases, and for a minute after the last. Ends with the
    /// sender of `leases`.
    pub async fn keep_protected(&self, leases: watch::Receiver<usize>) {
        protection::keep(self.fleet.clone(), leases).await;
    }

    /// Drains when the machine is about to go. Never ends on one that stays.
    pub async fn drain_in_time(&self, drain: &CancellationToken) {
        let why = loop {
            match self.fleet.interrupted().await {
                // The machine may stay for hours. A group with capacity rebalancing removes it when another is there.
                Interruption::Rebalance => {}
                Interruption::Spot => break "a spot interruption",
                Interruption::ScaleIn => break "the autoscaling group",
            }
        };
        tracing::warn!("{why} is about to terminate this machine: finishing or releasing its jobs");
        drain.cancel();
    }

    /// Keeps the group waiting from the drain on. Never ends.
    pub async fn prolong(&self, drain: &CancellationToken) {
        drain.cancelled().await;
        loop {
            // Lost, or done twice: the next call sets the same state.
            if let Err(error) = self.fleet.prolong().await {
                tracing::warn!(%error, "could not prolong the lifecycle hook: the machine may end before the drain");
            }
            sleep(PROLONG_EVERY).await;
        }
    }

    /// Clears the protection and lets the machine go, after the last drain. Also after a signal: the group may have sent
    /// it, by the system that shuts down.
    pub async fn leave(&self) {
        protection::clear(&*self.fleet).await;
        if let Err(error) = self.fleet.leave().await {
            tracing::warn!(%error, "could not complete the lifecycle hook: it ends by its own timeout");
        }
    }
}
