//! Operations and their results. Request and result are compressed; the rest is JSON.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{SqliteTasks, unpack};
use crate::sqlite::Failure;
use crate::tasks::packed::pack;
use shared::Result;
use shared::object::Timestamp;
use shared::tasks::{Change, Next, OPERATIONS_KEPT, Operation, OperationClass, OperationEnd, Operations};

/// An operation as a row.
pub(super) struct Row {
    head: Operation,
    request: Vec<u8>,
}

impl Row {
    /// The row of a new operation.
    pub(super) fn of(operation: &Operation) -> Result<Row> {
        let request = pack("request", &operation.request)?;
        Ok(Row { head: Operation { request: String::new(), ..operation.clone() }, request })
    }

    /// Records the operation, unless it is recorded; whether it did.
    pub(super) fn insert(self, t: &Transaction<'_>) -> Result<bool, Failure> {
        for sql in
            ["DELETE FROM operations WHERE expires <= ?1", "DELETE FROM operation_checkpoints WHERE expires <= ?1"]
        {
            t.prepare_cached(sql)?.execute([Timestamp::now().0])?;
        }
        let sql = "INSERT OR IGNORE INTO operations
                       (task, id, version, class, requested, is_open, expires, body, request, result)
                   VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?7, ?8, x'')";
        let (head, body) = (&self.head, serde_json::to_string(&self.head)?);
        let class = head.kind.class().as_str();
        let rows = t.prepare_cached(sql)?.execute(params![
            head.task,
            head.id,
            head.version,
            class,
            head.requested.0,
            expires(head),
            body,
            self.request
        ])?;
        Ok(rows > 0)
    }
}

/// When an operation is no longer returned: never, while it is not done.
fn expires(operation: &Operation) -> i64 {
    let kept = OPERATIONS_KEPT.as_millis() as i64;
    operation.end.as_ref().map_or(i64::MAX, |end| end.at.0.saturating_add(kept))
}

const COLUMNS: &str = "body, request, result";

fn decode((body, request, result): (String, Vec<u8>, Vec<u8>)) -> Result<Operation, Failure> {
    let mut operation: Operation = serde_json::from_str(&body)?;
    operation.request = unpack(&request)?;
    if let Some(end) = &mut operation.end {
        end.result = unpack(&result)?;
    }
    Ok(operation)
}

fn columns(row: &rusqlite::Row<'_>) -> rusqlite::Result<(String, Vec<u8>, Vec<u8>)> {
    Ok((row.get("body")?, row.get("request")?, row.get("result")?))
}

fn read(connection: &Connection, task: &str, id: &str) -> Result<Option<Operation>, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM operations WHERE task = ?1 AND id = ?2 AND expires > ?3");
    let mut select = connection.prepare_cached(&sql)?;
    let row = select.query_row(params![task, id, Timestamp::now().0], columns).optional()?;
    row.map(decode).transpose()
}

/// Writes what may change of an operation.
fn update(t: &Transaction<'_>, operation: &Operation) -> Result<(), Failure> {
    let mut head = Operation { request: String::new(), ..operation.clone() };
    let mut result = Vec::new();
    if let Some(end) = &mut head.end {
        // Its size was checked before the transaction began.
        result = pack("result", &std::mem::take(&mut end.result))
            .map_err(|error| Failure::Other(error.kind(), error.message().to_owned()))?;
    }
    let sql = "UPDATE operations SET body = ?3, result = ?4, is_open = ?5, expires = ?6 WHERE task = ?1 AND id = ?2";
    let (body, is_open) = (serde_json::to_string(&head)?, head.end.is_none());
    t.prepare_cached(sql)?.execute(params![head.task, head.id, body, result, is_open, expires(&head)])?;
    Ok(())
}

fn change(
    t: &Transaction<'_>,
    task: &str,
    id: &str,
    decide: impl FnOnce(&Operation) -> Next<Operation>,
) -> Result<Change<Operation>, Failure> {
    let Some(present) = read(t, task, id)? else { return Ok(Change::Conflict(None)) };
    match decide(&present) {
        Next::Made => Ok(Change::Made),
        Next::Conflict => Ok(Change::conflict(Some(present))),
        Next::Write(next) => update(t, &next).map(|()| Change::Made),
    }
}

/// Records the end of an operation, in a transaction.
pub(super) fn end(t: &Transaction<'_>, task: &str, id: &str, end: &OperationEnd) -> Result<Change<Operation>, Failure> {
    change(t, task, id, |present| present.ended(end))
}

#[async_trait]
impl Operations for SqliteTasks {
    async fn request(&self, operation: &Operation) -> Result<()> {
        let row = Row::of(operation)?;
        self.database.transact("request operation", move |t| row.insert(t).map(drop)).await
    }

    async fn step(&self, task: &str, id: &str, seen: u64, worker: &str, progress: &str) -> Result<Change<Operation>> {
        let (task, id) = (task.to_owned(), id.to_owned());
        let (worker, progress) = (worker.to_owned(), progress.to_owned());
        let work =
            move |t: &Transaction<'_>| change(t, &task, &id, |present| present.stepped(seen, &worker, &progress));
        self.database.transact("step operation", work).await
    }

    async fn show_progress(&self, task: &str, id: &str, step: u64, progress: &str) -> Result<()> {
        let (task, id, progress) = (task.to_owned(), id.to_owned(), progress.to_owned());
        let work = move |t: &Transaction<'_>| change(t, &task, &id, |present| present.shown(step, &progress));
        self.database.transact("show progress", work).await.map(drop)
    }

    async fn finish(&self, task: &str, id: &str, end: &OperationEnd) -> Result<Change<Operation>> {
        pack("result", &end.result)?;
        let (task, id, how) = (task.to_owned(), id.to_owned(), end.clone());
        self.database.transact("finish operation", move |t| self::end(t, &task, &id, &how)).await
    }

    async fn save_checkpoint(&self, task: &str, id: &str, step: u64, checkpoint: &str) -> Result<bool> {
        let (task, id, checkpoint) = (task.to_owned(), id.to_owned(), pack("checkpoint", checkpoint)?);
        let expires = Timestamp::now().0.saturating_add(OPERATIONS_KEPT.as_millis() as i64);
        let sql = "INSERT INTO operation_checkpoints (task, id, step, expires, text) VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT (task, id) DO UPDATE SET
                       step = excluded.step, expires = excluded.expires, text = excluded.text
                   WHERE step <= excluded.step";
        let step = i64::try_from(step).unwrap_or(i64::MAX);
        let work = move |t: &Transaction<'_>| {
            Ok(t.prepare_cached(sql)?.execute(params![task, id, step, expires, checkpoint])? > 0)
        };
        self.database.transact("save checkpoint", work).await
    }

    async fn checkpoint(&self, task: &str, id: &str) -> Result<Option<String>> {
        let (task, id) = (task.to_owned(), id.to_owned());
        let read = move |connection: &mut Connection| {
            let sql = "SELECT text FROM operation_checkpoints WHERE task = ?1 AND id = ?2 AND expires > ?3";
            let mut select = connection.prepare_cached(sql)?;
            let text: Option<Vec<u8>> =
                select.query_row(params![task, id, Timestamp::now().0], |row| row.get(0)).optional()?;
            text.as_deref().map(unpack).transpose()
        };
        self.database.call("read checkpoint", read).await
    }

    async fn operation(&self, task: &str, id: &str) -> Result<Option<Operation>> {
        let (task, id) = (task.to_owned(), id.to_owned());
        self.database.call("read operation", move |connection| read(connection, &task, &id)).await
    }

    async fn operations(
        &self,
        task: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Operation>, Option<String>)> {
        let (task, after) = (task.to_owned(), after.map(str::to_owned));
        let read = move |connection: &mut Connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM operations WHERE task = ?1 AND (?2 IS NULL OR id < ?2) AND expires > ?3
                 ORDER BY id DESC LIMIT ?4"
            );
            let mut select = connection.prepare_cached(&sql)?;
            let rows = select.query_map(params![task, after, Timestamp::now().0, limit as i64], columns)?;
            let mut found = Vec::new();
            for row in rows {
                found.push(decode(row?)?);
            }
            // A token is the last operation's id.
            let token = found.last().filter(|_| found.len() == limit).map(|last| last.id.clone());
            Ok((found, token))
        };
        self.database.call("read operations", read).await
    }

    async fn open_operations(&self, class: OperationClass, limit: usize) -> Result<Vec<Operation>> {
        let read = move |connection: &mut Connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM operations WHERE is_open AND class = ?1 ORDER BY requested, id LIMIT ?2"
            );
            let mut select = connection.prepare_cached(&sql)?;
            let rows = select.query_map(params![class.as_str(), limit as i64], columns)?;
            let mut found = Vec::new();
            for row in rows {
                found.push(decode(row?)?);
            }
            Ok(found)
        };
        self.database.call("read open operations", read).await
    }
}
