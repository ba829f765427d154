//! How long the store takes to answer at least: about a round trip.

use std::sync::Mutex;
use std::time::Duration;

use shared::sync::lock;
use tokio::time::Instant;

/// Answers of this period and of the one before it count: a process runs for months, and the path to its store may
/// change.
const PERIOD: Duration = Duration::from_secs(60);

/// The first answer comes over a new connection, which takes one more round trip to open, with TLS two.
const FIRST_ROUND_TRIPS: u32 = 2;

/// The least time that the store took to answer, of the last answers.
#[derive(Debug, Default)]
pub(super) struct Latency(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Whether there was more than one answer.
    has_several: bool,
    /// When the present period began; `None` before the first answer.
    began: Option<Instant>,
    /// The least time of the present period.
    present: Option<Duration>,
    /// The least time of the last period before it that had answers.
    previous: Option<Duration>,
}

impl Latency {
    /// Notes an answer of this moment, and how long it took.
    pub fn note(&self, now: Instant, took: Duration) {
        let mut state = lock(&self.0);
        state.has_several = state.began.is_some();
        if state.began.is_none_or(|began| now.duration_since(began) >= PERIOD) {
            state.began = Some(now);
            state.previous = state.present.take();
        }
        state.present = Some(state.present.map_or(took, |least| least.min(took)));
    }

    /// The least time; of a single answer, without opening its connection. `None` before the first answer.
    pub fn least(&self) -> Option<Duration> {
        let state = lock(&self.0);
        let least = state.present.into_iter().chain(state.previous).min();
        least.map(|least| if state.has_several { least } else { least / FIRST_ROUND_TRIPS })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_time_counts_and_half_of_a_single_one() {
        let (latency, now) = (Latency::default(), Instant::now());
        let mut known = Vec::new();
        assert_eq!(latency.least(), None);
        for took in [50, 30, 40, 20, 60] {
            latency.note(now, Duration::from_millis(took));
            known.push(latency.least().map(|least| least.as_millis()));
        }
        assert_eq!(known, [Some(25), Some(30), Some(30), Some(20), Some(20)]);
    }

    #[test]
    fn answers_before_the_last_period_no_longer_count() {
        let (latency, began) = (Latency::default(), Instant::now());
        let after = |seconds: u64, took: u64| {
            latency.note(began + Duration::from_secs(seconds), Duration::from_millis(took));
            latency.least().map(|least| least.as_millis())
        };
        assert_eq!(
            [(0, 10), (1, 50), (59, 50)].map(|(seconds, took)| after(seconds, took)),
            [Some(5), Some(10), Some(10)]
        );
        assert_eq!(after(60, 50), Some(10), "the period before counts");
        assert_eq!(after(119, 40), Some(10));
        assert_eq!(after(120, 50), Some(40));
        assert_eq!(after(100_000, 70), Some(50), "nothing newer is known of the path");
    }
}
