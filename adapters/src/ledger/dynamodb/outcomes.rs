//! Objects' outcomes: the last of each key, and the failures of each run.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::WriteRequest;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::bounds::{self, Range};
use super::item::{Item, Record, number, pk, sha256_hex};
use super::{DynamoDbLedger, batch, blocks, json, runs};
use shared::Result;
use shared::ledger::events::{FAILURES_FOR, is_events_run};
use shared::ledger::{MAX_RUNS_SEARCHED, Outcome, State};
use shared::object::Timestamp;

const OUTCOME: &str = "outcome";

/// Runs whose blocks are searched at once.
const RUNS_AT_ONCE: usize = 8;

/// Most of an error that is kept, bytes: a line, however long the service made it.
const ERROR_BYTES: usize = 4096;

/// The last outcome of a key that has an item.
pub(super) async fn recorded(ledger: &DynamoDbLedger, task: &str, key: &str) -> Result<Option<Outcome>> {
    item(ledger, task, key).await?.as_ref().map(decode).transpose()
}

async fn item(ledger: &DynamoDbLedger, task: &str, key: &str) -> Result<Option<Record>> {
    ledger.get(&pk("object", &[task, key]), OUTCOME).await
}

/// The last outcome of a key: its item, or one of a newer run's block. Blocks are searched from the newest run to that of
/// the item, [`RUNS_AT_ONCE`] at a time.
pub(super) async fn last(ledger: &DynamoDbLedger, task: &str, key: &str) -> Result<Option<Outcome>> {
    let item = item(ledger, task, key).await?;
    let run_of_item = item.as_ref().map(|item| item.text("run")).transpose()?;
    let mut runs = runs::ids(ledger, task, MAX_RUNS_SEARCHED).await?;
    if let Some(at) = runs.iter().position(|run| Some(run.as_str()) == run_of_item) {
        runs.truncate(at + 1);
    }
    let searches = runs.iter().map(|run| async move {
        let ranges = bounds::of_run(ledger, run).await?;
        Ok(blocks::find(ledger, run, &ranges, key).await?.map(|outcome| (run.as_str(), outcome)))
    });
    let found = stream::iter(searches.collect::<Vec<_>>()).buffered(RUNS_AT_ONCE);
    let found = std::pin::pin!(found.try_filter_map(|found| async { Ok(found) })).try_next().await?;
    let recorded = item.as_ref().map(decode).transpose()?;
    let run_of_last = found.as_ref().map(|(run, _)| *run).or(run_of_item);
    let last = match (recorded, found) {
        (Some(recorded), Some((run, found))) if run_of_item == Some(run) => Some(later_attempt(recorded, found)),
        // Events have one run, beside all others.
        (Some(recorded), Some((_, found))) if run_of_item.is_some_and(|run| is_events_run(task, run)) => {
            Some(if found.finished > recorded.finished { found } else { recorded })
        }
        (recorded, found) => found.map(|(_, found)| found).or(recorded),
    };
    let Some(last) = last else { return Ok(None) };
    let newer = runs.iter().map(String::as_str).take_while(|run| Some(*run) != run_of_last);
    Ok(if may_have_expired(ledger, &last, newer, key).await? { None } else { Some(last) })
}

/// Whether one of these runs, newer than that of the key's last known outcome, may have had an outcome of the key whose
/// time is over: the older one is not the last one then. A block says nothing of its keys once it is gone, so a range
/// that had jobs decides.
async fn may_have_expired(
    ledger: &DynamoDbLedger,
    last: &Outcome,
    newer: impl Iterator<Item = &str>,
    key: &str,
) -> Result<bool> {
    let kept = i64::try_from(ledger.keep_outcomes.as_millis()).unwrap_or(i64::MAX);
    let since = Timestamp(Timestamp::now().0.saturating_sub(kept));
    // All that has expired is older.
    if last.finished >= since {
        return Ok(false);
    }
    let newer: Vec<&str> = newer.collect();
    let looks = newer.into_iter().map(|run| async move {
        if runs::started(ledger, run).await?.is_none_or(|started| started >= since) {
            return Ok(false);
        }
        let ranges = bounds::of_run(ledger, run).await?;
        Ok(Range::of_key(&ranges, key).is_some_and(|range| range.jobs + range.deferred > 0))
    });
    let had_jobs: Vec<bool> = stream::iter(looks.collect::<Vec<_>>()).buffered(RUNS_AT_ONCE).try_collect().await?;
    Ok(had_jobs.contains(&true))
}

/// Of two outcomes of one run the one of the later attempt.
pub(super) fn later_attempt(a: Outcome, b: Outcome) -> Outcome {
    if (b.attempts, b.finished) > (a.attempts, a.finished) { b } else { a }
}

/// The requests that write outcomes over the keys' earlier ones. A write carried out late may put an older outcome over
/// a newer one: what a worker believes is decided by the stores, never by this record alone.
pub(super) fn puts(task: &str, run: &str, outcomes: &[&Outcome]) -> Vec<WriteRequest> {
    // DynamoDB refuses a batch that names an item twice; the last one counts.
    let by_key: HashMap<&str, &Outcome> = outcomes.iter().map(|outcome| (outcome.key.as_str(), *outcome)).collect();
    let put = |outcome: &Outcome| batch::put(encode(&pk("object", &[task, &outcome.key]), OUTCOME, task, run, outcome));
    by_key.into_values().map(put).collect()
}

/// The item of an object that failed in a run; its sort key is the key's digest, for keys may be as
/// long as a sort key may be at most.
pub(super) fn failure(task: &str, run: &str, outcome: &Outcome) -> Item {
    let item = encode(&pk("failures", &[run]), &sha256_hex(&outcome.key), task, run, outcome);
    if is_events_run(task, run) { item.expiring(FAILURES_FOR) } else { item }
}

/// A page of a run's failures, in the order of their keys' digests.
pub(super) async fn failures(
    ledger: &DynamoDbLedger,
    run: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<Outcome>, Option<String>)> {
    let pk = pk("failures", &[run]);
    let limit = limit.max(1);
    let query = match after {
        None => ledger.query(&pk, ""),
        Some(after) => ledger
            .query(&pk, "")
            .key_condition_expression("pk = :pk AND sk > :after")
            .expression_attribute_values(":after", super::item::text(after)),
    };
    // One more than asked for shows whether this is the end.
    let mut records = ledger.all(query, limit.saturating_add(1)).await?;
    let more = records.len() > limit;
    records.truncate(limit);
    let token = match records.last() {
        Some(last) if more => Some(last.text("sk")?.to_owned()),
        _ => None,
    };
    Ok((records.iter().map(decode).collect::<Result<_>>()?, token))
}

fn encode(pk: &str, sk: &str, task: &str, run: &str, outcome: &Outcome) -> Item {
    let Outcome {
        key,
        state,
        reason,
        // Those have no record.
        is_only_counted: _,
        size,
        detail,
        attempts,
        error,
        worker,
        started,
        finished,
    } = outcome;
    Item::new(pk, sk)
        .with_text("task", Some(task))
        .with_text("run", Some(run))
        .with_text("key", Some(key))
        .with_text("state", Some(state.as_str()))
        .with_text("reason", reason.as_deref())
        .with("bytes", number(size))
        .with("detail", json::map(detail.fields()))
        .with("attempts", number(attempts))
        .with_text("error", error.as_deref().map(|error| &error[..error.floor_char_boundary(ERROR_BYTES)]))
        .with_text("worker", Some(worker))
        .with("started", number(started.0))
        .with("finished", number(finished.0))
}

fn decode(record: &Record) -> Result<Outcome> {
    let owned = |name| record.optional(name).map(str::to_owned);
    let detail = record.attributes().get("detail").and_then(json::read_map);
    Ok(Outcome {
        key: record.text("key")?.to_owned(),
        state: state(record.text("state")?).ok_or_else(|| record.corrupt("state"))?,
        reason: owned("reason"),
        is_only_counted: false,
        size: record.number("bytes")?,
        detail: detail.ok_or_else(|| record.corrupt("detail"))?.into(),
        attempts: record.number("attempts")?,
        error: owned("error"),
        worker: record.text("worker")?.to_owned(),
        started: Timestamp(record.number("started")?),
        finished: Timestamp(record.number("finished")?),
    })
}

fn state(word: &str) -> Option<State> {
    let all = [State::Copied, State::Deleted, State::Skipped, State::Failed, State::Cancelled];
    all.into_iter().find(|state| state.as_str() == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::option::of;
    use proptest::prelude::*;
    use shared::ledger::Detail;

    fn outcomes() -> impl Strategy<Value = Outcome> {
        let states = prop::sample::select(vec![State::Copied, State::Deleted, State::Skipped, State::Failed]);
        let words = (any::<String>(), of(any::<String>()), of(any::<String>()));
        let numbers = (any::<u64>(), any::<u32>(), any::<i64>(), any::<i64>());
        (states, json::tests::maps(), words, numbers).prop_map(|(state, detail, words, numbers)| Outcome {
            key: words.0,
            state,
            reason: words.1,
            is_only_counted: false,
            size: numbers.0,
            detail: Detail::from(detail),
            attempts: numbers.1,
            error: words.2,
            worker: "w".to_owned(),
            started: Timestamp(numbers.2),
            finished: Timestamp(numbers.3),
        })
    }

    proptest! {
        #[test]
        fn an_outcome_comes_back_from_its_item_unchanged(outcome in outcomes()) {
            let record = Record::new(encode("p", "s", "t", "r", &outcome).attributes());
            prop_assert_eq!(decode(&record).unwrap(), outcome);
        }
    }

    #[test]
    fn an_endless_error_is_cut_between_characters() {
        let error = Some(format!("x{}", "\u{fc}".repeat(10_000)));
        let outcome = Outcome { error, ..Outcome::new("k".into(), State::Failed) };
        let record = Record::new(failure("t", "r", &outcome).attributes());
        assert_eq!(decode(&record).unwrap().error.unwrap().len(), ERROR_BYTES - 1);
    }
}
