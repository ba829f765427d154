//! Tasks in the embedded database. A state folder is one fleet.
//!
//! Every writing call is one transaction, which has the only write lock: it reads the record, asks the rules
//! ([`shared::tasks::Next`]), writes, and adds the audit record. Rows whose time is over are not read, and go with the
//! next write to their table.

mod audits;
mod control;
mod definitions;
mod heartbeats;
mod operations;
mod samples;
mod sign_outs;

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::packed;
use crate::sqlite::{Database, Failure};
use audits::add_audit;
use shared::tasks::{Audit, Change, Next, Summary, TaskRef};
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
                        add_audit(t, audit.as_ref())?;
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
