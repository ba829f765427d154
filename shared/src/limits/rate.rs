//! The request rate of an endpoint, which all callers in this process share.
//!
//! If callers wait each by themselves, some send while others wait, and the endpoint stays overloaded. Here they
//! wait in one queue. The module `control` derives the rate from the answers. `Retry-After` delays all requests.
//!
//! Bounded: nobody waits longer than [`MAX_WAIT`].

mod constant_share;
mod control;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use self::control::RateControl;
use super::{Allowance, LiveRate};
use crate::sync::lock;

/// Longest wait of a request, also for `Retry-After`: less than [`crate::retry::STALL_SECONDS`], within
/// which a request must get its answer.
pub const MAX_WAIT: Duration = Duration::from_secs(20);

/// A shorter wait is no wait for a turn: the machine was busy.
const SHORTEST_WAIT: Duration = Duration::from_micros(100);

/// The rate limiter of one endpoint.
#[derive(Debug)]
pub struct RateLimiter {
    turns: LiveRate,
    control: Mutex<RateControl>,
}

impl Default for RateLimiter {
    fn default() -> Self {
        RateLimiter { turns: LiveRate::new(Allowance::default()), control: Mutex::default() }
    }
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
    /// Waits until the next request may be sent; gives the time that this took, which is zero without a limit.
    pub async fn turn(&self) -> Duration {
        match self.turns.per_second() {
            // Boxed: nearly always there is no limit, and the futures of requests are small.
            Some(_) => Box::pin(self.wait()).await,
            None => Duration::ZERO,
        }
    }

    async fn wait(&self) -> Duration {
        let asked = Instant::now();
        // After the longest wait the request is sent all the same: its answer shows how the endpoint is.
        let _ = timeout(MAX_WAIT, self.turns.take(1.0)).await;
        let waited = asked.elapsed();
        if waited >= SHORTEST_WAIT {
            lock(&self.control).waited();
        }
        waited
    }

    /// Records an answer, and the time that it asks to wait, if any.
    pub fn answered(&self, throttled: bool, retry_after: Option<Duration>) {
        let mut control = lock(&self.control);
        let before = control.allowance();
        let now = Instant::now();
        control.answered(now, throttled);
        if let Some(wait) = retry_after {
            control.delay_until(now + wait.min(MAX_WAIT));
        }
        let after = control.allowance();
        if before == after {
            return;
        }
        match (before.per_second, after.per_second) {
            (None, Some(rate)) => tracing::info!(rate, "an endpoint throttles: sending fewer requests"),
            (Some(_), None) => tracing::info!("an endpoint no longer throttles"),
            _ => {}
        }
        self.turns.set(after);
    }

    /// Requests a second at present; `None` without a limit.
    pub fn per_second(&self) -> Option<f64> {
        lock(&self.control).allowance().per_second
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    use tokio::time::sleep;

    use super::control::MIN_RATE;
    use super::*;

    /// A service that answers after some milliseconds.
    #[derive(Debug)]
    struct Service {
        /// Requests a second that it serves, those of a tenth of a second at once; 0 is unlimited.
        limit: AtomicU64,
        /// Requests of a hundred that it refuses at any rate.
        share: AtomicU64,
        tokens: Mutex<Option<(f64, Instant)>>,
        served: AtomicU64,
        throttled: AtomicU64,
        /// State of the generator of chances.
        chance: AtomicU64,
    }

    impl Service {
        fn new(limit: u64, share: u64, seed: u64) -> Arc<Self> {
            let [limit, share, chance] = [limit, share, seed].map(AtomicU64::new);
            let (tokens, served, throttled) = Default::default();
            Arc::new(Service { limit, share, tokens, served, throttled, chance })
        }

        /// A number below a hundred (Knuth's MMIX generator).
        fn chance(&self) -> u64 {
            let next = |seed: u64| seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let seed = self.chance.fetch_update(Relaxed, Relaxed, |seed| Some(next(seed)));
            (seed.unwrap_or_default() >> 33) % 100
        }

        fn serves(&self) -> bool {
            let limit = self.limit.load(Relaxed) as f64;
            let most = (limit / 10.0).max(1.0);
            let mut tokens = lock(&self.tokens);
            let (had, at) = tokens.unwrap_or((most, Instant::now()));
            let now = Instant::now();
            let has = (had + limit * (now - at).as_secs_f64()).min(most);
            let serves = (limit == 0.0 || has >= 1.0) && self.chance() >= self.share.load(Relaxed);
            *tokens = Some((has - f64::from(u8::from(serves)), now));
            serves
        }

        async fn request(&self, limiter: &RateLimiter) -> bool {
            limiter.turn().await;
            sleep(Duration::from_millis(3)).await;
            let serves = self.serves();
            (if serves { &self.served } else { &self.throttled }).fetch_add(1, Relaxed);
            sleep(Duration::from_millis(3)).await;
            limiter.answered(!serves, None);
            serves
        }

        /// A process whose callers send one request after the other, and wait longer after each that is refused.
        fn process(self: &Arc<Self>, callers: usize) -> Arc<RateLimiter> {
            let limiter = Arc::new(RateLimiter::default());
            for _ in 0..callers {
                let (service, limiter) = (self.clone(), limiter.clone());
                tokio::spawn(async move {
                    let mut refused = 0;
                    loop {
                        refused = if service.request(&limiter).await { 0 } else { refused + 1 };
                        if refused > 0 {
                            sleep(Duration::from_millis((50 << refused.min(7)) + service.chance())).await;
                        }
                    }
                });
            }
            limiter
        }

        /// Requests that are served a second, and the share of all that is refused.
        async fn observe(&self, seconds: u64) -> (f64, f64) {
            let counts = || (self.served.load(Relaxed), self.throttled.load(Relaxed));
            let before = counts();
            sleep(Duration::from_secs(seconds)).await;
            let (served, throttled) = (counts().0 - before.0, counts().1 - before.1);
            (served as f64 / seconds as f64, throttled as f64 / (served + throttled).max(1) as f64)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_is_used_and_few_requests_are_refused() {
        for (processes, seed) in [(1, 0), (8, 0), (8, 1)] {
            let service = Service::new(400, 0, seed);
            let limiters: Vec<_> = (0..processes).map(|_| service.process(32)).collect();
            for limit in [400, 200, 400] {
                service.limit.store(limit, Relaxed);
                service.observe(10).await;
                let (served, refused) = service.observe(60).await;
                let share = served / limit as f64;
                assert!(
                    share > 0.95 && refused < 0.05,
                    "{processes} at {limit}: {share:.3} served, {refused:.3} refused"
                );
            }
            let rates: Vec<f64> = limiters.iter().map(|limiter| limiter.per_second().unwrap()).collect();
            let mean = rates.iter().sum::<f64>() / rates.len() as f64;
            assert!(rates.iter().all(|rate| *rate > mean / 5.0), "each has its part: {rates:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_constant_share_of_throttling_keeps_the_work_going() {
        for (share, seed) in [(1, 0), (5, 0), (10, 0), (20, 0), (20, 1)] {
            let service = Service::new(0, share, seed);
            service.process(8);
            service.observe(10).await;
            for _ in 0..5 {
                let (served, _) = service.observe(20).await;
                assert!(served > 50.0, "{share} %: {served} a second");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttling_endpoint_gets_five_requests_a_second() {
        let service = Service::new(0, 0, 0);
        let limiter = service.process(32);
        service.observe(5).await;
        assert_eq!(limiter.per_second(), None);
        service.share.store(100, Relaxed);
        service.observe(10).await;
        assert_eq!(limiter.per_second(), Some(MIN_RATE));
        let asked = service.throttled.load(Relaxed);
        service.observe(10).await;
        assert!(service.throttled.load(Relaxed) - asked <= 51);
        service.share.store(0, Relaxed);
        service.observe(20).await;
        assert_eq!(limiter.per_second(), None);
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
