//! The contract of the removal of a task's records, as tests over any adapter.
//!
//! They run against real services and shared tables too: names are unique.

#![allow(clippy::unwrap_used, reason = "tests, though in a library")]

use std::sync::Arc;
use std::time::Duration;

use shared::job::Origin;
use shared::ledger::{
    Advance, Checkpoint, Erased, Ledger, NO_FENCE, RunStart, Settlement, SharedLedger, SharedTaskRecords, Span, State,
    Stream, TaskRecords, events_run,
};
use shared::object::Timestamp;
use shared::objects::reasons::REASONS;
use shared::objects::{PartSet, SharedUploadLog, Suspect, UploadLog};
use shared::store::Upload;

use super::ledger::{odd_keys, origin, outcome, outcomes, run_start, settle, unique};
use super::upload_log::{part_records, upload_record};

/// A test of each promise for the records that `setup`, an `async fn() -> (Records, Guard)`, makes.
#[macro_export]
macro_rules! task_records_suite {
    ($setup:path) => {
        $crate::promises! { task_records, $setup, $crate::conformance::exceptions::NONE:
            all_records_of_a_task_are_removed_and_no_others
            a_removal_that_is_cut_off_goes_on
            records_of_a_task_that_has_none_are_removed
            the_effort_of_a_removal_counts_what_was_settled
        }
    };
}

/// The ports of one adapter.
#[derive(Debug, Clone)]
pub struct Records {
    ledger: SharedLedger,
    uploads: SharedUploadLog,
    records: SharedTaskRecords,
}

impl Records {
    /// The ports of an adapter.
    pub fn of(adapter: Arc<impl Ledger + UploadLog + TaskRecords>) -> Records {
        Records { ledger: adapter.clone(), uploads: adapter.clone(), records: adapter }
    }

    /// Removes the records of a task, a page at a time. Bounded: a token that never ends must not hang the test.
    async fn erase(&self, task: &str) -> u64 {
        let (mut records, mut from) = (0, None);
        for _ in 0..10_000 {
            let erased = self.records.erase(task, from.as_deref(), Duration::ZERO).await.unwrap();
            records += erased.records;
            from = erased.next;
            if from.is_none() {
                return records;
            }
        }
        panic!("the removal never ends");
    }
}

/// A task with records of each sort.
struct Filled {
    runs: Vec<RunStart>,
    keys: Vec<String>,
    upload: Upload,
    origin: Origin,
}

/// Keys whose outcomes a ledger may record together.
const PACKED: [&str; 2] = ["packed", "packed too"];

const SUSPECT: &str = "a suspect key";

impl Filled {
    async fn new(records: &Records, task: &str) -> Filled {
        let Records { ledger, uploads, .. } = records;
        let mut keys = odd_keys();
        // A partition key that is named by its digest.
        keys.push("l".repeat(2_100));
        let origin = origin("0/1", keys.len() as u32);
        let mut runs = Vec::new();
        for begun in 0..3 {
            let start = run_start(task, begun);
            ledger.start_run(&start, NO_FENCE).await.unwrap();
            let checkpoint = Checkpoint { id: 7, version: 1, jobs: 1, ..Checkpoint::default() };
            ledger.checkpoint(&start.id, &checkpoint, NO_FENCE).await.unwrap();
            ledger.defer(&start.id, 7, 1, "body", NO_FENCE).await.unwrap();
            let settled: Vec<_> =
                keys.iter().zip(0..).map(|(key, index)| (index, outcome(key, State::Copied))).collect();
            settle(ledger, &start, &origin, &settled).await;
            settle_packed(ledger, task, &start.id).await;
            let failures = self::origin("0/2", 60);
            settle(ledger, &start, &failures, &outcomes(&failures, 0..60, State::Failed)).await;
            runs.push(start);
        }
        let id = events_run(task);
        ledger.start_run(&RunStart { id: id.clone(), ..run_start(task, 9) }, NO_FENCE).await.unwrap();
        let message = self::origin("message", 1);
        let event = [(0, outcome("an event", State::Failed))];
        let settlement =
            Settlement { task, run: &id, origin: &message, reasons: REASONS, outcomes: &event, span: None };
        ledger.settle(&settlement).await.unwrap();
        let upload = Self::upload(uploads, task, "giant").await;
        Self::upload(uploads, task, &"g".repeat(2_100)).await;
        uploads.intend_upload(task, &runs[0].id, "intended", Timestamp(5)).await.unwrap();
        for key in ["", SUSPECT] {
            uploads.suspect(task, &Suspect { key: key.to_owned(), since: Timestamp(5) }).await.unwrap();
        }
        let (counters, run) = (Default::default(), runs[0].id.as_str());
        let step = Advance { task, run, partition: "p", expected: 0, cursor: "c", token: "t", counters: &counters };
        ledger.advance(&step).await.unwrap();
        ledger.claim(task, "finder@host", None).await.unwrap();
        Filled { runs, keys, upload, origin }
    }

    async fn upload(uploads: &SharedUploadLog, task: &str, key: &str) -> Upload {
        let record = upload_record(task, key, "upload");
        uploads.open_upload(&record).await.unwrap();
        uploads.record_parts(task, &record.upload, &part_records(1..=3), &PartSet::default()).await.unwrap();
        record.upload
    }

    /// What is found of the task, by sort.
    async fn found(&self, records: &Records, task: &str) -> Vec<(&'static str, usize)> {
        let Records { ledger, uploads, .. } = records;
        let mut outcomes = 0;
        for key in self.keys.iter().map(String::as_str).chain(["an event", "0/2/0"]).chain(PACKED) {
            outcomes += usize::from(ledger.outcome(task, key).await.unwrap().is_some());
        }
        let (mut counted, mut failed, mut checkpoints) = (0, 0, 0);
        let events = events_run(task);
        for run in self.runs.iter().map(|run| run.id.as_str()).chain([events.as_str()]) {
            counted += ledger.settled(run, &self.origin).await.unwrap().len();
            failed += ledger.failures(run, None, 100).await.unwrap().0.len();
            checkpoints += ledger.checkpoints(run).await.unwrap().len();
            checkpoints += usize::from(ledger.deferred(run, 7, 1).await.unwrap().is_some());
            checkpoints += usize::from(ledger.run(run).await.unwrap().is_some());
        }
        vec![
            ("outcomes", outcomes),
            ("counted", counted),
            ("failures", failed),
            ("checkpoints and runs", checkpoints),
            ("runs", ledger.runs(task, 10).await.unwrap().len()),
            ("tasks", usize::from(ledger.tasks().await.unwrap().iter().any(|named| named == task))),
            ("uploads", uploads.uploads_of_task(task, None, 10).await.unwrap().0.len()),
            ("parts", uploads.recorded_parts(task, &self.upload).await.unwrap().len()),
            ("suspects", uploads.suspects(task, "", 10).await.unwrap().len()),
            ("positions", usize::from(ledger.position(task, "p").await.unwrap().is_some())),
            ("claims", usize::from(ledger.claimed(task).await.unwrap().is_some())),
        ]
    }

    fn is_empty(found: &[(&'static str, usize)]) -> bool {
        found.iter().all(|(_, count)| *count == 0)
    }
}

async fn settle_packed(ledger: &SharedLedger, task: &str, run: &str) {
    let (packed, own_records) = (origin("c7-0", 2), Default::default());
    let span = Some(Span { range: 7, stream: Stream::Copies, first: PACKED[0], own_records: &own_records });
    let outcomes: Vec<_> = (0..).zip(PACKED.map(|key| outcome(key, State::Copied))).collect();
    let settlement = Settlement { task, run, origin: &packed, reasons: REASONS, outcomes: &outcomes, span };
    ledger.settle(&settlement).await.unwrap();
}

/// Also not those of a task whose name begins with this one's.
pub async fn all_records_of_a_task_are_removed_and_no_others(records: Records) {
    let task = unique("task");
    let other = format!("{task}-b");
    let (filled, others) = (Filled::new(&records, &task).await, Filled::new(&records, &other).await);
    let (before, kept) = (filled.found(&records, &task).await, others.found(&records, &other).await);
    assert!(before.iter().all(|(_, count)| *count > 0), "{before:?}");
    assert_eq!(before, kept);
    assert!(records.erase(&task).await > 3 * 60);
    let left = filled.found(&records, &task).await;
    assert!(Filled::is_empty(&left), "{left:?}");
    assert_eq!(others.found(&records, &other).await, kept);
    assert_eq!(records.erase(&task).await, 0, "again");
    // The parts of a key that has a name by digest: an upload of the same key finds none.
    let again = Filled::upload(&records.uploads, &task, &"g".repeat(2_100)).await;
    assert_eq!(records.uploads.recorded_parts(&task, &again).await.unwrap().len(), 3);
}

/// At any moment, and with a token of an earlier call.
pub async fn a_removal_that_is_cut_off_goes_on(records: Records) {
    let task = unique("task");
    let filled = Filled::new(&records, &task).await;
    let (mut cuts, mut from, mut earlier) = (0, None, None);
    let mut patience = Duration::from_millis(1);
    loop {
        let erasing = records.records.erase(&task, from.as_deref(), Duration::ZERO);
        match tokio::time::timeout(patience, erasing).await {
            Ok(erased) => {
                let Erased { next, .. } = erased.unwrap();
                if next.is_none() {
                    break;
                }
                // Now and then the caller knows the token of the call before alone.
                from = if cuts % 2 == 0 { next.clone() } else { earlier.take() };
                earlier = next;
            }
            Err(_) => cuts += 1,
        }
        // By a share, so that a slow service is not cut off hundreds of times.
        patience += patience / 4 + Duration::from_millis(1);
    }
    // What was cut off last may still be under way at the service.
    records.erase(&task).await;
    let left = filled.found(&records, &task).await;
    assert!(Filled::is_empty(&left), "after {cuts} cuts: {left:?}");
}

/// It ends at once.
pub async fn records_of_a_task_that_has_none_are_removed(records: Records) {
    assert_eq!(records.erase(&unique("task")).await, 0);
}

/// About.
pub async fn the_effort_of_a_removal_counts_what_was_settled(records: Records) {
    let task = unique("task");
    let filled = Filled::new(&records, &task).await;
    let effort = records.records.erase_effort(&task).await.unwrap();
    assert!(effort.records as usize >= filled.keys.len(), "{effort:?}");
}
