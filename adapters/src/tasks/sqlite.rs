//! Tasks in the embedded database. A state folder is one fleet.
//!
//! Every writing call is one transaction, which has the only write lock: it reads the record, asks the rules
//! ([`shared::tasks::Next`]), writes, and adds the audit record. Rows whose time is over are not read, and go with the
//! next write to their table.

mod control;
mod definitions;
mod heartbeats;
mod operations;
mod samples;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::packed;
use crate::sqlite::{Database, Failure};
use shared::object::Timestamp;
use shared::tasks::{AUDITS_KEPT, Audit, AuditLog, Author, Change, Next, Summary, TaskRef};
use shared::{ErrorKind, Result};

/// The tasks in the embedded database.
#[derive(Debug, Clone)]
pub struct SqliteTasks {
    database: Database,
}

impl SqliteTasks {
    /// The database's tasks.
    pub fn open(database: &Database) -> Self {
        SqliteTasks { database: database.clone() }
    }

    /// Changes a task by a rule, and records who did it. `also` writes what belongs to the change, in its transaction; if
    /// that was written before, it writes nothing and returns `false`, and the change was made then.
    async fn change(
        &self,
        operation: &'static str,
        task: &TaskRef,
        audit: Option<Audit>,
        decide: impl FnOnce(&Summary) -> Next<Summary> + Send + 'static,
        also: impl FnOnce(&Transaction<'_>) -> Result<bool, Failure> + Send + 'static,
    ) -> Result<Change<Summary>> {
        let task = task.clone();
        let work = move |t: &Transaction<'_>| {
            let Some(present) = read(t, &task.name)?.filter(|summary| summary.is_of(&task)) else {
                return Ok(Change::Conflict(None));
            };
            match decide(&present) {
                Next::Made => Ok(Change::Made),
                Next::Conflict => Ok(Change::conflict(Some(present))),
                Next::Write(next) => {
                    if also(t)? {
                        write(t, &next)?;
                        add_audit(t, &task.id, audit.as_ref())?;
                    }
                    Ok(Change::Made)
                }
            }
        };
        self.database.transact(operation, work).await
    }
}

/// A number for SQLite, whose numbers have a sign.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The failure of a kept text.
fn unpack(packed: &[u8]) -> Result<String, Failure> {
    packed::unpack(packed).map_err(|why| Failure::Other(ErrorKind::Corrupt, why))
}

fn read(connection: &Connection, name: &str) -> Result<Option<Summary>, Failure> {
    let mut select = connection.prepare_cached("SELECT body FROM tasks WHERE name = ?1")?;
    let body: Option<String> = select.query_row([name], |row| row.get(0)).optional()?;
    Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
}

fn write(t: &Transaction<'_>, summary: &Summary) -> Result<(), Failure> {
    let sql = "INSERT OR REPLACE INTO tasks (name, body) VALUES (?1, ?2)";
    t.prepare_cached(sql)?.execute(params![summary.task.name, serde_json::to_string(summary)?])?;
    Ok(())
}

/// A change by somebody, to be recorded.
fn audit(author: &Author, action: &str, subject: impl Into<String>) -> Option<Audit> {
    Some(Audit { author: author.clone(), action: action.to_owned(), subject: subject.into() })
}

fn add_audit(t: &Transaction<'_>, id: &str, audit: Option<&Audit>) -> Result<(), Failure> {
    let Some(audit) = audit else { return Ok(()) };
    t.prepare_cached("DELETE FROM audits WHERE expires <= ?1")?.execute([Timestamp::now().0])?;
    let expires = audit.author.at.0.saturating_add(AUDITS_KEPT.as_millis() as i64);
    let sql = "INSERT INTO audits (task, expires, body) VALUES (?1, ?2, ?3)";
    t.prepare_cached(sql)?.execute(params![id, expires, serde_json::to_string(audit)?])?;
    Ok(())
}

#[async_trait]
impl AuditLog for SqliteTasks {
    async fn record(&self, id: &str, audit: &Audit) -> Result<()> {
        let (id, audit) = (id.to_owned(), audit.clone());
        self.database.transact("record-audit", move |t: &Transaction<'_>| add_audit(t, &id, Some(&audit))).await
    }

    async fn audits(&self, id: &str, after: Option<&str>, limit: usize) -> Result<(Vec<Audit>, Option<String>)> {
        let id = id.to_owned();
        // A token is the last row's number.
        let after = after.and_then(|token| token.parse::<i64>().ok()).unwrap_or(i64::MAX);
        let read = move |connection: &mut Connection| {
            let sql = "SELECT id, body FROM audits WHERE task = ?1 AND id < ?2 AND expires > ?3
                       ORDER BY id DESC LIMIT ?4";
            let mut select = connection.prepare_cached(sql)?;
            let rows = select.query_map(params![id, after, Timestamp::now().0, limit as i64], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
            })?;
            let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
            let token = rows.last().filter(|_| rows.len() == limit).map(|(number, _)| number.to_string());
            let audits = rows.iter().map(|(_, body)| serde_json::from_str(body)).collect::<Result<_, _>>()?;
            Ok((audits, token))
        };
        self.database.call("read audit records", read).await
    }
}
