//! How fast a run moves and when it may end: arithmetic over counters, without a clock of its own.

use std::collections::VecDeque;
use std::time::Duration;

use shared::console;
use shared::ledger::{Phase, Run};

use crate::summary::reasons;

/// Rates are taken over this long: shorter jumps about, longer lags behind.
const WINDOW: Duration = Duration::from_secs(20);

/// Most samples kept; at five a second the window holds 100.
const MAX_SAMPLES: usize = 128;

/// Counters at some time after the start.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Duration,
    objects: u64,
    bytes: u64,
}

/// Watches a run's counters.
#[derive(Debug, Default)]
pub struct Meter {
    samples: VecDeque<Sample>,
}

/// Objects and bytes a second.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct Rate {
    /// Objects settled a second.
    pub objects: f64,
    /// Bytes copied a second.
    pub bytes: f64,
}

impl Meter {
    /// Takes in the counters at `at` after the start.
    pub fn observe(&mut self, at: Duration, run: &Run) {
        self.samples.push_back(Sample { at, objects: run.settled.objects(), bytes: run.settled.bytes });
        while self.samples.len() > MAX_SAMPLES
            || (self.samples.len() > 2
                && self.samples.front().is_some_and(|first| at.saturating_sub(first.at) > WINDOW))
        {
            self.samples.pop_front();
        }
    }

    /// The present rate; none before there are two looks at some distance.
    pub fn rate(&self) -> Option<Rate> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        let seconds = last.at.saturating_sub(first.at).as_secs_f64();
        (seconds > 0.5).then(|| Rate {
            objects: last.objects.saturating_sub(first.objects) as f64 / seconds,
            bytes: last.bytes.saturating_sub(first.bytes) as f64 / seconds,
        })
    }

    /// One line on how the run stands.
    pub fn line(&self, run: &Run) -> String {
        let settled = &run.settled;
        let mut line = match run.phase {
            Phase::Listing => format!("{} listed so far, ", console::count(run.found.listed)),
            _ => String::new(),
        };
        line += &format!(
            "{} of {}, {} of {}",
            console::count(settled.objects()),
            console::counted(run.enqueued(), "object"),
            console::bytes(settled.bytes),
            console::bytes(run.found.enqueued_bytes),
        );
        for reason in reasons(settled) {
            line += &format!(", {reason}");
        }
        if settled.failed > 0 {
            line += &format!(", {} failed", console::count(settled.failed));
        }
        // Objects count when they are settled: while the first, or a large one, is on its way, there is
        // no rate to tell.
        if let Some(rate) = self.rate().filter(|rate| rate.objects > 0.0) {
            line += &format!(", {}/s, {:.0} objects/s", console::bytes(rate.bytes as u64), rate.objects);
            if let Some(time) = remaining(run, rate).filter(|time| !time.is_zero()) {
                line += &format!(", about {} left", console::time(time));
            }
        }
        line
    }
}

/// The time a run still takes at this rate. Unknown while it lists, since nobody knows how much is to
/// come, and while nothing moves. Objects or bytes, whichever takes longer.
pub fn remaining(run: &Run, rate: Rate) -> Option<Duration> {
    if run.phase == Phase::Listing {
        return None;
    }
    let objects = run.enqueued().saturating_sub(run.settled.objects());
    if objects == 0 {
        return Some(Duration::ZERO);
    }
    // Bytes of skipped and failed objects are never copied: leave them out of what is to come, by
    // their share of the objects.
    let settled = run.settled.objects();
    let share = if settled == 0 { 1.0 } else { run.settled.copied as f64 / settled as f64 };
    let bytes = (run.found.enqueued_bytes.saturating_sub(run.settled.bytes)) as f64 * share;
    let seconds = |amount: f64, rate: f64| if amount <= 0.0 { 0.0 } else { amount / rate };
    let longest =
        seconds(objects as f64, rate.objects).max(if rate.bytes > 0.0 { seconds(bytes, rate.bytes) } else { 0.0 });
    Duration::try_from_secs_f64(longest).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::ledger::{Found, RunStart, Settled};
    use shared::object::Timestamp;

    fn run(phase: Phase, enqueued: u64, copied: u64) -> Run {
        let start = RunStart {
            id: "r".into(),
            task: "t".into(),
            source: "/a".into(),
            destination: "/b".into(),
            options: String::new(),
            started: Timestamp(0),
        };
        let found = Found { listed: enqueued, enqueued, enqueued_bytes: enqueued * 1024, ..Found::default() };
        let settled = Settled { copied, bytes: copied * 1024, ..Settled::default() };
        Run { start, phase, error: None, found, settled }
    }

    fn meter(phase: Phase) -> (Meter, Run) {
        let mut meter = Meter::default();
        for second in 0..=10 {
            meter.observe(Duration::from_secs(second), &run(phase, 1000, second * 10));
        }
        (meter, run(phase, 1000, 100))
    }

    #[test]
    fn the_time_left_follows_the_rate() {
        let (meter, run) = meter(Phase::Listed);
        assert_eq!(meter.rate(), Some(Rate { objects: 10.0, bytes: 10240.0 }));
        assert_eq!(
            meter.line(&run),
            "100 of 1,000 objects, 100 KiB of 0.98 MiB, 10.0 KiB/s, 10 objects/s, about 1m 30s left"
        );
    }

    #[test]
    fn while_listing_no_time_is_told() {
        let (meter, run) = meter(Phase::Listing);
        assert!(meter.line(&run).ends_with("10 objects/s"), "{}", meter.line(&run));
    }

    #[test]
    fn where_nothing_moves_no_rate_is_told() {
        let mut meter = Meter::default();
        (0..=10).for_each(|second| meter.observe(Duration::from_secs(second), &run(Phase::Listed, 1, 0)));
        assert_eq!(meter.line(&run(Phase::Listed, 1, 0)), "0 of 1 object, 0 B of 1.00 KiB");
    }

    #[test]
    fn a_run_that_stands_still_has_no_estimate() {
        assert_eq!(remaining(&run(Phase::Listed, 10, 5), Rate::default()), None);
        assert_eq!(remaining(&run(Phase::Listed, 10, 10), Rate::default()), Some(Duration::ZERO));
    }

    #[test]
    fn samples_stay_bounded() {
        let mut meter = Meter::default();
        for i in 0..10_000 {
            meter.observe(Duration::from_millis(i), &run(Phase::Listing, 0, 0));
        }
        assert!(meter.samples.len() <= MAX_SAMPLES);
    }
}
