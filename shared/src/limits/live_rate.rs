//! A rate that can be set while callers wait for their turn.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::{self, Notify};
use tokio::time::{Instant, sleep_until};

use crate::sync::lock;

/// Unused time counts for this long at most, so that a pause is not followed by a burst.
const MAX_CREDIT: Duration = Duration::from_millis(100);

/// Units a second, and the time in which they may pass.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Allowance {
    /// Units a second; 0: nothing passes; `None`: no limit, whatever the time.
    pub per_second: Option<f64>,
    /// Nothing passes before this time.
    pub from: Option<Instant>,
    /// Nothing passes from this time on, unless the rate is set again: a worker that no longer learns its share uses
    /// none.
    pub until: Option<Instant>,
}

impl Allowance {
    /// A rate that holds until another is set.
    pub fn of(per_second: Option<f64>) -> Self {
        Allowance { per_second, from: None, until: None }
    }

    /// Whether units pass at this time.
    fn passes(&self, at: Instant) -> bool {
        let is_valid = self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until);
        self.per_second.is_none_or(|rate| rate > 0.0 && is_valid)
    }

    /// Units between two times, if there is a limit.
    fn between(&self, start: Instant, end: Instant) -> f64 {
        let start = self.from.map_or(start, |from| from.max(start));
        let end = self.until.map_or(end, |until| until.min(end));
        self.per_second.unwrap_or(0.0) * end.saturating_duration_since(start).as_secs_f64()
    }
}

/// Lets units pass at a rate. Callers take turns in the order of their calls.
///
/// A caller's units pass once the time since its turn began is worth them. So in any span of time no more pass than
/// the rate allows, one caller's units, and what a tenth of a second is worth. A new rate holds at once, also for callers
/// that wait.
#[derive(Debug)]
pub struct LiveRate {
    state: Mutex<State>,
    /// Whose turn it is; fair. A caller that is dropped passes its turn on.
    turn: sync::Mutex<()>,
    /// Notified when the allowance is set.
    set: Notify,
}

#[derive(Debug)]
struct State {
    allowance: Allowance,
    /// Units that may pass now.
    budget: f64,
    /// When `budget` was computed.
    at: Instant,
}

impl State {
    fn advance(&mut self, now: Instant) {
        self.budget += self.allowance.between(self.at, now);
        self.at = now;
    }

    /// When `units` may pass, by the present allowance; `None`: never.
    fn due(&self, units: f64) -> Option<Instant> {
        let missing = units - self.budget;
        // Rounding must not leave a caller waiting for a fraction.
        if missing <= units * 1e-9 {
            return Some(self.at);
        }
        let rate = self.allowance.per_second.filter(|rate| *rate > 0.0)?;
        let start = self.allowance.from.map_or(self.at, |from| from.max(self.at));
        // A year is for ever.
        let wait = Duration::from_secs_f64((missing / rate).min(365.0 * 86_400.0));
        let due = start + wait + Duration::from_nanos(1);
        self.allowance.until.is_none_or(|until| due < until).then_some(due)
    }
}

impl LiveRate {
    /// A rate that is set already.
    pub fn new(allowance: Allowance) -> Self {
        let state = State { allowance, budget: 0.0, at: Instant::now() };
        LiveRate { state: Mutex::new(state), turn: sync::Mutex::new(()), set: Notify::new() }
    }

    /// Replaces the rate. It holds at once, also for callers that wait.
    pub fn set(&self, allowance: Allowance) {
        let mut state = self.lock();
        if state.allowance == allowance {
            return;
        }
        state.advance(Instant::now());
        state.allowance = allowance;
        drop(state);
        self.set.notify_waiters();
    }

    /// Units a second at present; 0 while nothing passes; `None` without a limit.
    pub fn per_second(&self) -> Option<f64> {
        let allowance = self.lock().allowance;
        allowance.per_second.map(|rate| if allowance.passes(Instant::now()) { rate } else { 0.0 })
    }

    /// Waits until `units` more may pass. Dropping the future takes nothing.
    pub async fn take(&self, units: f64) {
        if self.lock().allowance.per_second.is_none() {
            return;
        }
        let _turn = self.turn.lock().await;
        self.begin_turn();
        loop {
            let set = self.set.notified();
            let due = {
                let mut state = self.lock();
                state.advance(Instant::now());
                if state.allowance.per_second.is_none() {
                    return;
                }
                match state.due(units) {
                    Some(due) if due <= state.at => {
                        state.budget -= units;
                        return;
                    }
                    due => due,
                }
            };
            tokio::select! {
                () = set => {}
                () = wait_until(due) => {}
            }
        }
    }

    /// Waits until anything may pass.
    pub async fn passes(&self) {
        loop {
            let set = self.set.notified();
            let allowance = self.lock().allowance;
            let now = Instant::now();
            if allowance.passes(now) {
                return;
            }
            let opens =
                allowance.from.filter(|from| *from > now && allowance.per_second.is_some_and(|rate| rate > 0.0));
            tokio::select! {
                () = set => {}
                () = wait_until(opens) => {}
            }
        }
    }

    fn begin_turn(&self) {
        let mut state = self.lock();
        state.advance(Instant::now());
        let credit = state.allowance.per_second.unwrap_or(0.0) * MAX_CREDIT.as_secs_f64();
        state.budget = state.budget.min(credit);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

async fn wait_until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt;
    use tokio::time::{advance, sleep};

    use super::*;

    fn rate(per_second: f64) -> Arc<LiveRate> {
        Arc::new(LiveRate::new(Allowance::of(Some(per_second))))
    }

    /// Takes one unit after the other for ever, in so many tasks, and counts them.
    fn takers(rate: &Arc<LiveRate>, count: usize) -> Arc<std::sync::atomic::AtomicU64> {
        let taken = Arc::new(std::sync::atomic::AtomicU64::new(0));
        for _ in 0..count {
            let (rate, taken) = (rate.clone(), taken.clone());
            tokio::spawn(async move {
                loop {
                    rate.take(1.0).await;
                    taken.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
            });
        }
        taken
    }

    async fn taken_in(taken: &std::sync::atomic::AtomicU64, seconds: u64) -> u64 {
        let before = taken.load(std::sync::atomic::Ordering::Relaxed);
        sleep(Duration::from_secs(seconds)).await;
        taken.load(std::sync::atomic::Ordering::Relaxed) - before
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_rate_applies_at_once_to_waiting_callers() {
        let rate = rate(1000.0);
        let taken = takers(&rate, 50);
        for (per_second, least, most) in [(1000.0, 9_800, 10_200), (10.0, 98, 102), (0.0, 0, 1), (200.0, 1_980, 2_030)]
        {
            rate.set(Allowance::of(Some(per_second)));
            let passed = taken_in(&taken, 10).await;
            assert!((least..=most).contains(&passed), "{per_second}: {passed}");
        }
        rate.set(Allowance::default());
        assert_eq!(rate.take(1e12).now_or_never(), Some(()), "no limit");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_followed_by_no_burst() {
        let rate = rate(100.0);
        sleep(Duration::from_secs(3600)).await;
        let began = Instant::now();
        for _ in 0..110 {
            rate.take(1.0).await;
        }
        assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_passes_outside_the_time_of_a_rate() {
        let (rate, second, now) = (rate(0.0), Duration::from_secs(1), Instant::now());
        let allowance =
            Allowance { per_second: Some(10.0), from: Some(now + 3 * second), until: Some(now + 6 * second) };
        rate.set(allowance);
        let taken = takers(&rate, 4);
        assert_eq!((taken_in(&taken, 3).await, rate.passes().now_or_never()), (0, Some(())));
        assert!((29..=31).contains(&taken_in(&taken, 3).await));
        assert_eq!((taken_in(&taken, 60).await, rate.per_second()), (0, Some(0.0)));
        rate.set(Allowance { until: Some(Instant::now() + 100 * second), ..allowance });
        assert!((99..=101).contains(&taken_in(&taken, 10).await));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_caller_takes_nothing_and_passes_its_turn_on() {
        let rate = rate(1.0);
        let mut first = Box::pin(rate.take(1_000.0));
        assert!(first.as_mut().now_or_never().is_none());
        let mut second = Box::pin(rate.take(1.0));
        assert!(second.as_mut().now_or_never().is_none());
        advance(Duration::from_secs(500)).await;
        drop(first);
        let began = Instant::now();
        second.await;
        assert!(began.elapsed() >= Duration::from_millis(800), "{:?}", began.elapsed());
    }
}
