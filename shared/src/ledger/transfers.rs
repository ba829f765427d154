//! The transfers of workers at this moment, for displays.
//!
//! Counters of a run move when objects are settled. An object of terabytes takes days until then, so each worker also
//! reports the bytes of its large objects that are in flight. Nothing decides by these reports: they may be late, and
//! an object that was just settled may stand in one for some seconds more.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::Result;

/// Most uploads that a report names one by one.
pub const MAX_REPORTED_UPLOADS: usize = 16;

/// Most reports of one run that are read: far more than a fleet has workers.
pub const MAX_TRANSFER_REPORTS: usize = 1_000;

/// What one worker transfers for one run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TransferReport {
    /// The worker; unique among all workers.
    pub worker: String,
    /// Large objects in flight that no other worker takes part in.
    pub objects: u64,
    /// Bytes of them that were transferred so far.
    pub bytes: u64,
    /// Bytes that large objects got from this worker in a second, over the last seconds.
    pub bytes_per_second: u64,
    /// Uploads that several workers send parts of: the largest, at most [`MAX_REPORTED_UPLOADS`].
    pub uploads: Vec<ReportedUpload>,
}

/// An upload that several workers send parts of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ReportedUpload {
    /// The same in the reports of all workers; no other upload has it.
    pub id: String,
    /// Bytes of the parts that were recorded when this worker looked last, also of other workers.
    pub recorded: u64,
    /// Bytes that this worker has sent of parts that are not recorded yet.
    pub pending: u64,
}

/// What a run's workers transfer now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct RunTransfers {
    /// Workers that report.
    pub workers: u64,
    /// Large objects in flight.
    pub objects: u64,
    /// Bytes of them that are at the destination, or on their way.
    pub bytes: u64,
    /// Bytes a second that they get.
    pub bytes_per_second: u64,
}

impl RunTransfers {
    /// Adds up the reports of a run. An upload that several workers send parts of counts once.
    pub fn of(reports: &[TransferReport]) -> RunTransfers {
        let mut sum = RunTransfers { workers: reports.len() as u64, ..RunTransfers::default() };
        let mut recorded = BTreeMap::<&str, u64>::new();
        for report in reports {
            sum.objects = sum.objects.saturating_add(report.objects);
            sum.bytes = sum.bytes.saturating_add(report.bytes);
            sum.bytes_per_second = sum.bytes_per_second.saturating_add(report.bytes_per_second);
            for upload in &report.uploads {
                sum.bytes = sum.bytes.saturating_add(upload.pending);
                let most = recorded.entry(&upload.id).or_default();
                *most = upload.recorded.max(*most);
            }
        }
        sum.objects = sum.objects.saturating_add(recorded.len() as u64);
        sum.bytes = recorded.values().fold(sum.bytes, |bytes, recorded| bytes.saturating_add(*recorded));
        sum
    }
}

/// The record of transfers.
///
/// - A report is valid for a time and then no longer read, so that of a worker that died nothing stays. Embedded, it
///   ends with its process.
/// - A request that is repeated writes the same again. One that is carried out late may bring an older report back,
///   until it is replaced or its time is over.
/// - The time is counted by the clocks of the two machines. Where they differ by more than it, reports are missing, or
///   those of dead workers stay for so much longer.
#[async_trait]
pub trait TransferReports {
    /// Replaces what the worker reported of the run, for the time `valid` from now.
    async fn report_transfers(&self, run: &str, report: &TransferReport, valid: Duration) -> Result<()>;

    /// Removes what the worker reported of the run.
    async fn withdraw_transfers(&self, run: &str, worker: &str) -> Result<()>;

    /// The reports of a run that are valid, at most [`MAX_TRANSFER_REPORTS`].
    async fn transfers(&self, run: &str) -> Result<Vec<TransferReport>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(id: &str, recorded: u64, pending: u64) -> ReportedUpload {
        ReportedUpload { id: id.to_owned(), recorded, pending }
    }

    #[test]
    fn an_upload_of_several_workers_counts_once() {
        let report = |worker: &str, uploads| TransferReport {
            worker: worker.to_owned(),
            objects: 1,
            bytes: 10,
            bytes_per_second: 5,
            uploads,
        };
        let reports =
            [report("a", vec![upload("x", 100, 3), upload("y", 7, 0)]), report("b", vec![upload("x", 80, 4)])];
        let expected = RunTransfers { workers: 2, objects: 4, bytes: 20 + 100 + 7 + 3 + 4, bytes_per_second: 10 };
        assert_eq!(RunTransfers::of(&reports), expected);
        assert_eq!(RunTransfers::of(&[]), RunTransfers::default());
    }

    #[test]
    fn sums_of_invalid_reports_do_not_overflow() {
        let most = TransferReport { bytes: u64::MAX, uploads: vec![upload("x", u64::MAX, 1)], ..Default::default() };
        assert_eq!(RunTransfers::of(&[most.clone(), most]).bytes, u64::MAX);
    }
}
