//! The state that all parts of a supervisor share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters::open::FleetBackend;
use shared::config::FleetFile;
use shared::limits::Shares;
use shared::report::Listener;
use shared::sync::lock;
use shared::telemetry::endpoint::Health;
use tokio::sync::watch;
use worker::{Activity, FairShares, Polls, Stop};

use super::status::Status;

/// Whether this machine takes work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It receives the jobs of all tasks that are not paused.
    Open,
    /// It receives nothing, and ends or releases what it has.
    Closed,
}

/// The state that all parts of a supervisor share.
pub struct FleetContext {
    /// Tasks, ledger and queues.
    pub backend: FleetBackend,
    /// The worker's name, in outcomes and heartbeats.
    pub worker: String,
    /// What this worker does for all tasks together.
    pub activity: Arc<Activity>,
    /// Shares the machine's transfers between tasks with work.
    pub transfers: FairShares,
    /// Distributes polls among tasks, and idle tasks among workers; `None`: a poll costs nothing.
    pub polls: Option<Polls>,
    /// Gets the outcomes of all tasks.
    pub report: Option<Listener>,
    /// The program's health.
    pub health: Health,
    /// Ends the program: `drain` at the first signal, `abort` at the second.
    pub stop: Stop,
    /// Whether this machine takes work.
    pub gate: watch::Sender<Gate>,
    /// This worker's shares of the tasks' limits.
    pub shares: Mutex<Shares>,
    /// What each served task reports, by task id.
    pub statuses: Mutex<BTreeMap<String, Arc<Status>>>,
}

impl FleetContext {
    /// The fleet.
    pub fn fleet(&self) -> &FleetFile {
        self.backend.fleet()
    }

    /// How long a worker that drains may go on.
    pub fn drain(&self) -> Duration {
        self.fleet().work.drain
    }

    /// Puts this worker's share of a task's limits into effect.
    pub fn limit(&self, id: &str, status: &Status) {
        status.rates.set(&lock(&self.shares).of(id, &status.limits()));
    }

    /// The same for all tasks.
    pub fn limit_all(&self) {
        self.statuses().iter().for_each(|(id, status)| self.limit(id, status));
    }

    /// Takes work again, unless the queues have jobs of a later release.
    pub fn open(&self) {
        if !self.is_outdated() {
            self.gate.send_replace(Gate::Open);
        }
    }

    /// Takes no more work once a queue has jobs of a later release: a worker of that release does both its jobs and ours.
    /// This one goes on to report it.
    pub fn close_if_outdated(&self) {
        if self.is_outdated() && self.gate.send_replace(Gate::Closed) == Gate::Open {
            self.health.set_ready(false);
            tracing::error!("the queues have jobs of a later release: receiving no more; update this program");
        }
    }

    /// Whether a queue has jobs of a later release.
    pub fn is_outdated(&self) -> bool {
        self.statuses().iter().any(|(_, status)| status.is_outdated())
    }

    /// What each served task reports.
    pub fn statuses(&self) -> Vec<(String, Arc<Status>)> {
        lock(&self.statuses).iter().map(|(id, status)| (id.clone(), status.clone())).collect()
    }
}
