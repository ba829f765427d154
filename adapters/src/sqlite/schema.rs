//! The tables, and the steps from an older release's tables to this one's.

use rusqlite::{Connection, TransactionBehavior};

use super::Failure;
use shared::ErrorKind;

/// The steps from nothing to the present schema. `user_version` in the file's header says how many of
/// them are done. A released step is never changed; a new one is added at the end.
const MIGRATIONS: [&str; 19] = [
    FIRST,
    INTENTS,
    ARCHIVED,
    EVENTS,
    CANCELLED,
    SUSPECTS,
    PARTS,
    TRANSFERS,
    INDEXES,
    TASKS,
    POSITIONS,
    INTENT_RUNS,
    CHECKPOINTS,
    FENCES,
    REASONS,
    PHASE_TIMES,
    STATE_ID,
    ENDED_SESSIONS,
    INTENT_MARKS,
];

/// A name that no other state folder has, but for a copy.
const STATE_ID: &str = "
CREATE TABLE state_id (id TEXT NOT NULL);
INSERT INTO state_id VALUES (lower(hex(randomblob(8))));
";

/// Sessions of the console that somebody ended; `until`: when they are over in any case, ms.
const ENDED_SESSIONS: &str = "
CREATE TABLE ended_sessions (id TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
";

/// Keys, ids and names are TEXT compared byte by byte, with their length: NUL is a character like any other.
const FIRST: &str = "
-- `ready_at`: receivable from then on, ms. `owner`: who leased it; NULL when nobody did.
-- AUTOINCREMENT: an id is never used again, so that id and `receives` name one receive for ever.
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL,
    ready_at INTEGER NOT NULL,
    owner TEXT,
    receives INTEGER NOT NULL DEFAULT 0,
    sent INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX messages_by_time ON messages (queue, ready_at, owner);
CREATE INDEX messages_by_owner ON messages (owner) WHERE owner IS NOT NULL;
CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY,
    queue TEXT NOT NULL,
    receives INTEGER NOT NULL,
    sent INTEGER NOT NULL,
    died INTEGER NOT NULL,
    reason TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX dead_letters_by_queue ON dead_letters (queue);

-- `owner` names the finder to people, `holder` the process to the database.
CREATE TABLE claims (
    task TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    holder TEXT NOT NULL,
    until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    task TEXT NOT NULL,
    start TEXT NOT NULL,
    phase TEXT NOT NULL,
    error TEXT,
    deletes_refused INTEGER NOT NULL DEFAULT 0,
    copied INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    last INTEGER
);
CREATE INDEX runs_by_task ON runs (task, id);
-- `found` stands also in `body`; apart from it, a sum over all need not read the outboxes.
CREATE TABLE checkpoints (
    run TEXT NOT NULL,
    id INTEGER NOT NULL,
    found TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, id)
);
CREATE TABLE deferred_jobs (
    run TEXT NOT NULL,
    range INTEGER NOT NULL,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, range, number)
);
CREATE TABLE outcomes (
    task TEXT NOT NULL,
    key TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (task, key)
);
-- One bit for each object of an origin job, lowest bit first: set once it is counted.
CREATE TABLE counted (
    run TEXT NOT NULL,
    origin TEXT NOT NULL,
    places BLOB NOT NULL,
    PRIMARY KEY (run, origin)
) WITHOUT ROWID;
CREATE TABLE failures (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX failures_by_run ON failures (run, id);
CREATE TABLE uploads (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    task TEXT NOT NULL,
    key TEXT NOT NULL,
    id TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (task, key)
);
CREATE TABLE parts (
    upload INTEGER NOT NULL,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (upload, number)
) WITHOUT ROWID;
";

/// `intents`: creates of uploads that no record names, all made after `since`, ms by the destination's
/// clock. `id` is empty where there are only these.
const INTENTS: &str = "
ALTER TABLE uploads ADD COLUMN intents INTEGER NOT NULL DEFAULT 0;
ALTER TABLE uploads ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
";

/// Archived objects are counted apart.
const ARCHIVED: &str = "ALTER TABLE runs ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;";

/// Events that belong to no key are counted apart. A task's event run has no end, so its rows
/// expire at `expires` (ms; NULL: never), and a key's last failure replaces the earlier one.
const EVENTS: &str = "
ALTER TABLE runs ADD COLUMN out_of_scope INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN coalesced INTEGER NOT NULL DEFAULT 0;
ALTER TABLE counted ADD COLUMN expires INTEGER;
CREATE INDEX counted_by_expiry ON counted (expires) WHERE expires IS NOT NULL;
ALTER TABLE failures ADD COLUMN key TEXT;
ALTER TABLE failures ADD COLUMN expires INTEGER;
CREATE UNIQUE INDEX failures_by_key ON failures (run, key) WHERE key IS NOT NULL;
CREATE INDEX failures_by_expiry ON failures (expires) WHERE expires IS NOT NULL;
";

/// Objects of cancelled runs are counted apart.
const CANCELLED: &str = "ALTER TABLE runs ADD COLUMN cancelled INTEGER NOT NULL DEFAULT 0;";

/// Keys whose object at the destination may have wrong bytes, `since` (ms) names the mark.
const SUSPECTS: &str = "
CREATE TABLE suspects (
    task TEXT NOT NULL,
    key TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (task, key)
) WITHOUT ROWID;
";

/// An upload has the set of its parts as a bitmap. The record of a part may differ each time the part is sent.
const PARTS: &str = "
ALTER TABLE uploads ADD COLUMN parts BLOB NOT NULL DEFAULT x'';
DROP TABLE parts;
CREATE TABLE part_records (
    upload INTEGER NOT NULL,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (upload, number, body)
) WITHOUT ROWID;
";

/// Transfers of workers, which expire at `until` (ms). `holder` names the worker's process in the database.
const TRANSFERS: &str = "
CREATE TABLE transfers (
    run TEXT NOT NULL,
    worker TEXT NOT NULL,
    holder TEXT NOT NULL,
    until INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, worker)
) WITHOUT ROWID;
";

/// The objects of a job are named by their index.
const INDEXES: &str = "ALTER TABLE counted RENAME COLUMN places TO indexes;";

/// Tasks of the fleet: a task's summary as JSON, its definitions by version, and its commands. After `expires` or
/// `until` (ms) a row is not read. Compressed texts are BLOBs.
const TASKS: &str = "
CREATE TABLE tasks (
    name TEXT PRIMARY KEY,
    body TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE definitions (
    task TEXT NOT NULL,
    version INTEGER NOT NULL,
    text BLOB NOT NULL,
    PRIMARY KEY (task, version)
);
CREATE TABLE operations (
    task TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    class TEXT NOT NULL,
    requested INTEGER NOT NULL,
    is_open INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    body TEXT NOT NULL,
    request BLOB NOT NULL,
    result BLOB NOT NULL,
    PRIMARY KEY (task, id)
);
CREATE INDEX operations_open ON operations (task, version) WHERE is_open;
CREATE INDEX operations_open_by_time ON operations (class, requested, id) WHERE is_open;
CREATE INDEX operations_by_expiry ON operations (expires);
CREATE TABLE samples (
    task TEXT NOT NULL,
    minute INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (task, minute)
) WITHOUT ROWID;
CREATE INDEX samples_by_minute ON samples (minute);
CREATE TABLE heartbeats (
    worker TEXT PRIMARY KEY,
    until INTEGER NOT NULL,
    body TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE fleet_record (
    id INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    text BLOB NOT NULL
);
CREATE TABLE audits (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    task TEXT NOT NULL,
    expires INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX audits_by_task ON audits (task, id);
CREATE INDEX audits_by_expiry ON audits (expires);
";

/// Where the follower of each partition of a stream stands; `token` names the step that led there.
const POSITIONS: &str = "
CREATE TABLE positions (
    task TEXT NOT NULL,
    partition TEXT NOT NULL,
    version INTEGER NOT NULL,
    cursor TEXT NOT NULL,
    token TEXT NOT NULL,
    PRIMARY KEY (task, partition)
);
";

/// `intent_run`: the run that announced the last of a key's intents.
const INTENT_RUNS: &str = "ALTER TABLE uploads ADD COLUMN intent_run TEXT NOT NULL DEFAULT '';";

/// What the next slice of an operation needs; `step`: the operation's counter that its writer had seen.
const CHECKPOINTS: &str = "
CREATE TABLE operation_checkpoints (
    task TEXT NOT NULL,
    id TEXT NOT NULL,
    step INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    text BLOB NOT NULL,
    PRIMARY KEY (task, id)
);
CREATE INDEX operation_checkpoints_by_expiry ON operation_checkpoints (expires);
";

/// A claim stays as a row without an owner when it ends, so that the next one has a higher fence. `holder` names the
/// owner's process in the database. A run has the fence of the claim under which its finder works.
const FENCES: &str = "
DROP TABLE claims;
CREATE TABLE claims (
    task TEXT PRIMARY KEY,
    owner TEXT,
    holder TEXT NOT NULL,
    fence INTEGER NOT NULL,
    beat INTEGER NOT NULL
) WITHOUT ROWID;
ALTER TABLE runs ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;
";

/// Outcomes of a run, counted by state and reason.
const REASONS: &str = "
CREATE TABLE reasons (
    run TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (run, state, reason)
) WITHOUT ROWID;
ALTER TABLE runs DROP COLUMN archived;
ALTER TABLE runs DROP COLUMN out_of_scope;
ALTER TABLE runs DROP COLUMN coalesced;
";

/// When a run entered its phases: JSON of `PhaseTimes`.
const PHASE_TIMES: &str = "ALTER TABLE runs ADD COLUMN entered TEXT NOT NULL DEFAULT '{}';";

/// `intent_mark`: a random number of the last of a key's intents.
const INTENT_MARKS: &str = "ALTER TABLE uploads ADD COLUMN intent_mark INTEGER NOT NULL DEFAULT 0;";

/// Does the missing steps, all or none.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), Failure> {
    // Checked before the write lock is taken: nearly always there is nothing to do.
    if version(connection)? == MIGRATIONS.len() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = version(&transaction)?;
    let Some(missing) = MIGRATIONS.get(version..) else {
        let message = format!(
            "the state folder has schema version {version}, and this release supports versions up to {}: use the newer release",
            MIGRATIONS.len()
        );
        return Err(Failure::Other(ErrorKind::Unsupported, message));
    };
    for step in missing {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", MIGRATIONS.len() as i64)?;
    Ok(transaction.commit()?)
}

fn version(connection: &Connection) -> rusqlite::Result<usize> {
    connection.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0)).map(|version| version as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrating_twice_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        assert_eq!(version(&connection).unwrap(), MIGRATIONS.len());
    }

    #[test]
    fn an_older_releases_database_keeps_what_it_has() {
        let mut connection = Connection::open_in_memory().unwrap();
        MIGRATIONS[..3].iter().for_each(|step| connection.execute_batch(step).unwrap());
        connection.pragma_update(None, "user_version", 3).unwrap();
        let rows = "INSERT INTO runs (id, task, start, phase, skipped) VALUES ('r', 't', '{}', 'listed', 5);
            INSERT INTO counted VALUES ('r', '0/1', x'07');
            INSERT INTO failures (run, body) VALUES ('r', '{}'), ('r', '{}');";
        connection.execute_batch(rows).unwrap();
        migrate(&mut connection).unwrap();
        let sql = "SELECT skipped, cancelled, (SELECT count(*) FROM reasons), hex(indexes), counted.expires, count(failures.id)
            FROM runs JOIN counted ON counted.run = runs.id JOIN failures ON failures.run = runs.id";
        type Support = (i64, i64, i64, String, Option<i64>, i64);
        let read = |row: &rusqlite::Row<'_>| -> rusqlite::Result<Support> {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
        };
        assert_eq!(connection.query_row(sql, [], read).unwrap(), (5, 0, 0, "07".to_owned(), None, 2));
    }

    #[test]
    fn a_newer_releases_database_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 1_000).unwrap();
        let failure = migrate(&mut connection).unwrap_err();
        assert!(matches!(failure, Failure::Other(ErrorKind::Unsupported, _)), "{failure:?}");
    }
}
