//! The request rate of an endpoint: the time between two requests of any callers in this process.
//!
//! If callers wait each by themselves, some send while others wait, and the endpoint stays overloaded. Here they
//! wait together. As long as half of the answers are throttled, the rate is halved repeatedly. It rises by a third
//! if less than a quarter are throttled. In between it stays: a service that refuses a constant share of requests
//! does not slow the work to a crawl. `Retry-After` delays all requests.
//!
//! Bounded: nobody waits longer than [`MAX_WAIT`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::sync::lock;

/// The rate is adjusted after 20 responses or 1 s, whichever comes first.
const ANSWERS: u32 = 20;
const WINDOW: Duration = Duration::from_secs(1);

/// The first step down: 100 requests a second, well below the limit of any service.
const FIRST_INTERVAL: Duration = Duration::from_millis(10);

/// The slowest rate: five requests a second, enough to see when the throttling ends.
const MAX_INTERVAL: Duration = Duration::from_millis(200);

/// Below this interval requests are not delayed.
const MIN_INTERVAL: Duration = Duration::from_millis(2);

/// Longest wait of a request, also for `Retry-After`: less than [`crate::retry::STALL_SECONDS`], within
/// which a request must get its answer.
pub const MAX_WAIT: Duration = Duration::from_secs(20);

/// The rate limiter of one endpoint.
#[derive(Debug, Default)]
pub struct RateLimiter(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Time between two requests.
    interval: Duration,
    /// When the next may be sent.
    next: Option<Instant>,
    /// Start of the window, and the answers in it.
    began: Option<Instant>,
    answers: u32,
    throttled: u32,
}

/// The rate limiter of a request's endpoint (scheme, host and port). This process has one for each endpoint.
pub fn of(uri: &str) -> Arc<RateLimiter> {
    // Bounded by the process's endpoints (or buckets, if the host's name contains them): none is removed.
    static LIMITERS: Mutex<Option<HashMap<String, Arc<RateLimiter>>>> = Mutex::new(None);
    let end = uri.match_indices('/').nth(2).map_or(uri.len(), |(at, _)| at);
    let mut limiters = lock(&LIMITERS);
    let limiters = limiters.get_or_insert_default();
    if let Some(limiter) = limiters.get(&uri[..end]) {
        return limiter.clone();
    }
    limiters.entry(uri[..end].to_owned()).or_default().clone()
}

impl RateLimiter {
    /// Waits until the next request may be sent.
    pub async fn turn(&self) {
        let turn = {
            let mut state = self.lock();
            let now = Instant::now();
            match state.next {
                Some(next) if next > now || !state.interval.is_zero() => {
                    let turn = next.clamp(now, now + MAX_WAIT);
                    state.next = Some(turn + state.interval);
                    turn
                }
                _ => return,
            }
        };
        sleep_until(turn).await;
    }

    /// Records an answer, and the time that it asks to wait, if any.
    pub fn answered(&self, throttled: bool, retry_after: Option<Duration>) {
        let mut state = self.lock();
        let now = Instant::now();
        if let Some(wait) = retry_after {
            let until = now + wait.min(MAX_WAIT);
            state.next = Some(state.next.map_or(until, |next| next.max(until)));
            // Requests that waited together are not sent all at once.
            state.interval = state.interval.max(FIRST_INTERVAL);
        }
        if state.interval.is_zero() && state.answers == 0 && !throttled {
            return;
        }
        let began = *state.began.get_or_insert(now);
        state.answers += 1;
        state.throttled += u32::from(throttled);
        if state.answers >= ANSWERS || now - began >= WINDOW {
            state.judge(now);
        }
    }

    /// The time between two requests at present.
    pub fn interval(&self) -> Duration {
        self.lock().interval
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

impl State {
    fn judge(&mut self, now: Instant) {
        let before = self.interval;
        if self.throttled * 2 >= self.answers {
            self.interval = (before * 2).clamp(FIRST_INTERVAL, MAX_INTERVAL);
            self.next = Some(self.next.map_or(now, |next| next.max(now)));
        } else if self.throttled * 4 < self.answers {
            self.interval = Some(before * 3 / 4).filter(|interval| *interval >= MIN_INTERVAL).unwrap_or_default();
        }
        if before.is_zero() != self.interval.is_zero() {
            let slow = !self.interval.is_zero();
            tracing::info!(
                slow,
                "an endpoint {}",
                if slow { "throttles: sending fewer requests" } else { "no longer throttles" }
            );
        }
        (self.began, self.answers, self.throttled) = (None, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many requests a second pass, each answered as `throttled` says of its number.
    async fn rate(limiter: &RateLimiter, seconds: u64, mut throttled: impl FnMut(u64) -> bool) -> u64 {
        let began = Instant::now();
        let mut sent = 0;
        while began.elapsed() < Duration::from_secs(seconds) && sent < 1_000_000 {
            limiter.turn().await;
            limiter.answered(throttled(sent), None);
            sent += 1;
            // A service that takes a millisecond to answer.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        sent / seconds
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttling_endpoint_gets_five_requests_a_second() {
        let limiter = RateLimiter::default();
        rate(&limiter, 10, |_| true).await;
        assert_eq!((limiter.interval(), rate(&limiter, 10, |_| true).await), (MAX_INTERVAL, 5));
        rate(&limiter, 20, |_| false).await;
        assert_eq!(limiter.interval(), Duration::ZERO);
        assert!(rate(&limiter, 1, |_| false).await > 400);
    }

    #[tokio::test(start_paused = true)]
    async fn a_constant_share_of_throttling_keeps_the_work_going() {
        for share in [10, 5] {
            let limiter = RateLimiter::default();
            // Spread by a multiplicative hash, so that windows differ.
            let throttled = |n: u64| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32).is_multiple_of(share);
            assert!(rate(&limiter, 15, throttled).await > 200, "one in {share}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_delays_every_request_up_to_the_bound() {
        for (asked, seconds) in [(7, 7), (86_400, MAX_WAIT.as_secs()), (0, 0)] {
            let limiter = RateLimiter::default();
            limiter.answered(true, Some(Duration::from_secs(asked)));
            let began = Instant::now();
            futures::future::join_all((0..10).map(|_| limiter.turn())).await;
            assert_eq!(began.elapsed().as_secs(), seconds, "{asked}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn all_of_one_endpoint_wait_together_and_others_do_not() {
        let (one, same, other) = (of("http://h:1/a/b"), of("http://h:1"), of("http://h:2/a/b"));
        one.answered(true, Some(Duration::from_secs(5)));
        let began = Instant::now();
        other.turn().await;
        assert_eq!(began.elapsed().as_secs(), 0);
        same.turn().await;
        assert_eq!(began.elapsed().as_secs(), 5);
    }
}
