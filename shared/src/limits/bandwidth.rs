//! A limit of bytes a second, shared by all transfers.

use super::live_rate::{Allowance, LiveRate};

/// The largest piece that passes at once is worth this much time, seconds: small beside any span in which somebody
/// measures, and never so long that a transfer looks stalled behind others.
const PIECE_SECONDS: f64 = 0.1;

/// Lets bytes pass at a steady rate, which can be set while transfers run.
#[derive(Debug)]
pub struct Bandwidth(LiveRate);

impl Bandwidth {
    /// A limit in bytes a second.
    pub fn new(allowance: Allowance) -> Self {
        Bandwidth(LiveRate::new(allowance))
    }

    /// Replaces the limit, also for transfers that run.
    pub fn set(&self, allowance: Allowance) {
        self.0.set(allowance);
    }

    /// Waits until some of `bytes` may pass, and returns how many: at least one, and all of them without a limit. The
    /// caller passes them on, and asks again for the rest. Dropping the future takes nothing.
    pub async fn take(&self, bytes: usize) -> usize {
        let piece = self.piece(bytes);
        self.0.take(piece as f64).await;
        piece
    }

    /// Waits until anything may pass.
    pub async fn passes(&self) {
        self.0.passes().await;
    }

    fn piece(&self, bytes: usize) -> usize {
        match self.0.per_second() {
            // A rate that begins later is not known yet: a small piece is right for any.
            Some(0.0) => bytes.min(1),
            Some(rate) => bytes.min((rate * PIECE_SECONDS) as usize).max(bytes.min(1)),
            None => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::*;

    /// Passes chunks on for a time, in so many transfers; returns the bytes.
    async fn passed(limit: &Bandwidth, transfers: usize, chunk: usize, seconds: u64) -> usize {
        let began = Instant::now();
        let one = async || {
            let mut passed = 0;
            loop {
                let mut left = chunk;
                while left > 0 {
                    let taken = limit.take(left).await;
                    if began.elapsed() >= Duration::from_secs(seconds) {
                        return passed;
                    }
                    (left, passed) = (left - taken, passed + taken);
                }
            }
        };
        futures::future::join_all((0..transfers).map(|_| one())).await.into_iter().sum()
    }

    #[tokio::test(start_paused = true)]
    async fn transfers_together_get_the_rate_and_no_more() {
        for rate in [100.0, 6_554.0, 1e6, 1e9] {
            let limit = Bandwidth::new(Allowance::of(Some(rate)));
            sleep(Duration::from_secs(60)).await;
            let share = passed(&limit, 100, 256 << 10, 10).await as f64 / (rate * 10.0);
            assert!((0.97..=1.03).contains(&share), "{rate}: {share}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_all_bytes_pass_at_once() {
        assert_eq!(Bandwidth::new(Allowance::default()).take(1 << 30).await, 1 << 30);
        let began = Instant::now();
        assert_eq!((Bandwidth::new(Allowance::of(Some(1.0))).take(0).await, began.elapsed()), (0, Duration::ZERO));
    }
}
