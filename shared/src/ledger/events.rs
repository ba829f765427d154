//! The event run of a task, which counts the outcomes of events.

use std::time::Duration;

use super::Run;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// How long it is known which records of an event's message are counted, from the last time that one was. SQS keeps
/// a message for 14 days at most ("Amazon SQS quotas"): what is older by a day cannot come again.
pub const COUNTED_FOR: Duration = DAY.saturating_mul(15);

/// How long a failure is listed: an event run has no end after which it could be deleted.
pub const FAILURES_FOR: Duration = DAY.saturating_mul(90);

/// The id of a task's event run, which counts what becomes of events: there is one for each task, it begins with the
/// first event, is `Listing` and is never done. It is none of [`Ledger::runs`](super::Ledger::runs).
pub fn events_run(task: &str) -> String {
    format!("events-{task}")
}

/// Whether a run is the task's event run.
pub fn is_events_run(task: &str, run: &str) -> bool {
    run.strip_prefix("events-") == Some(task)
}

impl Run {
    /// Whether it is the event run of its task's events, of which nothing is listed or enqueued.
    pub fn is_events(&self) -> bool {
        is_events_run(&self.start.task, &self.start.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_an_event_run_names_its_task() {
        for task in ["t", "", "events-t"] {
            assert!(is_events_run(task, &events_run(task)));
        }
        for (task, run) in [("t", "t"), ("t", "events-"), ("t", "events-events-t"), ("events-t", "events-t")] {
            assert!(!is_events_run(task, run), "{task} {run}");
        }
    }
}
