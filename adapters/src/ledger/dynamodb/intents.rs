//! Uploads that are about to be opened.
//!
//! They stand in the item of the key's upload: `intents`, how many creates no record names, and `since`,
//! after when all of them were made, by the destination's clock, and of the last one `intent_run`, which run announced
//! it, and `intent_mark`, a random number.
//! `upload_id` is there while an upload is recorded.

use super::DynamoDbLedger;
use super::item::{Record, number, text};
use super::uploads::item_key;
use shared::object::Timestamp;
use shared::objects::Intents;
use shared::{ErrorKind, Result};

/// The intents are those that were seen.
const SEEN: &str = "intents = :seen AND (intent_mark = :mark OR attribute_not_exists(intent_mark))";

/// Counts one more create that is about to be made. The earliest time stays.
pub(super) async fn intend(ledger: &DynamoDbLedger, task: &str, run: &str, key: &str, now: Timestamp) -> Result<()> {
    let item = item_key(task, key);
    let earliest = "attribute_not_exists(since) OR since > :now";
    match add(ledger, &item, (run, key, now), ":now", Some(earliest)).await {
        Err(error) if error.kind() == ErrorKind::Conflict => {}
        added => return added,
    }
    add(ledger, &item, (run, key, now), "if_not_exists(since, :now)", None).await
}

async fn add(
    ledger: &DynamoDbLedger,
    (pk, sk): &(String, String),
    (run, key, now): (&str, &str, Timestamp),
    since: &str,
    condition: Option<&str>,
) -> Result<()> {
    let expression =
        format!("SET since = {since}, intent_run = :run, intent_mark = :mark, #key = :key ADD intents :one");
    // Repeated, or done with its answer lost, it counts twice: someone will look once too often. Carried
    // out late: likewise.
    let request = || {
        let update = ledger.client.update_item().table_name(&ledger.table);
        update
            .key("pk", text(pk))
            .key("sk", text(sk))
            .update_expression(&expression)
            .set_condition_expression(condition.map(str::to_owned))
            .expression_attribute_names("#key", "key")
            .expression_attribute_values(":run", text(run))
            .expression_attribute_values(":mark", number(random()))
            .expression_attribute_values(":key", text(key))
            .expression_attribute_values(":now", number(now.0))
            .expression_attribute_values(":one", number(1))
            .send()
    };
    ledger.call(request).await.map(drop)
}

fn random() -> i64 {
    let [.., a, b, c, d, e, f, g, h] = uuid::Uuid::now_v7().into_bytes();
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// The creates that no record names.
pub(super) async fn get(ledger: &DynamoDbLedger, task: &str, key: &str) -> Result<Option<Intents>> {
    let (pk, sk) = item_key(task, key);
    match ledger.get(&pk, &sk).await? {
        Some(record) => of(&record),
        None => Ok(None),
    }
}

/// What an item says of them.
pub(super) fn of(record: &Record) -> Result<Option<Intents>> {
    match record.optional_number::<i64>("intents")? {
        Some(count @ 1..) => {
            let count = u32::try_from(count).map_err(|_| record.corrupt("intents"))?;
            let run = record.text("intent_run")?.to_owned();
            // None in an item of an earlier build.
            let mark = record.optional_number("intent_mark")?.unwrap_or(0);
            Ok(Some(Intents { count, since: Timestamp(record.number("since")?), run, mark }))
        }
        _ => Ok(None),
    }
}

/// Forgets those that were seen: with the item, unless it records an upload.
pub(super) async fn clear(ledger: &DynamoDbLedger, task: &str, key: &str, seen: &Intents) -> Result<()> {
    let (pk, sk) = item_key(task, key);
    // Repeated, or carried out late: the conditions protect whatever came since.
    let deleted = ledger.call(|| {
        let delete = ledger.client.delete_item().table_name(&ledger.table).key("pk", text(&pk)).key("sk", text(&sk));
        delete
            .condition_expression(format!("{SEEN} AND attribute_not_exists(upload_id)"))
            .expression_attribute_values(":seen", number(seen.count))
            .expression_attribute_values(":mark", number(seen.mark))
            .send()
    });
    match deleted.await {
        Err(error) if error.kind() == ErrorKind::Conflict => {}
        other => return other.map(drop),
    }
    let zeroed = ledger.call(|| {
        let update = ledger.client.update_item().table_name(&ledger.table).key("pk", text(&pk)).key("sk", text(&sk));
        update
            .update_expression("SET intents = :none")
            .condition_expression(SEEN)
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":seen", number(seen.count))
            .expression_attribute_values(":mark", number(seen.mark))
            .send()
    });
    match zeroed.await {
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
        other => other.map(drop),
    }
}
