//! Uploads that are about to be opened.
//!
//! They stand in the item of the key's upload: `intents`, how many creates no record names, and `since`,
//! after when all of them were made, by the destination's clock. `upload_id` is there while an upload
//! is recorded.

use super::DynamoDbLedger;
use super::item::{Record, number, pk, text};
use super::uploads::UPLOAD;
use shared::object::Timestamp;
use shared::objects::Intents;
use shared::{ErrorKind, Result};

/// Counts one more create that is about to be made. The earliest time stays.
pub(super) async fn intend(ledger: &DynamoDbLedger, task: &str, key: &str, now: Timestamp) -> Result<()> {
    let earliest = "attribute_not_exists(since) OR since > :now";
    match add(ledger, task, key, now, "SET since = :now ADD intents :one", Some(earliest)).await {
        Err(error) if error.kind() == ErrorKind::Conflict => {}
        added => return added,
    }
    add(ledger, task, key, now, "SET since = if_not_exists(since, :now) ADD intents :one", None).await
}

async fn add(
    ledger: &DynamoDbLedger,
    task: &str,
    key: &str,
    now: Timestamp,
    expression: &str,
    condition: Option<&str>,
) -> Result<()> {
    // Repeated, or done with its answer lost, it counts twice: someone will look once too often. Carried
    // out late: likewise.
    let request = || {
        let update = ledger.client.update_item().table_name(&ledger.table);
        update
            .key("pk", text(pk("upload", &[task, key])))
            .key("sk", text(UPLOAD))
            .update_expression(expression)
            .set_condition_expression(condition.map(str::to_owned))
            .expression_attribute_values(":now", number(now.0))
            .expression_attribute_values(":one", number(1))
            .send()
    };
    ledger.call(request).await.map(drop)
}

/// The creates that no record names.
pub(super) async fn get(ledger: &DynamoDbLedger, task: &str, key: &str) -> Result<Option<Intents>> {
    match ledger.get(&pk("upload", &[task, key]), UPLOAD).await? {
        Some(record) => of(&record),
        None => Ok(None),
    }
}

/// What an item says of them.
pub(super) fn of(record: &Record) -> Result<Option<Intents>> {
    match record.optional_number::<i64>("intents")? {
        Some(count @ 1..) => {
            let count = u32::try_from(count).map_err(|_| record.corrupt("intents"))?;
            Ok(Some(Intents { count, since: Timestamp(record.number("since")?) }))
        }
        _ => Ok(None),
    }
}

/// Forgets those that were seen: with the item, unless it records an upload.
pub(super) async fn clear(ledger: &DynamoDbLedger, task: &str, key: &str, seen: &Intents) -> Result<()> {
    let pk = pk("upload", &[task, key]);
    // Repeated, or carried out late: the conditions protect whatever came since.
    let deleted = ledger.call(|| {
        let delete = ledger.client.delete_item().table_name(&ledger.table).key("pk", text(&pk)).key("sk", text(UPLOAD));
        delete
            .condition_expression("intents = :seen AND attribute_not_exists(upload_id)")
            .expression_attribute_values(":seen", number(seen.count))
            .send()
    });
    match deleted.await {
        Err(error) if error.kind() == ErrorKind::Conflict => {}
        other => return other.map(drop),
    }
    let zeroed = ledger.call(|| {
        let update = ledger.client.update_item().table_name(&ledger.table).key("pk", text(&pk)).key("sk", text(UPLOAD));
        update
            .update_expression("SET intents = :none")
            .condition_expression("intents = :seen")
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":seen", number(seen.count))
            .send()
    });
    match zeroed.await {
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
        other => other.map(drop),
    }
}
