//! Definitions and their versions.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{Delete, TransactWriteItem};

use super::{DynamoDbTasks, part, put, put_builder, unpack};
use crate::ledger::dynamodb::batch;
use crate::ledger::dynamodb::item::{Item, binary, number, pk, text};
use crate::tasks::packed::pack;
use shared::object::Timestamp;
use shared::tasks::{Author, Change, Definition, Definitions, NewTask, Summary, TaskRef, TaskState, edit_result};
use shared::{ErrorKind, Result};

/// Most versions of a task that are read.
const MAX_VERSIONS: usize = 10_000;

fn key(id: &str) -> String {
    pk("definitions", &[id])
}

fn sort_key(version: u32) -> String {
    format!("{version:010}")
}

impl DynamoDbTasks {
    fn version_part(&self, id: &str, version: u32, packed: &[u8]) -> TransactWriteItem {
        let item = Item::new(key(id), sort_key(version)).with("text", binary(packed));
        part(put_builder(&self.table, item))
    }

    /// Removes the summary of a task that is being deleted, with a record of who did it.
    async fn remove_summary(&self, present: &Summary, revision: u64, author: &Author) -> Result<bool> {
        let delete = Delete::builder()
            .table_name(&self.table.table)
            .key("pk", text(self.summaries_key()))
            .key("sk", text(&present.task.name))
            .condition_expression("revision = :revision")
            .expression_attribute_values(":revision", number(revision))
            .build()
            .expect("table and key are set");
        let delete = TransactWriteItem::builder().delete(delete).build();
        let [audit, of_all] = self.audit(&present.task, author, "forget", "");
        // Repeated, or done with its answer lost: known by its token, or refused, and the next read finds the task
        // gone. Carried out late: the revision protects another task of the name.
        Ok(self.table.transact(vec![delete, audit, of_all]).await?.is_ok())
    }
}

#[async_trait]
impl Definitions for DynamoDbTasks {
    async fn create(&self, new: &NewTask, author: &Author) -> Result<Change<Summary>> {
        new.definition.outline.check()?;
        let (packed, summary) = (pack("definition", &new.definition.text)?, Summary::of_new(new, author));
        let mut actions =
            vec![put(&self.table, self.summary_item(&summary, 0), 0), self.version_part(&new.task.id, 1, &packed)];
        actions.extend(self.audit(&new.task, author, "create", ""));
        // All or none. Repeated, or done with its answer lost: the name is taken by our id.
        if self.table.transact(actions).await?.is_ok() {
            return Ok(Change::Made);
        }
        let present = self.read(&new.task.name).await?.map(|(present, _)| present);
        let is_ours = present.as_ref().is_some_and(|present| present.is_of(&new.task));
        Ok(if is_ours { Change::Made } else { Change::conflict(present) })
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
        let (packed, version) = (pack("definition", &definition.text)?, seen.saturating_add(1));
        let mut also = self.audit(task, author, "edit", version.to_string()).to_vec();
        also.push(self.version_part(&task.id, version, &packed));
        let changed = self.change(task, &also, |present| present.edited(seen, definition, next_due)).await?;
        edit_result(self, changed, (&task.id, version, &definition.text)).await
    }

    async fn definition(&self, id: &str, version: u32) -> Result<Option<String>> {
        let record = self.table.get(&key(id), &sort_key(version)).await?;
        record.map(|record| unpack(&record, "text")).transpose()
    }

    async fn versions(&self, id: &str) -> Result<Vec<u32>> {
        let query = self.table.query(&key(id), "").scan_index_forward(false).projection_expression("pk, sk");
        let records = self.table.all(query, MAX_VERSIONS).await?;
        records.iter().map(|record| record.text("sk")?.parse().map_err(|_| record.corrupt("sk"))).collect()
    }

    async fn remove_version(&self, task: &TaskRef, version: u32) -> Result<Change<Summary>> {
        // The present version is read before the open operations: once a version is not the present one, no run
        // begins under it.
        let present = self.read(&task.name).await?.map(|(present, _)| present).filter(|present| present.is_of(task));
        let is_present = present.as_ref().is_some_and(|present| present.version == version);
        if is_present || self.is_version_in_use(&task.id, version).await? {
            return Ok(Change::conflict(present));
        }
        // Repeated, or carried out late: a version is never written again.
        let request = || {
            let delete = self.table.client.delete_item().table_name(&self.table.table);
            delete.key("pk", text(key(&task.id))).key("sk", text(sort_key(version))).send()
        };
        self.table.call(request).await?;
        Ok(Change::Made)
    }

    async fn forget(&self, task: &TaskRef, author: &Author) -> Result<Change<Summary>> {
        for _ in 0..super::MAX_ROUNDS {
            let Some((present, revision)) = self.read(&task.name).await?.filter(|(present, _)| present.is_of(task))
            else {
                return Ok(Change::Made);
            };
            if present.state != TaskState::Deleting {
                return Ok(Change::conflict(Some(present)));
            }
            // No edit follows in this state. Who dies in between leaves the summary, and repeats the call.
            let versions = self.versions(&task.id).await?;
            let deletes = versions.iter().map(|version| batch::delete(&key(&task.id), &sort_key(*version)));
            self.table.write_all(deletes.collect()).await?;
            if self.remove_summary(&present, revision, author).await? {
                return Ok(Change::Made);
            }
        }
        let message = format!("too many programs change task {} at the same time: try again", task.name);
        Err(self.table.error(ErrorKind::Unavailable, message))
    }
}
