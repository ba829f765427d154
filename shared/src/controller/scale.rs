//! How many machines a fleet wants. Only ever more: idle workers take themselves out.

use crate::queue::Depth;

/// Jobs that one machine does in five minutes, for a task of which nothing is known yet.
pub const DEFAULT_TARGET_JOBS: u64 = 100;

/// What counts of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// All its queues together. The depth of a queue that could not be read counts as empty: nothing is started for it,
    /// and nothing is stopped.
    pub depth: Depth,
    /// Whether a run or another operation is queued that no message on these queues stands for yet.
    pub is_queued: bool,
    /// Jobs that one machine does in five minutes; at least 1.
    pub target: u64,
    /// Most machines for the task.
    pub machines: Option<u32>,
}

/// The bounds of a fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupBounds {
    /// What the group wants now: machines that boot are among them.
    pub desired: u32,
    /// The group's maximum.
    pub max: u32,
}

/// Machines that a fleet wants: `clamp(max(ceil(ready / target), need, ready > 0), 0, min(max, ready + leased + need))`,
/// the first part summed over the tasks, each under its own limit.
pub fn wanted(loads: &[Load], bounds: GroupBounds) -> u32 {
    let need = u64::from(loads.iter().any(|load| load.is_queued));
    let ready: u64 = loads.iter().map(|load| load.depth.ready).sum();
    let leased: u64 = loads.iter().map(|load| load.depth.leased).sum();
    let by_tasks: u64 = loads
        .iter()
        .map(|load| {
            let machines = load.depth.ready.div_ceil(load.target.max(1));
            machines.min(load.machines.map_or(u64::MAX, u64::from))
        })
        .fold(0, u64::saturating_add);
    // A limit of 0 machines starts none; those that are there for others still receive the task's jobs.
    let is_any_ready = loads.iter().any(|load| load.depth.ready > 0 && load.machines != Some(0));
    let most = u64::from(bounds.max).min(ready.saturating_add(leased).saturating_add(need));
    let wanted = by_tasks.max(need).max(u64::from(is_any_ready)).min(most);
    u32::try_from(wanted).unwrap_or(u32::MAX)
}

/// The capacity that is to be set; `None`: it stays. The group is never asked for fewer.
pub fn capacity(loads: &[Load], bounds: GroupBounds) -> Option<u32> {
    Some(wanted(loads, bounds)).filter(|wanted| *wanted > bounds.desired)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn load(ready: u64, leased: u64) -> Load {
        let depth = Depth { ready, leased, ..Depth::default() };
        Load { depth, target: DEFAULT_TARGET_JOBS, ..Load::default() }
    }

    fn bounds(max: u32) -> GroupBounds {
        GroupBounds { desired: 0, max }
    }

    #[test]
    fn machines_follow_the_jobs_that_are_ready() {
        let queued = Load { is_queued: true, ..load(0, 0) };
        let limited = |machines, ready| Load { machines: Some(machines), ..load(ready, 0) };
        for (loads, max, machines) in [
            (vec![], 20, 0),
            (vec![load(0, 0)], 20, 0),
            (vec![load(1, 0)], 20, 1),
            (vec![load(100, 0)], 20, 1),
            (vec![load(101, 0)], 20, 2),
            (vec![load(100_000, 0)], 20, 20),
            (vec![load(150, 0), load(150, 0)], 20, 4),
            // Nothing is ready: those that hold jobs are there.
            (vec![load(0, 50)], 20, 0),
            (vec![queued], 20, 1),
            (vec![queued], 0, 0),
            (vec![limited(3, 10_000), load(100, 0)], 20, 4),
            (vec![limited(0, 10_000)], 20, 0),
            (vec![Load { target: 0, ..load(5, 0) }], 20, 5),
            (vec![Load { target: 1, ..load(u64::MAX / 2, 0) }, load(u64::MAX / 4, 0)], u32::MAX, u32::MAX),
        ] {
            assert_eq!(wanted(&loads, bounds(max)), machines, "{loads:?}");
        }
    }

    #[test]
    fn capacity_only_grows() {
        assert_eq!(capacity(&[load(1_000, 0)], GroupBounds { desired: 9, max: 20 }), Some(10));
        assert_eq!(capacity(&[load(1_000, 0)], GroupBounds { desired: 10, max: 20 }), None);
        assert_eq!(capacity(&[], GroupBounds { desired: 10, max: 20 }), None);
    }

    proptest! {
        #[test]
        fn no_more_machines_than_jobs_and_none_above_the_maximum(
            all in proptest::collection::vec((0u64..5_000, 0u64..5_000, any::<bool>(), 0u64..300, proptest::option::of(0u32..9)), 0..20),
            max in 0u32..50, desired in 0u32..50
        ) {
            let loads: Vec<Load> = all
                .iter()
                .map(|&(ready, leased, is_queued, target, machines)| {
                    Load { is_queued, target, machines, ..load(ready, leased) }
                })
                .collect();
            let wanted = wanted(&loads, bounds(max));
            let jobs: u64 = all.iter().map(|(ready, leased, ..)| ready + leased).sum();
            let need = u64::from(all.iter().any(|load| load.2));
            prop_assert!(wanted <= max && u64::from(wanted) <= jobs + need);
            let has_work = all.iter().any(|(ready, _, is_queued, _, machines)| *is_queued || *ready > 0 && *machines != Some(0));
            prop_assert_eq!(wanted > 0, has_work && max > 0);
            if let Some(capacity) = capacity(&loads, GroupBounds { desired, max }) {
                prop_assert!(capacity > desired && capacity <= max);
            }
        }
    }
}
