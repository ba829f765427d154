//! Reports of large objects in flight to the ledger, for `flotilla status`.
//!
//! A report is advice: nothing waits for it, and one that fails is only missing. It is written rarely, and not at all
//! while objects are small: a ledger in the cloud is paid for by the write.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use shared::ledger::{TransferReport, TransferReports};
use shared::{Result, metrics};
use tokio::time::{Instant, sleep, timeout};

use crate::engine::progress::TransferProgress;

/// Shortest time between two reports while large objects are in flight.
const REPORT_EVERY: Duration = Duration::from_secs(15);

/// Shortest time between two reports where the earlier one names an object that has ended since: it would count twice.
const CORRECT_AFTER: Duration = Duration::from_secs(5);

/// How long a report is valid: two may be missing.
const VALID: Duration = Duration::from_secs(45);

/// How often the objects in flight are looked at, in memory.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A ledger that does not take a report within this time gets the next one.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// Most of what a worker that ends waits for the ledger. Its report ends by itself too.
const LAST_LIMIT: Duration = Duration::from_millis(500);

/// Most runs that are reported at once; a worker seldom serves more than two.
const MAX_RUNS: usize = 4;

/// Longest part of a worker's name that stands in its reports, characters.
const NAME_CHARS: usize = 64;

/// What a worker reports of its transfers.
#[derive(Debug)]
pub(crate) struct TransferReporter {
    /// The worker's name, and something that is its alone: two may have one name.
    worker: String,
    state: tokio::sync::Mutex<State>,
}

/// What was reported.
#[derive(Debug, Default)]
struct State {
    /// Runs that the ledger may have a report of.
    runs: BTreeSet<String>,
    /// When the last report was begun.
    last: Option<Instant>,
}

impl TransferReporter {
    /// For a worker of this name.
    pub fn new(name: &str) -> Self {
        let name: String = name.chars().take(NAME_CHARS).collect();
        TransferReporter { worker: format!("{name}/{}", uuid::Uuid::now_v7()), state: Default::default() }
    }

    /// Reports for as long as it is polled.
    pub async fn keep<L: TransferReports + Sync + ?Sized>(&self, ledger: &L, moved: &TransferProgress) {
        loop {
            sleep(LOOK_EVERY).await;
            metrics::bytes_in_flight(moved.bytes_in_flight());
            let mut state = self.state.lock().await;
            if state.is_due(Instant::now(), moved.has_reports(), moved.has_reported_ended()) {
                state.last = Some(Instant::now());
                let reports = moved.reports(&self.worker);
                self.write(ledger, &mut state, reports).await;
            }
        }
    }

    /// Replaces what was reported of each run, and withdraws it of runs that have no large object in flight any more.
    async fn write<L: TransferReports + Sync + ?Sized>(
        &self,
        ledger: &L,
        state: &mut State,
        reports: BTreeMap<String, TransferReport>,
    ) {
        let ended: Vec<String> = state.runs.iter().filter(|run| !reports.contains_key(*run)).cloned().collect();
        for run in ended {
            // If it fails the report ends by itself.
            let withdraw = ledger.withdraw_transfers(&run, &self.worker);
            within(WRITE_LIMIT, withdraw).await;
            state.runs.remove(&run);
        }
        for (run, report) in reports.iter().take(MAX_RUNS) {
            state.runs.insert(run.clone());
            within(WRITE_LIMIT, ledger.report_transfers(run, report, VALID)).await;
        }
    }

    /// Withdraws everything: the worker has no object in flight any more. Asks nothing of the ledger if nothing was
    /// reported.
    pub async fn end<L: TransferReports + Sync + ?Sized>(&self, ledger: &L) {
        let runs = std::mem::take(&mut self.state.lock().await.runs);
        let withdraw = runs.iter().map(|run| ledger.withdraw_transfers(run, &self.worker));
        within(LAST_LIMIT, futures::future::try_join_all(withdraw)).await;
    }
}

impl State {
    /// Whether the ledger is written to now.
    fn is_due(&self, now: Instant, has_reports: bool, has_reported_ended: bool) -> bool {
        let Some(last) = self.last else { return has_reports };
        let passed = now.saturating_duration_since(last);
        let is_stale = has_reported_ended || !has_reports;
        if self.runs.is_empty() {
            return has_reports && passed >= REPORT_EVERY;
        }
        passed >= REPORT_EVERY || is_stale && passed >= CORRECT_AFTER
    }
}

/// Slow, throttled or failed: the report is missing, or an old one is there until its time is over. Cut off, it may be
/// carried out later, for as long as it is valid.
async fn within<T>(limit: Duration, request: impl Future<Output = Result<T>>) {
    match timeout(limit, request).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::debug!(%error, "objects in flight are not reported"),
        Err(_) => tracing::debug!("objects in flight are not reported: the ledger does not answer"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use async_trait::async_trait;
    use shared::{Error, ErrorKind};

    use super::*;

    /// Requests to the ledger so far: `+run bytes` and `-run`.
    #[derive(Default)]
    struct Log {
        requests: Mutex<Vec<String>>,
        fails: bool,
    }

    impl Log {
        fn add(&self, request: String) -> Result<()> {
            self.requests.lock().unwrap().push(request);
            let error = || Error::new(ErrorKind::Unavailable, "ledger", "table", "away");
            if self.fails { Err(error()) } else { Ok(()) }
        }

        fn taken(&self) -> Vec<String> {
            std::mem::take(&mut *self.requests.lock().unwrap())
        }
    }

    #[async_trait]
    impl TransferReports for Log {
        async fn report_transfers(&self, run: &str, report: &TransferReport, valid: Duration) -> Result<()> {
            assert!(valid >= 2 * REPORT_EVERY && report.worker.starts_with("host/"));
            self.add(format!("+{run} {}", report.bytes))
        }

        async fn withdraw_transfers(&self, run: &str, _: &str) -> Result<()> {
            self.add(format!("-{run}"))
        }

        async fn transfers(&self, _: &str) -> Result<Vec<TransferReport>> {
            unreachable!("a worker reads no reports")
        }
    }

    /// Lets a worker report for so long.
    async fn report_for(time: Duration, reporter: &TransferReporter, log: &Log, moved: &TransferProgress) {
        let _ = timeout(time, reporter.keep(log, moved)).await;
    }

    const LARGE: u64 = 1 << 40;

    #[tokio::test(start_paused = true)]
    async fn regression_large_objects_are_reported_at_most_every_15_s() {
        for fails in [false, true] {
            let (log, moved) = (Log { fails, ..Log::default() }, Arc::new(TransferProgress::default()));
            let reporter = TransferReporter::new("host");
            let objects: Vec<_> = (0..100).map(|n| moved.object("run", &n.to_string(), LARGE)).collect();
            report_for(Duration::from_secs(605), &reporter, &log, &moved).await;
            let writes = log.taken();
            assert!((38..=41).contains(&writes.len()), "{} writes in ten minutes", writes.len());
            drop(objects);
            report_for(Duration::from_secs(600), &reporter, &log, &moved).await;
            assert_eq!(log.taken(), ["-run"], "once it has ended, and never again");
            reporter.end(&log).await;
            assert_eq!(log.taken().len(), 0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn small_and_short_transfers_write_no_report() {
        let (log, moved) = (Log::default(), Arc::new(TransferProgress::default()));
        let reporter = TransferReporter::new("host");
        let _small = moved.object("run", "small", 1 << 20);
        for n in 0..100 {
            let _short = moved.object("run", &n.to_string(), LARGE);
            report_for(Duration::from_secs(4), &reporter, &log, &moved).await;
        }
        reporter.end(&log).await;
        assert_eq!(log.taken(), [""; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_report_is_corrected_per_object_and_withdrawn_at_the_end() {
        let (log, moved) = (Log::default(), Arc::new(TransferProgress::default()));
        let reporter = TransferReporter::new("host");
        let [first, second] = ["a", "b"].map(|key| moved.object("run", key, LARGE));
        let other = moved.object("events", "c", LARGE);
        [&first, &second, &other].iter().for_each(|object| object.attempt().copied_by_service(10));
        report_for(Duration::from_secs(7), &reporter, &log, &moved).await;
        assert_eq!(log.taken(), ["+events 10", "+run 20"]);
        drop((first, other));
        report_for(Duration::from_secs(7), &reporter, &log, &moved).await;
        assert_eq!(log.taken(), ["-events", "+run 10"]);
        reporter.end(&log).await;
        assert_eq!(log.taken(), ["-run"]);
    }

    #[test]
    fn reports_are_written_at_most_every_15_s_and_corrected_after_5() {
        let last = Instant::now();
        let due = |runs: &[&str], has_reports, has_ended| {
            let runs: BTreeSet<String> = runs.iter().map(|run| (*run).to_owned()).collect();
            let state = State { runs, last: Some(last) };
            (0..60).find(|second| state.is_due(last + Duration::from_secs(*second), has_reports, has_ended))
        };
        assert_eq!(due(&["r"], true, false), Some(15));
        assert_eq!(due(&["r"], true, true), Some(5));
        assert_eq!(due(&["r"], false, true), Some(5));
        assert_eq!(due(&[], true, false), Some(15));
        assert_eq!(due(&[], false, false), None);
        let first = State::default();
        assert!(first.is_due(last, true, false) && !first.is_due(last, false, false));
    }
}
