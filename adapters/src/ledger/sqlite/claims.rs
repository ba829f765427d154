//! Claims of finders.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::sqlite::Failure;
use shared::ErrorKind;
use shared::ledger::ClaimView;

/// A wish to be the only finder of a task.
pub(super) struct Claim {
    pub(super) task: String,
    pub(super) owner: String,
    /// The owner's process, as the database names it.
    pub(super) holder: String,
    pub(super) dead: Option<ClaimView>,
}

/// A claim as it stands in its row.
struct Claimed {
    view: ClaimView,
    holder: String,
}

impl Claim {
    /// Another's claim counts while its process lives, unless the caller has seen that the claim does not change. The
    /// transaction holds the write lock from its start: no two can both find the task unclaimed.
    pub(super) fn take(self, connection: &Connection, is_alive: impl Fn(&str) -> bool) -> Result<u64, Failure> {
        let present = read(connection, &self.task)?;
        let renewed = present.as_ref().is_some_and(|present| present.view.owner == self.owner);
        if let Some(Claimed { view, holder }) = present.filter(|_| !renewed)
            && self.dead.as_ref() != Some(&view)
            && is_alive(&holder)
        {
            return Err(Failure::Other(ErrorKind::Conflict, format!("claimed by {}", view.owner)));
        }
        let sql = "INSERT INTO claims (task, owner, holder, fence, beat) VALUES (?1, ?2, ?3, 1, 1)
                   ON CONFLICT (task) DO UPDATE SET owner = excluded.owner, holder = excluded.holder,
                   fence = fence + ?4, beat = beat + 1
                   RETURNING fence";
        let mut upsert = connection.prepare_cached(sql)?;
        let row = params![self.task, self.owner, self.holder, i64::from(!renewed)];
        Ok(upsert.query_row(row, |row| number(row, 0))?)
    }
}

/// A counter, which is never negative; SQLite's integers are signed.
fn number(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(index).map(i64::unsigned_abs)
}

fn read(connection: &Connection, task: &str) -> Result<Option<Claimed>, Failure> {
    let sql = "SELECT owner, fence, beat, holder FROM claims WHERE task = ?1 AND owner IS NOT NULL";
    let decode = |row: &Row<'_>| {
        let view = ClaimView { owner: row.get(0)?, fence: number(row, 1)?, beat: number(row, 2)? };
        Ok(Claimed { view, holder: row.get(3)? })
    };
    Ok(connection.prepare_cached(sql)?.query_row([task], decode).optional()?)
}

/// The claim of an owner whose process lives.
pub(super) fn claimed(
    connection: &Connection,
    task: &str,
    is_alive: impl Fn(&str) -> bool,
) -> Result<Option<ClaimView>, Failure> {
    Ok(read(connection, task)?.filter(|claimed| is_alive(&claimed.holder)).map(|claimed| claimed.view))
}

pub(super) fn unclaim(connection: &Connection, task: &str, owner: &str) -> Result<(), Failure> {
    let sql = "UPDATE claims SET owner = NULL WHERE task = ?1 AND owner = ?2";
    connection.prepare_cached(sql)?.execute([task, owner])?;
    Ok(())
}
