//! Open uploads, their parts, and uploads that are about to be opened.
//!
//! A key has one row: its intents, and the upload that is recorded, whose id is empty as long as there
//! is none.

use rusqlite::{Connection, OptionalExtension, params};

use crate::sqlite::Failure;
use shared::object::Timestamp;
use shared::objects::{Intents, OpenUploads, PartRecord, PartSet, UploadRecord};
use shared::store::Upload;

pub(super) fn intend(connection: &Connection, task: &str, run: &str, key: &str, now: Timestamp) -> Result<(), Failure> {
    let sql = "INSERT INTO uploads (task, key, id, body, intents, since, intent_run, intent_mark)
               VALUES (?1, ?2, '', '', 1, ?3, ?4, random())
               ON CONFLICT (task, key) DO UPDATE SET
                   since = CASE intents WHEN 0 THEN excluded.since ELSE min(since, excluded.since) END,
                   intents = intents + 1, intent_run = excluded.intent_run, intent_mark = excluded.intent_mark";
    connection.prepare_cached(sql)?.execute(params![task, key, now.0, run])?;
    Ok(())
}

pub(super) fn intents(connection: &Connection, task: &str, key: &str) -> Result<Option<Intents>, Failure> {
    let sql = "SELECT intents, since, intent_run, intent_mark FROM uploads
               WHERE task = ?1 AND key = ?2 AND intents > 0";
    let mut select = connection.prepare_cached(sql)?;
    let found = |row: &rusqlite::Row<'_>| {
        let (count, since) = (row.get(0)?, Timestamp(row.get(1)?));
        Ok(Intents { count, since, run: row.get(2)?, mark: row.get(3)? })
    };
    Ok(select.query_row([task, key], found).optional()?)
}

pub(super) fn clear_intents(
    connection: &Connection,
    task: &str,
    key: &str,
    (count, mark): (u32, i64),
) -> Result<(), Failure> {
    let sql = "UPDATE uploads SET intents = 0 WHERE task = ?1 AND key = ?2 AND intents = ?3 AND intent_mark = ?4";
    connection.prepare_cached(sql)?.execute(params![task, key, count, mark])?;
    remove_empty(connection, task, key)
}

/// A row that says nothing any more.
fn remove_empty(connection: &Connection, task: &str, key: &str) -> Result<(), Failure> {
    let sql = "DELETE FROM uploads WHERE task = ?1 AND key = ?2 AND id = '' AND intents = 0";
    connection.prepare_cached(sql)?.execute([task, key])?;
    Ok(())
}

pub(super) fn open(connection: &Connection, record: &UploadRecord) -> Result<UploadRecord, Failure> {
    let (key, id) = (&record.upload.key, &record.upload.id);
    if let Some(first) = read(connection, &record.task, key)? {
        return Ok(first);
    }
    let sql = "INSERT INTO uploads (task, key, id, body) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (task, key) DO UPDATE SET
                   id = excluded.id, body = excluded.body, intents = max(intents - 1, 0)";
    connection.prepare_cached(sql)?.execute(params![record.task, key, id, serde_json::to_string(record)?])?;
    Ok(record.clone())
}

pub(super) fn read(connection: &Connection, task: &str, key: &str) -> Result<Option<UploadRecord>, Failure> {
    let sql = "SELECT body FROM uploads WHERE task = ?1 AND key = ?2 AND id != ''";
    let body: Option<String> = connection.prepare_cached(sql)?.query_row([task, key], |row| row.get(0)).optional()?;
    Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
}

pub(super) fn of_keys(connection: &Connection, task: &str, keys: &[String]) -> Result<Vec<OpenUploads>, Failure> {
    let mut found = Vec::new();
    for key in keys {
        let open = OpenUploads {
            key: key.clone(),
            record: read(connection, task, key)?,
            intents: intents(connection, task, key)?,
        };
        if open.record.is_some() || open.intents.is_some() {
            found.push(open);
        }
    }
    Ok(found)
}

/// The uploads of a task that are open, or may be: a page in key order that begins after this key.
pub(super) fn of_task(
    connection: &Connection,
    task: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<OpenUploads>, Option<String>), Failure> {
    let sql = "SELECT key FROM uploads WHERE task = ?1 AND (?2 IS NULL OR key > ?2) ORDER BY key LIMIT ?3";
    let mut select = connection.prepare_cached(sql)?;
    let limit_rows = i64::try_from(limit).unwrap_or(i64::MAX);
    let keys: Vec<String> =
        select.query_map(params![task, after, limit_rows], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let token = keys.last().filter(|_| keys.len() >= limit).cloned();
    Ok((of_keys(connection, task, &keys)?, token))
}

/// The number of an upload, if it is the one recorded for its key.
fn number(connection: &Connection, task: &str, upload: &Upload) -> Result<Option<i64>, Failure> {
    let sql = "SELECT number FROM uploads WHERE task = ?1 AND key = ?2 AND id = ?3";
    let mut select = connection.prepare_cached(sql)?;
    Ok(select.query_row([task, &upload.key, &upload.id], |row| row.get(0)).optional()?)
}

/// A late job's parts of an upload that is closed already are not recorded: nobody would remove them.
pub(super) fn record_parts(
    connection: &Connection,
    task: &str,
    upload: &Upload,
    parts: &[PartRecord],
) -> Result<PartSet, Failure> {
    let Some((id, mut set)) = set(connection, task, upload)? else { return Ok(PartSet::default()) };
    // Repeated, it is there already. Sent anew, the part has one more record.
    let sql = "INSERT OR IGNORE INTO part_records (upload, number, body) VALUES (?1, ?2, ?3)";
    let mut insert = connection.prepare_cached(sql)?;
    for part in parts {
        insert.execute(params![id, part.number, serde_json::to_string(part)?])?;
        set.insert(part.number);
    }
    let update = "UPDATE uploads SET parts = ?2 WHERE number = ?1";
    connection.prepare_cached(update)?.execute(params![id, set.bytes()])?;
    Ok(set)
}

pub(super) fn part_set(connection: &Connection, task: &str, upload: &Upload) -> Result<PartSet, Failure> {
    Ok(set(connection, task, upload)?.map(|(_, set)| set).unwrap_or_default())
}

/// The number of an upload and the set of its parts, if it is the one recorded for its key.
fn set(connection: &Connection, task: &str, upload: &Upload) -> Result<Option<(i64, PartSet)>, Failure> {
    let sql = "SELECT number, parts FROM uploads WHERE task = ?1 AND key = ?2 AND id = ?3";
    let found = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, PartSet::from_bytes(row.get(1)?)));
    Ok(connection.prepare_cached(sql)?.query_row([task, &upload.key, &upload.id], found).optional()?)
}

pub(super) fn recorded_parts(connection: &Connection, task: &str, upload: &Upload) -> Result<Vec<PartRecord>, Failure> {
    let Some(number) = number(connection, task, upload)? else { return Ok(Vec::new()) };
    let sql = "SELECT body FROM part_records WHERE upload = ?1 ORDER BY number";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([number])?;
    let mut parts = Vec::new();
    while let Some(row) = rows.next()? {
        parts.push(serde_json::from_str(&row.get::<_, String>(0)?)?);
    }
    Ok(parts)
}

/// The row goes with its upload, unless intents are left.
pub(super) fn close(connection: &Connection, task: &str, upload: &Upload) -> Result<Option<Intents>, Failure> {
    if let Some(number) = number(connection, task, upload)? {
        connection.prepare_cached("DELETE FROM part_records WHERE upload = ?1")?.execute([number])?;
        let sql = "UPDATE uploads SET id = '', body = '', parts = x'' WHERE number = ?1";
        connection.prepare_cached(sql)?.execute([number])?;
        remove_empty(connection, task, &upload.key)?;
    }
    intents(connection, task, &upload.key)
}
