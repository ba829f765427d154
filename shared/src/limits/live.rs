//! The limits of a task in one process, which can be set while it works.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::bandwidth::Bandwidth;
use super::live_rate::{Allowance, LiveRate};
use crate::config::MachineSettings;
use crate::store::{LimitedStore, Store};

/// A transfer's request waits about this long behind those of others, at most: the read at its other end is open
/// meanwhile, and servers close what is idle for some 20 s.
const TURN_SECONDS: f64 = 10.0;

/// A limit that begins later is looked at again after this time.
const LOOK: Duration = Duration::from_secs(1);

/// The rates of a task in one process.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LiveRates {
    /// Bytes a second of all transfers; `None`: no limit.
    pub bandwidth: Option<f64>,
    /// Requests a second to each of the two stores; `None`: no limit.
    pub requests: Option<f64>,
    /// Before this time nothing passes that has a limit.
    pub from: Option<Instant>,
    /// From this time on nothing passes that has a limit, unless the rates are set again.
    pub until: Option<Instant>,
}

impl LiveRates {
    fn allowance(&self, per_second: Option<f64>) -> Allowance {
        Allowance { per_second, from: self.from, until: self.until }
    }
}

/// The limits of a task in one process. Clones share them.
///
/// Bytes that the service copies itself never come here: its copy counts as a request, and uses no bandwidth.
#[derive(Debug, Clone, Default)]
pub struct LiveLimits(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bandwidth: Bandwidth,
    /// The same rate, for what is read before it is sent.
    reads_ahead: Bandwidth,
    source: Arc<LiveRate>,
    destination: Arc<LiveRate>,
    /// Transfers that run.
    transfers: AtomicUsize,
    /// Notified when one ends, and when the rates are set.
    changed: Notify,
}

impl Default for Inner {
    fn default() -> Self {
        let rate = || Arc::new(LiveRate::new(Allowance::default()));
        let bandwidth = || Bandwidth::new(Allowance::default());
        let (transfers, changed) = (AtomicUsize::new(0), Notify::new());
        let (bandwidth, reads_ahead) = (bandwidth(), bandwidth());
        Inner { bandwidth, reads_ahead, source: rate(), destination: rate(), transfers, changed }
    }
}

impl LiveLimits {
    /// The limits of a task of one machine, as its settings have them.
    pub fn of(machine: &MachineSettings) -> Self {
        let limits = LiveLimits::default();
        limits.set(&LiveRates { bandwidth: machine.bandwidth_limit.map(|rate| rate as f64), ..LiveRates::default() });
        limits
    }

    /// Replaces the rates. They hold at once, also for transfers that run and for calls that wait.
    pub fn set(&self, rates: &LiveRates) {
        for bytes in [&self.0.bandwidth, &self.0.reads_ahead] {
            bytes.set(rates.allowance(rates.bandwidth));
        }
        for requests in [&self.0.source, &self.0.destination] {
            requests.set(rates.allowance(rates.requests));
        }
        self.0.changed.notify_waiters();
    }

    /// The limit of bytes.
    pub fn bandwidth(&self) -> &Bandwidth {
        &self.0.bandwidth
    }

    /// The limit of bytes that are read into memory, and sent later under [`bandwidth`](Self::bandwidth): neither the
    /// source nor the destination sees a higher rate.
    pub fn reads_ahead(&self) -> &Bandwidth {
        &self.0.reads_ahead
    }

    /// The two stores of the task, whose requests are counted. The code that opens stores calls this once for each, and
    /// gives the returned ones to all who use them: a store that is wrapped twice counts each request twice.
    pub fn stores(&self, source: Store, destination: Store) -> (Store, Store) {
        let limited = |store, rate: &Arc<LiveRate>| LimitedStore::limited(store, rate.clone());
        (limited(source, &self.0.source), limited(destination, &self.0.destination))
    }

    /// Waits until one more transfer may begin: something passes, and no more transfers run than the limit of requests
    /// serves in time.
    pub async fn transfer(&self) -> LimitedTransfer {
        loop {
            self.0.bandwidth.passes().await;
            self.0.source.passes().await;
            self.0.destination.passes().await;
            let changed = self.0.changed.notified();
            let most = self.0.source.per_second().map_or(usize::MAX, |rate| ((rate * TURN_SECONDS) as usize).max(1));
            let begun = self.0.transfers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |transfers| {
                (transfers < most).then_some(transfers + 1)
            });
            if begun.is_ok() {
                return LimitedTransfer(self.clone());
            }
            // The rate may have grown by time alone.
            tokio::select! {
                () = changed => {}
                () = sleep(LOOK) => {}
            }
        }
    }
}

/// A transfer that runs, until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct LimitedTransfer(LiveLimits);

impl Drop for LimitedTransfer {
    fn drop(&mut self) {
        self.0.0.transfers.fetch_sub(1, Ordering::Relaxed);
        self.0.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_more_transfers_begin_than_the_requests_serve() {
        let limits = LiveLimits::default();
        let set = |requests: f64| limits.set(&LiveRates { requests: Some(requests), ..LiveRates::default() });
        set(0.3);
        let mut running: Vec<_> = (0..3).map(|_| limits.transfer().now_or_never().expect("a transfer")).collect();
        assert!(limits.transfer().now_or_never().is_none());
        running.pop();
        running.push(limits.transfer().now_or_never().expect("one more"));
        let waiting = tokio::spawn({
            let limits = limits.clone();
            async move { limits.transfer().await }
        });
        tokio::task::yield_now().await;
        set(0.4);
        running.push(waiting.await.expect("a transfer"));
        set(0.0);
        running.clear();
        assert!(limits.transfer().now_or_never().is_none(), "nothing passes");
        limits.set(&LiveRates::default());
        assert!(limits.transfer().now_or_never().is_some(), "no limit");
    }

    #[tokio::test(start_paused = true)]
    async fn no_transfer_begins_while_no_byte_passes() {
        let limits = LiveLimits::default();
        let from = Some(Instant::now() + Duration::from_secs(7));
        limits.set(&LiveRates { bandwidth: Some(1e6), from, ..LiveRates::default() });
        let began = Instant::now();
        let _transfer = limits.transfer().await;
        assert_eq!(began.elapsed().as_secs(), 7);
    }
}
