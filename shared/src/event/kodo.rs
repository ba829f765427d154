//! Qiniu Kodo's callbacks (Kodo, "事件通知"): an envelope of `Message`, `Subject` and `Timestamp`, whose message is
//! the event, as a text. Keys are not encoded.
//!
//! The bucket's name is Kodo's own, and the S3 interface may know it by another; so no bucket is taken from it, and
//! the key is looked at in the task's bucket. Nor is `hash` an ETag that S3 shows. An upload's own callback
//! has the form that its sender gave it; `{"key": $(key), "size": $(fsize)}` makes it a minimal event.

use super::json::{self, Object};
use super::{ChangeKind, EventError, Format, ObjectChange, Parsed, kind_of, open_envelope, read_record};
use crate::object::Timestamp;

/// `event`, in the same document. Forbidding an object and allowing it again change who may read it.
const KINDS: [(&str, ChangeKind); 9] = [
    ("put", ChangeKind::Created),
    ("copy", ChangeKind::Created),
    ("append", ChangeKind::Created),
    ("mkfile", ChangeKind::Created),
    ("move", ChangeKind::Removed),
    ("delete", ChangeKind::Removed),
    ("disable", ChangeKind::Metadata),
    ("enable", ChangeKind::Metadata),
    ("restore:completed", ChangeKind::Restored),
];

/// The envelope. Amazon SNS's has a `Type`, Aliyun's a `TopicName`.
pub(super) fn is_callback(root: &Object) -> bool {
    root.contains_key("Message")
        && json::has_text(root, "Subject")
        && !["Type", "TopicName"].iter().any(|n| root.contains_key(*n))
}

pub(super) fn read_callback(root: &Object, envelopes: usize) -> Result<Parsed, EventError> {
    let message = json::at(root, "Message");
    open_envelope(message.ok_or_else(|| EventError::Envelope("kodo", "Message is missing".into()))?, envelopes)
}

/// The event.
pub(super) fn fits(root: &Object) -> bool {
    json::has_text(root, "event") && root.contains_key("key") && root.contains_key("bucket")
}

pub(super) fn read(root: &Object, _: usize) -> Result<Parsed, EventError> {
    read_record(Format::Kodo, root, |root| {
        let event = json::required(root, "event")?;
        let time = json::number(root, "time").and_then(|nanos| i64::try_from(nanos / 1_000_000).ok()).map(Timestamp);
        let key = json::required(root, "key")?.to_owned();
        let size = json::number(root, "fsize");
        let mut changes = vec![ObjectChange { kind: kind_of(&KINDS, event), size, time, ..ObjectChange::of(key) }];
        // A move and a copy name what they made; other events may leave it empty.
        if let Some(made) = json::text(root, "dest_key") {
            changes.push(ObjectChange { kind: ChangeKind::Created, size, time, ..ObjectChange::of(made) });
        }
        Ok(changes)
    })
}
