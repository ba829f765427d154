//! Operations and their results, and which of them are not done.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{Delete, TransactWriteItem};

use super::{
    DynamoDbTasks, MAX_ROUNDS, REVISION, after, decode, expiring, is_valid, json, part, put, put_builder, unpack,
};
use crate::ledger::dynamodb::item::{Item, Record, binary, number, pk, text};
use crate::tasks::packed::pack;
use shared::object::Timestamp;
use shared::tasks::{Change, Next, OPERATIONS_KEPT, Operation, OperationClass, OperationEnd, Operations};
use shared::{ErrorKind, Result};

/// Most open operations that are looked through for a version.
const MAX_OPEN: usize = 10_000;

fn key(task: &str) -> String {
    pk("operations", &[task])
}

fn checkpoint_key(task: &str) -> String {
    pk("operation-checkpoints", &[task])
}

/// Sorts by the time of the request.
fn open_sort_key(operation: &Operation) -> String {
    format!("{:015}-{}", operation.requested.0.max(0), operation.id)
}

/// The item of an operation after a record with this revision.
fn item(operation: &Operation, revision: u64) -> Result<Item> {
    let mut head = Operation { request: String::new(), ..operation.clone() };
    let result = head.end.as_mut().map(|end| std::mem::take(&mut end.result));
    let mut item = Item::new(key(&operation.task), &operation.id)
        .with("operation", json(&head))
        .with("request", binary(&pack("request", &operation.request)?))
        .with(REVISION, number(revision + 1));
    if let Some(result) = result {
        item = item.with("result", binary(&pack("result", &result)?));
    }
    Ok(match &operation.end {
        Some(end) => expiring(item, after(end.at, OPERATIONS_KEPT)),
        None => item,
    })
}

fn operation(record: &Record) -> Result<Operation> {
    let mut operation: Operation = decode(record, "operation")?;
    operation.request = unpack(record, "request")?;
    if let Some(end) = &mut operation.end {
        end.result = unpack(record, "result")?;
    }
    Ok(operation)
}

impl DynamoDbTasks {
    fn open_key(&self, class: OperationClass) -> String {
        pk("open", &[&self.fleet, class.as_str()])
    }

    /// The writes that record a new operation.
    pub(super) fn new_operation(&self, operation: &Operation) -> Result<[TransactWriteItem; 2]> {
        let open = Item::new(self.open_key(operation.kind.class()), open_sort_key(operation))
            .with("operation", text(&operation.id))
            .with("task", text(&operation.task))
            .with("version", number(operation.version));
        Ok([put(&self.table, item(operation, 0)?, 0), part(put_builder(&self.table, open))])
    }

    /// Whether an operation of the task that is not done refers to the version.
    pub(super) async fn is_version_in_use(&self, task: &str, version: u32) -> Result<bool> {
        let refers = |record: &Record| {
            let refers_to = record.optional_number::<u32>("version").ok().flatten() == Some(version);
            refers_to && record.optional("task") == Some(task)
        };
        // A notice is sent by the present version, whatever its own is.
        for class in [OperationClass::Run, OperationClass::Other] {
            let open = self.table.all(self.table.query(&self.open_key(class), ""), MAX_OPEN).await?;
            // More of them than are looked through: one may refer to it.
            if open.len() >= MAX_OPEN || open.iter().any(refers) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn read_operation(&self, task: &str, id: &str) -> Result<Option<(Operation, u64)>> {
        let record = self.table.get(&key(task), id).await?.filter(is_valid);
        record.map(|record| Ok((operation(&record)?, record.number(REVISION)?))).transpose()
    }

    /// Writes a done operation, which is not open any more; whether it did.
    async fn write_end(&self, operation: &Operation, revision: u64) -> Result<bool> {
        let delete = Delete::builder()
            .table_name(&self.table.table)
            .key("pk", text(self.open_key(operation.kind.class())))
            .key("sk", text(open_sort_key(operation)))
            .build()
            .expect("table and key are set");
        let delete = TransactWriteItem::builder().delete(delete).build();
        let actions = vec![put(&self.table, item(operation, revision)?, revision), delete];
        // Repeated, or done with its answer lost: known by its token, or refused, and the next read shows the end.
        Ok(self.table.transact(actions).await?.is_ok())
    }

    async fn change_operation(
        &self,
        task: &str,
        id: &str,
        decide: impl Fn(&Operation) -> Next<Operation> + Send + Sync,
    ) -> Result<Change<Operation>> {
        for _ in 0..MAX_ROUNDS {
            let Some((present, revision)) = self.read_operation(task, id).await? else {
                return Ok(Change::Conflict(None));
            };
            let next = match decide(&present) {
                Next::Made => return Ok(Change::Made),
                Next::Conflict => return Ok(Change::conflict(Some(present))),
                Next::Write(next) => next,
            };
            let is_written = match next.end {
                Some(_) => self.write_end(&next, revision).await?,
                None => self.put_if(item(&next, revision)?, revision).await?,
            };
            if is_written {
                return Ok(Change::Made);
            }
        }
        let message = format!("too many programs change operation {id} at the same time: try again");
        Err(self.table.error(ErrorKind::Unavailable, message))
    }
}

#[async_trait]
impl Operations for DynamoDbTasks {
    async fn request(&self, operation: &Operation) -> Result<()> {
        // All or none. Repeated, or done with its answer lost: refused, and it is there. Carried out late, when the
        // operation is done: refused likewise.
        let _refused = self.table.transact(self.new_operation(operation)?.to_vec()).await?;
        Ok(())
    }

    async fn step(&self, task: &str, id: &str, seen: u64, worker: &str, progress: &str) -> Result<Change<Operation>> {
        self.change_operation(task, id, |present| present.stepped(seen, worker, progress)).await
    }

    async fn show_progress(&self, task: &str, id: &str, step: u64, progress: &str) -> Result<()> {
        // Carried out late: the revision is another one, and it is refused.
        self.change_operation(task, id, |present| present.shown(step, progress)).await.map(drop)
    }

    async fn finish(&self, task: &str, id: &str, end: &OperationEnd) -> Result<Change<Operation>> {
        pack("result", &end.result)?;
        self.change_operation(task, id, |present| present.ended(end)).await
    }

    async fn save_checkpoint(&self, task: &str, id: &str, step: u64, checkpoint: &str) -> Result<bool> {
        let item = Item::new(checkpoint_key(task), id)
            .with("step", number(step))
            .with("checkpoint", binary(&pack("checkpoint", checkpoint)?));
        let attributes = expiring(item, after(Timestamp::now(), OPERATIONS_KEPT)).attributes();
        // Repeated, or done with its answer lost: written again. Carried out late: the condition protects a later one.
        let written = self.table.call(|| {
            let put = self.table.client.put_item().table_name(&self.table.table);
            put.set_item(Some(attributes.clone()))
                .condition_expression("attribute_not_exists(pk) OR #step <= :step")
                .expression_attribute_names("#step", "step")
                .expression_attribute_values(":step", number(step))
                .send()
        });
        match written.await {
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            other => other.map(|_| true),
        }
    }

    async fn checkpoint(&self, task: &str, id: &str) -> Result<Option<String>> {
        let record = self.table.get(&checkpoint_key(task), id).await?.filter(is_valid);
        record.map(|record| unpack(&record, "checkpoint")).transpose()
    }

    async fn operation(&self, task: &str, id: &str) -> Result<Option<Operation>> {
        Ok(self.read_operation(task, id).await?.map(|(operation, _)| operation))
    }

    async fn operations(
        &self,
        task: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Operation>, Option<String>)> {
        let (records, token) = self.page(&key(task), after, limit).await?;
        Ok((records.iter().map(operation).collect::<Result<_>>()?, token))
    }

    async fn open_operations(&self, class: OperationClass, limit: usize) -> Result<Vec<Operation>> {
        let open = self.table.all(self.table.query(&self.open_key(class), ""), limit).await?;
        let keys: Vec<(String, String)> = open
            .iter()
            .map(|record| Ok((key(record.text("task")?), record.text("operation")?.to_owned())))
            .collect::<Result<_>>()?;
        let records = self.table.get_all(keys.iter().map(|(pk, sk)| (pk.as_str(), sk.as_str()))).await?;
        let operations: Vec<Operation> = records.iter().map(operation).collect::<Result<_>>()?;
        // One that ended between the two reads is done. The records come in any order.
        let mut operations: Vec<Operation> =
            operations.into_iter().filter(|operation| operation.end.is_none()).collect();
        operations.sort_by_key(open_sort_key);
        Ok(operations)
    }
}
