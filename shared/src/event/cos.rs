//! Tencent COS: what a function's trigger gets (Serverless Cloud Function, "COS Trigger Description",
//! "Event Message Structure for COS Trigger").
//!
//! `key` is `/APPID/BUCKET/KEY`, and the bucket's name in URLs, and in our locations, is `BUCKET-APPID`. Whether
//! the key is encoded is not documented, and the vendor's samples disagree.

use super::json::{self, Object, quoted};
use super::key::{Encoding, readings};
use super::{ChangeKind, EventError, Format, ObjectChange, Parsed, kind_of, read_record, read_records};
use crate::object::Timestamp;

/// Event names without `cos:`, in the same document. A removal has no `d` there.
const KINDS: [(&str, ChangeKind); 4] = [
    ("ObjectCreated:", ChangeKind::Created),
    ("ObjectRemove:", ChangeKind::Removed),
    ("ObjectRemoved:", ChangeKind::Removed),
    ("ObjectRestore:Completed", ChangeKind::Restored),
];

pub(super) fn fits(root: &Object) -> bool {
    json::list_of(root, "Records", "cos").is_some()
        != (json::has_object(root, "cos") && json::has_object(root, "event"))
}

pub(super) fn read(root: &Object, _: usize) -> Result<Parsed, EventError> {
    match json::list_of(root, "Records", "cos") {
        Some(records) => read_records(Format::Cos, records.iter(), record),
        None => read_record(Format::Cos, root, record),
    }
}

fn record(record: &Object) -> Result<Vec<ObjectChange>, String> {
    let raw = json::required(record, "cos.cosObject.key")?;
    let name = json::required(record, "cos.cosBucket.name")?;
    // A string in the document's sample, a number in some messages.
    let appid = json::number(record, "cos.cosBucket.appid").ok_or("cos.cosBucket.appid is not a number")?;
    let suffix = format!("-{appid}");
    let name = name.strip_suffix(&suffix).unwrap_or(name);
    let event = json::text(record, "event.eventName").unwrap_or_default();
    let change = |key| ObjectChange {
        bucket: Some(format!("{name}{suffix}")),
        kind: kind_of(&KINDS, event.strip_prefix("cos:").unwrap_or(&event)),
        size: json::number(record, "cos.cosObject.size"),
        version: json::text(record, "cos.cosObject.versionId").or_else(|| json::text(record, "cos.cosObject.vid")),
        time: time(record),
        ..ObjectChange::of(key)
    };
    let readings = readings(raw, Encoding::Unsaid)?;
    let keys = readings.iter().filter_map(|reading| strip(reading, appid, name));
    let changes: Vec<ObjectChange> = keys.map(|key| change(key.to_owned())).collect();
    match changes.is_empty() {
        true => Err(format!("key {} does not begin with /{appid}/{name}/, or ends there", quoted(raw))),
        false => Ok(changes),
    }
}

/// The key without the bucket before it. One that does not begin with a slash has none before it.
fn strip<'a>(reading: &'a str, appid: u64, name: &str) -> Option<&'a str> {
    if !reading.starts_with('/') {
        return Some(reading);
    }
    reading.strip_prefix(&format!("/{appid}/{name}/")).filter(|key| !key.is_empty())
}

/// Seconds since the epoch; RFC 3339 in old messages.
fn time(record: &Object) -> Option<Timestamp> {
    let seconds = json::number(record, "event.eventTime").and_then(|seconds| i64::try_from(seconds).ok());
    seconds.and_then(|s| s.checked_mul(1000)).map(Timestamp).or_else(|| json::time(record, "event.eventTime"))
}
