//! Samples of tasks.

use async_trait::async_trait;
use rusqlite::{Connection, Transaction, params};

use super::{SqliteTasks, signed};
use shared::Result;
use shared::tasks::{Sample, Samples, oldest_sample};

#[async_trait]
impl Samples for SqliteTasks {
    async fn add_sample(&self, id: &str, sample: &Sample) -> Result<()> {
        let (id, sample) = (id.to_owned(), sample.clone());
        let work = move |t: &Transaction<'_>| {
            t.prepare_cached("DELETE FROM samples WHERE minute < ?1")?.execute([signed(oldest_sample())])?;
            let sql = "INSERT OR IGNORE INTO samples (task, minute, body) VALUES (?1, ?2, ?3)";
            t.prepare_cached(sql)?.execute(params![id, signed(sample.minute), serde_json::to_string(&sample)?])?;
            Ok(())
        };
        self.database.transact("add sample", work).await
    }

    async fn samples(&self, id: &str, from: u64, to: u64, limit: usize) -> Result<Vec<Sample>> {
        let id = id.to_owned();
        let bounds = (signed(from.max(oldest_sample())), signed(to));
        let read = move |connection: &mut Connection| {
            let sql = "SELECT body FROM samples WHERE task = ?1 AND minute >= ?2 AND minute < ?3
                       ORDER BY minute LIMIT ?4";
            let mut select = connection.prepare_cached(sql)?;
            let bodies =
                select.query_map(params![id, bounds.0, bounds.1, limit as i64], |row| row.get::<_, String>(0))?;
            let mut samples = Vec::new();
            for body in bodies {
                samples.push(serde_json::from_str(&body?)?);
            }
            Ok(samples)
        };
        self.database.call("read samples", read).await
    }
}
