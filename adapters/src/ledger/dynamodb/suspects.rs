//! Suspect keys.
//!
//! Those of a task stand in one partition, for they are few; the sort key is the key itself, by whose bytes DynamoDB
//! sorts. A sort key has 1 to 1,024 bytes: the empty key has an item elsewhere, and a longer one ends in its digest.

use async_trait::async_trait;

use super::DynamoDbLedger;
use super::item::{Item, Record, number, pk, sha256_hex, text};
use shared::object::Timestamp;
use shared::objects::{Suspect, SuspectKeys};
use shared::{ErrorKind, Result};

/// Longest sort key, bytes.
const MAX_SORT_KEY_BYTES: usize = 1_024;

/// A digest in hexadecimal, bytes.
const DIGEST_BYTES: usize = 64;

/// The item of the empty key: the location's own marker.
const ROOT: &str = "root";

/// Partition and sort key of a key's item.
fn item_key(task: &str, key: &str) -> (String, String) {
    if key.is_empty() {
        return (pk("suspect-root", &[task]), ROOT.to_owned());
    }
    (pk("suspects", &[task]), sort_key(key))
}

fn sort_key(key: &str) -> String {
    if key.len() <= MAX_SORT_KEY_BYTES {
        return key.to_owned();
    }
    let kept = key.floor_char_boundary(MAX_SORT_KEY_BYTES - DIGEST_BYTES);
    format!("{}{}", &key[..kept], sha256_hex(key))
}

fn decode(record: &Record) -> Result<Suspect> {
    Ok(Suspect { key: record.text("key")?.to_owned(), since: Timestamp(record.number("since")?) })
}

#[async_trait]
impl SuspectKeys for DynamoDbLedger {
    async fn suspect(&self, task: &str, suspect: &Suspect) -> Result<()> {
        let (pk, sk) = item_key(task, &suspect.key);
        // Repeated, or carried out late: an earlier mark may come back, which costs one copy.
        self.put(Item::new(pk, sk).with("key", text(&suspect.key)).with("since", number(suspect.since.0))).await
    }

    async fn suspects(&self, task: &str, from: &str, limit: usize) -> Result<Vec<Suspect>> {
        let mut records = Vec::new();
        if from.is_empty() && limit > 0 {
            let (pk, sk) = item_key(task, "");
            records.extend(self.get(&pk, &sk).await?);
        }
        let query = self.query(&pk("suspects", &[task]), "");
        let query = match from {
            "" => query,
            from if from.len() <= MAX_SORT_KEY_BYTES => query
                .key_condition_expression("pk = :pk AND sk >= :from")
                .expression_attribute_values(":from", text(from)),
            // The successor of a key that is as long as a sort key can be, or longer.
            from => query
                .key_condition_expression("pk = :pk AND sk > :after")
                .expression_attribute_values(":after", text(sort_key(from.strip_suffix('\0').unwrap_or(from)))),
        };
        if records.len() < limit {
            records.extend(self.all(query, limit - records.len()).await?);
        }
        records.iter().map(decode).collect()
    }

    async fn clear_suspect(&self, task: &str, seen: &Suspect) -> Result<()> {
        let (pk, sk) = item_key(task, &seen.key);
        // Repeated, or carried out late: the condition protects a later mark.
        let cleared = self.call(|| {
            let delete = self.client.delete_item().table_name(&self.table).key("pk", text(&pk)).key("sk", text(&sk));
            delete
                .condition_expression("since = :seen")
                .expression_attribute_values(":seen", number(seen.since.0))
                .send()
        });
        match cleared.await {
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
            other => other.map(drop),
        }
    }
}
