//! The limit of concurrent transfers, which throttling lowers.
//!
//! Additive increase, multiplicative decrease, as TCP does it (RFC 5681 §3.1): every successful
//! transfer raises a limit that is used up by one divided by the limit; every throttled answer
//! halves it, at most once a second, because the answers of one second show one overload.
//!
//! There are two lanes. A scan's transfers take up to the limit. Events come first: they take free permits, and
//! a quarter more that is reserved for them, so that they never wait for the end of a scan's transfers. A
//! quarter is reserved for the scan, so that endless events do not stop it.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::metrics;

/// The limit is lowered at most once in this time.
const CALM: Duration = Duration::from_secs(1);

/// The share of the limit that is reserved for each lane.
const SHARE: usize = 4;

/// The lane of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// For a scan.
    Scan,
    /// For an event.
    Events,
}

/// An adaptive limit of transfers, for one lane. Clones share it.
#[derive(Debug, Clone)]
pub struct ConcurrencyLimiter {
    inner: Arc<Inner>,
    lane: Lane,
}

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    /// By lane: notified when a permit may be free.
    freed: [Notify; 2],
    /// By lane: notified when a permit may be free that no transfer waits for.
    idle: [Notify; 2],
}

#[derive(Debug)]
struct State {
    max: usize,
    limit: f64,
    /// By lane.
    in_use: [usize; 2],
    /// By lane.
    waiting: [usize; 2],
    throttles_seen: u64,
    halved: Option<Instant>,
}

impl State {
    /// Permits that are free for a lane now.
    fn room(&self, lane: Lane) -> usize {
        let (limit, [scan, events]) = (self.limit as usize, self.in_use);
        let share = limit.div_ceil(SHARE);
        match lane {
            Lane::Scan => {
                limit.saturating_sub(scan).min(limit.saturating_sub(scan + events).max(share.saturating_sub(scan)))
            }
            Lane::Events => (limit + share).saturating_sub(scan + events),
        }
    }
}

/// The permit of one transfer; released when dropped.
#[derive(Debug)]
pub struct Permit(ConcurrencyLimiter);

impl ConcurrencyLimiter {
    /// A limiter that allows up to `max` transfers of a scan, and all of them at the start. The reserved permits of the
    /// lanes add at most two quarters, each rounded up.
    pub fn new(max: usize) -> Self {
        let max = max.max(1);
        let (in_use, waiting) = ([0; 2], [0; 2]);
        let state = State { max, limit: max as f64, in_use, waiting, throttles_seen: 0, halved: None };
        metrics::transfers_limit(max);
        let (freed, idle) = Default::default();
        ConcurrencyLimiter { inner: Arc::new(Inner { state: Mutex::new(state), freed, idle }), lane: Lane::Scan }
    }

    /// The same limiter, seen from this lane.
    pub fn lane(&self, lane: Lane) -> ConcurrencyLimiter {
        ConcurrencyLimiter { lane, ..self.clone() }
    }

    /// Waits for the permit of one transfer.
    pub async fn acquire(&self) -> Permit {
        let _waiting = Waiting::new(self);
        loop {
            let freed = self.inner.freed[self.lane as usize].notified();
            if let Some(permit) = self.take() {
                return permit;
            }
            freed.await;
        }
    }

    /// Waits until a permit is free that no transfer waits for: then the worker receives new work. Takes no
    /// permit, because new work may come late, and running transfers need permits meanwhile.
    pub async fn idle(&self) {
        loop {
            let idle = self.inner.idle[self.lane as usize].notified();
            if self.free() > 0 {
                return;
            }
            idle.await;
        }
    }

    /// Permits that are free now.
    pub fn free(&self) -> usize {
        let state = self.lock();
        state.room(self.lane).saturating_sub(state.waiting[self.lane as usize])
    }

    /// The present limit.
    pub fn limit(&self) -> usize {
        self.lock().limit as usize
    }

    /// Records a successful transfer.
    pub fn succeeded(&self) {
        let mut state = self.lock();
        let busy: usize = state.in_use.iter().chain(&state.waiting).sum();
        if busy < state.limit as usize || state.limit as usize >= state.max {
            return;
        }
        state.limit = (state.limit + 1.0 / state.limit).min(state.max as f64);
        metrics::transfers_limit(state.limit as usize);
        drop(state);
        self.wake();
    }

    /// Records the number of throttled answers of the stores since they were opened.
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
        tracing::info!(limit = state.limit as usize, "a store throttles: running fewer transfers at once");
    }

    fn take(&self) -> Option<Permit> {
        let mut state = self.lock();
        if state.room(self.lane) == 0 {
            return None;
        }
        state.in_use[self.lane as usize] += 1;
        metrics::transfers(state.in_use.iter().sum());
        Some(Permit(self.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Notifies one waiter of each lane with a free permit, or the receiver of new work if the lane has no waiter.
    fn wake(&self) {
        for lane in [Lane::Events, Lane::Scan] {
            let nobody_waits = self.lock().waiting[lane as usize] == 0;
            if nobody_waits {
                self.inner.idle[lane as usize].notify_waiters();
            }
            self.inner.freed[lane as usize].notify_one();
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.in_use[self.0.lane as usize] -= 1;
        metrics::transfers(state.in_use.iter().sum());
        drop(state);
        self.0.wake();
    }
}

/// Counts a waiting transfer until it is dropped. A dropped future may have received a notification, so it passes that
/// on.
struct Waiting<'a>(&'a ConcurrencyLimiter);

impl<'a> Waiting<'a> {
    fn new(limiter: &'a ConcurrencyLimiter) -> Self {
        limiter.lock().waiting[limiter.lane as usize] += 1;
        Waiting(limiter)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting[self.0.lane as usize] -= 1;
        self.0.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test(start_paused = true)]
    async fn throttling_halves_the_limit_once_a_second_and_success_raises_it_slowly() {
        let limiter = ConcurrencyLimiter::new(16);
        limiter.throttles(5);
        limiter.throttles(9);
        assert_eq!(limiter.limit(), 8);
        tokio::time::advance(CALM).await;
        limiter.throttles(9);
        assert_eq!(limiter.limit(), 8, "no new throttles");
        limiter.throttles(10);
        assert_eq!(limiter.limit(), 4);
        let permits =
            [limiter.acquire().await, limiter.acquire().await, limiter.acquire().await, limiter.acquire().await];
        for _ in 0..5 {
            limiter.succeeded();
        }
        assert_eq!(limiter.limit(), 5);
        drop(permits);
    }

    #[tokio::test]
    async fn regression_new_work_is_taken_on_when_no_transfer_waits_and_holds_none_back() {
        let limiter = ConcurrencyLimiter::new(1);
        let permits = limiter.acquire().await;
        let mut transfer = Box::pin(limiter.acquire());
        let mut new_work = Box::pin(limiter.idle());
        assert!(transfer.as_mut().now_or_never().is_none());
        assert!(new_work.as_mut().now_or_never().is_none());
        drop(permits);
        assert!(new_work.as_mut().now_or_never().is_none(), "the transfer goes first");
        drop(transfer.await);
        new_work.await;
        limiter.acquire().await;
    }

    #[tokio::test]
    async fn a_waiter_that_gives_up_passes_its_turn_on() {
        let limiter = ConcurrencyLimiter::new(1);
        let permits = limiter.acquire().await;
        let mut first = Box::pin(limiter.acquire());
        let mut second = Box::pin(limiter.acquire());
        assert!(first.as_mut().now_or_never().is_none());
        assert!(second.as_mut().now_or_never().is_none());
        drop(permits);
        drop(first);
        second.await;
    }

    #[tokio::test]
    async fn events_never_wait_for_a_scan_and_a_scan_not_for_ever_for_events() {
        let scan = ConcurrencyLimiter::new(4);
        let events = scan.lane(Lane::Events);
        let mut scans = Vec::new();
        for _ in 0..4 {
            scans.push(scan.acquire().await);
        }
        assert_eq!((scan.free(), events.free()), (0, 1), "a quarter is the events' own");
        let mut permits = vec![events.acquire().await];
        assert!(Box::pin(events.acquire()).now_or_never().is_none());
        scans.pop();
        assert_eq!(scan.free(), 0, "what a scan gives back is the events' first");
        scans.clear();
        for _ in 0..4 {
            permits.push(events.acquire().await);
        }
        assert_eq!((scan.free(), events.free()), (1, 0), "a quarter is the scan's own");
        let last = scan.acquire().await;
        assert!(Box::pin(scan.acquire()).now_or_never().is_none());
        let mut waits = Box::pin(events.acquire());
        assert!(waits.as_mut().now_or_never().is_none());
        permits.pop();
        drop(last);
        waits.await;
    }
}
