//! S3's events through Amazon EventBridge (Amazon S3 user guide, "EventBridge event message structure").
//! Its keys are not encoded.

use super::json::{self, Object};
use super::key::{Encoding, readings};
use super::{ChangeKind, EventError, Format, ObjectChange, Parsed, kind_of, read_record};
use crate::object::ETag;

/// `detail-type` (Amazon S3 user guide, "Using EventBridge").
const KINDS: [(&str, ChangeKind); 7] = [
    ("Object Created", ChangeKind::Created),
    ("Object Deleted", ChangeKind::Removed),
    ("Object Restore Completed", ChangeKind::Restored),
    ("Object Tags Added", ChangeKind::Metadata),
    ("Object Tags Deleted", ChangeKind::Metadata),
    ("Object ACL Updated", ChangeKind::Metadata),
    ("Object Storage Class Changed", ChangeKind::Metadata),
];

pub(super) fn fits(root: &Object) -> bool {
    json::has_text(root, "detail-type") && json::has_object(root, "detail") && json::has_text(root, "source")
}

pub(super) fn read(root: &Object, _: usize) -> Result<Parsed, EventError> {
    read_record(Format::EventBridge, root, |root| {
        let source = json::required(root, "source")?;
        if source != "aws.s3" {
            return Err(format!("its source is {}, and must be aws.s3", json::quoted(source)));
        }
        let keys = readings(json::required(root, "detail.object.key")?, Encoding::Literal)?;
        let bucket = json::optional(root, "detail.bucket.name")?.map(str::to_owned);
        let change = |key| ObjectChange {
            bucket: bucket.clone(),
            kind: kind_of(&KINDS, &json::text(root, "detail-type").unwrap_or_default()),
            size: json::number(root, "detail.object.size"),
            etag: json::text(root, "detail.object.etag").as_deref().map(ETag::new),
            version: json::text(root, "detail.object.version-id"),
            time: json::time(root, "time"),
            sequencer: json::text(root, "detail.object.sequencer"),
            ..ObjectChange::of(key)
        };
        Ok(keys.into_iter().map(change).collect())
    })
}
