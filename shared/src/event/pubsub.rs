//! Google Pub/Sub: a push request's body (`{"message": …, "subscription": …}`, Pub/Sub, "Push subscriptions"),
//! a received message (`{"ackId": …, "message": …}`), or a message itself (`PubsubMessage`).
//!
//! Attributes that name an object make it a notification of Cloud Storage; else its data, in Base64, is read
//! as a body of any format: other stores publish S3's records through Pub/Sub.

use super::json::{self, Object};
use super::{EventError, Parsed, gcs, open_envelope};

pub(super) fn fits(root: &Object) -> bool {
    json::has_object(root, "message") || is_message(root)
}

fn is_message(root: &Object) -> bool {
    json::has_object(root, "attributes") && ["data", "messageId", "publishTime"].iter().any(|n| json::has_text(root, n))
}

pub(super) fn read(root: &Object, envelopes: usize) -> Result<Parsed, EventError> {
    let message = json::at(root, "message").and_then(|message| message.as_object()).unwrap_or(root);
    let data = json::at(message, "data");
    match json::at(message, "attributes").and_then(|attributes| attributes.as_object()) {
        Some(attributes) if attributes.contains_key("objectId") || attributes.contains_key("eventType") => {
            let payload =
                data.and_then(|data| json::from_base64(data.as_str()?)).and_then(|text| json::read(&text).ok());
            gcs::read_attributes(attributes, payload.as_ref().and_then(|payload| payload.as_object()))
        }
        _ => {
            open_envelope(data.ok_or_else(|| EventError::Envelope("pubsub", "it contains no data".into()))?, envelopes)
        }
    }
}
