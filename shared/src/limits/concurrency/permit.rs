//! The permit of one transfer.

use std::sync::atomic::{AtomicBool, Ordering};

use super::ConcurrencyLimiter;

/// The permit of one transfer; released when dropped.
#[derive(Debug)]
pub struct Permit {
    limiter: ConcurrencyLimiter,
    /// Whether it is given back, and the transfer's answer is awaited.
    is_sent: AtomicBool,
}

impl Permit {
    pub(super) fn of(limiter: ConcurrencyLimiter) -> Self {
        Permit { limiter, is_sent: AtomicBool::new(false) }
    }

    /// The transfer has its last bytes on the way, and soon awaits the answer: another one may begin. This changes
    /// nothing if as many transfers as the limit allows are in that state, or if it is in it already.
    pub fn sent(&self) {
        let ConcurrencyLimiter { inner, lane } = &self.limiter;
        {
            let mut state = inner.lock();
            if self.is_sent.load(Ordering::SeqCst) || state.answers >= inner.limit(&state) {
                return;
            }
            state.answers += 1;
            self.is_sent.store(true, Ordering::SeqCst);
        }
        inner.give_back(*lane);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let ConcurrencyLimiter { inner, lane } = &self.limiter;
        match self.is_sent.load(Ordering::SeqCst) {
            true => inner.change(|state| state.answers -= 1),
            false => inner.give_back(*lane),
        }
    }
}
