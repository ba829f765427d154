//! Settling: outcomes are recorded and, the first time, counted.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::finding::must_exist;
use crate::ErrorKind;
use crate::database::Failure;
use crate::ledger::{Outcome, Settled, Settlement};

/// Most places of one origin job, a bound on the size of its set of counted ones (128 KiB). A message of
/// [`crate::queue::MAX_BODY_BYTES`] has room for far fewer objects.
const MAX_PLACES: u32 = 1 << 20;

/// A settlement on its way to the database's thread, records ready to be written.
pub(super) struct Settling {
    task: String,
    run: String,
    origin: String,
    records: Vec<Record>,
}

struct Record {
    place: u32,
    key: String,
    body: String,
    /// What it adds to the counters if it is counted.
    counts: Settled,
}

impl Settling {
    pub(super) fn new(settlement: &Settlement<'_>) -> Result<Settling, Failure> {
        let record = |(place, outcome): &(u32, Outcome)| {
            if *place >= MAX_PLACES {
                let message = format!("place {place} of job {} is beyond {MAX_PLACES}", settlement.origin.id);
                return Err(Failure::Other(ErrorKind::Invalid, message));
            }
            let mut counts = Settled::default();
            counts.count(outcome);
            Ok(Record { place: *place, key: outcome.key.clone(), body: serde_json::to_string(outcome)?, counts })
        };
        Ok(Settling {
            task: settlement.task.to_owned(),
            run: settlement.run.to_owned(),
            origin: settlement.origin.id.clone(),
            records: settlement.outcomes.iter().map(record).collect::<Result<_, _>>()?,
        })
    }

    /// Outcomes, the set of counted places, counters and failures move in one transaction: a settlement
    /// that is repeated, or overlaps another, finds its places counted.
    pub(super) fn write(self, connection: &Connection) -> Result<BTreeSet<u32>, Failure> {
        let mut places = Places::read(connection, &self.run, &self.origin)?;
        let (mut settled, mut counted) = (Settled::default(), BTreeSet::new());
        let mut outcome = connection.prepare_cached(
            "INSERT INTO outcomes (task, key, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (task, key) DO UPDATE SET body = excluded.body",
        )?;
        let mut failure = connection.prepare_cached("INSERT INTO failures (run, body) VALUES (?1, ?2)")?;
        for record in &self.records {
            outcome.execute([&self.task, &record.key, &record.body])?;
            if places.insert(record.place) {
                settled += record.counts;
                counted.insert(record.place);
                if record.counts.failed > 0 {
                    failure.execute([&self.run, &record.body])?;
                }
            }
        }
        if settled.objects() > 0 {
            places.write(connection, &self.run, &self.origin)?;
            count(connection, &self.run, &settled)?;
        }
        Ok(counted)
    }
}

fn count(connection: &Connection, run: &str, settled: &Settled) -> Result<(), Failure> {
    let sql = "UPDATE runs SET copied = copied + ?2, deleted = deleted + ?3, skipped = skipped + ?4,
                   failed = failed + ?5, bytes = bytes + ?6, last = max(coalesce(last, ?7), ?7)
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
    ])?;
    must_exist(changed, run)
}

/// The places of an origin job that are counted, one bit each.
struct Places(Vec<u8>);

impl Places {
    fn read(connection: &Connection, run: &str, origin: &str) -> Result<Places, Failure> {
        let mut select = connection.prepare_cached("SELECT places FROM counted WHERE run = ?1 AND origin = ?2")?;
        let bits = select.query_row([run, origin], |row| row.get(0)).optional()?;
        Ok(Places(bits.unwrap_or_default()))
    }

    /// Says whether the place was not in it.
    fn insert(&mut self, place: u32) -> bool {
        let (byte, bit) = ((place / 8) as usize, 1 << (place % 8));
        if self.0.len() <= byte {
            self.0.resize(byte + 1, 0);
        }
        let is_new = self.0[byte] & bit == 0;
        self.0[byte] |= bit;
        is_new
    }

    fn write(&self, connection: &Connection, run: &str, origin: &str) -> Result<(), Failure> {
        let sql = "INSERT INTO counted (run, origin, places) VALUES (?1, ?2, ?3)
                   ON CONFLICT (run, origin) DO UPDATE SET places = excluded.places";
        connection.prepare_cached(sql)?.execute(params![run, origin, self.0])?;
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
    let not_ours = |_| Failure::Other(ErrorKind::Invalid, "not a token of a page of failures".to_owned());
    let after: i64 = after.map(str::parse).transpose().map_err(not_ours)?.unwrap_or(0);
    let limit = limit.max(1);
    // One more than asked for tells whether this page is the last.
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
