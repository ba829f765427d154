//! Runs: their start, their phase, and their counters added up.

use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Put, TransactWriteItem};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde::de::value::Error as WordError;

use super::item::{Item, Record, number, pk, text};
use super::{DynamoDbLedger, ranges, settle};
use shared::ledger::events::is_events_run;
use shared::ledger::{CLOSED, Found, Phase, PhaseTimes, Run, RunOptions, RunStart, RunState, fence_error};
use shared::object::Timestamp;
use shared::{ErrorKind, Result};

const RUN: &str = "run";
pub(super) const TASKS: &str = "tasks";
/// Most tasks that are named (the port's bound).
const MAX_TASKS: usize = 10_000;
/// Runs that are read at once.
const RUNS_AT_ONCE: usize = 8;

/// Records a new run, and that it is its task's; the task's event run is none of its runs.
pub(super) async fn start(ledger: &DynamoDbLedger, start: &RunStart, fence: u64) -> Result<()> {
    let run = Item::new(pk("run", &[&start.id]), RUN)
        .with_text("run", Some(&start.id))
        .with_text("task", Some(&start.task))
        .with_text("source", Some(&start.source))
        .with_text("destination", Some(&start.destination))
        .with_text("options", Some(&start.options.digest))
        .with_text("writes", start.options.writes.as_deref())
        .with("delete", AttributeValue::Bool(start.options.delete))
        .with_text("retries", start.options.retries.as_deref())
        .with("started", number(start.started.0))
        .with("fence", number(fence))
        .with_text("phase", Some(Phase::Listing.as_str()));
    let of_task =
        || Item::new(pk("task", &[&start.task]), format!("run#{}", start.id)).with_text("run", Some(&start.id));
    let of_task = (!is_events_run(&start.task, &start.id)).then(of_task);
    let task = Item::new(TASKS, &start.task);
    let table = &ledger.table;
    let put = |item: Item| Put::builder().table_name(table).set_item(Some(item.attributes()));
    let puts = [put(run).condition_expression("attribute_not_exists(pk)"), put(task)];
    let puts = puts.into_iter().chain(of_task.map(put)).map(|put| {
        let put = put.build().expect("table and item are set");
        TransactWriteItem::builder().put(put).build()
    });
    // All or none. Repeated, or done with its answer lost: the condition refuses it, and all are there.
    match ledger.transact(puts.collect()).await? {
        Ok(()) => Ok(()),
        Err(_refused) => Ok(()),
    }
}

/// Moves a run on.
pub(super) async fn set_phase(
    ledger: &DynamoDbLedger,
    run: &str,
    phase: Phase,
    error: Option<&str>,
    fence: Option<u64>,
) -> Result<()> {
    // Repeated, or done with its answer lost: the phase is the same again. Carried out late: a run never
    // moves back behind a later request, and a finder without its claim has another fence.
    let may_follow: Vec<Phase> = Phase::ALL.into_iter().filter(|before| phase.may_follow(*before)).collect();
    let placeholders: Vec<String> = (0..may_follow.len()).map(|n| format!(":from{n}")).collect();
    let fenced = if fence.is_some() { " AND #fence = :fence" } else { "" };
    let condition = format!("attribute_exists(pk) AND #phase IN ({}){fenced}", placeholders.join(","));
    let now = Timestamp::now();
    let updated = ledger.call(|| {
        let mut update = ledger
            .client
            .update_item()
            .table_name(&ledger.table)
            .key("pk", text(pk("run", &[run])))
            .key("sk", text(RUN))
            .condition_expression(&condition)
            .update_expression(if error.is_some() {
                "SET #phase = :phase, #entered = if_not_exists(#entered, :now), #error = :error"
            } else {
                "SET #phase = :phase, #entered = if_not_exists(#entered, :now)"
            })
            .expression_attribute_names("#phase", "phase")
            .expression_attribute_values(":phase", text(phase.as_str()))
            .expression_attribute_names("#entered", entered_attribute(phase))
            .expression_attribute_values(":now", number(now.0));
        for (placeholder, from) in placeholders.iter().zip(&may_follow) {
            update = update.expression_attribute_values(placeholder, text(from.as_str()));
        }
        if let Some(fence) = fence {
            update = update
                .expression_attribute_names("#fence", "fence")
                .expression_attribute_values(":fence", number(fence));
        }
        if let Some(error) = error {
            update =
                update.expression_attribute_names("#error", "error").expression_attribute_values(":error", text(error));
        }
        update.send()
    });
    match updated.await {
        Err(error) if error.kind() == ErrorKind::Conflict => Err(refused(ledger, run, phase, fence).await?),
        other => other.map(drop),
    }
}

async fn refused(ledger: &DynamoDbLedger, run: &str, phase: Phase, fence: Option<u64>) -> Result<shared::Error> {
    Ok(match ledger.get(&pk("run", &[run]), RUN).await? {
        None => unknown(ledger, run),
        Some(record) if fence.is_some() && record.optional_number("fence")? != fence => {
            ledger.error(ErrorKind::Conflict, fence_error(run))
        }
        Some(record) => {
            let actual = record.optional("phase").unwrap_or("?");
            let message = format!("run {run} is already {actual} and cannot become {}", phase.as_str());
            ledger.error(ErrorKind::Conflict, message)
        }
    })
}

fn unknown(ledger: &DynamoDbLedger, run: &str) -> shared::Error {
    ledger.error(ErrorKind::NotFound, format!("there is no run {run}"))
}

/// Takes back all deferred deletes of a run.
pub(super) async fn refuse_deletes(ledger: &DynamoDbLedger, run: &str, fence: u64) -> Result<()> {
    // Repeated, or carried out late: a flag that is set is set again, and never taken back.
    let updated = ledger.call(|| {
        let update = ledger.client.update_item().table_name(&ledger.table);
        update
            .key("pk", text(pk("run", &[run])))
            .key("sk", text(RUN))
            .condition_expression("#fence = :fence")
            .update_expression("SET #refused = :true")
            .expression_attribute_names("#refused", "deletes_refused")
            .expression_attribute_names("#fence", "fence")
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":fence", number(fence))
            .send()
    });
    match updated.await {
        Err(error) if error.kind() == ErrorKind::Conflict => Err(not_fenced(ledger, run).await?),
        other => other.map(drop),
    }
}

/// Makes `fence` the run's fence, unless it has a higher one.
pub(super) async fn raise_fence(ledger: &DynamoDbLedger, run: &str, fence: u64) -> Result<()> {
    // Repeated, or done with its answer lost: the same again. Carried out late, after a later finder's: refused.
    let updated = ledger.call(|| {
        let update = ledger.client.update_item().table_name(&ledger.table);
        update
            .key("pk", text(pk("run", &[run])))
            .key("sk", text(RUN))
            .condition_expression("#fence <= :fence")
            .update_expression("SET #fence = :fence")
            .expression_attribute_names("#fence", "fence")
            .expression_attribute_values(":fence", number(fence))
            .send()
    });
    match updated.await {
        Err(error) if error.kind() == ErrorKind::Conflict => Err(not_fenced(ledger, run).await?),
        other => other.map(drop),
    }
}

/// The condition that a run has this fence, as a part of a transaction.
pub(super) fn has_fence(ledger: &DynamoDbLedger, run: &str, fence: u64) -> TransactWriteItem {
    let check = ConditionCheck::builder()
        .table_name(&ledger.table)
        .key("pk", text(pk("run", &[run])))
        .key("sk", text(RUN))
        .condition_expression("#fence = :fence")
        .expression_attribute_names("#fence", "fence")
        .expression_attribute_values(":fence", number(fence));
    TransactWriteItem::builder().condition_check(check.build().expect("table, key and condition are set")).build()
}

/// Why the condition on a run's fence does not hold.
pub(super) async fn not_fenced(ledger: &DynamoDbLedger, run: &str) -> Result<shared::Error> {
    Ok(match ledger.get(&pk("run", &[run]), RUN).await? {
        None => unknown(ledger, run),
        Some(_) => ledger.error(ErrorKind::Conflict, fence_error(run)),
    })
}

/// A run with its counters.
///
/// The phase is read first: what was found is final once the run is listed, and what is settled
/// only grows towards it, so a run that looks done is done.
pub(super) async fn run(ledger: &DynamoDbLedger, run: &str) -> Result<Option<Run>> {
    let Some(record) = ledger.get(&pk("run", &[run]), RUN).await? else { return Ok(None) };
    let (found, settled) = futures::try_join!(ranges::found(ledger, run), settle::settled(ledger, run))?;
    let deletes = if record.flag("deletes_refused") { 0 } else { found.deletes };
    Ok(Some(Run {
        start: decode_start(&record)?,
        phase: phase_in(&record)?,
        entered: entered_in(&record)?,
        error: record.optional("error").map(str::to_owned),
        found: Found { deletes, ..found },
        settled,
    }))
}

/// A run's state alone.
pub(super) async fn state(ledger: &DynamoDbLedger, run: &str) -> Result<Option<RunState>> {
    let Some(record) = ledger.get(&pk("run", &[run]), RUN).await? else { return Ok(None) };
    let is_closed = record.optional_number("fence")? == Some(CLOSED);
    Ok(Some(RunState { phase: phase_in(&record)?, options: options_in(&record)?, is_closed }))
}

/// When a run began.
pub(super) async fn started(ledger: &DynamoDbLedger, run: &str) -> Result<Option<Timestamp>> {
    let record = ledger.get(&pk("run", &[run]), RUN).await?;
    record.map(|record| record.number("started").map(Timestamp)).transpose()
}

/// The runs of a task, newest first.
pub(super) async fn runs(ledger: &DynamoDbLedger, task: &str, limit: usize) -> Result<Vec<Run>> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let ids = ids(ledger, task, limit).await?;
    let reads: Vec<_> = ids.into_iter().map(|id| async move { run(ledger, &id).await }).collect();
    let runs: Vec<Option<Run>> = stream::iter(reads).buffered(RUNS_AT_ONCE).try_collect().await?;
    Ok(runs.into_iter().flatten().collect())
}

/// The ids of a task's runs, newest first; `limit` is above 0.
pub(super) async fn ids(ledger: &DynamoDbLedger, task: &str, limit: usize) -> Result<Vec<String>> {
    let query = ledger.query(&pk("task", &[task]), "run#").scan_index_forward(false);
    let records = ledger.all(query, limit).await?;
    records.iter().map(|record| record.text("run").map(str::to_owned)).collect()
}

/// Names of all tasks that ever had a run, sorted.
pub(super) async fn tasks(ledger: &DynamoDbLedger) -> Result<Vec<String>> {
    let records = ledger.all(ledger.query(TASKS, ""), MAX_TASKS).await?;
    records.iter().map(|record| record.text("sk").map(str::to_owned)).collect()
}

/// The attribute with the time at which a run entered a phase first.
fn entered_attribute(phase: Phase) -> String {
    format!("entered_{}", phase.as_str())
}

fn entered_in(record: &Record) -> Result<PhaseTimes> {
    let mut times = PhaseTimes::begun(Timestamp(record.number("started")?));
    for phase in Phase::ALL {
        if let Some(at) = record.optional_number(&entered_attribute(phase))? {
            times.enter(phase, Timestamp(at));
        }
    }
    Ok(times)
}

fn decode_start(record: &Record) -> Result<RunStart> {
    let owned = |name| record.text(name).map(str::to_owned);
    Ok(RunStart {
        id: owned("run")?,
        task: owned("task")?,
        source: owned("source")?,
        destination: owned("destination")?,
        options: options_in(record)?,
        started: Timestamp(record.number("started")?),
    })
}

fn options_in(record: &Record) -> Result<RunOptions> {
    Ok(RunOptions {
        digest: record.text("options")?.to_owned(),
        writes: record.optional("writes").map(str::to_owned),
        delete: record.flag("delete"),
        retries: record.optional("retries").map(str::to_owned),
    })
}

fn phase_in(record: &Record) -> Result<Phase> {
    let word = record.text("phase")?;
    Phase::deserialize(word.into_deserializer()).map_err(|_: WordError| record.corrupt("phase"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phase_is_read_as_it_was_written() {
        for phase in Phase::ALL {
            let record = Record::new(Item::new("p", "s").with_text("phase", Some(phase.as_str())).attributes());
            assert_eq!(phase_in(&record).unwrap(), phase);
        }
    }
}
