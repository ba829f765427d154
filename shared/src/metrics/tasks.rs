//! Metrics of each task that this process serves, with the label `task`.
//!
//! The recorder of the other metrics forgets no series, and tasks come and go. So these stand in a list of their own: a
//! task's series end with the last handle, and there are as many tasks as are served.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, Weak};

use super::event_age::EventAge;
use super::{MetricKind, TABLE, TASK_BYTES, TASK_FAILING, TASK_OBJECTS, TASK_TRANSFERRED};
use crate::ledger::{Outcome, State};
use crate::sync::lock;

/// The tasks of this process.
static TASKS: Mutex<Vec<Weak<TaskMetrics>>> = Mutex::new(Vec::new());

const STATES: [State; 5] = [State::Copied, State::Deleted, State::Skipped, State::Failed, State::Cancelled];

/// What this process did for one task.
#[derive(Debug)]
pub struct TaskMetrics {
    /// The task's name.
    task: String,
    /// Objects and bytes, by state.
    settled: [[AtomicU64; 2]; STATES.len()],
    transferred: AtomicU64,
    is_failing: AtomicBool,
    /// Of its events.
    pub event_age: EventAge,
}

impl TaskMetrics {
    /// The metrics of a task of this name, which are shown until the last handle is gone.
    pub fn of(task: &str) -> Arc<TaskMetrics> {
        let (settled, transferred, is_failing, event_age) = Default::default();
        let task = task.to_owned();
        let metrics = Arc::new(TaskMetrics { task, settled, transferred, is_failing, event_age });
        let mut tasks = lock(&TASKS);
        tasks.retain(|known| known.strong_count() > 0);
        tasks.push(Arc::downgrade(&metrics));
        metrics
    }

    /// An object was settled and its outcome recorded.
    pub fn settled(&self, outcome: &Outcome) {
        if let Some(index) = STATES.iter().position(|state| *state == outcome.state) {
            let [objects, bytes] = &self.settled[index];
            objects.fetch_add(1, Relaxed);
            bytes.fetch_add(outcome.size, Relaxed);
        }
    }

    /// Bytes were transferred.
    pub fn transferred(&self, bytes: u64) {
        self.transferred.fetch_add(bytes, Relaxed);
    }

    /// The task cannot be served, or can again.
    pub fn set_failing(&self, is_failing: bool) {
        self.is_failing.store(is_failing, Relaxed);
    }

    /// Its values: metric, other labels, value.
    fn values(&self) -> Vec<(&'static str, String, u64)> {
        let mut values = vec![
            (TASK_TRANSFERRED, String::new(), self.transferred.load(Relaxed)),
            (TASK_FAILING, String::new(), u64::from(self.is_failing.load(Relaxed))),
        ];
        for (state, [objects, bytes]) in STATES.iter().zip(&self.settled) {
            let objects = objects.load(Relaxed);
            // As elsewhere, a series appears with its first event.
            if objects > 0 {
                let label = format!(",outcome=\"{}\"", state.as_str());
                values.push((TASK_OBJECTS, label.clone(), objects));
                values.push((TASK_BYTES, label, bytes.load(Relaxed)));
            }
        }
        values
    }
}

/// All tasks' metrics in Prometheus' text format.
pub fn render() -> String {
    let tasks: Vec<Arc<TaskMetrics>> = lock(&TASKS).iter().filter_map(Weak::upgrade).collect();
    // A task that was deleted and made again may have two handles for a moment; a series stands once.
    let mut series: BTreeMap<(&str, String), u64> = BTreeMap::new();
    for task in &tasks {
        for (metric, labels, value) in task.values() {
            *series.entry((metric, format!("task=\"{}\"{labels}", escaped(&task.task)))).or_default() += value;
        }
    }
    let mut text = String::new();
    let mut last = "";
    for ((metric, labels), value) in series {
        if metric != last {
            text.push_str(&head(metric));
            last = metric;
        }
        let _ = writeln!(text, "{metric}{{{labels}}} {value}");
    }
    text
}

/// The lines before a metric's series.
fn head(name: &str) -> String {
    let Some(metric) = TABLE.iter().find(|metric| metric.name == name) else { return String::new() };
    let kind = match metric.kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
        MetricKind::Histogram => "histogram",
    };
    format!("# HELP {name} {}\n# TYPE {name} {kind}\n", metric.help)
}

/// A label's value, escaped as the text format demands.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tasks_series_are_shown_until_it_is_gone() {
        let task = TaskMetrics::of("ph\"otos");
        task.settled(&Outcome { size: 7, ..Outcome::new("a".into(), State::Copied) });
        task.settled(&Outcome { size: 2, ..Outcome::new("b".into(), State::Copied) });
        task.settled(&Outcome::new("c".into(), State::Failed));
        task.transferred(9);
        task.set_failing(true);
        let text = render();
        for line in [
            "# TYPE flotilla_task_objects_total counter",
            "flotilla_task_objects_total{task=\"ph\\\"otos\",outcome=\"copied\"} 2",
            "flotilla_task_objects_total{task=\"ph\\\"otos\",outcome=\"failed\"} 1",
            "flotilla_task_bytes_total{task=\"ph\\\"otos\",outcome=\"copied\"} 9",
            "flotilla_task_transferred_bytes_total{task=\"ph\\\"otos\"} 9",
            "flotilla_task_failing{task=\"ph\\\"otos\"} 1",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} is missing in\n{text}");
        }
        assert!(!text.contains("outcome=\"deleted\""));
        drop(task);
        assert!(!render().contains("otos"));
    }
}
