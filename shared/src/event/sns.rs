//! Amazon SNS around an event (SNS developer guide, "Amazon SNS message and JSON formats"). With raw message
//! delivery there is no envelope.

use super::json::{self, Object};
use super::{EventError, Format, Parsed, SubscriptionNotice, open_envelope};

pub(super) fn fits(root: &Object) -> bool {
    json::has_text(root, "Type") && json::has_text(root, "Message")
}

pub(super) fn read(root: &Object, envelopes: usize) -> Result<Parsed, EventError> {
    match (json::at(root, "Type").and_then(|t| t.as_str()), json::at(root, "Message")) {
        (Some("Notification"), Some(message)) => open_envelope(message, envelopes),
        (Some("SubscriptionConfirmation"), _) => {
            Ok(Parsed::notice(Format::Sns, SubscriptionNotice::SubscriptionConfirmation))
        }
        (Some("UnsubscribeConfirmation"), _) => {
            Ok(Parsed::notice(Format::Sns, SubscriptionNotice::UnsubscribeConfirmation))
        }
        (name, _) => {
            let name = json::quoted(name.unwrap_or_default());
            Err(EventError::Envelope("sns", format!("{name} is not a message type of SNS")))
        }
    }
}
