//! How many jobs one machine does in five minutes, learned from a task's samples.

use super::scale::DEFAULT_TARGET_JOBS;
use crate::tasks::Sample;

/// Fewest messages that must wait in both samples of a pair: with fewer the machines may have had nothing to do.
const BUSY_MESSAGES: u64 = 20;

/// Longest time between two samples that are compared, minutes.
const LONGEST_MINUTES: u64 = 5;

/// The time that a target is about, minutes.
const TARGET_MINUTES: u64 = 5;

/// Most that one measurement changes a target by, as a factor: one odd minute must not start a hundred machines.
const MAX_FACTOR: u64 = 2;

/// Largest target. A machine that does more is not asked for more of them.
const MAX_TARGET_JOBS: u64 = 100_000;

/// The target after the samples of the last minutes, by minute; `before` is what was learned earlier.
///
/// Jobs are not counted, objects are: the objects that wait, divided by the messages that wait, are those of one job.
/// Only pairs of samples teach between which the same machines were busy with the same run.
pub fn learned(before: Option<u64>, samples: &[Sample]) -> u64 {
    let before = before.unwrap_or(DEFAULT_TARGET_JOBS).clamp(1, MAX_TARGET_JOBS);
    let mut rates: Vec<u64> = samples.windows(2).filter_map(|pair| jobs_of_machine(&pair[0], &pair[1])).collect();
    rates.sort_unstable();
    match rates.get(rates.len() / 2) {
        Some(rate) => (*rate).clamp(before.div_ceil(MAX_FACTOR), before * MAX_FACTOR).clamp(1, MAX_TARGET_JOBS),
        None => before,
    }
}

/// Jobs that one machine did in five minutes at the rate between two samples.
fn jobs_of_machine(first: &Sample, second: &Sample) -> Option<u64> {
    let minutes = second.minute.checked_sub(first.minute).filter(|minutes| (1..=LONGEST_MINUTES).contains(minutes))?;
    let is_same = first.run.is_some() && first.run == second.run && first.machines == second.machines;
    let is_busy = [first, second].iter().all(|sample| sample.depth.ready >= BUSY_MESSAGES);
    let machines = u64::from(second.machines);
    if !is_same || !is_busy || machines == 0 {
        return None;
    }
    let found = second.found.enqueued + second.found.deletes;
    let per_job = found.checked_sub(second.settled.objects())?.div_ceil(second.depth.waiting()).max(1);
    let settled = second.settled.objects().checked_sub(first.settled.objects())?;
    Some(settled * TARGET_MINUTES / minutes / machines / per_job)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Found, Settled};
    use crate::queue::Depth;

    /// A sample of a run of 1,000,000 objects in jobs of 100.
    fn sample(minute: u64, settled: u64, machines: u32) -> Sample {
        Sample {
            minute,
            depth: Depth { ready: (1_000_000 - settled) / 100, ..Depth::default() },
            run: Some("r".into()),
            found: Found { enqueued: 1_000_000, ..Found::default() },
            settled: Settled { copied: settled, ..Settled::default() },
            machines,
            ..Sample::default()
        }
    }

    #[test]
    fn a_target_follows_what_machines_do() {
        // Two machines settle 20,000 objects a minute: 100 jobs each, 500 in five minutes.
        let samples: Vec<Sample> = (0..10).map(|minute| sample(minute, minute * 20_000, 2)).collect();
        let targets: Vec<u64> =
            std::iter::successors(Some(learned(None, &samples)), |before| Some(learned(Some(*before), &samples)))
                .take(4)
                .collect();
        assert_eq!(targets, [200, 400, 500, 500], "by steps");
        assert_eq!(learned(Some(2_000), &samples), 1_000, "down as well");
    }

    #[test]
    fn nothing_is_learned_from_machines_that_may_have_been_idle() {
        let busy = [sample(0, 0, 2), sample(1, 20_000, 2)];
        assert_eq!(learned(Some(300), &busy), 500);
        let second = |change: &dyn Fn(&mut Sample)| {
            let mut pair = busy.clone();
            change(&mut pair[1]);
            learned(Some(300), &pair)
        };
        assert_eq!(second(&|sample| sample.machines = 3), 300, "machines came");
        assert_eq!(second(&|sample| sample.run = Some("s".into())), 300, "another run");
        assert_eq!(second(&|sample| sample.depth.ready = 3), 300, "few messages");
        assert_eq!(second(&|sample| sample.minute = 9), 300, "too long ago");
        assert_eq!(second(&|sample| sample.settled = Settled::default()), 300 / 2, "nothing was done");
        assert_eq!(learned(None, &[]), DEFAULT_TARGET_JOBS);
        assert_eq!(learned(Some(0), &[]), 1);
    }
}
