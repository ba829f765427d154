//! Settling: outcomes are recorded and, the first time, counted.

use std::collections::BTreeSet;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::finding::must_exist;
use crate::sqlite::Failure;
use shared::ErrorKind;
use shared::job::Origin;
use shared::ledger::events::{COUNTED_FOR, FAILURES_FOR, is_events_run};
use shared::ledger::{Outcome, Settled, Settlement, State};
use shared::object::Timestamp;

/// Most indexes of one origin job, a bound on the size of its set of counted ones (128 KiB). A message of
/// [`shared::queue::MAX_BODY_BYTES`] has room for far fewer objects.
const MAX_INDEXES: u32 = 1 << 20;

/// Most rows of a kind that a settlement prunes, besides as many as it may add.
const PRUNED_BESIDES: i64 = 16;

/// A settlement on its way to the database's thread, records ready to be written.
pub(super) struct Settling {
    task: String,
    run: String,
    origin: String,
    /// Whether the run is the task's event run.
    events: bool,
    records: Vec<Record>,
}

struct Record {
    index: u32,
    key: String,
    body: String,
    is_of_key: bool,
    /// What it adds to the counters if it is counted.
    counts: Settled,
}

impl Settling {
    pub(super) fn new(settlement: &Settlement<'_>) -> Result<Settling, Failure> {
        let record = |(index, outcome): &(u32, Outcome)| {
            if *index >= MAX_INDEXES {
                let message = format!("object index {index} of job {} is above {MAX_INDEXES}", settlement.origin.id);
                return Err(Failure::Other(ErrorKind::Invalid, message));
            }
            let mut counts = Settled::default();
            counts.count(outcome, settlement.reasons);
            let (key, body) = (outcome.key.clone(), serde_json::to_string(outcome)?);
            Ok(Record { index: *index, key, body, is_of_key: outcome.is_of_key(), counts })
        };
        Ok(Settling {
            task: settlement.task.to_owned(),
            run: settlement.run.to_owned(),
            origin: settlement.origin.id.clone(),
            events: is_events_run(settlement.task, settlement.run),
            records: settlement.outcomes.iter().map(record).collect::<Result<_, _>>()?,
        })
    }

    /// Outcomes, the set of counted indexes, counters and failures move in one transaction: a settlement
    /// that is repeated, or overlaps another, finds its indexes counted.
    pub(super) fn write(self, connection: &Connection, now: Timestamp) -> Result<BTreeSet<u32>, Failure> {
        let expires = |after: Duration| self.events.then(|| now.0.saturating_add(after.as_millis() as i64));
        let mut indexes = IndexSet::read(connection, &self.run, &self.origin)?;
        let (mut settled, mut counted) = (Settled::default(), BTreeSet::new());
        let mut outcome = connection.prepare_cached(
            "INSERT INTO outcomes (task, key, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (task, key) DO UPDATE SET body = excluded.body",
        )?;
        // Only an event run meets a key again: the row with its last failure replaces the one before.
        let sql = "INSERT OR REPLACE INTO failures (run, body, key, expires) VALUES (?1, ?2, ?3, ?4)";
        let mut failure = connection.prepare_cached(sql)?;
        for record in &self.records {
            if record.is_of_key {
                outcome.execute([&self.task, &record.key, &record.body])?;
            }
            if indexes.insert(record.index) {
                settled += &record.counts;
                counted.insert(record.index);
                if record.counts.failed > 0 {
                    let key = self.events.then_some(&record.key);
                    failure.execute(params![self.run, record.body, key, expires(FAILURES_FOR)])?;
                }
            }
        }
        if settled.objects() > 0 {
            indexes.write(connection, &self.run, &self.origin, expires(COUNTED_FOR))?;
            count(connection, &self.run, &settled)?;
        }
        if self.events {
            prune(connection, now, self.records.len())?;
        }
        Ok(counted)
    }
}

/// Adds to a run's counters.
pub(super) fn count(connection: &Connection, run: &str, settled: &Settled) -> Result<(), Failure> {
    let sql = "UPDATE runs SET copied = copied + ?2, deleted = deleted + ?3, skipped = skipped + ?4,
                   failed = failed + ?5, bytes = bytes + ?6, last = max(coalesce(last, ?7), coalesce(?7, last)),
                   cancelled = cancelled + ?8
               WHERE id = ?1";
    let changed = connection.prepare_cached(sql)?.execute(params![
        run,
        settled.copied as i64,
        settled.deleted as i64,
        settled.skipped as i64,
        settled.failed as i64,
        // 8 EiB a run: more than any store holds.
        i64::try_from(settled.bytes).unwrap_or(i64::MAX),
        settled.last.map(|last| last.0),
        settled.cancelled as i64,
    ])?;
    must_exist(changed, run)?;
    let by_reason = [(State::Skipped.as_str(), &settled.skipped_by), (State::Failed.as_str(), &settled.failed_by)];
    let sql = "INSERT INTO reasons (run, state, reason, count) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (run, state, reason) DO UPDATE SET count = count + excluded.count";
    for (state, reasons) in by_reason {
        for (reason, count) in reasons.iter() {
            connection.prepare_cached(sql)?.execute(params![run, state, reason, count as i64])?;
        }
    }
    Ok(())
}

const PRUNE: [&str; 2] = [
    "DELETE FROM counted WHERE (run, origin) IN
         (SELECT run, origin FROM counted WHERE expires <= ?1 ORDER BY expires LIMIT ?2)",
    "DELETE FROM failures WHERE id IN (SELECT id FROM failures WHERE expires <= ?1 ORDER BY expires LIMIT ?2)",
];

/// Removes what has expired: some more than a settlement of so many records adds, so that it comes to an end.
fn prune(connection: &Connection, now: Timestamp, records: usize) -> Result<(), Failure> {
    let limit = i64::try_from(records).unwrap_or(i64::MAX).saturating_add(PRUNED_BESIDES);
    for sql in PRUNE {
        connection.prepare_cached(sql)?.execute(params![now.0, limit])?;
    }
    Ok(())
}

/// The indexes of an origin job that are counted.
pub(super) fn places_of(connection: &Connection, run: &str, origin: &Origin) -> Result<BTreeSet<u32>, Failure> {
    let indexes = IndexSet::read(connection, run, &origin.id)?;
    let bits =
        (0..).zip(&indexes.0).flat_map(|(byte, bits)| (0..8).map(move |bit| (byte * 8 + bit, bits & (1 << bit))));
    Ok(bits.filter(|(_, bit)| *bit != 0).map(|(index, _)| index).collect())
}

/// The indexes of an origin job that are counted, one bit each.
struct IndexSet(Vec<u8>);

impl IndexSet {
    fn read(connection: &Connection, run: &str, origin: &str) -> Result<IndexSet, Failure> {
        let mut select = connection.prepare_cached("SELECT indexes FROM counted WHERE run = ?1 AND origin = ?2")?;
        let bits = select.query_row([run, origin], |row| row.get(0)).optional()?;
        Ok(IndexSet(bits.unwrap_or_default()))
    }

    /// Says whether the index was not in it.
    fn insert(&mut self, index: u32) -> bool {
        let (byte, bit) = ((index / 8) as usize, 1 << (index % 8));
        if self.0.len() <= byte {
            self.0.resize(byte + 1, 0);
        }
        let is_new = self.0[byte] & bit == 0;
        self.0[byte] |= bit;
        is_new
    }

    fn write(&self, connection: &Connection, run: &str, origin: &str, expires: Option<i64>) -> Result<(), Failure> {
        let sql = "INSERT INTO counted (run, origin, indexes, expires) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (run, origin) DO UPDATE SET indexes = excluded.indexes, expires = excluded.expires";
        connection.prepare_cached(sql)?.execute(params![run, origin, self.0, expires])?;
        Ok(())
    }
}

pub(super) fn outcome(connection: &Connection, task: &str, key: &str) -> Result<Option<Outcome>, Failure> {
    let mut select = connection.prepare_cached("SELECT body FROM outcomes WHERE task = ?1 AND key = ?2")?;
    let body: Option<String> = select.query_row([task, key], |row| row.get(0)).optional()?;
    Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
}

/// In the order they were counted. The token is the last one's number: what is counted later comes after.
pub(super) fn failures(
    connection: &Connection,
    run: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<Outcome>, Option<String>), Failure> {
    let not_ours = |_| Failure::Other(ErrorKind::Invalid, "not a valid page token of failures".to_owned());
    let after: i64 = after.map(str::parse).transpose().map_err(not_ours)?.unwrap_or(0);
    let limit = limit.max(1);
    // One more than asked for shows whether this page is the last.
    let rows = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let sql = "SELECT id, body FROM failures WHERE run = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(params![run, after, rows])?;
    let (mut page, mut last) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        if page.len() == limit {
            return Ok((page, Some(last.to_string())));
        }
        last = row.get::<_, i64>(0)?;
        page.push(serde_json::from_str(&row.get::<_, String>(1)?)?);
    }
    Ok((page, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::sqlite::SqliteLedger;
    use crate::sqlite::Database;
    use shared::job::Origin;
    use shared::ledger::{Ledger as _, NO_FENCE, RunStart, State, events_run};

    const DAY_MS: i64 = 24 * 3600 * 1000;

    async fn start(database: &Database, id: &str) {
        let words = |word: &str| word.to_owned();
        let (source, destination, options) = (words("/a"), words("/b"), Default::default());
        let start = RunStart { id: words(id), task: words("t"), source, destination, options, started: Timestamp(0) };
        SqliteLedger::open(database).start_run(&start, NO_FENCE).await.unwrap();
    }

    fn failed(key: &str) -> Outcome {
        Outcome { size: 1, worker: "w".to_owned(), ..Outcome::new(key.to_owned(), State::Failed) }
    }

    /// Settles a failure of each origin on some day; gives how many of them were counted.
    async fn settle(database: &Database, run: &str, origins: impl IntoIterator<Item = u32>, day: i64) -> usize {
        let mut new = 0;
        for number in origins {
            let origin = Origin { id: format!("m-{number}"), items: 1 };
            let outcomes = [(0, failed(&format!("k{number}")))];
            let settlement =
                Settlement { task: "t", run, origin: &origin, reasons: &[], outcomes: &outcomes, span: None };
            let settling = Settling::new(&settlement).map_err(|_| ()).unwrap();
            let now = Timestamp(day * DAY_MS);
            new += database.transact("settle", move |t| settling.write(t, now)).await.unwrap().len();
        }
        new
    }

    async fn rows(database: &Database, table: &'static str, run: &str) -> i64 {
        let (sql, run) = (format!("SELECT count(*) FROM {table} WHERE run = ?1"), run.to_owned());
        database.call("count", move |c| Ok(c.query_row(&sql, [run], |row| row.get(0))?)).await.unwrap()
    }

    #[tokio::test]
    async fn records_of_an_event_run_expire() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(dir.path()).unwrap();
        let events = events_run("t");
        for run in ["r", &events] {
            start(&database, run).await;
            assert_eq!(settle(&database, run, 0..40, 0).await, 40);
        }
        // While its message may come again, nothing is forgotten.
        assert_eq!(settle(&database, &events, 0..40, 14).await, 0);
        assert_eq!(rows(&database, "counted", &events).await, 40);
        // Each settlement takes some of what has expired, and no more.
        assert_eq!(settle(&database, &events, [100], 15).await, 1);
        assert_eq!(rows(&database, "counted", &events).await, 41 - (PRUNED_BESIDES + 1));
        assert_eq!(settle(&database, &events, 101..103, 15).await, 2);
        assert_eq!(rows(&database, "counted", &events).await, 3);
        assert_eq!(rows(&database, "failures", &events).await, 43);
        assert_eq!(settle(&database, &events, 200..203, 90).await, 3);
        assert_eq!((rows(&database, "counted", &events).await, rows(&database, "failures", &events).await), (3, 6));
        // What another run has stays.
        assert_eq!((rows(&database, "counted", "r").await, rows(&database, "failures", "r").await), (40, 40));
        assert_eq!(settle(&database, "r", 0..40, 90).await, 0);
    }

    /// Nor at all failures and all origins: what is there to be pruned is found by an index.
    #[tokio::test]
    async fn pruning_looks_at_nothing_but_what_has_expired() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(dir.path()).unwrap();
        let plans = database.call("explain", |connection| {
            let mut plans = String::new();
            for sql in PRUNE {
                let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                let mut rows = explain.query(params![0, 1])?;
                while let Some(row) = rows.next()? {
                    plans += &format!("{}\n", row.get::<_, String>(3)?);
                }
            }
            Ok(plans)
        });
        let plans = plans.await.unwrap();
        assert!(plans.contains("counted_by_expiry") && plans.contains("failures_by_expiry"), "{plans}");
        assert!(!plans.contains("SCAN"), "{plans}");
    }
}
