//! The transfers of workers at this moment.

use std::time::{Duration, Instant};

use shared::ledger::{MAX_REPORTED_UPLOADS, ReportedUpload, SharedLedger, TransferReport};

use super::unique;

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(3_600);

fn report(worker: &str, bytes: u64) -> TransferReport {
    let upload = |n: usize| ReportedUpload { id: format!("{n:016x}"), recorded: bytes, pending: 5 };
    let uploads = (0..MAX_REPORTED_UPLOADS).map(upload).collect();
    TransferReport { worker: worker.to_owned(), objects: 3, bytes, bytes_per_second: u64::MAX, uploads }
}

/// Of each worker and run the last one stands, with all its fields.
pub async fn a_report_of_transfers_replaces_the_workers_earlier_one(ledger: SharedLedger) {
    let (run, other) = (unique("run"), unique("run"));
    let (first, second) = (unique("worker-a"), unique("worker-b/\u{fc}"));
    for bytes in [1, 2] {
        ledger.report_transfers(&run, &report(&first, bytes), LONG).await.unwrap();
    }
    ledger.report_transfers(&run, &report(&second, 7), LONG).await.unwrap();
    ledger.report_transfers(&other, &report(&first, 9), LONG).await.unwrap();
    let mut all = ledger.transfers(&run).await.unwrap();
    all.sort_by(|a, b| a.worker.cmp(&b.worker));
    assert_eq!(all, [report(&first, 2), report(&second, 7)]);
    for _ in 0..2 {
        ledger.withdraw_transfers(&run, &first).await.unwrap();
    }
    assert_eq!(ledger.transfers(&run).await.unwrap(), [report(&second, 7)]);
    assert_eq!(ledger.transfers(&other).await.unwrap(), [report(&first, 9)]);
    assert_eq!(ledger.transfers(&unique("run")).await.unwrap(), []);
}

/// Nothing stays of a worker that died.
pub async fn a_report_of_transfers_ends_with_its_time(ledger: SharedLedger) {
    let run = unique("run");
    ledger.report_transfers(&run, &report("dead", 1), Duration::from_secs(1)).await.unwrap();
    ledger.report_transfers(&run, &report("alive", 2), LONG).await.unwrap();
    let began = Instant::now();
    while ledger.transfers(&run).await.unwrap() != [report("alive", 2)] {
        assert!(began.elapsed() < Duration::from_secs(60), "it does not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
