//! How many transfers may be under way: the brake that throttling pulls.
//!
//! Additive increase, multiplicative decrease, as TCP does it (RFC 5681 §3.1): every transfer that
//! ends well while the limit is used up raises the limit by one over itself, every throttled answer
//! halves it, at most once a second, since the answers of one second tell of one overload.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::metrics;

/// One overload is answered once in this time.
const CALM: Duration = Duration::from_secs(1);

/// A count of transfers with a limit that adapts. Clones share it.
#[derive(Debug, Clone)]
pub struct Brake(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    /// Woken when a permit may be had.
    freed: Notify,
    /// Woken when there may be a permit that no transfer waits for.
    idle: Notify,
}

#[derive(Debug)]
struct State {
    max: usize,
    limit: f64,
    in_use: usize,
    waiting: usize,
    throttles_seen: u64,
    halved: Option<Instant>,
}

/// The right to one transfer; given back when dropped.
#[derive(Debug)]
pub struct Permit(Brake);

impl Brake {
    /// A brake that allows up to `max` transfers, and all of them at the start.
    pub fn new(max: usize) -> Self {
        let max = max.max(1);
        let state = State { max, limit: max as f64, in_use: 0, waiting: 0, throttles_seen: 0, halved: None };
        metrics::transfers_limit(max);
        Brake(Arc::new(Inner { state: Mutex::new(state), freed: Notify::new(), idle: Notify::new() }))
    }

    /// Waits for the right to one transfer.
    pub async fn acquire(&self) -> Permit {
        let _waiting = Waiting::new(self);
        loop {
            let freed = self.0.freed.notified();
            if let Some(permit) = self.take() {
                return permit;
            }
            freed.await;
        }
    }

    /// Waits until a permit is to be had that no transfer waits for: the time to take on new work. Takes
    /// none, for new work may be long in coming, and transfers under way need theirs meanwhile.
    pub async fn idle(&self) {
        loop {
            let idle = self.0.idle.notified();
            if self.free() > 0 {
                return;
            }
            idle.await;
        }
    }

    /// Permits that could be had at once.
    pub fn free(&self) -> usize {
        let state = self.lock();
        (state.limit as usize).saturating_sub(state.in_use + state.waiting)
    }

    /// The present limit.
    pub fn limit(&self) -> usize {
        self.lock().limit as usize
    }

    /// A transfer has ended well.
    pub fn succeeded(&self) {
        let mut state = self.lock();
        if state.in_use + state.waiting < state.limit as usize || state.limit as usize >= state.max {
            return;
        }
        state.limit = (state.limit + 1.0 / state.limit).min(state.max as f64);
        metrics::transfers_limit(state.limit as usize);
        drop(state);
        self.wake();
    }

    /// The stores have given so many throttled answers since they were opened.
    pub fn throttles(&self, total: u64) {
        let mut state = self.lock();
        if total <= state.throttles_seen {
            return;
        }
        state.throttles_seen = total;
        let now = Instant::now();
        if state.halved.is_some_and(|at| now < at + CALM) {
            return;
        }
        state.halved = Some(now);
        state.limit = (state.limit / 2.0).max(1.0);
        metrics::transfers_limit(state.limit as usize);
        tracing::info!(limit = state.limit as usize, "throttled: fewer transfers at once");
    }

    fn take(&self) -> Option<Permit> {
        let mut state = self.lock();
        if state.in_use >= state.limit as usize {
            return None;
        }
        state.in_use += 1;
        metrics::transfers(state.in_use);
        Some(Permit(self.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn wake(&self) {
        let nobody_waits = self.lock().waiting == 0;
        if nobody_waits {
            self.0.idle.notify_waiters();
        }
        self.0.freed.notify_one();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.in_use -= 1;
        metrics::transfers(state.in_use);
        drop(state);
        self.0.wake();
    }
}

/// Counts a waiting transfer, also one whose future is dropped: then it may have swallowed a wake-up,
/// and passes it on.
struct Waiting<'a>(&'a Brake);

impl<'a> Waiting<'a> {
    fn new(brake: &'a Brake) -> Self {
        brake.lock().waiting += 1;
        Waiting(brake)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting -= 1;
        self.0.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test(start_paused = true)]
    async fn throttling_halves_the_limit_once_a_second_and_success_raises_it_slowly() {
        let brake = Brake::new(16);
        brake.throttles(5);
        brake.throttles(9);
        assert_eq!(brake.limit(), 8);
        tokio::time::advance(CALM).await;
        brake.throttles(9);
        assert_eq!(brake.limit(), 8, "no new throttles");
        brake.throttles(10);
        assert_eq!(brake.limit(), 4);
        let permits = [brake.acquire().await, brake.acquire().await, brake.acquire().await, brake.acquire().await];
        for _ in 0..5 {
            brake.succeeded();
        }
        assert_eq!(brake.limit(), 5);
        drop(permits);
    }

    #[tokio::test]
    async fn regression_new_work_is_taken_on_when_no_transfer_waits_and_holds_none_back() {
        let brake = Brake::new(1);
        let held = brake.acquire().await;
        let mut transfer = Box::pin(brake.acquire());
        let mut new_work = Box::pin(brake.idle());
        assert!(transfer.as_mut().now_or_never().is_none());
        assert!(new_work.as_mut().now_or_never().is_none());
        drop(held);
        assert!(new_work.as_mut().now_or_never().is_none(), "the transfer goes first");
        drop(transfer.await);
        new_work.await;
        brake.acquire().await;
    }

    #[tokio::test]
    async fn a_waiter_that_gives_up_passes_its_turn_on() {
        let brake = Brake::new(1);
        let held = brake.acquire().await;
        let mut first = Box::pin(brake.acquire());
        let mut second = Box::pin(brake.acquire());
        assert!(first.as_mut().now_or_never().is_none());
        assert!(second.as_mut().now_or_never().is_none());
        drop(held);
        drop(first);
        second.await;
    }
}
