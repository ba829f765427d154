//! The steps from the served state of a task to the target.

use std::collections::BTreeMap;

use shared::tasks::Limits;

use crate::kinds::Opening;

/// The state in which a task is served at present.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Served {
    /// Whether its queues are open.
    pub has_queues: bool,
    /// The versions of its definition that are open.
    pub versions: BTreeMap<u32, Opening>,
    /// The version that events follow.
    pub present: Option<u32>,
    /// The limits in effect.
    pub limits: Option<Limits>,
    /// Whether its jobs are received.
    pub receives: bool,
}

/// The state in which a task is to be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whether jobs are to be received: the task is not paused, and this machine takes work.
    pub receives: bool,
    /// The present version.
    pub present: u32,
    /// The versions to be open.
    pub versions: BTreeMap<u32, Opening>,
    /// The limits.
    pub limits: Limits,
}

/// One step. Each is repeated until it succeeds, and does no harm if it is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Receive no more; release all leases.
    Stop,
    /// Put limits into effect.
    Limit(Limits),
    /// Jobs of the version wait from now on, for there are none, or for another worker.
    Retire(u32),
    /// Events, and other jobs without a version, follow this version.
    Follow(u32),
    /// Open the queues.
    OpenQueues,
    /// Open the stores of a version.
    Open(u32, Opening),
    /// Receive jobs.
    Receive,
}

impl Step {
    /// Whether the step asks a service, and is delayed after an error.
    pub fn may_fail(self) -> bool {
        matches!(self, Step::OpenQueues | Step::Open(..))
    }
}

/// The steps in their order. `None`: the task is gone.
///
/// `Receive` comes last, and a version that cannot be opened does not keep it: runs of other versions and operations go
/// on.
pub fn steps(served: &Served, target: Option<&Target>) -> Vec<Step> {
    let Some(target) = target else {
        let retired = served.versions.keys().map(|version| Step::Retire(*version));
        return served.receives.then_some(Step::Stop).into_iter().chain(retired).collect();
    };
    let mut steps = Vec::new();
    if served.receives && !target.receives {
        steps.push(Step::Stop);
    }
    if served.limits != Some(target.limits) {
        steps.push(Step::Limit(target.limits));
    }
    // An older version is opened with the credentials of the present one, which an edit may change.
    let is_edited = served.present.is_some_and(|present| present != target.present);
    let is_stale = |version: u32| is_edited && version != target.present;
    let retired = |version: &&u32| !target.versions.contains_key(version) || is_stale(**version);
    steps.extend(served.versions.keys().filter(retired).map(|version| Step::Retire(*version)));
    if served.present != Some(target.present) {
        steps.push(Step::Follow(target.present));
    }
    if !target.receives {
        return steps;
    }
    if !served.has_queues {
        steps.push(Step::OpenQueues);
    }
    for (version, opening) in &target.versions {
        if is_stale(*version) || served.versions.get(version).is_none_or(|open| open < opening) {
            steps.push(Step::Open(*version, *opening));
        }
    }
    if !served.receives {
        steps.push(Step::Receive);
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use Opening::{Ready, ToEnd};

    const LIMITS: Limits = Limits { machines: None, bandwidth: Some(1), requests: None };

    fn served(versions: &[(u32, Opening)], present: u32, receives: bool) -> Served {
        let versions = versions.iter().copied().collect();
        Served { has_queues: true, versions, present: Some(present), limits: Some(LIMITS), receives }
    }

    fn target(versions: &[(u32, Opening)], present: u32, receives: bool) -> Target {
        Target { receives, present, versions: versions.iter().copied().collect(), limits: LIMITS }
    }

    #[test]
    fn each_difference_has_its_step() {
        let serving = served(&[(1, Ready)], 1, true);
        let stopped = served(&[(1, Ready)], 1, false);
        for (name, served, target, expected) in [
            (
                "a new task",
                Served::default(),
                Some(target(&[(1, Ready)], 1, true)),
                vec![Step::Limit(LIMITS), Step::Follow(1), Step::OpenQueues, Step::Open(1, Ready), Step::Receive],
            ),
            (
                "a new task that is paused",
                Served::default(),
                Some(target(&[(1, Ready)], 1, false)),
                vec![Step::Limit(LIMITS), Step::Follow(1)],
            ),
            ("nothing to do", serving.clone(), Some(target(&[(1, Ready)], 1, true)), vec![]),
            ("paused", serving.clone(), Some(target(&[(1, Ready)], 1, false)), vec![Step::Stop]),
            ("resumed", stopped.clone(), Some(target(&[(1, Ready)], 1, true)), vec![Step::Receive]),
            (
                "edited while a run is live",
                serving.clone(),
                Some(target(&[(1, Ready), (2, Ready)], 2, true)),
                vec![Step::Retire(1), Step::Follow(2), Step::Open(1, Ready), Step::Open(2, Ready)],
            ),
            (
                "the run of the older version has ended",
                self::served(&[(1, Ready), (2, Ready)], 2, true),
                Some(target(&[(2, Ready)], 2, true)),
                vec![Step::Retire(1)],
            ),
            (
                "a run is cancelled whose version is open",
                self::served(&[(1, Ready), (2, Ready)], 2, true),
                Some(target(&[(1, ToEnd), (2, Ready)], 2, true)),
                vec![],
            ),
            (
                "a version that was opened to end its runs is to be written with",
                self::served(&[(1, ToEnd)], 1, true),
                Some(target(&[(1, Ready)], 1, true)),
                vec![Step::Open(1, Ready)],
            ),
            ("deleted", serving.clone(), Some(target(&[(1, ToEnd)], 1, true)), vec![]),
            (
                "other limits, also while paused",
                Served { limits: None, ..stopped.clone() },
                Some(target(&[(1, Ready)], 1, false)),
                vec![Step::Limit(LIMITS)],
            ),
            ("gone", serving, None, vec![Step::Stop, Step::Retire(1)]),
            ("gone while paused", stopped, None, vec![Step::Retire(1)]),
            ("gone before it was opened", Served::default(), None, vec![]),
        ] {
            assert_eq!(steps(&served, target.as_ref()), expected, "{name}");
        }
    }
}
