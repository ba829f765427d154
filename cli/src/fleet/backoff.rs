//! Growing delays between attempts.

use std::time::Duration;

/// Delay after the first error in a row.
const FIRST: Duration = Duration::from_secs(5);

/// Longest delay: somebody who mended a task waits no longer.
const LONGEST: Duration = Duration::from_secs(300);

/// The delay after each error in a row: 5 s, doubling to 5 minutes.
#[derive(Debug, Default)]
pub struct Backoff(u32);

impl Backoff {
    /// The delay after one more error.
    pub fn next(&mut self) -> Duration {
        let delay = FIRST.saturating_mul(1 << self.0.min(16)).min(LONGEST);
        self.0 = self.0.saturating_add(1);
        delay
    }

    /// The next error is the first one again.
    pub fn reset(&mut self) {
        self.0 = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_to_five_minutes_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::default();
        let seconds: Vec<u64> = (0..9).map(|_| backoff.next().as_secs()).collect();
        assert_eq!(seconds, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
        for _ in 0..100 {
            assert_eq!(backoff.next(), LONGEST);
        }
        backoff.reset();
        assert_eq!(backoff.next(), FIRST);
    }
}
