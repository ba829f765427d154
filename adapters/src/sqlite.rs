//! The embedded database: one SQLite file in the state folder that queue and ledger share.
//!
//! # Promises
//!
//! - What was answered `Ok` survives the death of the process at any moment. When the whole machine
//!   loses power, the last moments may be undone (`synchronous=NORMAL`, SQLite "PRAGMA synchronous"),
//!   but always back to an earlier state: queue and ledger go back together, so no job is lost.
//! - Several processes of one machine may share the folder; not several machines over a network file
//!   system (SQLite "Write-Ahead Logging": "all processes must be on the same host").
//! - No call blocks the async runtime: one thread does all calls, in their order of arrival. SQLite has
//!   one writer at a time, and reads here are short.

mod failure;
mod owner;
mod schema;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{Notify, mpsc, oneshot};

pub(crate) use failure::Failure;
use owner::Owner;

use shared::object::Timestamp;
use shared::sync::lock;
use shared::{Error, ErrorKind, Result};

/// Time that a call waits for another process's transaction. Our transactions take some milliseconds, a
/// checkpoint of the log takes some hundred. The adapter does not retry a busy database in any other way.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

/// Calls that wait for the thread at most. Further callers wait until one is done.
const CALLS_WAITING: usize = 64;

/// More than the statements of queue and ledger together, so each statement is prepared once.
const STATEMENTS: usize = 64;

/// Time between two checks whether other processes died, milliseconds. A check costs one query and one
/// file lock for each process.
const LOOK_FOR_DEAD_EVERY_MS: i64 = 1_000;

type Call = Box<dyn FnOnce(&mut Connection) + Send>;

/// A handle to the embedded database; clones share it.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    path: PathBuf,
    /// Taken when the last handle is dropped.
    calls: Option<mpsc::Sender<Call>>,
    thread: Option<JoinHandle<()>>,
    owner: Owner,
    looked_for_dead: AtomicI64,
    arrivals: Notify,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Database({})", self.0.path.display())
    }
}

impl Database {
    /// Opens `dir/flotilla.db`, makes it and its folder if they do not exist, and brings it to this
    /// release's schema. Blocks until that is done.
    pub fn open(dir: &Path) -> Result<Database> {
        std::fs::create_dir_all(dir).map_err(|e| failure::of_file(dir, e))?;
        let path = dir.join("flotilla.db");
        let connection = connect(&path).map_err(|f| f.into_error("open", &path))?;
        let owner = Owner::register(&dir.join("owners"))?;
        let (calls, waiting) = mpsc::channel(CALLS_WAITING);
        let thread = std::thread::Builder::new()
            .name("flotilla-database".to_owned())
            .spawn(move || serve(connection, waiting))
            .map_err(|e| Error::new(ErrorKind::Exhausted, "open", path.display().to_string(), e.to_string()))?;
        let (looked_for_dead, arrivals) = (AtomicI64::new(0), Notify::new());
        let (calls, thread) = (Some(calls), Some(thread));
        Ok(Database(Arc::new(Inner { path, calls, thread, owner, looked_for_dead, arrivals })))
    }

    /// As [`open`](Self::open), but the handles of one folder in this process share one thread and one connection: a
    /// fleet has many tasks in one database. A sender wakes the receivers of all of them.
    pub fn shared(dir: &Path) -> Result<Database> {
        static OPEN: Mutex<BTreeMap<PathBuf, Weak<Inner>>> = Mutex::new(BTreeMap::new());
        std::fs::create_dir_all(dir).map_err(|e| failure::of_file(dir, e))?;
        let real = dir.canonicalize().map_err(|e| failure::of_file(dir, e))?;
        // Locked while it is opened: two callers open one.
        let mut open = lock(&OPEN);
        open.retain(|_, inner| inner.strong_count() > 0);
        if let Some(inner) = open.get(&real).and_then(Weak::upgrade) {
            return Ok(Database(inner));
        }
        let database = Database::open(&real)?;
        open.insert(real, Arc::downgrade(&database.0));
        Ok(database)
    }

    /// The state folder's id, chosen at random when the folder was made. A copy of the folder has the same one.
    pub(crate) async fn state_id(&self) -> Result<String> {
        let read = |connection: &mut Connection| {
            Ok(connection.query_row("SELECT id FROM state_id", [], |row| row.get::<_, String>(0))?)
        };
        self.call("read state id", read).await
    }

    /// Does `work` on the database's thread.
    ///
    /// If the caller is dropped before its turn, the work is skipped. If it is dropped later, the work is
    /// done and its answer is lost.
    pub(crate) async fn call<T, F>(&self, operation: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, Failure> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let call: Call = Box::new(move |connection| {
            if !answer.is_closed() {
                let _ = answer.send(work(connection));
            }
        });
        let gone =
            || Failure::Other(ErrorKind::Unavailable, "the thread of the embedded database has ended".to_owned());
        let result = match &self.0.calls {
            Some(calls) if calls.send(call).await.is_ok() => answered.await.unwrap_or_else(|_| Err(gone())),
            _ => Err(gone()),
        };
        result.map_err(|failure| failure.into_error(operation, &self.0.path).met_at_backend())
    }

    /// Does `work` in a transaction that is undone if it fails. The transaction takes the write lock
    /// at its start: one that read first and wrote then could find its snapshot outdated and fail.
    pub(crate) async fn transact<T, F>(&self, operation: &'static str, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    {
        self.call(operation, move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        })
        .await
    }

    /// The name by which this handle and its clones own records, until the process dies.
    pub(crate) fn owner(&self) -> &str {
        self.0.owner.id()
    }

    /// Whether the owner of that name still lives. Reads files, so call it only on the database's thread.
    pub(crate) fn liveness(&self) -> impl Fn(&str) -> bool + Send + 'static {
        let this = self.0.owner.id().to_owned();
        let dir = self.0.owner.dir().to_owned();
        move |id| id == this || owner::is_alive(&dir, id)
    }

    /// Whether it is time to check for dead owners; if so, the next check is due a period later.
    pub(crate) fn is_time_to_look_for_dead(&self) -> bool {
        let now = Timestamp::now().0;
        let last = self.0.looked_for_dead.load(Ordering::Relaxed);
        // A clock that was set back must not stop the checks.
        let due = now - last >= LOOK_FOR_DEAD_EVERY_MS || now < last;
        due && self.0.looked_for_dead.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Notified when messages may have become ready through this handle or a clone.
    pub(crate) fn arrivals(&self) -> &Notify {
        &self.0.arrivals
    }

    /// An error of the given kind about this database.
    pub(crate) fn error(&self, kind: ErrorKind, operation: &'static str, message: impl Into<String>) -> Error {
        Error::new(kind, operation, self.0.path.display().to_string(), message)
    }
}

impl Drop for Inner {
    /// Waits until all calls are done and the file is closed. Closing merges the log into the file, so a program that
    /// ends now leaves one complete file behind.
    fn drop(&mut self) {
        self.calls = None;
        if let Some(thread) = self.thread.take().filter(|thread| thread.thread().id() != std::thread::current().id()) {
            let _ = thread.join();
        }
    }
}

/// Ends when the last handle is dropped and all calls are done.
fn serve(mut connection: Connection, mut calls: mpsc::Receiver<Call>) {
    while let Some(call) = calls.blocking_recv() {
        call(&mut connection);
    }
}

fn connect(path: &Path) -> Result<Connection, Failure> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        // Two processes that make the file at once meet in the change to WAL, where SQLite does not
        // wait (SQLite "Write-Ahead Logging", "Sometimes queries return SQLITE_BUSY in WAL mode").
        match try_connect(path) {
            Err(failure) if failure.is_busy() && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(20));
            }
            result => return result,
        }
    }
}

fn try_connect(path: &Path) -> Result<Connection, Failure> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "foreign_keys", false)?;
    // 8 MiB: the upper levels of the B-trees for some million outcomes.
    connection.pragma_update(None, "cache_size", -8_192)?;
    // The log is cut back to 64 MiB after a burst.
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    schema::migrate(&mut connection)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::sqlite::SqliteQueue;
    use shared::queue::{JobQueue as _, Outgoing};

    #[tokio::test]
    async fn a_full_disk_refuses_new_records_and_loses_none() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(dir.path()).unwrap();
        let pages = |count: i64| database.call("limit", move |c| Ok(c.pragma_update(None, "max_page_count", count)?));
        let queue = SqliteQueue::open(&database, "jobs");
        pages(100).await.unwrap();
        let mut sent = 0;
        let full = loop {
            match queue.send(&[Outgoing::now("x".repeat(10_000))]).await {
                Ok(()) => sent += 1,
                Err(error) => break error,
            }
        };
        assert_eq!((full.kind(), full.is_backend()), (ErrorKind::Exhausted, true));
        assert!(full.to_string().contains("free space") && sent > 0, "{full}, {sent} sent");
        assert_eq!(queue.depth().await.unwrap().ready, sent);
        pages(1_000).await.unwrap();
        queue.send(&[Outgoing::now("y".to_owned())]).await.unwrap();
        assert_eq!(queue.depth().await.unwrap().ready, sent + 1);
    }

    #[tokio::test]
    async fn the_last_handle_leaves_one_whole_file_behind() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(dir.path()).unwrap();
        SqliteQueue::open(&database, "jobs").send(&[Outgoing::now("x".to_owned())]).await.unwrap();
        assert!(dir.path().join("flotilla.db-wal").exists());
        drop(database);
        assert!(!dir.path().join("flotilla.db-wal").exists());
    }
}
