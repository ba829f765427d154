//! The rate limit of the store, and the bandwidth of one connection.

use std::sync::Mutex;
use std::time::Duration;

use shared::sync::lock;
use tokio::time::{Instant, sleep_until};

/// Part of a second's requests that may come at once.
const BURST: f64 = 0.1;

/// A timer of the runtime has a resolution of a millisecond, and the machine may be busy.
const TIMER_MAY_BE_LATE: Duration = Duration::from_millis(10);

/// A rate limit for all connections together.
#[derive(Debug, Default)]
pub(super) struct RateLimit(Mutex<Option<Bucket>>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl RateLimit {
    /// Whether one more request is within `rate` requests a second. A rate that changes applies from the next request.
    pub fn admits(&self, rate: u64) -> bool {
        if rate == 0 {
            return true;
        }
        let (now, rate) = (Instant::now(), rate as f64);
        let most = (rate * BURST).max(1.0);
        let mut bucket = lock(&self.0);
        let bucket = bucket.get_or_insert(Bucket { tokens: most, filled: now });
        bucket.tokens = (bucket.tokens + rate * (now - bucket.filled).as_secs_f64()).min(most);
        bucket.filled = now;
        let admits = bucket.tokens >= 1.0;
        if admits {
            bucket.tokens -= 1.0;
        }
        admits
    }
}

/// Slows one direction of a connection down.
#[derive(Debug)]
pub(super) struct Pace(Instant);

impl Pace {
    pub fn new() -> Pace {
        Pace(Instant::now())
    }

    /// Waits until `bytes` have passed at `bandwidth` bytes/s. Idle time is saved up for some milliseconds alone, as late
    /// as a timer may be: or each piece would take a millisecond more.
    pub async fn pass(&mut self, bytes: usize, bandwidth: u64) {
        if bandwidth > 0 {
            let takes = Duration::from_secs_f64(bytes as f64 / bandwidth as f64);
            self.0 = self.0.max(Instant::now() - TIMER_MAY_BE_LATE) + takes;
            sleep_until(self.0).await;
        }
    }
}
