//! Definitions and their versions.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::audits::{add_audit, audit};
use super::{SqliteTasks, read, unpack, write};
use crate::sqlite::Failure;
use crate::tasks::packed::pack;
use shared::Result;
use shared::object::Timestamp;
use shared::tasks::{Author, Change, Definition, Definitions, NewTask, Summary, TaskRef, TaskState, edit_result};

#[async_trait]
impl Definitions for SqliteTasks {
    async fn create(&self, new: &NewTask, author: &Author) -> Result<Change<Summary>> {
        new.definition.outline.check()?;
        let (packed, summary) = (pack("definition", &new.definition.text)?, Summary::of_new(new, author));
        let audit = audit(&new.task, author, "create", "");
        let work = move |t: &Transaction<'_>| match read(t, &summary.task.name)? {
            Some(present) if present.task.id == summary.task.id => Ok(Change::Made),
            Some(present) => Ok(Change::conflict(Some(present))),
            None => {
                write(t, &summary)?;
                write_version(t, &summary.task.id, 1, &packed)?;
                add_audit(t, audit.as_ref())?;
                Ok(Change::Made)
            }
        };
        self.database.transact("create task", work).await
    }

    async fn edit(
        &self,
        task: &TaskRef,
        seen: u32,
        definition: &Definition,
        next_due: Option<Timestamp>,
        author: &Author,
    ) -> Result<Change<Summary>> {
        definition.outline.check()?;
        let packed = pack("definition", &definition.text)?;
        let version = seen.saturating_add(1);
        let (id, edited) = (task.id.clone(), definition.clone());
        let changed = self
            .change(
                "edit task",
                task,
                audit(task, author, "edit", version.to_string()),
                move |present| present.edited(seen, &edited, next_due),
                move |t| write_version(t, &id, version, &packed).map(|()| true),
            )
            .await?;
        edit_result(self, changed, (&task.id, version, &definition.text)).await
    }

    async fn definition(&self, id: &str, version: u32) -> Result<Option<String>> {
        let id = id.to_owned();
        let read = move |connection: &mut Connection| {
            let sql = "SELECT text FROM definitions WHERE task = ?1 AND version = ?2";
            let mut select = connection.prepare_cached(sql)?;
            let packed: Option<Vec<u8>> = select.query_row(params![id, version], |row| row.get(0)).optional()?;
            packed.map(|packed| unpack(&packed)).transpose()
        };
        self.database.call("read definition", read).await
    }

    async fn versions(&self, id: &str) -> Result<Vec<u32>> {
        let id = id.to_owned();
        let read = move |connection: &mut Connection| {
            let sql = "SELECT version FROM definitions WHERE task = ?1 ORDER BY version DESC";
            let mut select = connection.prepare_cached(sql)?;
            let versions = select.query_map([id], |row| row.get(0))?;
            Ok(versions.collect::<rusqlite::Result<Vec<u32>>>()?)
        };
        self.database.call("read versions", read).await
    }

    async fn remove_version(&self, task: &TaskRef, version: u32) -> Result<Change<Summary>> {
        let task = task.clone();
        let work = move |t: &Transaction<'_>| {
            let present = read(t, &task.name)?.filter(|summary| summary.is_of(&task));
            let sql = "SELECT EXISTS (SELECT 1 FROM operations WHERE task = ?1 AND version = ?2 AND is_open)";
            let is_in_use: bool = t.prepare_cached(sql)?.query_row(params![task.id, version], |row| row.get(0))?;
            if is_in_use || present.as_ref().is_some_and(|summary| summary.version == version) {
                return Ok(Change::conflict(present));
            }
            let sql = "DELETE FROM definitions WHERE task = ?1 AND version = ?2";
            t.prepare_cached(sql)?.execute(params![task.id, version])?;
            Ok(Change::Made)
        };
        self.database.transact("remove version", work).await
    }

    async fn forget(&self, task: &TaskRef, author: &Author) -> Result<Change<Summary>> {
        let (task, audit) = (task.clone(), audit(task, author, "forget", ""));
        let work = move |t: &Transaction<'_>| {
            let Some(present) = read(t, &task.name)?.filter(|summary| summary.is_of(&task)) else {
                return Ok(Change::Made);
            };
            if present.state != TaskState::Deleting {
                return Ok(Change::conflict(Some(present)));
            }
            t.prepare_cached("DELETE FROM definitions WHERE task = ?1")?.execute([&task.id])?;
            t.prepare_cached("DELETE FROM tasks WHERE name = ?1")?.execute([&task.name])?;
            add_audit(t, audit.as_ref())?;
            Ok(Change::Made)
        };
        self.database.transact("forget task", work).await
    }
}

fn write_version(t: &Transaction<'_>, id: &str, version: u32, packed: &[u8]) -> Result<(), Failure> {
    let sql = "INSERT OR REPLACE INTO definitions (task, version, text) VALUES (?1, ?2, ?3)";
    t.prepare_cached(sql)?.execute(params![id, version, packed])?;
    Ok(())
}
