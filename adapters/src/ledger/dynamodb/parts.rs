//! The parts of an upload that are at the destination.
//!
//! The upload's own item has the set of them, as bitmap words `w0`, `w1`, … of 256 parts each: an update replaces a
//! word by one with more bits, on the condition that the word is the one that was known, and returns all words. The parts
//! of several jobs are in one word: if another job has changed it meanwhile, the condition refuses the update, which is
//! billed, and the set is read again. A plan counts this once for each group of a giant's parts but the first. Words go
//! with the upload: a late write finds another upload, or none, and changes nothing.
//!
//! Tags and checksums of the parts stand in items of their own, one a group, which are
//! written once, before the bits that say so, and read once, when the upload is completed. A part that was sent twice
//! stands in two of them.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use sha2::{Digest as _, Sha256};

use super::item::{Attributes, Item, Record, binary, pk, sha256_hex, text};
use super::uploads::item_key;
use super::{DynamoDbLedger, batch, part_group};
use shared::digest::to_hex;
use shared::objects::{PartRecord, PartSet};
use shared::store::Upload;
use shared::{ErrorKind, Result};

/// Bytes of a word: 256 parts.
const WORD_BYTES: usize = 32;

/// Words of the largest upload: 10,000 parts.
pub(super) const WORDS: usize = 40;

/// Most parts of one group's item: some 10 KB.
const PARTS_PER_ITEM: usize = 400;

/// Items written at once.
const WRITES_AT_ONCE: usize = 8;

/// How often others may add parts of the same word first: each time a group of theirs is in.
const MAX_ROUNDS: usize = 1_000;

type Word = [u8; WORD_BYTES];

/// Adds parts; gives the set of those that are recorded now, empty if the upload is closed. `known` is the set that the
/// caller saw last: a stale one costs a read.
pub(super) async fn record(
    ledger: &DynamoDbLedger,
    task: &str,
    upload: &Upload,
    parts: &[PartRecord],
    known: &PartSet,
) -> Result<PartSet> {
    let pk = group_partition(task, upload);
    let groups: Vec<_> = parts.chunks(PARTS_PER_ITEM).map(|group| put_group(ledger, &pk, upload, group)).collect();
    let () = stream::iter(groups).buffer_unordered(WRITES_AT_ONCE).try_collect().await?;
    let mut known = known.clone();
    for _ in 0..MAX_ROUNDS {
        let changes = changes_to(&known, parts);
        if !changes.is_empty() {
            match set_words(ledger, task, upload, &changes).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                set => return set,
            }
        }
        // Nothing to add to the set that the caller knew, another one's parts came first, ours are in and the answer
        // was lost, or the upload is closed.
        match of(ledger, task, upload).await? {
            Some(now) if changes_to(&now, parts).is_empty() => return Ok(now),
            Some(now) => known = now,
            None => {
                forget(ledger, task, upload).await?;
                return Ok(PartSet::default());
            }
        }
    }
    Err(ledger.error(ErrorKind::Unavailable, format!("upload {} is worked on by too many", upload.id)))
}

/// The set of recorded parts; `None` if the upload is not the recorded one.
pub(super) async fn of(ledger: &DynamoDbLedger, task: &str, upload: &Upload) -> Result<Option<PartSet>> {
    let (pk, sk) = item_key(task, &upload.key);
    let record = ledger.get(&pk, &sk).await?;
    Ok(record.filter(|record| record.optional("upload_id") == Some(&upload.id)).map(|record| decode(&record)))
}

/// One group's item. Its name is that of its content, so repeating it writes the same again. After a close it is
/// removed again.
async fn put_group(ledger: &DynamoDbLedger, pk: &str, upload: &Upload, group: &[PartRecord]) -> Result<()> {
    let body = part_group::encode(group);
    let first = group.first().map_or(0, |part| part.number);
    let sk = format!("{}{first:05}-{}", prefix(upload), &to_hex(&Sha256::digest(&body)[..8]));
    ledger.put(Item::new(pk, sk).with("parts", binary(&body))).await
}

/// The words that the parts change: what is known of each, and what it becomes.
fn changes_to(known: &PartSet, parts: &[PartRecord]) -> BTreeMap<usize, (Option<Word>, Word)> {
    let mut wanted = known.clone();
    for part in parts {
        wanted.insert(part.number);
    }
    let words = |set: &PartSet| -> BTreeMap<usize, Word> { words(set.bytes()).collect() };
    let before = words(known);
    words(&wanted)
        .into_iter()
        .map(|(at, word)| (at, (before.get(&at).copied(), word)))
        .filter(|(_, (old, new))| old.as_ref() != Some(new))
        .collect()
}

/// The words that are not empty.
fn words(bytes: &[u8]) -> impl Iterator<Item = (usize, Word)> + '_ {
    bytes.chunks(WORD_BYTES).enumerate().filter(|(_, bytes)| bytes.iter().any(|byte| *byte != 0)).map(|(at, bytes)| {
        let mut word = [0; WORD_BYTES];
        word[..bytes.len()].copy_from_slice(bytes);
        (at, word)
    })
}

async fn set_words(
    ledger: &DynamoDbLedger,
    task: &str,
    upload: &Upload,
    changes: &BTreeMap<usize, (Option<Word>, Word)>,
) -> Result<PartSet> {
    let (pk, sk) = item_key(task, &upload.key);
    let sets: Vec<String> = changes.keys().map(|at| format!("w{at}=:w{at}")).collect();
    let mut conditions = vec!["#upload = :upload".to_owned()];
    let mut values: Attributes = HashMap::from([(":upload".to_owned(), text(&upload.id))]);
    for (at, (old, new)) in changes {
        values.insert(format!(":w{at}"), binary(new));
        match old {
            Some(old) => {
                values.insert(format!(":o{at}"), binary(old));
                conditions.push(format!("w{at} = :o{at}"));
            }
            None => conditions.push(format!("attribute_not_exists(w{at})")),
        }
    }
    let (expression, condition) = (format!("SET {}", sets.join(",")), conditions.join(" AND "));
    // Repeated, done with its answer lost, or carried out late: the word is no longer the one that was known, and the
    // condition refuses it.
    let request = || {
        let update = ledger.client.update_item().table_name(&ledger.table).key("pk", text(&pk)).key("sk", text(&sk));
        update
            .update_expression(&expression)
            .condition_expression(&condition)
            .expression_attribute_names("#upload", "upload_id")
            .set_expression_attribute_values(Some(values.clone()))
            .return_values(ReturnValue::AllNew)
            .send()
    };
    let item = ledger.call(request).await?.attributes.unwrap_or_default();
    Ok(decode(&Record::new(item)))
}

fn decode(record: &Record) -> PartSet {
    let mut bytes = vec![0; WORDS * WORD_BYTES];
    for (at, bytes) in bytes.chunks_mut(WORD_BYTES).enumerate() {
        if let Some(AttributeValue::B(word)) = record.attributes().get(&format!("w{at}")) {
            let length = word.as_ref().len().min(WORD_BYTES);
            bytes[..length].copy_from_slice(&word.as_ref()[..length]);
        }
    }
    PartSet::from_bytes(bytes)
}

/// The records of the parts, by number.
pub(super) async fn records(ledger: &DynamoDbLedger, task: &str, upload: &Upload) -> Result<Vec<PartRecord>> {
    let query = ledger.query(&group_partition(task, upload), &prefix(upload));
    let mut parts: Vec<PartRecord> = Vec::new();
    for record in ledger.all(query, usize::MAX).await? {
        let group = part_group::decode(record.bytes("parts")?);
        parts.extend(group.ok_or_else(|| record.corrupt("parts"))?);
    }
    parts.sort_by_key(|part| part.number);
    Ok(parts)
}

/// Forgets the records of the parts; the set goes with the upload.
pub(super) async fn forget(ledger: &DynamoDbLedger, task: &str, upload: &Upload) -> Result<()> {
    let pk = group_partition(task, upload);
    let query = ledger.query(&pk, &prefix(upload)).projection_expression("sk");
    let keys = ledger.all(query, usize::MAX).await?;
    let deletes = keys.iter().map(|record| record.text("sk").map(|sk| batch::delete(&pk, sk)));
    ledger.write_all(deletes.collect::<Result<_>>()?).await
}

/// The partition of the groups of an upload's parts: each key has its own.
fn group_partition(task: &str, upload: &Upload) -> String {
    pk("upload", &[task, &upload.key])
}

/// What the sort keys of an upload's parts begin with. Stores' upload ids may be longer than a sort key.
fn prefix(upload: &Upload) -> String {
    format!("parts#{}#", sha256_hex(&upload.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::object::ETag;
    use shared::objects::Proof;

    #[test]
    fn an_update_names_only_the_words_that_change() {
        let parts = |numbers: &[u32]| -> Vec<PartRecord> {
            let part = |&number| PartRecord {
                number,
                etag: ETag::new("e"),
                checksum: None,
                md5: None,
                proof: Proof::default(),
            };
            numbers.iter().map(part).collect()
        };
        let known: PartSet = [1, 257, 10_000].into_iter().collect();
        assert!(changes_to(&known, &parts(&[1, 257, 10_000])).is_empty());
        let changed = changes_to(&known, &parts(&[256, 600]));
        let olds: Vec<(usize, bool)> = changed.iter().map(|(at, (old, _))| (*at, old.is_some())).collect();
        assert_eq!(olds, [(0, true), (2, false)]);
        let item: Attributes = words(known.bytes()).map(|(at, word)| (format!("w{at}"), binary(&word))).collect();
        assert_eq!((item.len(), decode(&Record::new(item))), (3, known));
    }
}
