//! How fast a run moves, how much of it is done, and when it may end: arithmetic over counters, without a clock.

use std::time::Duration;

use serde::Serialize;

use super::{Phase, Run};

/// Objects and bytes a second.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Rate {
    /// Objects settled a second.
    pub objects: f64,
    /// Bytes copied a second.
    pub bytes: f64,
}

impl Rate {
    /// Whether anything moves.
    pub fn is_moving(&self) -> bool {
        self.objects > 0.0 || self.bytes > 0.0
    }
}

/// The share of the run that is done, between 0 and 1; none while nobody knows how much it is.
pub fn share(run: &Run, under_way_bytes: u64) -> Option<f64> {
    if run.phase == Phase::Listing {
        return None;
    }
    let (settled, enqueued) = (run.settled.objects(), run.enqueued());
    let done = run.settled.bytes.saturating_add(under_way_bytes) as f64;
    let all = done + bytes_to_come(run, under_way_bytes);
    // Deletes and empty objects have no bytes.
    let is_by_bytes = all >= 1.0 && settled < enqueued;
    let by_objects = if enqueued == 0 { 1.0 } else { settled as f64 / enqueued as f64 };
    Some(if is_by_bytes { done / all } else { by_objects })
}

/// An estimate beyond this says only that the run is slow, and no more.
const LONGEST_ESTIMATE: Duration = Duration::from_secs(90 * 24 * 3600);

/// Objects and bytes may differ by this factor in the time they predict. Where they differ more, the rest of the
/// run is unlike its last seconds (large objects before small ones), and there is no estimate.
const AGREEMENT: f64 = 10.0;

/// The time a run still takes at this rate. None while it lists, since nobody knows how much is to come; while
/// nothing moves; and where objects and bytes predict times that have nothing in common.
pub fn remaining(run: &Run, under_way_bytes: u64, rate: Rate) -> Option<Duration> {
    if run.phase == Phase::Listing {
        return None;
    }
    let objects = run.enqueued().saturating_sub(run.settled.objects());
    if objects == 0 {
        return Some(Duration::ZERO);
    }
    let bytes = bytes_to_come(run, under_way_bytes);
    let seconds = |amount: f64, rate: f64| (rate > 0.0).then(|| amount / rate);
    let longest = match (seconds(objects as f64, rate.objects), seconds(bytes, rate.bytes)) {
        // Nothing is left to copy, or it needs no bytes: deletes, empty objects.
        (Some(by_objects), _) if bytes < 1.0 => by_objects,
        (Some(by_objects), Some(by_bytes)) => {
            let (shorter, longer) = (by_objects.min(by_bytes), by_objects.max(by_bytes));
            if longer > shorter * AGREEMENT && longer > LONG_SECONDS {
                return None;
            }
            longer
        }
        // Large objects: none was settled in the last seconds, but their bytes move.
        (None, Some(by_bytes)) => by_bytes,
        // Objects settle without bytes, as skipped ones do: nothing shows how long the bytes take.
        (Some(_), None) | (None, None) => return None,
    };
    Duration::try_from_secs_f64(longest).ok().filter(|time| *time <= LONGEST_ESTIMATE)
}

/// Bytes that are still to be copied, about. Bytes of skipped and failed objects never are: they are left out by their
/// share of the objects so far.
fn bytes_to_come(run: &Run, under_way_bytes: u64) -> f64 {
    let settled = run.settled.objects();
    let share = if settled == 0 { 1.0 } else { run.settled.copied as f64 / settled as f64 };
    let done = run.settled.bytes.saturating_add(under_way_bytes);
    run.found.enqueued_bytes.saturating_sub(done) as f64 * share
}

/// Below this the two predictions need not agree, seconds: near its end a run is done soon by either.
const LONG_SECONDS: f64 = 60.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Found, PhaseTimes, RunOptions, RunStart, Settled};
    use crate::object::Timestamp;

    fn run(phase: Phase, enqueued: u64, copied: u64) -> Run {
        let word = |word: &str| word.to_owned();
        let start = RunStart {
            id: word("r"),
            task: word("t"),
            source: word("a"),
            destination: word("b"),
            options: RunOptions::default(),
            started: Timestamp(0),
        };
        let found = Found { listed: enqueued, enqueued, enqueued_bytes: enqueued * 1024, ..Found::default() };
        let settled = Settled { copied, bytes: copied * 1024, ..Settled::default() };
        Run { start, phase, entered: PhaseTimes::default(), error: None, found, settled }
    }

    #[test]
    fn regression_no_estimate_where_objects_and_bytes_disagree() {
        // Small objects went by while 50 TB wait: their rate says nothing of the large ones.
        let mut mixed = run(Phase::Listed, 1000, 900);
        mixed.found.enqueued_bytes = 50 << 40;
        assert_eq!(remaining(&mixed, 0, Rate { objects: 10.0, bytes: 10240.0 }), None);
        // Nor is an estimate of years one.
        mixed.settled.copied = 0;
        assert_eq!(remaining(&mixed, 0, Rate { objects: 0.0, bytes: 10240.0 }), None);
    }

    #[test]
    fn a_run_that_stands_still_has_no_estimate() {
        assert_eq!(remaining(&run(Phase::Listed, 10, 5), 0, Rate::default()), None);
        assert_eq!(remaining(&run(Phase::Listed, 10, 10), 0, Rate::default()), Some(Duration::ZERO));
    }
}
