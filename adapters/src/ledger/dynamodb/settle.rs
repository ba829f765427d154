//! Counting settled objects, each once.
//!
//! An origin job's item holds the indexes that are counted, and a version. One transaction adds indexes
//! to it, on the condition that the version is the one that was read, adds to a counter, and writes
//! the failures. So of two workers that settle the same objects one has to read again, and finds
//! them counted. Counters are spread over shards: one item takes some 1,000 writes a second, and
//! transactions on one item at the same time refuse each other. Each transaction takes a shard at random; no condition
//! stands on it, because a refused transaction is billed too.

mod commit;

use std::collections::{BTreeMap, BTreeSet};

use super::counted::IndexSet;
use super::item::{Record, pk};
use super::{DynamoDbLedger, blocks, outcomes};
pub(super) use commit::add_to_counter;
use commit::{Commit, Committed};
use shared::job::Origin;
use shared::ledger::{Outcome, Reasons, Settled, Settlement, State};
use shared::object::Timestamp;
use shared::{ErrorKind, Result};

/// Shards of a run's counters. A fleet that settles some 100 jobs a second, each in some 10 ms, meets itself on a shard
/// once in a hundred times; reading them all costs one page.
const SHARDS: u8 = 64;

/// Most objects of one origin job: what a message holds is far less, and the bitmap stays within an item.
const MAX_OBJECTS: u32 = 1_000_000;

/// Most failures of one transaction: it has at most 100 actions, two of them for job and counter.
const MAX_FAILURES: usize = 98;

/// How often another worker may be first before this one gives up for now: each time that other one
/// has counted something of the same job, so this ends where its objects do, long before.
const MAX_ROUNDS: usize = 1_000;

const COUNTED: &str = "counted";

/// The kind of the partition that has the counters of a run.
pub(super) const COUNTER: &str = "counter";

/// The read state of an origin job's item.
#[derive(Debug, Default)]
struct Job {
    indexes: IndexSet,
    /// Grows with each transaction; 0: there is no item yet.
    version: u64,
}

/// Records outcomes, then counts those that were not counted before.
///
/// A transaction whose answer was lost is sent again under its token, and answers as the first did, so
/// that what is returned is what was counted by this call. Were that to fail as well, the indexes are
/// found counted and are not returned; the counters are right in any case.
pub(super) async fn settle(ledger: &DynamoDbLedger, settlement: &Settlement<'_>) -> Result<BTreeSet<u32>> {
    let Settlement { run, origin, reasons, outcomes, .. } = *settlement;
    let beyond = outcomes.iter().any(|(index, _)| *index >= origin.items);
    if beyond || origin.items > MAX_OBJECTS {
        let message =
            format!("job {} of run {run} has an invalid object index, or more than {MAX_OBJECTS} objects", origin.id);
        return Err(ledger.error(ErrorKind::Invalid, message));
    }
    let (mut puts, rest) = blocks::puts(ledger, settlement);
    puts.extend(outcomes::puts(settlement.task, run, &rest));
    ledger.write_all(puts).await?;
    // Most jobs settle whole and once: their item is not there, and reading it would show nothing.
    let mut job = match outcomes.len() < origin.items as usize {
        true => read(ledger, run, origin).await?,
        false => Job::default(),
    };
    let mut counted = BTreeSet::new();
    for _ in 0..MAX_ROUNDS {
        let Some(step) = Step::plan(&job.indexes, outcomes, reasons) else { return Ok(counted) };
        match (Commit { ledger, settlement, job: &job, step: &step }).send().await? {
            Committed::Done => {
                counted.extend(step.new);
                job = Job { indexes: step.indexes, version: job.version + 1 };
            }
            Committed::JobChanged => job = read(ledger, run, origin).await?,
        }
    }
    Err(ledger.error(
        ErrorKind::Unavailable,
        format!("too many workers record outcomes of job {} of run {run} at the same time", origin.id),
    ))
}

/// The indexes of an origin job that are counted.
pub(super) async fn indexes(ledger: &DynamoDbLedger, run: &str, origin: &Origin) -> Result<BTreeSet<u32>> {
    Ok(read(ledger, run, origin).await?.indexes.iter().collect())
}

async fn read(ledger: &DynamoDbLedger, run: &str, origin: &Origin) -> Result<Job> {
    match ledger.get(&job_key(run, origin), COUNTED).await? {
        None => Ok(Job::default()),
        Some(record) => {
            let indexes = IndexSet::from_bytes(record.bytes("indexes")?.to_vec());
            Ok(Job { indexes, version: record.number("version")? })
        }
    }
}

fn job_key(run: &str, origin: &Origin) -> String {
    pk("job", &[run, &origin.id])
}

/// What one transaction counts.
#[derive(Debug)]
struct Step<'a> {
    /// The indexes counted after it.
    indexes: IndexSet,
    /// Those of them that it adds.
    new: Vec<u32>,
    /// What it adds to the counters.
    settled: Settled,
    /// The failures it writes, by key: a transaction may name an item once.
    failures: BTreeMap<&'a str, &'a Outcome>,
}

impl<'a> Step<'a> {
    /// As many of the outcomes that are not counted yet as one transaction takes; `None` if there are none.
    fn plan(counted: &IndexSet, outcomes: &'a [(u32, Outcome)], reasons: &[&str]) -> Option<Step<'a>> {
        let (indexes, failures) = (counted.clone(), BTreeMap::new());
        let mut step = Step { indexes, new: Vec::new(), settled: Settled::default(), failures };
        for (index, outcome) in outcomes {
            let failed = outcome.state == State::Failed;
            if (failed && step.failures.len() == MAX_FAILURES) || !step.indexes.insert(*index) {
                continue;
            }
            step.new.push(*index);
            step.settled.count(outcome, reasons);
            if failed {
                step.failures.insert(&outcome.key, outcome);
            }
        }
        (step.settled.objects() > 0).then_some(step)
    }
}

/// Attributes of a counter that begin so count outcomes by the reason that follows.
const SKIPPED_BY: &str = "skipped:";
const FAILED_BY: &str = "failed:";

/// The counters by reason whose attributes begin with `prefix`.
fn reasons(record: &Record, prefix: &str) -> Result<Reasons> {
    let mut reasons = Reasons::default();
    for (name, reason) in record.names().filter_map(|name| Some((name, name.strip_prefix(prefix)?))) {
        reasons.add(reason, record.number(name)?);
    }
    Ok(reasons)
}

/// The counters of a run, added up.
pub(super) async fn settled(ledger: &DynamoDbLedger, run: &str) -> Result<Settled> {
    let records = ledger.all(ledger.query(&pk(COUNTER, &[run]), ""), usize::from(SHARDS)).await?;
    let mut sum = Settled::default();
    for record in &records {
        sum += &decode(record)?;
    }
    Ok(sum)
}

fn decode(record: &Record) -> Result<Settled> {
    Ok(Settled {
        copied: record.number("copied")?,
        deleted: record.number("deleted")?,
        skipped: record.number("skipped")?,
        skipped_by: reasons(record, SKIPPED_BY)?,
        failed: record.number("failed")?,
        failed_by: reasons(record, FAILED_BY)?,
        cancelled: record.number("cancelled")?,
        bytes: record.number("bytes")?,
        last: record.optional_number("last")?.map(Timestamp),
    })
}

/// The sort key of a counter, at random.
fn any_shard() -> String {
    // The last byte is random.
    let [.., random] = uuid::Uuid::now_v7().into_bytes();
    format!("{:02}", random % SHARDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn outcome(key: u32, state: State) -> Outcome {
        Outcome {
            size: 10,
            worker: "w".into(),
            started: Timestamp(1),
            finished: Timestamp(i64::from(key)),
            ..Outcome::new(format!("k{key}"), state)
        }
    }

    proptest! {
        #[test]
        fn steps_count_every_new_place_once_within_a_transactions_limit(
            already in prop::collection::btree_set(0u32..400, 0..100),
            states in prop::collection::btree_map(0u32..400, any::<bool>(), 0..400),
        ) {
            let mut indexes = IndexSet::default();
            already.iter().for_each(|index| { indexes.insert(*index); });
            let state = |failed: &bool| if *failed { State::Failed } else { State::Copied };
            let all: Vec<_> = states.iter().map(|(index, failed)| (*index, outcome(*index, state(failed)))).collect();
            let (mut sum, mut failures) = (Settled::default(), 0);
            while let Some(step) = Step::plan(&indexes, &all, &[]) {
                prop_assert!(step.failures.len() <= MAX_FAILURES);
                failures += step.failures.len() as u64;
                sum += &step.settled;
                prop_assert_eq!(step.new.len() as u64, step.settled.objects());
                indexes = step.indexes;
            }
            let mut expected = Settled::default();
            all.iter().filter(|(index, _)| !already.contains(index)).for_each(|(_, o)| expected.count(o, &[]));
            prop_assert_eq!(&sum, &expected);
            prop_assert_eq!(failures, expected.failed);
        }
    }

    #[test]
    fn every_shard_is_used_and_read() {
        let shards: BTreeSet<_> = (0..10_000).map(|_| any_shard()).collect();
        assert_eq!(shards.len(), usize::from(SHARDS));
    }
}
