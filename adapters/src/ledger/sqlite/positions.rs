//! Positions of streams.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::settle::count;
use crate::sqlite::Failure;
use shared::ErrorKind;
use shared::ledger::{Advance, Advanced, Position, Settled};

/// A step on its way to the database's thread.
pub(super) struct Step {
    task: String,
    run: String,
    partition: String,
    expected: u64,
    cursor: String,
    token: String,
    counters: Settled,
}

impl Step {
    pub(super) fn new(advance: &Advance<'_>) -> Result<Step, Failure> {
        if let Some(message) = advance.cursor_error() {
            return Err(Failure::Other(ErrorKind::Invalid, message));
        }
        Ok(Step {
            task: advance.task.to_owned(),
            run: advance.run.to_owned(),
            partition: advance.partition.to_owned(),
            expected: advance.expected,
            cursor: advance.cursor.to_owned(),
            token: advance.token.to_owned(),
            counters: advance.counters.clone(),
        })
    }

    /// Position and counters move in one transaction, which has the write lock from its start: no two steps can both
    /// find the expected position. Repeated, it finds its own token and changes nothing.
    pub(super) fn write(self, connection: &Connection) -> Result<Advanced, Failure> {
        let before = read(connection, &self.task, &self.partition)?;
        match before {
            Some((_, token)) if token == self.token => return Ok(Advanced::Done),
            Some((position, _)) if position.version != self.expected => {
                return Ok(Advanced::Conflict(Some(position)));
            }
            None if self.expected != 0 => return Ok(Advanced::Conflict(None)),
            _ => {}
        }
        let sql = "INSERT OR REPLACE INTO positions (task, partition, version, cursor, token)
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        let version = self.expected.saturating_add(1) as i64;
        connection.prepare_cached(sql)?.execute(params![
            self.task,
            self.partition,
            version,
            self.cursor,
            self.token
        ])?;
        if self.counters != Settled::default() {
            count(connection, &self.run, &self.counters)?;
        }
        Ok(Advanced::Done)
    }
}

/// The position of a partition.
pub(super) fn position(connection: &Connection, task: &str, partition: &str) -> Result<Option<Position>, Failure> {
    Ok(read(connection, task, partition)?.map(|(position, _)| position))
}

/// The position of a partition, with the token of its step.
fn read(connection: &Connection, task: &str, partition: &str) -> Result<Option<(Position, String)>, Failure> {
    let sql = "SELECT version, cursor, token FROM positions WHERE task = ?1 AND partition = ?2";
    // Versions are never negative; SQLite's integers are signed.
    let found = |row: &Row<'_>| {
        let version = row.get::<_, i64>(0)?.max(0) as u64;
        Ok((Position { version, cursor: row.get(1)? }, row.get(2)?))
    };
    Ok(connection.prepare_cached(sql)?.query_row([task, partition], found).optional()?)
}
