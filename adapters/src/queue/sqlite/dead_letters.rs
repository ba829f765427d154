//! The dead letters of an embedded queue.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Transaction, params};

use super::SqliteQueue;
use shared::Result;
use shared::queue::{DeadLetter, DeadLetterQueue, MAX_RECEIVE};

#[async_trait]
impl DeadLetterQueue for SqliteQueue {
    async fn read(&self, _hidden: Duration) -> Result<Vec<DeadLetter>> {
        let name = self.name.clone();
        // The oldest. Nothing is leased: two readers read the same ones.
        self.database
            .call("read-dead", move |connection| {
                let sql = "SELECT id, receives, reason, body FROM dead_letters WHERE queue = ?1 ORDER BY id LIMIT ?2";
                let mut select = connection.prepare_cached(sql)?;
                let rows = select.query_map(params![name, MAX_RECEIVE as i64], |row| {
                    let id = row.get::<_, i64>(0)?.to_string();
                    let (deliveries, reason, body) = (row.get(1)?, row.get(2)?, row.get(3)?);
                    Ok(DeadLetter { receipt: id.clone(), id, body, deliveries, reason: Some(reason) })
                })?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn remove(&self, letter: &DeadLetter) -> Result<()> {
        let Ok(id) = letter.receipt.parse::<i64>() else { return Ok(()) };
        let name = self.name.clone();
        self.database
            .transact("remove-dead", move |transaction: &Transaction<'_>| {
                let sql = "DELETE FROM dead_letters WHERE id = ?1 AND queue = ?2";
                Ok(transaction.prepare_cached(sql)?.execute(params![id, name])?)
            })
            .await
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use shared::queue::{JobQueue as _, Outgoing};

    use super::*;
    use crate::sqlite::Database;

    #[tokio::test]
    async fn dead_letters_are_read_until_they_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let queue = SqliteQueue::open(&Database::shared(folder.path()).unwrap(), "q");
        queue.send(&[Outgoing::now("a body".to_owned())]).await.unwrap();
        let second = Duration::from_secs(1);
        let message = queue.receive(1, second, second).await.unwrap().remove(0);
        queue.dead_letter(&message, "the reason").await.unwrap();
        let letter = queue.read(second).await.unwrap().remove(0);
        assert_eq!(
            (letter.body.as_str(), letter.reason.as_deref(), letter.deliveries),
            ("a body", Some("the reason"), 1)
        );
        assert_eq!(queue.read(second).await.unwrap(), std::slice::from_ref(&letter));
        for _ in 0..2 {
            queue.remove(&letter).await.unwrap();
            assert_eq!(queue.read(second).await.unwrap(), []);
        }
    }
}
