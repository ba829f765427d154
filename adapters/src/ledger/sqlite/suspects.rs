//! Suspect keys.

use async_trait::async_trait;
use rusqlite::params;

use super::SqliteLedger;
use shared::Result;
use shared::object::Timestamp;
use shared::objects::{Suspect, SuspectKeys};

#[async_trait]
impl SuspectKeys for SqliteLedger {
    async fn suspect(&self, task: &str, suspect: &Suspect) -> Result<()> {
        let (task, Suspect { key, since }) = (task.to_owned(), suspect.clone());
        let sql = "INSERT INTO suspects (task, key, since) VALUES (?1, ?2, ?3)
                   ON CONFLICT (task, key) DO UPDATE SET since = excluded.since";
        let mark = move |t: &rusqlite::Transaction<'_>| {
            t.prepare_cached(sql)?.execute(params![task, key, since.0])?;
            Ok(())
        };
        self.database.transact("mark suspect", move |t| mark(t)).await
    }

    async fn suspects(&self, task: &str, from: &str, limit: usize) -> Result<Vec<Suspect>> {
        let (task, from) = (task.to_owned(), from.to_owned());
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = "SELECT key, since FROM suspects WHERE task = ?1 AND key >= ?2 ORDER BY key LIMIT ?3";
        let read = move |connection: &rusqlite::Connection| {
            let mut select = connection.prepare_cached(sql)?;
            let suspect = |row: &rusqlite::Row<'_>| Ok(Suspect { key: row.get(0)?, since: Timestamp(row.get(1)?) });
            Ok(select.query_map(params![task, from, limit], suspect)?.collect::<rusqlite::Result<Vec<_>>>()?)
        };
        self.database.call("read suspects", move |connection| read(connection)).await
    }

    async fn clear_suspect(&self, task: &str, seen: &Suspect) -> Result<()> {
        let (task, Suspect { key, since }) = (task.to_owned(), seen.clone());
        let sql = "DELETE FROM suspects WHERE task = ?1 AND key = ?2 AND since = ?3";
        let clear = move |t: &rusqlite::Transaction<'_>| {
            t.prepare_cached(sql)?.execute(params![task, key, since.0])?;
            Ok(())
        };
        self.database.transact("clear suspect", move |t| clear(t)).await
    }
}
