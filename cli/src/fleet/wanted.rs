//! The state in which a task is to be served, by its summary.

use std::collections::{BTreeMap, BTreeSet};

use shared::tasks::{Limits, Summary, TaskState};
use worker::IgnoredEvents;

use crate::kinds::Opening;

/// The part of a summary that decides how the task is served. It changes only when somebody changes the task, or a run
/// begins or ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Whether the task is served, paused, or being deleted.
    pub state: TaskState,
    /// Whether it follows events.
    pub events: bool,
    /// The present version of its definition.
    pub present: u32,
    /// The version that the live run keeps.
    pub live: Option<u32>,
    /// Runs that are being cancelled.
    pub cancelled: BTreeSet<String>,
    /// Limits over all workers.
    pub limits: Limits,
}

impl Wanted {
    /// Reads the wanted state of a task.
    pub fn of(summary: &Summary) -> Wanted {
        Wanted {
            state: summary.state,
            events: summary.outline.events,
            present: summary.version,
            live: summary.run.as_ref().map(|run| run.version),
            cancelled: summary.cancelled.clone(),
            limits: summary.limits,
        }
    }

    /// Whether jobs are received. A task that is being deleted is served until its runs are settled.
    pub fn receives(&self) -> bool {
        self.state != TaskState::Paused
    }

    /// Whether a run is live or being cancelled.
    pub fn has_run(&self) -> bool {
        self.live.is_some() || self.settles()
    }

    /// Whether jobs of cancelled runs may be on the queue.
    pub fn settles(&self) -> bool {
        self.state == TaskState::Deleting || !self.cancelled.is_empty()
    }

    /// Which events are not executed, from any sender. Nothing is written any more in the name of a task that is being
    /// deleted.
    pub fn ignored_events(&self) -> IgnoredEvents {
        match (self.state, self.events) {
            (TaskState::Deleting, _) => IgnoredEvents::All,
            (_, false) => IgnoredEvents::Messages,
            (_, true) => IgnoredEvents::None,
        }
    }

    /// The versions to be open, given those of the cancelled runs.
    pub fn versions(&self, of_cancelled: &BTreeSet<u32>) -> BTreeMap<u32, Opening> {
        let needed = if self.state == TaskState::Deleting { Opening::ToEnd } else { Opening::Ready };
        let mut versions: BTreeMap<u32, Opening> =
            of_cancelled.iter().map(|version| (*version, Opening::ToEnd)).collect();
        versions.extend(self.live.iter().chain([&self.present]).map(|version| (*version, needed)));
        versions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(state: TaskState) -> Wanted {
        let cancelled = BTreeSet::from(["run".to_owned()]);
        Wanted { state, events: true, present: 3, live: Some(2), cancelled, limits: Limits::default() }
    }

    #[test]
    fn versions_of_cancelled_runs_need_no_answer_of_a_store() {
        let cancelled = BTreeSet::from([1, 2]);
        let versions = wanted(TaskState::Active).versions(&cancelled);
        assert_eq!(versions, BTreeMap::from([(1, Opening::ToEnd), (2, Opening::Ready), (3, Opening::Ready)]));
        let versions = wanted(TaskState::Deleting).versions(&cancelled);
        assert!(versions.values().all(|opening| *opening == Opening::ToEnd), "{versions:?}");
    }

    #[test]
    fn a_paused_task_receives_nothing_and_a_deleted_one_goes_on() {
        let receives = |state| wanted(state).receives();
        assert_eq!(TaskState::ALL.map(receives), [true, false, true]);
    }

    #[test]
    fn regression_a_deleted_task_follows_no_events() {
        use IgnoredEvents::{All, Messages, None};
        assert_eq!(TaskState::ALL.map(|state| wanted(state).ignored_events()), [None, None, All]);
        let without = |state| Wanted { events: false, ..wanted(state) }.ignored_events();
        assert_eq!(TaskState::ALL.map(without), [Messages, Messages, All]);
    }
}
