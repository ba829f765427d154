//! The removal of a task's records.
//!
//! Outcomes and blocks of them, counted indexes of jobs, positions and parts stand in partitions that nobody lists: they
//! are found by a scan of the table. All other records stand in partitions that follow from the task and its runs. They
//! go after the scan, the list of the runs last, so that a removal which is cut off finds all of them again.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::item::{Attributes, Record, pk, text};
use super::{DynamoDbLedger, batch, create, runs, settle, uploads};
use shared::ledger::{EraseEffort, Erased, TaskRecords, events_run};
use shared::{ErrorKind, Result};

/// Most items that one query of a partition gives: their keys are in memory.
const KEYS_AT_ONCE: usize = 1_000;

/// Runs whose counters are read to estimate the number of outcomes.
const RUNS_ESTIMATED: usize = 1_000;

/// The key of the item that the scan saw last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Scanned {
    pk: String,
    sk: String,
}

/// How far a removal is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Progress {
    /// The scan goes on after this item; `None`: from the beginning.
    Scan(Option<Scanned>),
    /// The scan is over.
    Partitions,
}

#[async_trait]
impl TaskRecords for DynamoDbLedger {
    async fn erase(&self, task: &str, from: Option<&str>, time: Duration) -> Result<Erased> {
        let (began, mut records) = (Instant::now(), 0);
        let mut progress = match from {
            None => Progress::Scan(None),
            Some(from) => serde_json::from_str(from)
                .map_err(|why| self.error(ErrorKind::Invalid, "the token of a removal is invalid").with_source(why))?,
        };
        loop {
            let (removed, next) = match &progress {
                Progress::Scan(after) => scan(self, task, after.as_ref()).await?,
                Progress::Partitions => {
                    let removed = partitions(self, task).await?;
                    (removed, (removed > 0).then_some(Progress::Partitions))
                }
            };
            records += removed;
            let Some(next) = next else { return Ok(Erased { records, next: None }) };
            progress = next;
            if began.elapsed() >= time {
                let next = serde_json::to_string(&progress).expect("a token is representable as JSON");
                return Ok(Erased { records, next: Some(next) });
            }
        }
    }

    async fn erase_effort(&self, task: &str) -> Result<EraseEffort> {
        let table = create::describe(self).await?;
        let count = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
        let mut settled: u64 = 0;
        for run in runs::runs(self, task, RUNS_ESTIMATED).await? {
            settled = settled.saturating_add(run.settled.objects());
        }
        let events = runs::run(self, &events_run(task)).await?.map_or(0, |run| run.settled.objects());
        // The service counts items and bytes every six hours: a new table has none by this count.
        let records = settled.saturating_add(events);
        Ok(EraseEffort { records, read_bytes: count(table.table_size_bytes()), is_charged: true })
    }
}

/// Removes what one page of the scan finds, and says how to go on.
async fn scan(ledger: &DynamoDbLedger, task: &str, after: Option<&Scanned>) -> Result<(u64, Option<Progress>)> {
    let start: Option<Attributes> =
        after.map(|Scanned { pk, sk }| [("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))].into());
    // Keys that are named by their digest, jobs and blocks have the task as an attribute.
    let filter = "(#task = :task AND (begins_with(pk, :object) OR begins_with(pk, :job) OR begins_with(pk, :block))) \
                  OR begins_with(pk, :part) OR begins_with(pk, :position)";
    // Read-only: slow, repeated or lost, it changes nothing.
    let request = || {
        let scan = ledger.client.scan().table_name(&ledger.table).consistent_read(true);
        scan.set_exclusive_start_key(start.clone())
            .filter_expression(filter)
            .projection_expression("pk, sk")
            .expression_attribute_names("#task", "task")
            .expression_attribute_values(":task", text(task))
            .expression_attribute_values(":object", text("object"))
            .expression_attribute_values(":job", text("job"))
            .expression_attribute_values(":block", text("block"))
            .expression_attribute_values(":part", text(pk("upload", &[task, ""])))
            .expression_attribute_values(":position", text(pk("position", &[task, ""])))
            .send()
    };
    let page = ledger.call(request).await?;
    let found: Vec<Record> = page.items.unwrap_or_default().into_iter().map(Record::new).collect();
    remove(ledger, &found).await?;
    let last = page.last_evaluated_key.map(Record::new);
    let next = match last {
        None => Progress::Partitions,
        Some(last) => {
            let scanned = Scanned { pk: last.text("pk")?.to_owned(), sk: last.text("sk")?.to_owned() };
            if after == Some(&scanned) {
                return Err(ledger.error(ErrorKind::Corrupt, "the scan returned the same page twice"));
            }
            Progress::Scan(Some(scanned))
        }
    };
    Ok((found.len() as u64, Some(next)))
}

/// Removes records of the first partition that has some; 0: none has any more.
async fn partitions(ledger: &DynamoDbLedger, task: &str) -> Result<u64> {
    let uploads = uploads::partitions(task);
    let early = uploads.into_iter().chain([pk("suspects", &[task]), pk("suspect-root", &[task])]);
    for partition in early.chain(of_run(&events_run(task))) {
        let removed = partition_of(ledger, task, &partition).await?;
        if removed > 0 {
            return Ok(removed);
        }
    }
    let index = pk("task", &[task]);
    // The first run whose records are not all gone: its item in the index goes after them.
    let listed = ledger.all(ledger.query(&index, "run#"), 1).await?;
    if let Some(run) = listed.first() {
        let id = run.text("run")?;
        let mut removed = 0;
        for partition in of_run(id) {
            removed += partition_of(ledger, task, &partition).await?;
            if removed >= KEYS_AT_ONCE as u64 {
                return Ok(removed);
            }
        }
        ledger.write_all(vec![batch::delete(&index, run.text("sk")?)]).await?;
        return Ok(removed + 1);
    }
    let removed = partition_of(ledger, task, &index).await?;
    // Not counted: whether it was there is not known.
    ledger.write_all(vec![batch::delete(runs::TASKS, task)]).await?;
    Ok(removed)
}

/// The partitions of a run.
fn of_run(run: &str) -> [String; 4] {
    ["run", settle::COUNTER, "failures", "transfers"].map(|kind| pk(kind, &[run]))
}

/// Removes items of a partition, at most [`KEYS_AT_ONCE`].
async fn partition_of(ledger: &DynamoDbLedger, task: &str, partition: &str) -> Result<u64> {
    let query =
        ledger.query(partition, "").projection_expression("pk, sk, #key").expression_attribute_names("#key", "key");
    let found = ledger.all(query, KEYS_AT_ONCE).await?;
    if partition.starts_with("uploads#") {
        // Their parts are found by the scan, but those of long keys, whose partitions are named by a digest.
        for key in found.iter().filter_map(|upload| upload.optional("key")) {
            let parts = pk("upload", &[task, key]);
            if !parts.starts_with("upload#") {
                remove(ledger, &ledger.all(ledger.query(&parts, ""), usize::MAX).await?).await?;
            }
        }
    }
    remove(ledger, &found).await?;
    Ok(found.len() as u64)
}

/// Removes items. Slow, cut off or repeated: those that are gone stay so.
async fn remove(ledger: &DynamoDbLedger, found: &[Record]) -> Result<()> {
    let deletes = found.iter().map(|record| Ok(batch::delete(record.text("pk")?, record.text("sk")?)));
    ledger.write_all(deletes.collect::<Result<_>>()?).await
}
