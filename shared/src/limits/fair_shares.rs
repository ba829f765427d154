//! One limit of a machine's transfers, shared fairly by its tasks.
//!
//! A task has work while it leases a message, while one of its transfers waits or is in progress, and for a second
//! after. Each of N tasks with work may have the total divided by N, at least 1. So a task alone has all, and others
//! begin at once with their share: they do not wait for the transfers that the first one began when it was alone. A
//! task whose store hangs or throttles keeps its share or less, and no more.
//!
//! Transfers that were begun under a greater share go on. Together with the others' shares they stay below
//! [`OVERSHOOT`] times the total; beyond that a task begins only its first transfer.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, Weak};

use crate::limits::concurrency::Inner;
use crate::limits::{ConcurrencyLimiter, RangeBuffers, transfers_within};
use crate::metrics;
use crate::sync::lock;

/// Most transfers of all tasks, in totals: those begun under a greater share, and the reserves of two lanes.
const OVERSHOOT: usize = 3;

/// The transfers of a machine. Clones share them.
#[derive(Debug, Clone)]
pub struct FairShares {
    pool: Arc<Pool>,
    range_buffers: RangeBuffers,
}

/// What the limiters of the tasks share.
#[derive(Debug)]
pub(super) struct Pool {
    total: usize,
    in_use: AtomicUsize,
    /// Tasks with work.
    busy: AtomicUsize,
    limiters: Mutex<Vec<Weak<Inner>>>,
}

impl FairShares {
    /// As many transfers of a scan, each lane's reserve besides, and no buffers for ranges.
    pub fn new(total: usize) -> Self {
        let (in_use, busy, limiters) = Default::default();
        let pool = Arc::new(Pool { total: total.max(1), in_use, busy, limiters });
        FairShares { pool, range_buffers: RangeBuffers::beside(0, 0) }
    }

    /// As many as a machine may have at once, but no more than fit into its memory at any moment; buffers for ranges in
    /// the memory that is left then.
    pub fn within(concurrency: usize, memory_limit_bytes: u64) -> Self {
        let shares = FairShares::new(concurrency.min(transfers_within(memory_limit_bytes) / OVERSHOOT));
        let most = OVERSHOOT * shares.pool.total();
        FairShares { range_buffers: RangeBuffers::beside(most, memory_limit_bytes), ..shares }
    }

    /// The buffers for ranges, which all tasks share.
    pub fn range_buffers(&self) -> RangeBuffers {
        self.range_buffers.clone()
    }

    /// The limiter of one task: its share, and what its stores' throttled answers allow.
    pub fn of_task(&self) -> ConcurrencyLimiter {
        let limiter = ConcurrencyLimiter::of_pool(self.pool.clone());
        let mut limiters = lock(&self.pool.limiters);
        limiters.retain(|limiter| limiter.strong_count() > 0);
        limiters.push(Arc::downgrade(limiter.inner()));
        limiter
    }
}

impl Pool {
    pub fn total(&self) -> usize {
        self.total
    }

    /// What a task may have, if it has work, or once it has.
    pub fn share(&self, has_work: bool) -> usize {
        let busy = self.busy.load(SeqCst) + usize::from(!has_work);
        (self.total / busy.max(1)).max(1)
    }

    /// Whether one more transfer may begin; a task's first one always may.
    pub fn has_room(&self, is_first: bool) -> bool {
        is_first || self.in_use.load(SeqCst) < OVERSHOOT * self.total
    }

    pub fn taken(&self) {
        metrics::transfers(self.in_use.fetch_add(1, SeqCst) + 1);
    }

    pub fn returned(&self) {
        let before = self.in_use.fetch_sub(1, SeqCst);
        metrics::transfers(before - 1);
        if before >= OVERSHOOT * self.total {
            self.wake();
        }
    }

    /// A task begins to have work, or has none any more: then the others may have more, and are to be woken.
    pub fn count(&self, has_work: bool) {
        match has_work {
            true => self.busy.fetch_add(1, SeqCst),
            false => self.busy.fetch_sub(1, SeqCst),
        };
    }

    /// Lets all limiters look for free permits.
    pub fn wake(&self) {
        // Not under the lock: each takes the lock of its own state.
        let limiters: Vec<Arc<Inner>> = lock(&self.limiters).iter().filter_map(Weak::upgrade).collect();
        limiters.iter().for_each(|limiter| limiter.wake());
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::limits::concurrency::LINGER;
    use crate::limits::{Lane, Permit};

    fn all(limiter: &ConcurrencyLimiter) -> Vec<Permit> {
        std::iter::from_fn(|| Box::pin(limiter.acquire()).now_or_never()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_lone_task_has_all_and_others_get_their_share_at_once() {
        let shares = FairShares::new(12);
        let [first, second, third] = [(); 3].map(|()| shares.of_task());
        assert_eq!((first.limit(), first.free()), (12, 12));
        let mut firsts = all(&first);
        assert_eq!((firsts.len(), second.free()), (12, 6), "its share does not wait for the first one's transfers");
        let seconds = all(&second);
        assert_eq!((seconds.len(), first.limit(), third.free()), (6, 6, 4));
        firsts.truncate(6);
        assert_eq!(first.free(), 0, "what it returns beyond its share is not its own any more");
        let received = third.work();
        assert_eq!([&first, &second, &third].map(ConcurrencyLimiter::limit), [4; 3]);
        drop(received);
        assert_eq!(first.limit(), 4, "between two jobs there is a moment without work");
        tokio::time::sleep(2 * LINGER).await;
        assert_eq!([&first, &second].map(ConcurrencyLimiter::limit), [6; 2]);
        drop((seconds, third));
        tokio::time::sleep(2 * LINGER).await;
        assert_eq!(first.free(), 6);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_waits_goes_on_when_another_has_no_work_left() {
        let shares = FairShares::new(4);
        let [hangs, goes] = [(); 2].map(|()| shares.of_task());
        let hanging = (hangs.work(), all(&hangs));
        let taken = all(&goes);
        assert_eq!(taken.len(), 2);
        let mut waiting = Box::pin(goes.acquire());
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(hanging);
        assert!(tokio::time::timeout(2 * LINGER, waiting).await.is_ok());
    }

    #[tokio::test]
    async fn many_tasks_that_hang_leave_each_newcomer_its_first_transfer() {
        let shares = FairShares::new(8);
        let hanging: Vec<_> = (0..100).map(|_| shares.of_task()).collect();
        let taken: Vec<Vec<Permit>> = hanging.iter().map(all).collect();
        assert!(taken.iter().all(|permits| !permits.is_empty()));
        assert_eq!(taken[..3].iter().map(Vec::len).collect::<Vec<_>>(), [8, 4, 2]);
        let beyond = taken.iter().map(|permits| permits.len() - 1).sum::<usize>();
        assert!(beyond <= OVERSHOOT * 8, "{beyond}");
        let newcomer = shares.of_task();
        assert_eq!((all(&newcomer).len(), all(&newcomer.lane(Lane::Events)).len()), (1, 0));
    }

    #[tokio::test]
    async fn a_throttled_task_takes_nothing_from_others() {
        let shares = FairShares::new(16);
        let [throttled, other] = [(); 2].map(|()| shares.of_task());
        let _works = (throttled.work(), other.work());
        throttled.throttles(1);
        assert_eq!((throttled.limit(), other.limit()), (8, 8));
        tokio::time::sleep(std::time::Duration::from_millis(1_050)).await;
        throttled.throttles(2);
        assert_eq!((throttled.limit(), other.limit()), (4, 8));
    }

    #[test]
    fn a_machine_has_no_more_transfers_than_fit_into_its_memory() {
        let shares = FairShares::within(1_000, crate::limits::BASE_BYTES + 60 * crate::limits::TRANSFER_BYTES);
        assert_eq!((shares.of_task().limit(), shares.range_buffers().total()), (20, 0));
        assert_eq!(FairShares::within(64, 512 << 20).range_buffers().total(), 8);
        assert_eq!(FairShares::within(1_000, 0).of_task().limit(), 1);
    }
}
