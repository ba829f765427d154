//! Positions of streams: one item a partition.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};

use super::DynamoDbLedger;
use super::item::{Item, Record, number, pk};
use super::settle::add_to_counter;
use shared::ledger::{Advance, Advanced, Position, Settled};
use shared::{ErrorKind, Result};

const POSITION: &str = "position";

/// Advances a position, and counts, in one transaction.
///
/// Slow, cut off, or done with its answer lost: the request is sent again under its token, and DynamoDB answers as the
/// first time. Repeated by the caller, or carried out late: the version is no longer the expected one, and the
/// condition refuses it; the item's token shows whether the step is recorded.
pub(super) async fn advance(ledger: &DynamoDbLedger, step: &Advance<'_>) -> Result<Advanced> {
    if let Some(message) = step.cursor_error() {
        return Err(ledger.error(ErrorKind::Invalid, message));
    }
    let mut actions = vec![put(ledger, step)];
    if *step.counters != Settled::default() {
        actions.push(add_to_counter(ledger, step.run, step.counters));
    }
    match ledger.transact(actions).await? {
        Ok(()) => Ok(Advanced::Done),
        // The condition of the position is the only one.
        Err(_refused) => refused_step(ledger, step).await,
    }
}

fn put(ledger: &DynamoDbLedger, step: &Advance<'_>) -> TransactWriteItem {
    let item = Item::new(pk(POSITION, &[step.task, step.partition]), POSITION)
        .with_text("task", Some(step.task))
        .with_text("partition", Some(step.partition))
        .with_text("run", Some(step.run))
        .with_text("cursor", Some(step.cursor))
        .with_text("token", Some(step.token))
        .with("version", number(step.expected.saturating_add(1)));
    let put = Put::builder().table_name(&ledger.table).set_item(Some(item.attributes()));
    let put = match step.expected {
        0 => put.condition_expression("attribute_not_exists(pk)"),
        version => put
            .condition_expression("#version = :version")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":version", number(version)),
    };
    TransactWriteItem::builder().put(put.build().expect("table and item are set")).build()
}

/// The answer to a step whose expected position is not recorded.
async fn refused_step(ledger: &DynamoDbLedger, step: &Advance<'_>) -> Result<Advanced> {
    let Some(record) = ledger.get(&pk(POSITION, &[step.task, step.partition]), POSITION).await? else {
        return Ok(Advanced::Conflict(None));
    };
    if record.text("token")? == step.token {
        return Ok(Advanced::Done);
    }
    Ok(Advanced::Conflict(Some(decode(&record)?)))
}

/// The position of a partition.
pub(super) async fn position(ledger: &DynamoDbLedger, task: &str, partition: &str) -> Result<Option<Position>> {
    ledger.get(&pk(POSITION, &[task, partition]), POSITION).await?.as_ref().map(decode).transpose()
}

fn decode(record: &Record) -> Result<Position> {
    Ok(Position { version: record.number("version")?, cursor: record.text("cursor")?.to_owned() })
}
