//! Aliyun OSS: what a function's trigger gets (Function Compute, "Formats of event for different
//! triggers", "OSS triggers"; Simple Message Queue, "OSS event notification", the same). In EventBridge, `data` is
//! one of the list's items.
//!
//! Keys are not encoded: the vendor's own readers use them as they are (aliyun/fluent-plugin-oss,
//! `in_oss.rb`, `get_objects`; Function Compute's samples).

use super::json::{self, Object};
use super::key::{Encoding, readings};
use super::{ChangeKind, EventError, Format, ObjectChange, Parsed, kind_of, read_record, read_records};
use crate::object::ETag;

/// Event names without `oss:` (EventBridge, "OSS events"; Function Compute, "Overview of OSS event triggers").
/// Parts of an upload are no object yet.
const KINDS: [(&str, ChangeKind); 11] = [
    ("ObjectCreated:InitiateMultipartUpload", ChangeKind::Other),
    ("ObjectCreated:UploadPart", ChangeKind::Other),
    ("ObjectCreated:", ChangeKind::Created),
    ("ObjectRemoved:AbortMultipartUpload", ChangeKind::Other),
    ("ObjectRemoved:", ChangeKind::Removed),
    ("ObjectModified:", ChangeKind::Metadata),
    ("ObjectRestore:FinishRestore", ChangeKind::Restored),
    ("ObjectReplication:ObjectCreated", ChangeKind::Created),
    ("ObjectReplication:ObjectModified", ChangeKind::Created),
    ("ObjectReplication:ObjectRemoved", ChangeKind::Removed),
    ("LifecycleExpiration:", ChangeKind::Removed),
];

pub(super) fn fits(root: &Object) -> bool {
    json::list_of(root, "events", "oss").is_some() != (json::has_object(root, "oss") && root.contains_key("eventName"))
}

pub(super) fn read(root: &Object, _: usize) -> Result<Parsed, EventError> {
    match json::list_of(root, "events", "oss") {
        Some(records) => read_records(Format::Oss, records.iter(), record),
        None => read_record(Format::Oss, root, record),
    }
}

fn record(record: &Object) -> Result<Vec<ObjectChange>, String> {
    let keys = readings(json::required(record, "oss.object.key")?, Encoding::Literal)?;
    let bucket = json::optional(record, "oss.bucket.name")?.map(str::to_owned);
    let name = json::text(record, "eventName").unwrap_or_default();
    let change = |key| ObjectChange {
        bucket: bucket.clone(),
        kind: kind_of(&KINDS, name.strip_prefix("oss:").unwrap_or(&name)),
        size: json::number(record, "oss.object.size"),
        etag: json::text(record, "oss.object.eTag").as_deref().map(ETag::new),
        version: json::text(record, "oss.object.versionId"),
        time: json::time(record, "eventTime"),
        ..ObjectChange::of(key)
    };
    Ok(keys.into_iter().map(change).collect())
}
