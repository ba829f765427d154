//! How fast a run moves and when it may end: arithmetic over counters, without a clock of its own.

use std::collections::VecDeque;
use std::time::Duration;

use shared::ledger::rate::{self, Rate};
use shared::ledger::{Phase, Run};
use shared::terminal;

use crate::summary::reasons;

/// Rates are taken over this long: shorter jumps about, longer lags behind.
const WINDOW: Duration = Duration::from_secs(10);

/// Most samples kept; at five a second the window holds 50.
const MAX_SAMPLES: usize = 64;

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
    /// Bytes of objects that are on their way, at the last look.
    under_way_bytes: u64,
    /// Bytes a second that large objects get at other programs, beside what the counters show.
    reported_rate: f64,
}

impl Meter {
    /// Takes in the counters at `at` after the start, with the bytes that objects on their way have got so far.
    pub fn observe(&mut self, at: Duration, run: &Run, under_way_bytes: u64) {
        self.under_way_bytes = under_way_bytes;
        self.samples.push_back(Sample { at, objects: run.settled.objects(), bytes: self.bytes(run) });
        while self.samples.len() > MAX_SAMPLES
            || (self.samples.len() > 2
                && self.samples.front().is_some_and(|first| at.saturating_sub(first.at) > WINDOW))
        {
            self.samples.pop_front();
        }
    }

    /// Takes in the rate that the workers report of large objects, which are in no counter yet.
    pub fn report_rate(&mut self, bytes_per_second: u64) {
        self.reported_rate = bytes_per_second as f64;
    }

    /// The present rate; none before there are two looks at some distance.
    pub fn rate(&self) -> Option<Rate> {
        let (first, last) = (self.samples.front()?, self.samples.back()?);
        let seconds = last.at.saturating_sub(first.at).as_secs_f64();
        (seconds > 0.5).then(|| Rate {
            objects: last.objects.saturating_sub(first.objects) as f64 / seconds,
            bytes: last.bytes.saturating_sub(first.bytes) as f64 / seconds + self.reported_rate,
        })
    }

    /// How the run stands, in one line.
    pub fn line(&self, run: &Run) -> String {
        let Snapshot { counters, rates } = self.snapshot(run);
        [counters, rates].concat().join(", ")
    }

    /// How the run stands, in parts. The parts that matter most come first.
    pub fn snapshot(&self, run: &Run) -> Snapshot {
        let settled = &run.settled;
        let mut counters = vec![
            format!("{} of {}", terminal::count(settled.objects()), terminal::counted(run.enqueued(), "object")),
            format!("{} of {}", terminal::bytes(self.bytes(run)), terminal::bytes(run.found.enqueued_bytes)),
        ];
        if settled.failed > 0 {
            counters.push(format!("{} failed", terminal::count(settled.failed)));
        }
        if run.phase == Phase::Listing {
            counters.push(format!("{} listed so far", terminal::count(run.found.listed)));
        }
        counters.extend(reasons(settled));
        let mut rates = Vec::new();
        if let Some(rate) = self.rate().filter(|rate| rate.is_moving()) {
            rates.push(terminal::rate(rate.bytes));
            if let Some(time) = self.remaining(run).filter(|time| time.as_secs() > 0) {
                rates.push(format!("about {} left", terminal::time(time)));
            }
            if rate.objects >= 0.1 {
                rates.push(objects_rate(rate.objects));
            }
        }
        Snapshot { counters, rates }
    }

    /// Bytes that have been copied, of settled objects and of those on their way.
    fn bytes(&self, run: &Run) -> u64 {
        run.settled.bytes.saturating_add(self.under_way_bytes)
    }

    /// The share of the run that is done, between 0 and 1; none while nobody knows how much it is.
    pub fn share(&self, run: &Run) -> Option<f64> {
        rate::share(run, self.under_way_bytes)
    }

    /// See [`rate::remaining`].
    pub fn remaining(&self, run: &Run) -> Option<Duration> {
        rate::remaining(run, self.under_way_bytes, self.rate()?)
    }
}

/// How a run stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Objects, bytes, failures.
    pub counters: Vec<String>,
    /// Rate and estimate; empty while nothing moves.
    pub rates: Vec<String>,
}

/// Whole objects a second, or tenths where there is less than ten.
fn objects_rate(rate: f64) -> String {
    if rate < 10.0 { format!("{rate:.1} objects/s") } else { format!("{} objects/s", terminal::count(rate as u64)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::ledger::{Found, Settled};

    use crate::fixtures;

    fn run(phase: Phase, enqueued: u64, copied: u64) -> Run {
        let found = Found { listed: enqueued, enqueued, enqueued_bytes: enqueued * 1024, ..Found::default() };
        let settled = Settled { copied, bytes: copied * 1024, ..Settled::default() };
        fixtures::run("r", phase, found, settled)
    }

    fn meter(phase: Phase) -> (Meter, Run) {
        let mut meter = Meter::default();
        for second in 0..=10 {
            meter.observe(Duration::from_secs(second), &run(phase, 1000, second * 10), 0);
        }
        (meter, run(phase, 1000, 100))
    }

    #[test]
    fn the_time_left_follows_the_rate() {
        let (meter, run) = meter(Phase::Listed);
        assert_eq!(meter.rate(), Some(Rate { objects: 10.0, bytes: 10240.0 }));
        assert_eq!(
            meter.line(&run),
            "100 of 1,000 objects, 100 KiB of 0.98 MiB, 10.0 KiB/s, about 1m 30s left, 10 objects/s"
        );
    }

    #[test]
    fn no_remaining_time_is_shown_while_listing() {
        let (meter, run) = meter(Phase::Listing);
        assert!(meter.line(&run).ends_with("10.0 KiB/s, 10 objects/s"), "{}", meter.line(&run));
    }

    #[test]
    fn no_rate_is_shown_while_nothing_moves() {
        let mut meter = Meter::default();
        (0..=10).for_each(|second| meter.observe(Duration::from_secs(second), &run(Phase::Listed, 1, 0), 0));
        assert_eq!(meter.line(&run(Phase::Listed, 1, 0)), "0 of 1 object, 0 B of 1.00 KiB");
    }

    #[test]
    fn regression_bytes_within_an_object_make_rate_and_estimate() {
        let mut large = run(Phase::Listed, 1, 0);
        large.found.enqueued_bytes = 2 << 30;
        let mut meter = Meter::default();
        (0..=10).for_each(|second| meter.observe(Duration::from_secs(second), &large, second * (50 << 20)));
        assert_eq!(meter.line(&large), "0 of 1 object, 500 MiB of 2.00 GiB, 50.0 MiB/s, about 30s left");
        assert_eq!(meter.share(&large).map(|share| (share * 100.0) as u64), Some(24));
    }

    #[test]
    fn samples_stay_bounded() {
        let mut meter = Meter::default();
        for i in 0..10_000 {
            meter.observe(Duration::from_millis(i), &run(Phase::Listing, 0, 0), 0);
        }
        assert!(meter.samples.len() <= MAX_SAMPLES);
    }
}
