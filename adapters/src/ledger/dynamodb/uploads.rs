//! Open uploads. Their parts are recorded in [`parts`].
//!
//! The uploads of a task stand in [`SHARDS`] partitions, by their keys' digests, so that they are listed without a scan
//! and no partition takes all of their writes.

use std::collections::{BTreeSet, HashMap};

use super::deflated::{deflate, inflate};
use super::item::{Attributes, Record, binary, number, pk, sha256_hex, text};
use super::{DynamoDbLedger, intents, parts};
use shared::objects::{Intents, OpenUploads, UploadRecord};
use shared::store::Upload;
use shared::{ErrorKind, Result};

/// The partitions of a task's uploads, each named by the first digit of its keys' digests; in order.
const SHARDS: &str = "0123456789abcdef";

/// Partition and sort key of the item of a key's upload.
pub(super) fn item_key(task: &str, key: &str) -> (String, String) {
    let digest = sha256_hex(key);
    (pk("uploads", &[task, &digest[..1]]), digest)
}

/// The partitions of a task's uploads.
pub(super) fn partitions(task: &str) -> Vec<String> {
    SHARDS.chars().map(|shard| pk("uploads", &[task, &shard.to_string()])).collect()
}

/// How often another upload may be opened and closed between two requests of ours.
const MAX_ROUNDS: usize = 10;

/// Records an upload, unless one is recorded: then that one comes back.
pub(super) async fn open(ledger: &DynamoDbLedger, record: &UploadRecord) -> Result<UploadRecord> {
    let (pk, sk) = item_key(&record.task, &record.upload.key);
    let attributes = encode(record);
    // Written by name, for the item may hold intents, one of which this fulfils.
    let sets: Vec<String> = attributes.keys().map(|name| format!("#{name}=:{name}")).collect();
    let expression = format!("SET {} ADD intents :fulfilled", sets.join(","));
    let names: HashMap<String, String> = attributes.keys().map(|name| (format!("#{name}"), name.clone())).collect();
    let mut values: Attributes = attributes.into_iter().map(|(name, value)| (format!(":{name}"), value)).collect();
    values.insert(":fulfilled".to_owned(), number(-1));
    for _ in 0..MAX_ROUNDS {
        // Repeated, or done with its answer lost: ours is recorded, and comes back from the read.
        let update = ledger.call(|| {
            let update = ledger.client.update_item().table_name(&ledger.table);
            update
                .key("pk", text(&pk))
                .key("sk", text(&sk))
                .update_expression(&expression)
                .condition_expression("attribute_not_exists(upload_id)")
                .set_expression_attribute_names(Some(names.clone()))
                .set_expression_attribute_values(Some(values.clone()))
                .send()
        });
        match update.await {
            Ok(_) => return Ok(record.clone()),
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) => return Err(error),
        }
        if let Some(existing) = get(ledger, &record.task, &record.upload.key).await? {
            return Ok(existing);
        }
        // It was closed in between.
    }
    let message = format!("too many workers open and close uploads of key {} at the same time", record.upload.key);
    Err(ledger.error(ErrorKind::Unavailable, message))
}

/// The open upload of a key.
pub(super) async fn get(ledger: &DynamoDbLedger, task: &str, key: &str) -> Result<Option<UploadRecord>> {
    let (pk, sk) = item_key(task, key);
    let found = ledger.get(&pk, &sk).await?;
    found.as_ref().filter(|record| record.optional("upload_id").is_some()).map(decode).transpose()
}

/// The uploads of these keys that are open, or may be.
pub(super) async fn of_keys(ledger: &DynamoDbLedger, task: &str, keys: &[&str]) -> Result<Vec<OpenUploads>> {
    let items: BTreeSet<(String, String)> = keys.iter().map(|key| item_key(task, key)).collect();
    let records = ledger.get_all(items.iter().map(|(pk, sk)| (pk.as_str(), sk.as_str()))).await?;
    records.iter().filter_map(|record| open_of(record).transpose()).collect()
}

/// The uploads of a task that are open, or may be: a page that begins after the item of this sort key.
pub(super) async fn of_task(
    ledger: &DynamoDbLedger,
    task: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<OpenUploads>, Option<String>)> {
    let mut records: Vec<Record> = Vec::new();
    for shard in SHARDS.chars().map(String::from) {
        // The items of an earlier partition have smaller sort keys.
        if after.is_some_and(|after| after > shard.as_str() && !after.starts_with(&shard)) || records.len() >= limit {
            continue;
        }
        let query = ledger.query(&pk("uploads", &[task, &shard]), "");
        let query = match after {
            Some(after) => query
                .key_condition_expression("pk = :pk AND sk > :after")
                .expression_attribute_values(":after", text(after)),
            None => query,
        };
        records.extend(ledger.all(query, limit - records.len()).await?);
    }
    let token = records.last().filter(|_| records.len() >= limit);
    let token = token.map(|last| last.text("sk").map(str::to_owned)).transpose()?;
    let open: Result<Vec<OpenUploads>> = records.iter().filter_map(|record| open_of(record).transpose()).collect();
    Ok((open?, token))
}

/// What an item says is open, or may be.
fn open_of(record: &Record) -> Result<Option<OpenUploads>> {
    let upload = record.optional("upload_id").map(|_| decode(record)).transpose()?;
    let open = OpenUploads { key: record.text("key")?.to_owned(), record: upload, intents: intents::of(record)? };
    Ok((open.record.is_some() || open.intents.is_some()).then_some(open))
}

/// Forgets an upload and its parts. The record goes last: should this be cut off, the upload is still
/// known, and the worker that takes it up finds at the destination how it stands, and closes it again.
pub(super) async fn close(ledger: &DynamoDbLedger, task: &str, upload: &Upload) -> Result<Option<Intents>> {
    let (pk, sk) = item_key(task, &upload.key);
    parts::forget(ledger, task, upload).await?;
    // Repeated, or carried out late: the condition protects an upload that was opened since.
    let deleted = ledger.call(|| {
        let delete = ledger.client.delete_item().table_name(&ledger.table).key("pk", text(&pk)).key("sk", text(&sk));
        delete
            .condition_expression("#upload = :upload AND (attribute_not_exists(intents) OR intents <= :none)")
            .expression_attribute_names("#upload", "upload_id")
            .expression_attribute_values(":upload", text(&upload.id))
            .expression_attribute_values(":none", number(0))
            .send()
    });
    match deleted.await {
        Err(error) if error.kind() == ErrorKind::Conflict => {}
        other => return other.map(|_| None),
    }
    // Intents are left, or it is another upload.
    // The key stays: it names the intents.
    let names = RECORDED.into_iter().filter(|name| *name != "key").map(|name| (format!("#{name}"), name.to_owned()));
    let names: HashMap<String, String> = names.collect();
    let words: Vec<String> = (0..parts::WORDS).map(|at| format!("w{at}")).collect();
    let recorded: Vec<&str> = names.keys().map(String::as_str).collect();
    let removes = format!("REMOVE {},{}", recorded.join(","), words.join(","));
    let removed = ledger.call(|| {
        let update = ledger.client.update_item().table_name(&ledger.table).key("pk", text(&pk)).key("sk", text(&sk));
        update
            .update_expression(&removes)
            .condition_expression("#upload_id = :upload")
            .set_expression_attribute_names(Some(names.clone()))
            .expression_attribute_values(":upload", text(&upload.id))
            .send()
    });
    match removed.await {
        Err(error) if error.kind() == ErrorKind::Conflict => {}
        other => other.map(drop)?,
    }
    intents::get(ledger, task, &upload.key).await
}

/// The attributes of a recorded upload.
const RECORDED: [&str; 9] = ["task", "run", "key", "upload_id", "bytes", "part_bytes", "attempt", "opened", "record"];

/// The record, compressed, with what a person looks for beside it. What has an attribute of its own stands there alone:
/// an item of up to 1 KiB counts as one write, each time that it changes.
fn encode(record: &UploadRecord) -> Attributes {
    let rest = UploadRecord {
        task: String::new(),
        run: String::new(),
        upload: Upload { key: String::new(), id: String::new() },
        ..record.clone()
    };
    let rest = deflate(&rest).expect("a record is shorter than an item");
    let values = [
        text(&record.task),
        text(&record.run),
        text(&record.upload.key),
        text(&record.upload.id),
        number(record.size),
        number(record.part_bytes),
        number(record.attempt),
        number(record.opened.0),
        binary(&rest),
    ];
    RECORDED.map(str::to_owned).into_iter().zip(values).collect()
}

fn decode(record: &Record) -> Result<UploadRecord> {
    let rest: Option<UploadRecord> = inflate(record.bytes("record")?);
    let rest = rest.ok_or_else(|| record.corrupt("record"))?;
    let owned = |name: &str| record.text(name).map(str::to_owned);
    let upload = Upload { key: owned("key")?, id: owned("upload_id")? };
    Ok(UploadRecord { task: owned("task")?, run: owned("run")?, upload, ..rest })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::types::AttributeValue;
    use proptest::prelude::*;
    use shared::digest::Checksum;
    use shared::job::Origin;
    use shared::object::{self, ETag, Pin, Timestamp};
    use std::collections::BTreeMap;

    fn record(upload: Upload, numbers: (u64, u64, u32, i64), user: BTreeMap<String, String>) -> UploadRecord {
        UploadRecord {
            task: "t".into(),
            run: "r".into(),
            origin: Origin { id: "0/1".into(), items: 1 },
            index: 0,
            upload,
            source: Pin { etag: Some(ETag::new("e-2")), version: None },
            modified: Timestamp(numbers.3),
            size: numbers.0,
            part_bytes: numbers.1,
            writes: "w".into(),
            same_parts: false,
            tags: user.clone(),
            storage_class: None,
            acl: None,
            encryption: None,
            attributes: object::Attributes { user, ..object::Attributes::default() },
            checksum: Some(Checksum::md5([1; 16])),
            attempt: numbers.2,
            restarts: numbers.0 as u32 % 5,
            opened: Timestamp(numbers.3),
        }
    }

    proptest! {
        #[test]
        fn an_upload_comes_back_from_its_item_unchanged(
            key in any::<String>(), id in any::<String>(), numbers in any::<(u64, u64, u32, i64)>(),
            user in prop::collection::btree_map(any::<String>(), any::<String>(), 0..3),
        ) {
            let record = record(Upload { key, id }, numbers, user);
            prop_assert_eq!(decode(&Record::new(encode(&record))).unwrap(), record);
        }
    }

    /// The bytes that DynamoDB counts: of names and of values.
    fn item_bytes(attributes: &Attributes) -> usize {
        let value = |value: &AttributeValue| match value {
            AttributeValue::S(text) => text.len(),
            AttributeValue::N(number) => number.len() / 2 + 2,
            AttributeValue::B(bytes) => bytes.as_ref().len(),
            other => panic!("{other:?}"),
        };
        attributes.iter().map(|(name, of_name)| name.len() + value(of_name)).sum()
    }

    #[test]
    fn an_upload_of_up_to_256_parts_counts_as_one_write() {
        // Digests, which do not compress. Ids at Amazon S3 have 128 characters.
        let upload = Upload { key: format!("a/folder/{}.bin", sha256_hex("key")), id: sha256_hex("id").repeat(2) };
        let user = BTreeMap::from([("mtime".to_owned(), "1700000000.123456789".to_owned())]);
        let tag = format!("{}-64", &sha256_hex("tag")[..32]);
        let run = "0190c0c3-6f6e-7b1f-8b59-4f8f3c0f5d11";
        let record = UploadRecord {
            task: "a-task-of-some-length".into(),
            run: run.into(),
            source: Pin { etag: Some(ETag::new(&tag)), version: Some(sha256_hex("version")) },
            writes: sha256_hex("writes"),
            ..record(upload, (1 << 40, 16 << 20, 1, 1_700_000_000_123), user)
        };
        let (pk, sk) = item_key(&record.task, &record.upload.key);
        let mut item = encode(&record);
        item.extend([
            ("pk".to_owned(), text(pk)),
            ("sk".to_owned(), text(sk)),
            ("intents".to_owned(), number(0)),
            ("since".to_owned(), number(1_700_000_000_123_i64)),
            ("intent_run".to_owned(), text(run)),
            ("intent_mark".to_owned(), number(i64::MIN)),
            ("w0".to_owned(), binary(&[255; 32])),
        ]);
        let bytes = item_bytes(&item);
        assert!(bytes <= 1024, "{bytes} bytes");
    }
}
