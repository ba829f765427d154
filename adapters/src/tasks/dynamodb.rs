//! Tasks in the ledger's DynamoDB table.
//!
//! | pk | sk | what |
//! |---|---|---|
//! | `summaries#FLEET` | the task's name | a task: all but its definitions |
//! | `definitions#TASK` | `VERSION` | a version of a definition, compressed |
//! | `operations#TASK` | the operation | what was asked of a task, with its result |
//! | `operation-checkpoints#TASK` | the operation | what its next slice needs, compressed |
//! | `open#FLEET#CLASS` | `TIME-OPERATION` | that the operation is not done |
//! | `samples#TASK` | `MINUTE` | a task in one minute |
//! | `workers#FLEET` | the worker | a worker's heartbeat |
//! | `fleet#FLEET` | `record` | what controllers remember of the fleet |
//! | `sessions#FLEET#SESSION` | `ended` | that a session of the console was ended |
//! | `audits#TASK` | `TIME-UNIQUE` | a change of a task |
//! | `audits-of-all#FLEET#MONTH` | `TIME-UNIQUE` | the same, once more |
//!
//! `TASK` is a task's id, numbers have leading zeros. Everything is found by its key.
//!
//! A record that several programs change has a `revision`. A change reads the record (strongly consistent), asks the
//! rules ([`shared::tasks::Next`]), and writes the next one if the revision is still the one that was read; else it
//! reads again. So a request that is repeated because its answer was lost, or carried out late by the service, is
//! refused, and the next read shows whether the change was made.

mod audits;
mod control;
mod definitions;
mod heartbeats;
mod operations;
mod samples;
mod sign_outs;

use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use serde::de::DeserializeOwned;

use super::packed;
use crate::ledger::dynamodb::DynamoDbLedger;
use crate::ledger::dynamodb::item::{EXPIRES, Item, Record, number, pk, text};
use shared::object::Timestamp;
use shared::tasks::{Change, Next, Summary, TaskRef};
use shared::{ErrorKind, Result};

/// How often other programs may change a task between our reading and writing.
const MAX_ROUNDS: usize = 40;

/// Counts the writes of a record.
const REVISION: &str = "revision";

/// The tasks of one fleet in a DynamoDB table.
#[derive(Debug, Clone)]
pub struct DynamoDbTasks {
    table: DynamoDbLedger,
    fleet: String,
}

impl DynamoDbTasks {
    /// The tasks of a fleet, in the table of its ledger.
    pub fn of(ledger: &DynamoDbLedger, fleet: &str) -> DynamoDbTasks {
        DynamoDbTasks { table: ledger.clone(), fleet: fleet.to_owned() }
    }

    fn summaries_key(&self) -> String {
        pk("summaries", &[&self.fleet])
    }

    /// A task with the revision of its record.
    async fn read(&self, name: &str) -> Result<Option<(Summary, u64)>> {
        let record = self.table.get(&self.summaries_key(), name).await?;
        record.map(|record| Ok((decode(&record, "summary")?, record.number(REVISION)?))).transpose()
    }

    /// The item of a task after a record with this revision.
    fn summary_item(&self, summary: &Summary, revision: u64) -> Item {
        let item = Item::new(self.summaries_key(), &summary.task.name).with("summary", json(summary));
        item.with(REVISION, number(revision + 1))
    }

    /// Changes a task by a rule. `also` is written in the same transaction.
    async fn change(
        &self,
        task: &TaskRef,
        also: &[TransactWriteItem],
        decide: impl Fn(&Summary) -> Next<Summary> + Send + Sync,
    ) -> Result<Change<Summary>> {
        for _ in 0..MAX_ROUNDS {
            let Some((present, revision)) = self.read(&task.name).await?.filter(|(summary, _)| summary.is_of(task))
            else {
                return Ok(Change::Conflict(None));
            };
            let next = match decide(&present) {
                Next::Made => return Ok(Change::Made),
                Next::Conflict => return Ok(Change::conflict(Some(present))),
                Next::Write(next) => self.summary_item(&next, revision),
            };
            let is_written = match also {
                [] => self.put_if(next, revision).await?,
                also => {
                    let mut actions = vec![put(&self.table, next, revision)];
                    actions.extend_from_slice(also);
                    match self.table.transact(actions).await? {
                        Ok(()) => true,
                        Err(refused) if refused.action == 0 => false,
                        // What belongs to the change is there: an earlier request of the caller made it.
                        Err(_) => true,
                    }
                }
            };
            if is_written {
                return Ok(Change::Made);
            }
        }
        let message = format!("too many programs change task {} at the same time: try again", task.name);
        Err(self.table.error(ErrorKind::Unavailable, message))
    }

    /// Writes an item if the one that is there has this revision (0: if none is there); whether it did.
    async fn put_if(&self, item: Item, revision: u64) -> Result<bool> {
        let attributes = item.attributes();
        // Slow or cut off: sent again. Repeated, or done with its answer lost: the condition refuses it, and the
        // caller reads what is there. Carried out late: the condition protects what was written since.
        let written = self.table.call(|| {
            let request = self.table.client.put_item().table_name(&self.table.table);
            let request = request.set_item(Some(attributes.clone()));
            match revision {
                0 => request.condition_expression("attribute_not_exists(pk)"),
                revision => request
                    .condition_expression("revision = :revision")
                    .expression_attribute_values(":revision", number(revision)),
            }
            .send()
        });
        match written.await {
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            other => other.map(|_| true),
        }
    }
}

/// As [`DynamoDbTasks::put_if`], as a part of a transaction.
fn put(table: &DynamoDbLedger, item: Item, revision: u64) -> TransactWriteItem {
    let put = put_builder(table, item);
    let put = match revision {
        0 => put.condition_expression("attribute_not_exists(pk)"),
        revision => {
            put.condition_expression("revision = :revision").expression_attribute_values(":revision", number(revision))
        }
    };
    part(put)
}

fn put_builder(table: &DynamoDbLedger, item: Item) -> PutBuilder {
    Put::builder().table_name(&table.table).set_item(Some(item.attributes()))
}

fn part(put: PutBuilder) -> TransactWriteItem {
    TransactWriteItem::builder().put(put.build().expect("table and item are set")).build()
}

/// A value as JSON in a text attribute.
fn json(value: &impl serde::Serialize) -> aws_sdk_dynamodb::types::AttributeValue {
    text(serde_json::to_string(value).expect("records are representable as JSON"))
}

/// The value of an attribute that `json` made.
fn decode<T: DeserializeOwned>(record: &Record, name: &str) -> Result<T> {
    serde_json::from_str(record.text(name)?).map_err(|error| record.corrupt(name).with_source(error))
}

/// The text of a compressed attribute.
fn unpack(record: &Record, name: &str) -> Result<String> {
    packed::unpack(record.bytes(name)?).map_err(|why| record.corrupt(name).and(&why))
}

/// An item that nobody reads from `until` on, and that the service removes some days later.
fn expiring(item: Item, until: Timestamp) -> Item {
    item.with(EXPIRES, number(until.as_secs()))
}

/// Whether a record's time is not over.
fn is_valid(record: &Record) -> bool {
    let until = record.optional_number::<i64>(EXPIRES).ok().flatten();
    until.is_none_or(|until| until > Timestamp::now().as_secs())
}

fn after(time: Timestamp, kept: std::time::Duration) -> Timestamp {
    Timestamp(time.0.saturating_add(i64::try_from(kept.as_millis()).unwrap_or(i64::MAX)))
}

impl DynamoDbTasks {
    /// A page of a partition, the last sort keys first. A page that is not full has no token: it is the end.
    async fn page(&self, pk: &str, before: Option<&str>, limit: usize) -> Result<(Vec<Record>, Option<String>)> {
        if limit == 0 {
            return Ok((Vec::new(), None));
        }
        let query = self.table.query(pk, "").scan_index_forward(false);
        let query = match before {
            Some(before) => query
                .key_condition_expression("pk = :pk AND sk < :before")
                .expression_attribute_values(":before", text(before)),
            None => query,
        };
        let records = self.table.all(query, limit).await?;
        let token = records.last().filter(|_| records.len() == limit);
        let token = token.map(|last| last.text("sk").map(str::to_owned)).transpose()?;
        Ok((records.into_iter().filter(is_valid).collect(), token))
    }
}
