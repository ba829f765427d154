//! The fleet's metrics of one pass.

use shared::metrics::fleet;
use shared::object::Timestamp;
use shared::queue::Depth;
use shared::tasks::{EndedRun, RunEnd};

use super::plan::{self, PassPlan};
use super::seen::Seen;
use super::waiting;
use shared::controller::task::TaskDecision;

use super::action::Action;
use super::report::PassReport;

/// What a pass saw of the fleet, as metrics. A part that could not be read is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FleetMetrics {
    /// Names and values.
    values: Vec<(&'static str, u64)>,
    /// Messages on the queues of all tasks; `None`: no queue was read.
    depth: Option<Depth>,
    /// Whether the fleet has work, or had some in the pass before.
    is_active: bool,
}

/// Whether anything is to be done: then all metrics are written.
pub fn is_active(seen: &Seen) -> bool {
    let has_work = seen
        .tasks
        .iter()
        .any(|task| task.has_runs() || task.depth().is_some_and(|depth| depth.waiting() > 0 || depth.dead > 0));
    let has_errors = seen.heartbeats.iter().flatten().any(|worker| !worker.errors.is_empty());
    let has_machines = seen.group.as_ref().is_some_and(|group| !group.machines.is_empty());
    has_work || has_errors || has_machines
}

impl FleetMetrics {
    /// The metrics of what was read, and of what follows from it.
    pub fn of(seen: &Seen, plan: &PassPlan) -> FleetMetrics {
        // Of the queues that were read: one that was not is an error of the pass, and hides no others. None read: no sum.
        let depths: Vec<_> = seen.tasks.iter().filter_map(|task| task.depth()).collect();
        let is_known = !depths.is_empty() || seen.tasks.is_empty();
        let sum = |count: fn(&Depth) -> u64| -> Option<u64> { is_known.then(|| depths.iter().map(count).sum()) };
        let failing = seen.heartbeats.as_ref().map(|workers| {
            let tasks: std::collections::BTreeSet<&String> =
                workers.iter().flat_map(|worker| worker.errors.keys()).collect();
            tasks.len() as u64
        });
        // Those of idle tasks are remembered. Without the memory, those that were read.
        let before = seen.memory.as_ref().map(|(_, before)| before.clone()).unwrap_or_default();
        let dead = plan::dead(seen, &before);
        let depth = is_known.then(|| Depth { dead: dead.values().sum(), ..depths.iter().copied().sum() });
        let waiting_since = waiting::since(seen, &before);
        let is_remembered = seen.memory.is_some();
        let values = [
            // Counted as their ends are recorded.
            ("FailedRuns", Some(0)),
            ("FailingTasks", failing),
            ("ReadyMessages", sum(|depth| depth.ready)),
            ("LeasedMessages", sum(|depth| depth.leased)),
            ("OldestMessageHours", is_remembered.then(|| waiting::hours(&waiting_since, seen.minute()))),
            ("DeadMessages", depth.map(|depth| depth.dead)),
            ("WantedMachines", plan.wanted.map(u64::from)),
            ("FailedLaunches", plan.failed_launches.map(u64::from)),
        ];
        FleetMetrics {
            values: values.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
            depth,
            is_active: before.is_active || is_active(seen) || !dead.is_empty() || !waiting_since.is_empty(),
        }
    }

    /// Messages on the queues of all tasks. Idle tasks, whose queues are read once an hour, count with their dead letters
    /// alone.
    pub fn depth(&self) -> Option<Depth> {
        self.depth
    }

    /// The same pass looked again: what it did before counts too.
    pub fn after(mut self, earlier: Option<&FleetMetrics>) -> FleetMetrics {
        let failed =
            |of: &FleetMetrics| of.values.iter().find(|(name, _)| *name == "FailedRuns").map_or(0, |(_, n)| *n);
        self.add_failed_runs(earlier.map_or(0, failed));
        self.is_active |= earlier.is_some_and(|earlier| earlier.is_active);
        self
    }

    /// Counts an action that this controller has carried out. Of an end that another controller recorded, that one counts.
    pub fn count(&mut self, done: &Action) {
        self.add_failed_runs(u64::from(is_failed_run(done)));
    }

    fn add_failed_runs(&mut self, count: u64) {
        self.values.iter_mut().filter(|(name, _)| *name == "FailedRuns").for_each(|(_, value)| *value += count);
    }
}

fn is_failed_run(action: &Action) -> bool {
    matches!(action, Action::Decided(_, TaskDecision::End(end)) if is_failed(end))
}

/// Whether a run ended as failed.
pub fn is_failed(end: &EndedRun) -> bool {
    matches!(end.end, RunEnd::Stopped | RunEnd::DoneWithFailures) || end.lost > 0
}

/// The line of a pass; `None`: the pass could not read the tasks.
pub fn line(fleet: &str, at: Timestamp, report: Option<&PassReport>) -> String {
    let mut values = Vec::new();
    match report {
        None => values.push(("ControllerErrors", 1)),
        Some(report) => {
            values.extend([("ControllerPasses", 1), ("ControllerErrors", report.errors.len() as u64)]);
            let metrics = report.metrics.iter().filter(|metrics| metrics.is_active);
            values.extend(metrics.flat_map(|metrics| metrics.values.iter().copied()));
        }
    }
    fleet::line(fleet, at, &values)
}
