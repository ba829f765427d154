//! Sessions of the console that somebody ended.

use async_trait::async_trait;
use rusqlite::{Connection, Transaction, params};

use super::SqliteTasks;
use shared::Result;
use shared::object::Timestamp;
use shared::tasks::SignOuts;

#[async_trait]
impl SignOuts for SqliteTasks {
    async fn end_session(&self, session: &str, until: Timestamp) -> Result<()> {
        let session = session.to_owned();
        let work = move |t: &Transaction<'_>| {
            t.prepare_cached("DELETE FROM ended_sessions WHERE until <= ?1")?.execute([Timestamp::now().0])?;
            let sql = "INSERT OR REPLACE INTO ended_sessions (id, until) VALUES (?1, ?2)";
            t.prepare_cached(sql)?.execute(params![session, until.0])?;
            Ok(())
        };
        self.database.transact("end session", work).await
    }

    async fn is_session_ended(&self, session: &str) -> Result<bool> {
        let session = session.to_owned();
        let read = move |connection: &mut Connection| {
            let sql = "SELECT 1 FROM ended_sessions WHERE id = ?1 AND until > ?2";
            Ok(connection.prepare_cached(sql)?.exists(params![session, Timestamp::now().0])?)
        };
        self.database.call("read ended session", read).await
    }
}
