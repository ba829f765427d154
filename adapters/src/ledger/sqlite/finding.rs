//! The records of a finder: runs, checkpoints, deferred jobs.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::sqlite::Failure;
use shared::ErrorKind;
use shared::ledger::{
    CLOSED, Checkpoint, Found, Phase, PhaseTimes, Run, RunStart, RunState, Settled, State, events_run, fence_error,
};
use shared::object::Timestamp;

/// Most tasks that are named, by the port's contract.
const MAX_TASKS: u32 = 10_000;

pub(super) fn tasks(connection: &Connection) -> Result<Vec<String>, Failure> {
    let mut select = connection.prepare_cached("SELECT DISTINCT task FROM runs ORDER BY task LIMIT ?1")?;
    let tasks = select.query_map([MAX_TASKS], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(tasks)
}

pub(super) fn start_run(connection: &Connection, start: &RunStart, fence: u64) -> Result<(), Failure> {
    let sql = "INSERT INTO runs (id, task, start, phase, fence, entered) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
               ON CONFLICT DO NOTHING";
    let (body, phase) = (serde_json::to_string(start)?, serde_json::to_string(&Phase::Listing)?);
    let entered = serde_json::to_string(&PhaseTimes::begun(start.started))?;
    connection.prepare_cached(sql)?.execute(params![start.id, start.task, body, phase, signed(fence), entered])?;
    Ok(())
}

/// The checkpoints are read in the transaction that raises the fence: no later write can change what is returned.
pub(super) fn fence(connection: &Connection, run: &str, fence: u64) -> Result<Vec<Checkpoint>, Failure> {
    let sql = "UPDATE runs SET fence = ?2 WHERE id = ?1 AND fence <= ?2";
    if connection.prepare_cached(sql)?.execute(params![run, signed(fence)])? == 0 {
        check_fence(connection, run, fence)?;
    }
    checkpoints(connection, run)
}

/// SQLite's integers are signed; no fence is larger than `i64::MAX`.
fn signed(fence: u64) -> i64 {
    i64::try_from(fence).unwrap_or(i64::MAX)
}

/// Refuses the write of a finder whose claim another finder has by now.
fn check_fence(connection: &Connection, run: &str, fence: u64) -> Result<(), Failure> {
    let mut select = connection.prepare_cached("SELECT fence FROM runs WHERE id = ?1")?;
    let present: Option<i64> = select.query_row([run], |row| row.get(0)).optional()?;
    match present {
        None => must_exist(0, run),
        Some(present) if present == signed(fence) => Ok(()),
        Some(_) => Err(Failure::Other(ErrorKind::Conflict, fence_error(run))),
    }
}

pub(super) fn set_phase(
    connection: &Connection,
    run: &str,
    phase: Phase,
    error: Option<&str>,
    fence: Option<u64>,
) -> Result<(), Failure> {
    if let Some(fence) = fence {
        check_fence(connection, run, fence)?;
    }
    if let Some(state) = run_state(connection, run)?
        && !phase.may_follow(state.phase)
    {
        let message = format!("run {run} is already {} and cannot become {}", state.phase.as_str(), phase.as_str());
        return Err(Failure::Other(ErrorKind::Conflict, message));
    }
    // `json_insert` changes nothing that is there: the first entry stays.
    let sql = "UPDATE runs SET phase = ?2, error = coalesce(?3, error), entered = json_insert(entered, '$.' || ?4, ?5)
               WHERE id = ?1";
    let (word, now) = (serde_json::to_string(&phase)?, Timestamp::now().0);
    let changed = connection.prepare_cached(sql)?.execute(params![run, word, error, phase.as_str(), now])?;
    must_exist(changed, run)
}

/// Refused for good: a checkpoint that is written again later does not bring them back.
pub(super) fn refuse_deletes(connection: &Connection, run: &str, fence: u64) -> Result<(), Failure> {
    check_fence(connection, run, fence)?;
    connection.prepare_cached("UPDATE runs SET deletes_refused = 1 WHERE id = ?1")?.execute(params![run])?;
    Ok(())
}

/// An update of a run that changed no row met none.
pub(super) fn must_exist(changed: usize, run: &str) -> Result<(), Failure> {
    match changed {
        0 => Err(Failure::Other(ErrorKind::NotFound, format!("there is no run {run}"))),
        _ => Ok(()),
    }
}

/// A run's row, before what its checkpoints found is added up.
struct RunRow {
    start: String,
    phase: String,
    error: Option<String>,
    deletes_refused: bool,
    settled: Settled,
    /// JSON of [`ByReason`]s.
    by_reason: String,
    /// JSON of [`PhaseTimes`].
    entered: String,
}

const RUN_COLUMNS: &str =
    "start, phase, error, deletes_refused, copied, deleted, skipped, failed, bytes, last, cancelled,
    (SELECT json_group_array(json_array(state, reason, count)) FROM reasons WHERE run = runs.id), entered";

/// State, reason and number of outcomes that a run has counted.
type ByReason = (String, String, u64);

impl RunRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<RunRow> {
        // Counters are never negative; SQLite's integers are signed.
        let counter = |index| row.get::<_, i64>(index).map(|n| n.max(0) as u64);
        let settled = Settled {
            copied: counter(4)?,
            deleted: counter(5)?,
            skipped: counter(6)?,
            failed: counter(7)?,
            cancelled: counter(10)?,
            bytes: counter(8)?,
            last: row.get::<_, Option<i64>>(9)?.map(Timestamp),
            ..Settled::default()
        };
        let (start, phase) = (row.get(0)?, row.get(1)?);
        let (error, deletes_refused, by_reason) = (row.get(2)?, row.get(3)?, row.get(11)?);
        Ok(RunRow { start, phase, error, deletes_refused, settled, by_reason, entered: row.get(12)? })
    }

    fn into_run(self, connection: &Connection) -> Result<Run, Failure> {
        let start: RunStart = serde_json::from_str(&self.start)?;
        let mut found = found(connection, &start.id)?;
        if self.deletes_refused {
            found.deletes = 0;
        }
        let mut settled = self.settled;
        for (state, reason, count) in serde_json::from_str::<Vec<ByReason>>(&self.by_reason)? {
            let reasons =
                if state == State::Failed.as_str() { &mut settled.failed_by } else { &mut settled.skipped_by };
            reasons.add(&reason, count);
        }
        let (phase, entered) = (serde_json::from_str(&self.phase)?, serde_json::from_str(&self.entered)?);
        Ok(Run { start, phase, entered, error: self.error, found, settled })
    }
}

fn found(connection: &Connection, run: &str) -> Result<Found, Failure> {
    let mut select = connection.prepare_cached("SELECT found FROM checkpoints WHERE run = ?1")?;
    let mut rows = select.query([run])?;
    let mut sum = Found::default();
    while let Some(row) = rows.next()? {
        let found: Found = serde_json::from_str(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)?;
        sum += found;
    }
    Ok(sum)
}

/// The row and its checkpoints are two reads on the only thread that reads here; what another process
/// writes between them is as good as written later: counters only grow.
pub(super) fn run(connection: &Connection, run: &str) -> Result<Option<Run>, Failure> {
    let sql = format!("SELECT {RUN_COLUMNS} FROM runs WHERE id = ?1");
    let row = connection.prepare_cached(&sql)?.query_row([run], RunRow::read).optional()?;
    row.map(|row| row.into_run(connection)).transpose()
}

pub(super) fn run_state(connection: &Connection, run: &str) -> Result<Option<RunState>, Failure> {
    let mut select = connection.prepare_cached("SELECT start, phase, fence FROM runs WHERE id = ?1")?;
    let read = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?));
    let Some((start, phase, fence)) = select.query_row([run], read).optional()? else { return Ok(None) };
    let RunStart { options, .. } = serde_json::from_str(&start)?;
    Ok(Some(RunState { phase: serde_json::from_str(&phase)?, options, is_closed: fence == signed(CLOSED) }))
}

pub(super) fn runs(connection: &Connection, task: &str, limit: usize) -> Result<Vec<Run>, Failure> {
    let sql = format!("SELECT {RUN_COLUMNS} FROM runs WHERE task = ?1 AND id <> ?2 ORDER BY id DESC LIMIT ?3");
    let mut select = connection.prepare_cached(&sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<RunRow> =
        select.query_map(params![task, events_run(task), limit], RunRow::read)?.collect::<rusqlite::Result<_>>()?;
    rows.into_iter().map(|row| row.into_run(connection)).collect()
}

pub(super) fn checkpoint(
    connection: &Connection,
    run: &str,
    checkpoint: &Checkpoint,
    fence: u64,
) -> Result<(), Failure> {
    check_fence(connection, run, fence)?;
    let mut select = connection.prepare_cached("SELECT body FROM checkpoints WHERE run = ?1 AND id = ?2")?;
    let before: Option<String> = select.query_row(params![run, checkpoint.id], |row| row.get(0)).optional()?;
    let before: Option<Checkpoint> = before.map(|body| serde_json::from_str(&body)).transpose()?;
    if before.is_some_and(|before| before.version >= checkpoint.version && before != *checkpoint) {
        return Err(Failure::Other(ErrorKind::Conflict, checkpoint.conflict(run)));
    }
    let sql = "INSERT INTO checkpoints (run, id, found, body) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (run, id) DO UPDATE SET found = excluded.found, body = excluded.body";
    let (found, body) = (serde_json::to_string(&checkpoint.found)?, serde_json::to_string(checkpoint)?);
    connection.prepare_cached(sql)?.execute(params![run, checkpoint.id, found, body])?;
    Ok(())
}

pub(super) fn checkpoints(connection: &Connection, run: &str) -> Result<Vec<Checkpoint>, Failure> {
    let mut select = connection.prepare_cached("SELECT body FROM checkpoints WHERE run = ?1 ORDER BY id")?;
    let mut rows = select.query([run])?;
    let mut checkpoints = Vec::new();
    while let Some(row) = rows.next()? {
        checkpoints.push(serde_json::from_str(&row.get::<_, String>(0)?)?);
    }
    Ok(checkpoints)
}

pub(super) fn defer(
    connection: &Connection,
    run: &str,
    (range, number): (u32, u32),
    body: &str,
    fence: u64,
) -> Result<(), Failure> {
    check_fence(connection, run, fence)?;
    let sql = "INSERT INTO deferred_jobs (run, range, number, body) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (run, range, number) DO UPDATE SET body = excluded.body";
    connection.prepare_cached(sql)?.execute(params![run, range, number, body])?;
    Ok(())
}

pub(super) fn deferred(connection: &Connection, run: &str, range: u32, number: u32) -> Result<Option<String>, Failure> {
    let sql = "SELECT body FROM deferred_jobs WHERE run = ?1 AND range = ?2 AND number = ?3";
    Ok(connection.prepare_cached(sql)?.query_row(params![run, range, number], |row| row.get(0)).optional()?)
}
