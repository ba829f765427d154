//! The limit of concurrent transfers, which throttling lowers.
//!
//! Additive increase, multiplicative decrease, as TCP does it (RFC 5681 §3.1): every successful
//! transfer raises a limit that is used up by one divided by the limit; many throttled answers
//! halve it, at most once a second, because the answers of one second show one overload. A few change
//! nothing: by them the [request rate](super::rate) finds the store's limit.
//!
//! There are two lanes. A scan's transfers take up to the limit. Events come first: they take free permits, and
//! a quarter more that is reserved for them, so that they never wait for the end of a scan's transfers. A
//! quarter is reserved for the scan, so that endless events do not stop it.
//!
//! A transfer that is about to send its last byte soon needs no bandwidth: while its answer is awaited, another one may
//! begin, and await its first byte. As many as the limit allows may be in that state.
//!
//! A limiter may be one of many in a process, one a task: then [`FairShares`](super::FairShares) bounds it besides.

mod permit;

pub use permit::Permit;

use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::limits::fair_shares::Pool;
use crate::metrics;
use crate::sync::lock;

/// The limit is lowered at most once in this time.
const CALM: Duration = Duration::from_secs(1);

/// So many successful transfers to one throttled answer are enough: the limit stays. A transfer makes two or three
/// requests.
const TRANSFERS_PER_THROTTLE: u64 = 4;

/// A task counts among those with work for so long after its last.
pub(super) const LINGER: Duration = Duration::from_secs(1);

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
pub(super) struct Inner {
    state: Mutex<State>,
    /// Where the transfers of several tasks share one limit.
    pool: Option<Arc<Pool>>,
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
    /// Transfers that have given their permits back, and await their answers.
    answers: usize,
    /// Guards of work that is received, whether or not its transfer has begun.
    working: usize,
    /// Whether the pool counts this limiter among those with work.
    is_counted: bool,
    /// How often its work has begun or ended.
    changes: u64,
    throttles_seen: u64,
    /// When throttled answers were last looked at, and the transfers that succeeded since.
    judged: Option<Instant>,
    succeeded: u64,
}

impl State {
    /// Permits that are free for a lane under this limit.
    fn room(&self, lane: Lane, limit: usize) -> usize {
        let [scan, events] = self.in_use;
        let share = limit.div_ceil(SHARE);
        match lane {
            Lane::Scan => {
                limit.saturating_sub(scan).min(limit.saturating_sub(scan + events).max(share.saturating_sub(scan)))
            }
            Lane::Events => (limit + share).saturating_sub(scan + events),
        }
    }

    fn has_work(&self) -> bool {
        self.working > 0 || self.answers > 0 || self.in_use.iter().chain(&self.waiting).any(|&transfers| transfers > 0)
    }
}

impl ConcurrencyLimiter {
    /// A limiter that allows up to `max` transfers of a scan, and all of them at the start. The reserved permits of the
    /// lanes add at most two quarters, each rounded up.
    pub fn new(max: usize) -> Self {
        let max = max.max(1);
        metrics::transfers_limit(max);
        ConcurrencyLimiter { inner: Arc::new(Inner::new(max, None)), lane: Lane::Scan }
    }

    /// One of the limiters that share a pool.
    pub(super) fn of_pool(pool: Arc<Pool>) -> Self {
        ConcurrencyLimiter { inner: Arc::new(Inner::new(pool.total(), Some(pool))), lane: Lane::Scan }
    }

    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    /// Lowers the greatest limit.
    pub fn cap(&self, max: usize) {
        let mut state = self.lock();
        state.max = state.max.min(max.max(1));
        state.limit = state.limit.min(state.max as f64);
    }

    /// Counts the task among those with work, for as long as the guard lives.
    pub fn work(&self) -> Working {
        self.inner.change(|state| state.working += 1);
        Working(self.inner.clone())
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

    /// The permit of one transfer, if one is free that no transfer waits for.
    pub fn acquire_idle(&self) -> Option<Permit> {
        if self.free() > 0 { self.take() } else { None }
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
        state.room(self.lane, self.inner.limit(&state)).saturating_sub(state.waiting[self.lane as usize])
    }

    /// The present limit: that of the throttled answers, or the share of the pool, whichever is less.
    pub fn limit(&self) -> usize {
        self.inner.limit(&self.lock())
    }

    /// Records a successful transfer.
    pub fn succeeded(&self) {
        let mut state = self.lock();
        state.succeeded += 1;
        let busy: usize = state.in_use.iter().chain(&state.waiting).sum();
        if busy < state.limit as usize || state.limit as usize >= state.max {
            return;
        }
        state.limit = (state.limit + 1.0 / state.limit).min(state.max as f64);
        metrics::transfers_limit(state.limit as usize);
        drop(state);
        self.inner.wake();
    }

    /// Records the number of throttled answers of the stores since they were opened.
    pub fn throttles(&self, total: u64) {
        let mut state = self.lock();
        if total <= state.throttles_seen {
            return;
        }
        let now = Instant::now();
        if state.judged.is_some_and(|at| now < at + CALM) {
            return;
        }
        let are_few = state.succeeded >= (total - state.throttles_seen).saturating_mul(TRANSFERS_PER_THROTTLE);
        (state.judged, state.throttles_seen, state.succeeded) = (Some(now), total, 0);
        if are_few {
            return;
        }
        state.limit = (state.limit / 2.0).max(1.0);
        metrics::transfers_limit(state.limit as usize);
        tracing::info!(limit = state.limit as usize, "a store throttles: running fewer transfers at once");
    }

    fn take(&self) -> Option<Permit> {
        let mut state = self.lock();
        if state.room(self.lane, self.inner.limit(&state)) == 0 || !self.inner.is_let(&state) {
            return None;
        }
        state.in_use[self.lane as usize] += 1;
        match &self.inner.pool {
            Some(pool) => pool.taken(),
            None => metrics::transfers(state.in_use.iter().sum()),
        }
        Some(Permit::of(self.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.inner.lock()
    }
}

impl Inner {
    fn new(max: usize, pool: Option<Arc<Pool>>) -> Self {
        let (in_use, waiting, answers) = ([0; 2], [0; 2], 0);
        let (working, is_counted, changes, throttles_seen, judged, succeeded) = (0, false, 0, 0, None, 0);
        let limit = max as f64;
        let state = State {
            max,
            limit,
            in_use,
            waiting,
            answers,
            working,
            is_counted,
            changes,
            throttles_seen,
            judged,
            succeeded,
        };
        let (freed, idle) = Default::default();
        Inner { state: Mutex::new(state), pool, freed, idle }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The limit of the throttled answers, or the share of the pool, whichever is less.
    fn limit(&self, state: &State) -> usize {
        let own = state.limit as usize;
        self.pool.as_ref().map_or(own, |pool| own.min(pool.share(state.is_counted)))
    }

    /// Whether the pool lets one more transfer begin.
    fn is_let(&self, state: &State) -> bool {
        let is_first = state.in_use == [0; 2];
        self.pool.as_ref().is_none_or(|pool| pool.has_room(is_first))
    }

    /// Takes back the permit of a transfer of this lane.
    fn give_back(self: &Arc<Self>, lane: Lane) {
        if let Some(pool) = &self.pool {
            pool.returned();
        }
        self.change(|state| {
            state.in_use[lane as usize] -= 1;
            if self.pool.is_none() {
                metrics::transfers(state.in_use.iter().sum());
            }
        });
        self.wake();
    }

    /// Changes what this limiter has of work, and reports to the pool whether it has any.
    fn change(self: &Arc<Self>, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        let had_work = state.has_work();
        change(&mut state);
        let has_work = state.has_work();
        let Some(pool) = self.pool.as_ref().filter(|_| has_work != had_work) else { return };
        state.changes += 1;
        if has_work && !state.is_counted {
            state.is_counted = true;
            // Under the lock, so that one change is counted after the other.
            pool.count(true);
        }
        if !has_work && let Ok(runtime) = Handle::try_current() {
            runtime.spawn(uncount(Arc::downgrade(self), state.changes));
        }
    }

    /// Does not count it among those with work any more, if `is_so`.
    fn uncount(&self, is_so: impl FnOnce(&State) -> bool) {
        let mut state = self.lock();
        let Some(pool) = self.pool.as_ref().filter(|_| state.is_counted && is_so(&state)) else { return };
        state.is_counted = false;
        pool.count(false);
        drop(state);
        pool.wake();
    }

    /// Notifies one waiter of each lane with a free permit, or the receiver of new work if the lane has no waiter.
    pub(super) fn wake(&self) {
        for lane in [Lane::Events, Lane::Scan] {
            let nobody_waits = self.lock().waiting[lane as usize] == 0;
            if nobody_waits {
                self.idle[lane as usize].notify_waiters();
            }
            self.freed[lane as usize].notify_one();
        }
    }
}

/// After a while without work a task's share is the others'. Between two jobs there is a moment without any: what
/// another one began in it under a greater share it might not return for long.
async fn uncount(limiter: Weak<Inner>, changes: u64) {
    sleep(LINGER).await;
    if let Some(limiter) = limiter.upgrade() {
        limiter.uncount(|state| state.changes == changes);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.uncount(|_| true);
    }
}

/// Counts a task among those with work until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct Working(Arc<Inner>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.change(|state| state.working -= 1);
    }
}

/// Counts a waiting transfer until it is dropped. A dropped future may have received a notification, so it passes that
/// on.
struct Waiting<'a>(&'a ConcurrencyLimiter);

impl<'a> Waiting<'a> {
    fn new(limiter: &'a ConcurrencyLimiter) -> Self {
        limiter.inner.change(|state| state.waiting[limiter.lane as usize] += 1);
        Waiting(limiter)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.inner.change(|state| state.waiting[self.0.lane as usize] -= 1);
        self.0.inner.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test(start_paused = true)]
    async fn throttling_halves_the_limit_and_success_raises_it_slowly() {
        let limiter = ConcurrencyLimiter::new(16);
        limiter.throttles(5);
        limiter.throttles(9);
        assert_eq!(limiter.limit(), 8, "one overload");
        tokio::time::advance(CALM).await;
        limiter.throttles(9);
        assert_eq!(limiter.limit(), 4, "it has not ended");
        tokio::time::advance(CALM).await;
        limiter.throttles(9);
        assert_eq!(limiter.limit(), 4, "no new throttles");
        let permits =
            [limiter.acquire().await, limiter.acquire().await, limiter.acquire().await, limiter.acquire().await];
        for _ in 0..5 {
            limiter.succeeded();
        }
        assert_eq!(limiter.limit(), 5);
        drop(permits);
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_throttled_answers_change_nothing() {
        let limiter = ConcurrencyLimiter::new(16);
        for total in 1..10 {
            (0..4).for_each(|_| limiter.succeeded());
            limiter.throttles(total);
            tokio::time::advance(CALM).await;
        }
        assert_eq!(limiter.limit(), 16);
        (0..4).for_each(|_| limiter.succeeded());
        limiter.throttles(11);
        assert_eq!(limiter.limit(), 8);
    }

    #[tokio::test]
    async fn regression_new_work_begins_only_when_no_transfer_waits() {
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
    async fn a_sent_transfer_frees_its_permit() {
        let limiter = ConcurrencyLimiter::new(2);
        let first = [limiter.acquire().await, limiter.acquire().await];
        first.iter().for_each(Permit::sent);
        let second = [limiter.acquire().await, limiter.acquire().await];
        second[0].sent();
        assert_eq!(limiter.free(), 0, "two await their answers already");
        let [answered, awaits] = first;
        drop(answered);
        second[1].sent();
        assert_eq!(limiter.free(), 1, "one of them has got it");
        drop((awaits, second));
        assert_eq!((limiter.free(), limiter.lock().answers), (2, 0));
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
    async fn events_pass_a_scan_and_the_scan_still_goes_on() {
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
