//! Aliyun's Simple Message Queue (MNS) around an event of OSS: what a topic pushes in the form `JSON` (Simple
//! Message Queue, "NotificationBody"), and the `data` of an EventBridge event about a queue's message
//! (EventBridge, "SMQ events"). The text may be in Base64, as it is on the queue itself.

use super::json::{self, Object};
use super::{EventError, Parsed, open_envelope};

pub(super) fn fits(root: &Object) -> bool {
    message(root).is_some()
}

fn message(root: &Object) -> Option<&serde_json::Value> {
    match (json::has_text(root, "TopicName"), json::has_text(root, "messageId")) {
        (true, _) => json::at(root, "Message"),
        (_, true) => json::at(root, "messageBody"),
        _ => None,
    }
}

pub(super) fn read(root: &Object, envelopes: usize) -> Result<Parsed, EventError> {
    open_envelope(message(root).ok_or_else(|| EventError::Envelope("mns", "it contains no message".into()))?, envelopes)
}
