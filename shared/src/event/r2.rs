//! Cloudflare R2 (R2, "Event notifications", "Message format"). `object.key` is "the key (or name) of the object
//! within the bucket", not encoded.

use super::json::{self, Object};
use super::key::{Encoding, readings};
use super::{ChangeKind, EventError, Format, ObjectChange, Parsed, kind_of, read_record};
use crate::object::ETag;

/// `action`, in the same document.
const KINDS: [(&str, ChangeKind); 5] = [
    ("PutObject", ChangeKind::Created),
    ("CopyObject", ChangeKind::Created),
    ("CompleteMultipartUpload", ChangeKind::Created),
    ("DeleteObject", ChangeKind::Removed),
    ("LifecycleDeletion", ChangeKind::Removed),
];

pub(super) fn fits(root: &Object) -> bool {
    json::has_text(root, "action") && json::has_object(root, "object") && root.contains_key("bucket")
}

pub(super) fn read(root: &Object, _: usize) -> Result<Parsed, EventError> {
    read_record(Format::R2, root, |root| {
        let keys = readings(json::required(root, "object.key")?, Encoding::Literal)?;
        let bucket = json::optional(root, "bucket")?.map(str::to_owned);
        let change = |key| ObjectChange {
            bucket: bucket.clone(),
            kind: kind_of(&KINDS, &json::text(root, "action").unwrap_or_default()),
            size: json::number(root, "object.size"),
            etag: json::text(root, "object.eTag").as_deref().map(ETag::new),
            time: json::time(root, "eventTime"),
            ..ObjectChange::of(key)
        };
        Ok(keys.into_iter().map(change).collect())
    })
}
