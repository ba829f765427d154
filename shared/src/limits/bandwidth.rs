//! A limit of bytes a second, shared by all transfers.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Allows bytes at a steady rate: callers get their time in the order of their requests.
#[derive(Debug)]
pub struct Bandwidth {
    bytes_per_second: f64,
    next_due: Mutex<Instant>,
}

/// Unused time counts for this long at most, so that a pause is not followed by a burst.
const MAX_CREDIT: Duration = Duration::from_millis(100);

impl Bandwidth {
    /// A limit of `bytes_per_second`, at least 1.
    pub fn new(bytes_per_second: u64) -> Self {
        Bandwidth { bytes_per_second: bytes_per_second.max(1) as f64, next_due: Mutex::new(Instant::now()) }
    }

    /// Waits until `bytes` more may pass.
    pub async fn take(&self, bytes: usize) {
        let due = {
            let mut next_due = self.next_due.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let earliest = Instant::now().checked_sub(MAX_CREDIT).unwrap_or_else(Instant::now);
            let due = (*next_due).max(earliest);
            *next_due = due + Duration::from_secs_f64(bytes as f64 / self.bytes_per_second);
            due
        };
        sleep_until(due).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_hundred_takers_together_get_the_rate_and_no_more() {
        let limit = Bandwidth::new(1_000_000);
        let started = Instant::now();
        futures::future::join_all((0..100).map(|_| limit.take(100_000))).await;
        let seconds = started.elapsed().as_secs_f64();
        assert!((9.7..=10.1).contains(&seconds), "{seconds}");
    }
}
