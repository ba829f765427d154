//! A queue in a SQLite database.
//!
//! - A receipt names one receive: the message's id and its receive count. It stays valid until another
//!   worker receives the message, even after the lease expired (a laptop that slept continues).
//! - The leases of a process that died end at once: a receive that finds nothing checks, at most once a
//!   second, whether the owners of leases still live (`sqlite/owner.rs`).
//! - Times are of the system's clock. When it is set back, leases last longer by as much, but end with the
//!   process that owns them.

mod dead_letters;

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, Transaction, params};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use crate::sqlite::{Database, Failure};
use shared::object::Timestamp;
use shared::queue::{Depth, JobQueue, MAX_BODY_BYTES, MAX_RECEIVE, Message, Outgoing};
use shared::{ErrorKind, Result};

/// Time until a waiting receive sees a message of another process, or the end of a lease or delay. It sees
/// messages of its own process at once.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Longest wait of a receive, by the port's contract.
const MAX_WAIT: Duration = Duration::from_secs(20);

/// Messages that one transaction removes: some 10 ms.
const CLEARED_AT_ONCE: usize = 5_000;

/// A named queue in a SQLite database.
#[derive(Debug, Clone)]
pub struct SqliteQueue {
    database: Database,
    name: String,
}

impl SqliteQueue {
    /// The queue of this name. It needs no creation, and is empty at first.
    pub fn open(database: &Database, name: &str) -> Self {
        SqliteQueue { database: database.clone(), name: name.to_owned() }
    }

    /// Removes all messages and dead letters, some thousands a transaction: other users of the database wait for none
    /// of them for long. What is sent meanwhile may stay. Repeated after an error, it goes on.
    pub async fn clear(&self) -> Result<()> {
        for table in ["messages", "dead_letters"] {
            let sql = format!(
                "DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE queue = ?1 LIMIT {CLEARED_AT_ONCE})"
            );
            loop {
                let (name, sql) = (self.name.clone(), sql.clone());
                let remove = move |transaction: &Transaction<'_>| {
                    Ok(transaction.prepare_cached(&sql)?.execute(params![name])?)
                };
                if self.database.transact("clear", remove).await? < CLEARED_AT_ONCE {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn try_receive(&self, max: usize, lease: Duration) -> Result<Vec<Message>> {
        let (name, owner) = (self.name.clone(), self.database.owner().to_owned());
        let look_for_dead = self.database.is_time_to_look_for_dead().then(|| self.database.liveness());
        self.database
            .call("receive", move |connection| {
                let mut messages = take(connection, &name, &owner, max, lease)?;
                if messages.is_empty()
                    && let Some(is_alive) = look_for_dead
                    && free_leases_of_dead(connection, is_alive)?
                {
                    messages = take(connection, &name, &owner, max, lease)?;
                }
                Ok(messages)
            })
            .await
    }

    /// As [`try_receive`](Self::try_receive). If the caller is dropped meanwhile, no message stays leased.
    async fn receive_or_return(&self, max: usize, lease: Duration) -> Result<Vec<Message>> {
        let (answer, answered) = oneshot::channel();
        let queue = self.clone();
        let mut receiving = Receiving { queue: self, answered };
        tokio::spawn(async move {
            if let Err(Ok(messages)) = answer.send(queue.try_receive(max, lease).await) {
                queue.undo_receives(messages).await;
            }
        });
        let gone = |_| self.database.error(ErrorKind::Unavailable, "receive", "the program ends");
        (&mut receiving.answered).await.map_err(gone)?
    }

    async fn undo_receives(self, messages: Vec<Message>) {
        for message in &messages {
            self.undo_receive(message).await;
        }
    }

    /// Makes a message as it was before it was received by nobody: the delivery does not count.
    async fn undo_receive(&self, message: &Message) {
        let undone = self.change("release", message, |connection, id, receives| {
            let sql = "UPDATE messages SET ready_at = ?3, owner = NULL, receives = receives - 1
                       WHERE id = ?1 AND receives = ?2 AND owner IS NOT NULL";
            Ok(connection.prepare_cached(sql)?.execute(params![id, receives, Timestamp::now().0])?)
        });
        // Failed: it comes back when its lease ends.
        if undone.await.is_ok() {
            self.database.arrivals().notify_waiters();
        }
    }

    /// Changes the message that a receipt names, if the receipt is still valid; returns whether it was.
    async fn change<F>(&self, operation: &'static str, message: &Message, change: F) -> Result<bool>
    where
        F: FnOnce(&Connection, i64, u32) -> Result<usize, Failure> + Send + 'static,
    {
        let Some((id, receives)) = parse_receipt(&message.receipt) else {
            let why = format!("invalid receipt handle: {}", message.receipt);
            return Err(self.database.error(ErrorKind::Invalid, operation, why));
        };
        Ok(self.database.transact(operation, move |transaction| change(transaction, id, receives)).await? > 0)
    }
}

/// A receive whose caller may be dropped, also after the answer was given to it.
struct Receiving<'a> {
    queue: &'a SqliteQueue,
    answered: oneshot::Receiver<Result<Vec<Message>>>,
}

impl Drop for Receiving<'_> {
    fn drop(&mut self) {
        self.answered.close();
        if let (Ok(Ok(messages)), Ok(runtime)) = (self.answered.try_recv(), Handle::try_current()) {
            runtime.spawn(self.queue.clone().undo_receives(messages));
        }
    }
}

#[async_trait]
impl JobQueue for SqliteQueue {
    async fn send(&self, messages: &[Outgoing]) -> Result<()> {
        if let Some(long) = messages.iter().find(|message| message.body.len() > MAX_BODY_BYTES) {
            let why = format!("a message of {} bytes is longer than {MAX_BODY_BYTES}", long.body.len());
            return Err(self.database.error(ErrorKind::Invalid, "send", why));
        }
        let (name, messages) = (self.name.clone(), messages.to_vec());
        self.database
            .transact("send", move |transaction| {
                let sent = Timestamp::now().0;
                let mut insert = transaction
                    .prepare_cached("INSERT INTO messages (queue, ready_at, sent, body) VALUES (?1, ?2, ?3, ?4)")?;
                for message in messages {
                    insert.execute(params![name, after(sent, message.delay), sent, message.body])?;
                }
                Ok(())
            })
            .await?;
        self.database.arrivals().notify_waiters();
        Ok(())
    }

    async fn receive(&self, max: usize, wait: Duration, lease: Duration) -> Result<Vec<Message>> {
        let deadline = Instant::now() + wait.min(MAX_WAIT);
        loop {
            // Requested before the read: a message that is sent between the read and the wait wakes it too.
            let arrival = self.database.arrivals().notified();
            let messages = self.receive_or_return(max.min(MAX_RECEIVE), lease).await?;
            let now = Instant::now();
            if !messages.is_empty() || now >= deadline {
                return Ok(messages);
            }
            tokio::select! {
                () = arrival => {}
                () = sleep_until(deadline.min(now + LOOK_EVERY)) => {}
            }
        }
    }

    fn outlives_callers(&self) -> bool {
        false
    }

    async fn extend(&self, message: &Message, lease: Duration) -> Result<()> {
        let is_leased = self
            .change("extend", message, move |connection, id, receives| {
                let sql = "UPDATE messages SET ready_at = ?3 WHERE id = ?1 AND receives = ?2 AND owner IS NOT NULL";
                Ok(connection.prepare_cached(sql)?.execute(params![id, receives, after_now(lease)])?)
            })
            .await?;
        let lost = || self.database.error(ErrorKind::LeaseLost, "extend", "the lease of the message has ended");
        is_leased.then_some(()).ok_or_else(lost)
    }

    async fn acknowledge(&self, message: &Message) -> Result<()> {
        // Not a message that another worker received since: that worker acknowledges it.
        self.change("acknowledge", message, |connection, id, receives| {
            let sql = "DELETE FROM messages WHERE id = ?1 AND receives = ?2";
            Ok(connection.prepare_cached(sql)?.execute(params![id, receives])?)
        })
        .await?;
        Ok(())
    }

    async fn release(&self, message: &Message, delay: Duration) -> Result<()> {
        self.change("release", message, move |connection, id, receives| {
            let sql = "UPDATE messages SET ready_at = ?3, owner = NULL
                       WHERE id = ?1 AND receives = ?2 AND owner IS NOT NULL";
            Ok(connection.prepare_cached(sql)?.execute(params![id, receives, after_now(delay)])?)
        })
        .await?;
        self.database.arrivals().notify_waiters();
        Ok(())
    }

    async fn dead_letter(&self, message: &Message, reason: &str) -> Result<()> {
        let reason = reason.to_owned();
        // Moved in one transaction. If it was moved before, or another worker received it since, nothing is moved.
        self.change("dead-letter", message, move |connection, id, receives| {
            let sql = "INSERT INTO dead_letters (queue, receives, sent, died, reason, body)
                       SELECT queue, receives, sent, ?3, ?4, body FROM messages WHERE id = ?1 AND receives = ?2";
            connection.prepare_cached(sql)?.execute(params![id, receives, Timestamp::now().0, reason])?;
            let sql = "DELETE FROM messages WHERE id = ?1 AND receives = ?2";
            Ok(connection.prepare_cached(sql)?.execute(params![id, receives])?)
        })
        .await?;
        Ok(())
    }

    async fn depth(&self) -> Result<Depth> {
        let name = self.name.clone();
        self.database
            .call("depth", move |connection| {
                let sql = "SELECT count(*) FILTER (WHERE ready_at <= ?2),
                                  count(*) FILTER (WHERE ready_at > ?2 AND owner IS NOT NULL),
                                  count(*) FILTER (WHERE ready_at > ?2 AND owner IS NULL),
                                  (SELECT count(*) FROM dead_letters WHERE queue = ?1)
                           FROM messages WHERE queue = ?1";
                let depth = connection.prepare_cached(sql)?.query_row(params![name, Timestamp::now().0], |row| {
                    let count = |index| row.get::<_, i64>(index).map(|n| n as u64);
                    Ok(Depth { ready: count(0)?, leased: count(1)?, delayed: count(2)?, dead: count(3)? })
                })?;
                Ok(depth)
            })
            .await
    }
}

/// Leases up to `max` ready messages, those that have waited longest.
fn take(
    connection: &Connection,
    queue: &str,
    owner: &str,
    max: usize,
    lease: Duration,
) -> Result<Vec<Message>, Failure> {
    let now = Timestamp::now().0;
    // Read first: an update, even of no row, would take the write lock from other processes.
    let any = "SELECT EXISTS (SELECT 1 FROM messages WHERE queue = ?1 AND ready_at <= ?2)";
    if !connection.prepare_cached(any)?.query_row(params![queue, now], |row| row.get::<_, bool>(0))? {
        return Ok(Vec::new());
    }
    let sql = "UPDATE messages SET ready_at = ?4, owner = ?5, receives = receives + 1
               WHERE id IN (SELECT id FROM messages WHERE queue = ?1 AND ready_at <= ?2 ORDER BY ready_at LIMIT ?3)
               RETURNING id, receives, sent, body";
    let mut update = connection.prepare_cached(sql)?;
    let rows = update.query_map(params![queue, now, max as i64, after(now, lease), owner], |row| {
        let (id, receive_count): (i64, u32) = (row.get(0)?, row.get(1)?);
        Ok(Message {
            id: id.to_string(),
            receipt: format!("{id}.{receive_count}"),
            receive_count,
            sent: Timestamp(row.get(2)?),
            body: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Makes messages ready that dead processes had leased; returns whether there were any.
///
/// Several processes may find one owner dead at once. Another worker may receive a freed message before the
/// second update: that changes its owner, and the update skips it.
fn free_leases_of_dead(connection: &Connection, is_alive: impl Fn(&str) -> bool) -> Result<bool, Failure> {
    let mut owners = connection.prepare_cached("SELECT DISTINCT owner FROM messages WHERE owner IS NOT NULL")?;
    let owners: Vec<String> = owners.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut freed = 0;
    for dead in owners.iter().filter(|owner| !is_alive(owner)) {
        let sql = "UPDATE messages SET owner = NULL, ready_at = min(ready_at, ?2) WHERE owner = ?1";
        freed += connection.prepare_cached(sql)?.execute(params![dead, Timestamp::now().0])?;
    }
    Ok(freed > 0)
}

fn parse_receipt(receipt: &str) -> Option<(i64, u32)> {
    let (id, receives) = receipt.split_once('.')?;
    Some((id.parse().ok()?, receives.parse().ok()?))
}

fn after(time_ms: i64, delay: Duration) -> i64 {
    time_ms.saturating_add(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX))
}

fn after_now(delay: Duration) -> i64 {
    after(Timestamp::now().0, delay)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dead_letter_keeps_its_reason_and_its_body() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(dir.path()).unwrap();
        let queue = SqliteQueue::open(&database, "jobs");
        queue.send(&[Outgoing::now("not a job".to_owned())]).await.unwrap();
        let message = queue.receive(1, MAX_WAIT, MAX_WAIT).await.unwrap().remove(0);
        for _ in 0..2 {
            queue.dead_letter(&message, "why").await.unwrap();
        }
        let read = |connection: &mut Connection| {
            let sql = "SELECT reason, body, receives FROM dead_letters";
            let rows = connection.prepare(sql)?.query_map([], |row| row.try_into())?.collect::<Result<_, _>>()?;
            Ok(rows)
        };
        let letters: Vec<(String, String, u32)> = database.call("test", read).await.unwrap();
        assert_eq!(letters, [("why".to_owned(), "not a job".to_owned(), 1)]);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_dropped_receive_leases_nothing_and_counts_no_delivery() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(dir.path()).unwrap();
        let queue = SqliteQueue::open(&database, "jobs");
        queue.send(&[Outgoing::now("job".to_owned())]).await.unwrap();
        for micros in (0..1_500).step_by(5) {
            let receive = queue.receive(1, Duration::ZERO, MAX_WAIT);
            if let Ok(messages) = tokio::time::timeout(Duration::from_micros(micros), receive).await {
                queue.clone().undo_receives(messages.unwrap()).await;
            }
        }
        // What the last one took is on its way back.
        let messages = queue.receive(1, Duration::from_secs(5), MAX_WAIT).await.unwrap();
        assert_eq!(messages.iter().map(|message| message.receive_count).collect::<Vec<_>>(), [1]);
    }

    #[tokio::test]
    async fn what_is_too_long_or_not_a_receipt_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let queue = SqliteQueue::open(&Database::open(dir.path()).unwrap(), "jobs");
        let long = Outgoing::now("x".repeat(MAX_BODY_BYTES + 1));
        assert_eq!(queue.send(&[long]).await.unwrap_err().kind(), ErrorKind::Invalid);
        let (id, receipt, body) = (String::new(), "1,1".to_owned(), String::new());
        let message = Message { id, receipt, body, receive_count: 1, sent: Timestamp(0) };
        assert_eq!(queue.acknowledge(&message).await.unwrap_err().kind(), ErrorKind::Invalid);
    }
}
