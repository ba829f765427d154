//! The removal of a task's records.
//!
//! Each transaction removes some rows, so that others wait for moments only. A run's row goes when nothing else of the
//! run is left.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Transaction, params};

use super::SqliteLedger;
use crate::sqlite::Failure;
use shared::Result;
use shared::ledger::{EraseEffort, Erased, TaskRecords, events_run};

/// Rows of one transaction: some milliseconds.
const ROWS_AT_ONCE: usize = 1_000;

/// Rows of one run.
const OF_RUN: [&str; 6] = ["checkpoints", "deferred_jobs", "counted", "failures", "reasons", "transfers"];

/// Rows of the task. The claim goes last.
const OF_TASK: [&str; 4] = ["outcomes", "positions", "suspects", "claims"];

#[async_trait]
impl TaskRecords for SqliteLedger {
    async fn erase(&self, task: &str, _from: Option<&str>, time: Duration) -> Result<Erased> {
        let (began, mut records) = (Instant::now(), 0);
        loop {
            let name = task.to_owned();
            // Repeated, or cut off: rows that are gone are not found again.
            let removed = self.database.transact("erase task", move |t| some(t, &name)).await?;
            records += removed;
            if removed == 0 {
                return Ok(Erased { records, next: None });
            }
            if began.elapsed() >= time {
                return Ok(Erased { records, next: Some(String::new()) });
            }
        }
    }

    async fn erase_effort(&self, task: &str) -> Result<EraseEffort> {
        let name = task.to_owned();
        let count = move |c: &mut rusqlite::Connection| {
            let sql = "SELECT count(*) FROM outcomes WHERE task = ?1";
            let outcomes: i64 = c.query_row(sql, [&name], |row| row.get(0))?;
            let sql = "SELECT count(*) FROM runs JOIN counted ON counted.run = runs.id WHERE runs.task = ?1";
            let counted: i64 = c.query_row(sql, [&name], |row| row.get(0))?;
            Ok(EraseEffort { records: (outcomes + counted) as u64, ..EraseEffort::default() })
        };
        self.database.call("count records", count).await
    }
}

/// Removes some rows of a task; 0: there are no more.
fn some(t: &Transaction<'_>, task: &str) -> Result<u64, Failure> {
    let sql = "SELECT id FROM runs WHERE task = ?1 ORDER BY id LIMIT 1";
    let run: Option<String> = t.prepare_cached(sql)?.query_row([task], |row| row.get(0)).optional()?;
    if let Some(run) = run {
        return match of(t, &OF_RUN, "run", &run)? {
            0 => Ok(t.prepare_cached("DELETE FROM runs WHERE id = ?1")?.execute([run])? as u64),
            removed => Ok(removed),
        };
    }
    // The record of an event run is made with its first event, its reports may be there before.
    match of(t, &OF_RUN, "run", &events_run(task))? + uploads(t, task)? {
        0 => of(t, &OF_TASK, "task", task),
        removed => Ok(removed),
    }
}

/// Removes some rows of tables, by the value of a column.
fn of(t: &Transaction<'_>, tables: &[&str], column: &str, value: &str) -> Result<u64, Failure> {
    let mut removed = 0;
    for table in tables {
        // Tables without a rowid are named by their key, of which the column is the first part.
        let sql = match *table {
            "claims" | "reasons" | "transfers" | "positions" => format!("DELETE FROM {table} WHERE {column} = ?1"),
            "counted" => some_by("counted", "run, origin", column),
            "suspects" => some_by("suspects", "task, key", column),
            table => some_by(table, "rowid", column),
        };
        let mut delete = t.prepare_cached(&sql)?;
        removed += match delete.parameter_count() {
            1 => delete.execute([value])?,
            _ => delete.execute(params![value, ROWS_AT_ONCE as i64])?,
        };
        if removed >= ROWS_AT_ONCE {
            break;
        }
    }
    Ok(removed as u64)
}

fn some_by(table: &str, key: &str, column: &str) -> String {
    format!("DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {column} = ?1 LIMIT ?2)")
}

fn uploads(t: &Transaction<'_>, task: &str) -> Result<u64, Failure> {
    let numbers = "SELECT number FROM uploads WHERE task = ?1 ORDER BY key LIMIT 10";
    let parts = format!("DELETE FROM part_records WHERE upload IN ({numbers})");
    let parts = t.prepare_cached(&parts)?.execute([task])?;
    let uploads = t.prepare_cached(&format!("DELETE FROM uploads WHERE number IN ({numbers})"))?.execute([task])?;
    Ok((parts + uploads) as u64)
}
