//! Making the table, for those who do not use terraform.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableDescription, TableStatus,
    TimeToLiveSpecification, TimeToLiveStatus,
};
use tokio::time::sleep;

use super::DynamoDbLedger;
use super::item::EXPIRES;
use shared::retry;
use shared::{Error, ErrorKind, Result};

/// How often a table that is being made is looked at, a second apart. It takes 5 to 30 s.
const MAX_LOOKS: u32 = 180;

const LOOK_PAUSE: Duration = Duration::from_secs(1);

/// Makes the table unless it exists, and says what was done.
pub(super) async fn create(ledger: &DynamoDbLedger) -> Result<Vec<String>> {
    let table = &ledger.table;
    let line = match describe(ledger).await {
        Ok(description) => existing(table, &description)?,
        Err(error) if error.kind() == ErrorKind::NoSuchContainer => match create_table(ledger).await {
            Ok(()) => format!("created table {table}"),
            // Someone else made it meanwhile, or our own first request did and its answer was lost.
            Err(error) if error.kind() == ErrorKind::Conflict => existing(table, &describe(ledger).await?)?,
            Err(error) => return Err(error),
        },
        Err(error) => return Err(error),
    };
    wait_until_active(ledger).await?;
    let expiry = match enable_expiry(ledger).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => Some(format!(
            "table {table} keeps expired items, because this service has no time to live: delete them from time to time"
        )),
        other => other?,
    };
    Ok([Some(line), expiry].into_iter().flatten().collect())
}

/// The table as it is; `NoSuchContainer` if it does not exist.
pub(super) async fn describe(ledger: &DynamoDbLedger) -> Result<TableDescription> {
    // Read-only: slow, repeated or lost, it changes nothing.
    let request = || ledger.client.describe_table().table_name(&ledger.table).send();
    let answer = ledger.call_by(&retry::DESCRIBE, request).await?;
    answer.table.ok_or_else(|| ledger.error(ErrorKind::Corrupt, "the table has no description"))
}

/// Refuses a table that has other keys than ours.
pub(super) fn check(table: &str, description: &TableDescription) -> Result<()> {
    let is_key = |name, kind| {
        let is_text = |definition: &AttributeDefinition| {
            definition.attribute_name() == name && *definition.attribute_type() == ScalarAttributeType::S
        };
        description.key_schema().iter().any(|key| key.attribute_name() == name && *key.key_type() == kind)
            && description.attribute_definitions().iter().any(is_text)
    };
    if is_key("pk", KeyType::Hash) && is_key("sk", KeyType::Range) {
        return Ok(());
    }
    let message =
        "the table's keys are not the strings `pk` and `sk`: give another table, and create it with `flotilla init`";
    Err(Error::new(ErrorKind::Invalid, retry::DESCRIBE.verb, table, message))
}

fn existing(table: &str, description: &TableDescription) -> Result<String> {
    check(table, description)?;
    let billing = description.billing_mode_summary().and_then(|summary| summary.billing_mode());
    Ok(match billing {
        Some(BillingMode::PayPerRequest) => format!("table {table} exists"),
        _ => format!(
            "table {table} exists and is not changed; it has provisioned capacity instead of on-demand capacity"
        ),
    })
}

async fn create_table(ledger: &DynamoDbLedger) -> Result<()> {
    let attribute = |name| {
        let definition = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        definition.build().expect("name and type are set")
    };
    let key = |name, kind| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("name and type are set")
    };
    // Repeated, or done with its answer lost: `ResourceInUse`, which the caller takes for what it is.
    let request = || {
        ledger
            .client
            .create_table()
            .table_name(&ledger.table)
            .attribute_definitions(attribute("pk"))
            .attribute_definitions(attribute("sk"))
            .key_schema(key("pk", KeyType::Hash))
            .key_schema(key("sk", KeyType::Range))
            .billing_mode(BillingMode::PayPerRequest)
            .send()
    };
    ledger.call_by(&retry::DESCRIBE, request).await.map(drop)
}

async fn wait_until_active(ledger: &DynamoDbLedger) -> Result<()> {
    for _ in 0..MAX_LOOKS {
        match describe(ledger).await {
            Ok(table) if matches!(table.table_status(), Some(TableStatus::Active | TableStatus::Updating)) => {
                return Ok(());
            }
            Ok(_) => {}
            // Descriptions are eventually consistent: a new table may be unknown for a moment.
            Err(error) if error.kind() == ErrorKind::NoSuchContainer => {}
            Err(error) => return Err(error),
        }
        sleep(LOOK_PAUSE).await;
    }
    let message = format!("the table is still not active after {MAX_LOOKS} s: run `flotilla init` again");
    Err(ledger.error(ErrorKind::Timeout, message))
}

/// Has DynamoDB remove what has expired. Without it everything works, and nothing is ever removed.
async fn enable_expiry(ledger: &DynamoDbLedger) -> Result<Option<String>> {
    let table = &ledger.table;
    // Read-only: slow, repeated or lost, it changes nothing.
    let request = || ledger.client.describe_time_to_live().table_name(table).send();
    let answer = ledger.call_by(&retry::DESCRIBE, request).await?;
    let description = answer.time_to_live_description;
    let attribute = description.as_ref().and_then(|d| d.attribute_name());
    match description.as_ref().and_then(|d| d.time_to_live_status()) {
        Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling) if attribute == Some(EXPIRES) => return Ok(None),
        Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling | TimeToLiveStatus::Disabling) => {
            let name = attribute.unwrap_or("another attribute");
            return Ok(Some(format!(
                "table {table} is not changed; its time to live uses the attribute {name} instead of {EXPIRES}"
            )));
        }
        _ => {}
    }
    let specification = TimeToLiveSpecification::builder().attribute_name(EXPIRES).enabled(true).build();
    let specification = specification.expect("name and flag are set");
    // Repeated, or done with its answer lost: refused as enabled already, which the next look shows.
    let request = || {
        let update = ledger.client.update_time_to_live().table_name(table);
        update.time_to_live_specification(specification.clone()).send()
    };
    match ledger.call_by(&retry::DESCRIBE, request).await {
        Err(error) if error.message().contains("already enabled") => Ok(None),
        Err(error) => Err(error),
        Ok(_) => Ok(Some(format!("enabled time to live on table {table} (attribute {EXPIRES:?})"))),
    }
}
