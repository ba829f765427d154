//! The status of a served task, for its supervisor.

use std::sync::{Arc, Mutex};

use shared::metrics::tasks::TaskMetrics;
use shared::sync::lock;
use shared::tasks::Limits;
use shared::telemetry::endpoint::{FailingStore, Health};
use worker::{Activity, LiveLimits, Turns};

/// The status of a served task.
#[derive(Debug)]
pub struct Status {
    /// What its worker does.
    pub activity: Arc<Activity>,
    /// When its queues are polled, where polls are distributed.
    pub turns: Option<Arc<Turns>>,
    /// Learns of a store that fails for every object. One task's store makes no other task unready.
    pub stores: Health,
    /// The part of the task's limits that this worker uses at present.
    pub rates: LiveLimits,
    /// Its own metrics, which are shown while it is served.
    pub metrics: Arc<TaskMetrics>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    error: Option<String>,
    events_error: Option<String>,
    limits: Limits,
    receives: bool,
    is_outdated: bool,
    has_run: bool,
    is_idle: bool,
}

impl Status {
    /// Of a task that is not served yet.
    pub fn new(task: &str, process: &Arc<Activity>, turns: Option<Arc<Turns>>) -> Status {
        let stores = Health::default();
        stores.set_ready(true);
        let (rates, state) = Default::default();
        let (activity, metrics) = (Activity::of_task(process), TaskMetrics::of(task));
        Status { activity, turns, stores, rates, metrics, state }
    }

    /// Why the task, or one of its versions, cannot be served; `None`: it can.
    pub fn set_error(&self, error: Option<String>) {
        lock(&self.state).error = error;
    }

    /// Why the source bucket's events cannot be received; `None`: they can.
    pub fn set_events_error(&self, error: Option<String>) {
        lock(&self.state).events_error = error;
    }

    /// The task's limits over all workers.
    pub fn set_limits(&self, limits: Limits) {
        lock(&self.state).limits = limits;
    }

    /// The task's limits over all workers.
    pub fn limits(&self) -> Limits {
        lock(&self.state).limits
    }

    /// Whether a run is live or being cancelled, and whether events are followed. Without both, nothing waits for a store.
    pub fn set_work(&self, has_run: bool, follows_events: bool) {
        let mut state = lock(&self.state);
        (state.has_run, state.is_idle) = (has_run, !has_run && !follows_events);
    }

    /// Whether a run is live or being cancelled.
    pub fn has_run(&self) -> bool {
        lock(&self.state).has_run
    }

    /// Whether the task's worker runs.
    pub fn set_receives(&self, receives: bool) {
        lock(&self.state).receives = receives;
    }

    /// The queue has jobs of a later release.
    pub fn set_outdated(&self) {
        lock(&self.state).is_outdated = true;
    }

    /// Jobs that its worker has.
    pub fn leases(&self) -> u32 {
        u32::try_from(*self.activity.leases().borrow()).unwrap_or(u32::MAX)
    }

    /// What keeps the task from being served, in one line.
    pub fn error(&self) -> Option<String> {
        let state = lock(&self.state);
        let error = state.error.clone().or_else(|| state.events_error.clone());
        let is_idle = state.is_idle;
        drop(state);
        error.or_else(|| {
            // The store may be back since, and without work nobody asks it.
            if is_idle && self.leases() == 0 {
                return None;
            }
            let FailingStore { side, error } = self.stores.failing_store()?;
            Some(format!("transfers wait: the last requests to the {side} failed: {error}"))
        })
    }

    /// Whether the task's worker runs.
    pub fn receives(&self) -> bool {
        lock(&self.state).receives
    }

    /// Whether the queue has jobs of a later release.
    pub fn is_outdated(&self) -> bool {
        lock(&self.state).is_outdated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_fails_is_an_error_of_its_task() {
        let status = Status::new("photos", &Arc::default(), None);
        assert_eq!(status.error(), None);
        status.stores.store_fails("destination", "put s3://b/k: AccessDenied; allow s3:PutObject");
        let why = "transfers wait: the last requests to the destination failed: \
                   put s3://b/k: AccessDenied; allow s3:PutObject";
        assert_eq!(status.error().as_deref(), Some(why));
        status.set_error(Some("bucket \"b\" does not exist".into()));
        assert_eq!(status.error().as_deref(), Some("bucket \"b\" does not exist"));
        status.set_error(None);
        status.set_work(false, false);
        assert_eq!(status.error(), None, "regression: its run has ended");
        status.set_work(true, false);
        assert_eq!(status.error().as_deref(), Some(why));
        status.stores.store_works("destination");
        assert_eq!(status.error(), None);
    }
}
