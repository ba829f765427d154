//! S3 notification records (Amazon S3 user guide, "Event message structure"), and the test event.
//!
//! "The s3 key provides information about the bucket and object involved in the event. The object key
//! name value is URL encoded. For example, `red flower.jpg` becomes `red+flower.jpg`." MinIO does the same
//! (`cmd/event-notification.go`, `url.QueryEscape`). Ceph writes the name as it is
//! (`rgw_pubsub.cc`, `rgw_pubsub_s3_event::dump`) although its documents call the records compatible;
//! of other stores nothing is known.

use super::json::{self, Object};
use super::key::{Encoding, readings};
use super::{
    ChangeKind, EventError, Format, ObjectChange, Parsed, SubscriptionNotice, kind_of, read_record, read_records,
};
use crate::object::ETag;

/// Event names without `s3:` (Amazon S3 user guide, "Supported event types for SQS, SNS, and Lambda"; the
/// rows of taggings under `ObjectCreated` are MinIO's, lifecycle and synchronisation are Ceph's).
const KINDS: [(&str, ChangeKind); 11] = [
    ("ObjectCreated:PutTagging", ChangeKind::Metadata),
    ("ObjectCreated:DeleteTagging", ChangeKind::Metadata),
    ("ObjectCreated:", ChangeKind::Created),
    ("ObjectRemoved:", ChangeKind::Removed),
    ("LifecycleExpiration:", ChangeKind::Removed),
    ("ObjectLifecycle:Expiration:", ChangeKind::Removed),
    ("ObjectTagging:", ChangeKind::Metadata),
    ("ObjectAcl:", ChangeKind::Metadata),
    ("ObjectRestore:Completed", ChangeKind::Restored),
    ("ObjectSynced:Create", ChangeKind::Created),
    ("ObjectSynced:Delete", ChangeKind::Removed),
];

/// Whose keys are encoded for certain.
const FORM_ENCODED: [&str; 2] = ["aws:s3", "minio:s3"];

/// A list of records, or, as Ceph puts them into CloudEvents, one alone.
pub(super) fn fits(root: &Object) -> bool {
    json::list_of(root, "Records", "s3").is_some() != (json::has_object(root, "s3") && root.contains_key("eventName"))
}

pub(super) fn read(root: &Object, _: usize) -> Result<Parsed, EventError> {
    match json::list_of(root, "Records", "s3") {
        Some(records) => read_records(Format::S3, records.iter(), record),
        None => read_record(Format::S3, root, record),
    }
}

fn record(record: &Object) -> Result<Vec<ObjectChange>, String> {
    let source = json::text(record, "eventSource");
    let encoded = source.is_none_or(|source| FORM_ENCODED.contains(&source.as_str()));
    let encoding = if encoded { Encoding::Form } else { Encoding::Unsaid };
    let keys = readings(json::required(record, "s3.object.key")?, encoding)?;
    let bucket = json::optional(record, "s3.bucket.name")?.map(str::to_owned);
    let name = json::text(record, "eventName").unwrap_or_default();
    let etag = json::text(record, "s3.object.eTag").or_else(|| json::text(record, "s3.object.etag"));
    let change = |key| ObjectChange {
        bucket: bucket.clone(),
        kind: kind_of(&KINDS, name.strip_prefix("s3:").unwrap_or(&name)),
        size: json::number(record, "s3.object.size"),
        etag: etag.as_deref().map(ETag::new),
        version: json::text(record, "s3.object.versionId"),
        time: json::time(record, "eventTime"),
        sequencer: json::text(record, "s3.object.sequencer"),
        ..ObjectChange::of(key)
    };
    Ok(keys.into_iter().map(change).collect())
}

/// "When you configure an event notification on a bucket, Amazon S3 sends the following test message."
pub(super) fn is_test(root: &Object) -> bool {
    json::at(root, "Event").is_some_and(|event| event == "s3:TestEvent") && !root.contains_key("Records")
}

pub(super) fn read_test(_: &Object, _: usize) -> Result<Parsed, EventError> {
    Ok(Parsed::notice(Format::S3, SubscriptionNotice::Test))
}
