//! Records of changes.

use async_trait::async_trait;
use rusqlite::{Connection, Transaction, params};

use super::SqliteTasks;
use crate::sqlite::Failure;
use shared::Result;
use shared::object::Timestamp;
use shared::tasks::{AUDITS_KEPT, Audit, AuditLog, Author, TaskRef};

/// A change by somebody, to be recorded.
pub(super) fn audit(task: &TaskRef, author: &Author, action: &str, subject: impl Into<String>) -> Option<Audit> {
    Some(Audit { task: task.clone(), author: author.clone(), action: action.to_owned(), subject: subject.into() })
}

pub(super) fn add_audit(t: &Transaction<'_>, audit: Option<&Audit>) -> Result<(), Failure> {
    let Some(audit) = audit else { return Ok(()) };
    t.prepare_cached("DELETE FROM audits WHERE expires <= ?1")?.execute([Timestamp::now().0])?;
    let expires = audit.author.at.0.saturating_add(AUDITS_KEPT.as_millis() as i64);
    let sql = "INSERT INTO audits (task, expires, body) VALUES (?1, ?2, ?3)";
    t.prepare_cached(sql)?.execute(params![audit.task.id, expires, serde_json::to_string(audit)?])?;
    Ok(())
}

/// Rows of one task, by its index.
const OF_TASK: &str = "SELECT id, body FROM audits WHERE task = ?1 AND id < ?2 AND expires > ?3
                       ORDER BY id DESC LIMIT ?4";

/// Rows of all tasks. The first parameter is not used.
const OF_ALL: &str = "SELECT id, body FROM audits WHERE ?1 IS NULL AND id < ?2 AND expires > ?3
                      ORDER BY id DESC LIMIT ?4";

#[async_trait]
impl AuditLog for SqliteTasks {
    async fn record(&self, audit: &Audit) -> Result<()> {
        let audit = audit.clone();
        self.database.transact("record-audit", move |t: &Transaction<'_>| add_audit(t, Some(&audit))).await
    }

    async fn audits(
        &self,
        id: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Audit>, Option<String>)> {
        let id = id.map(str::to_owned);
        // A token is the last row's number.
        let after = after.and_then(|token| token.parse::<i64>().ok()).unwrap_or(i64::MAX);
        let read = move |connection: &mut Connection| {
            let mut select = connection.prepare_cached(if id.is_some() { OF_TASK } else { OF_ALL })?;
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
