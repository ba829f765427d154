//! CloudEvents 1.0 in JSON (cloudevents/spec, "JSON Event Format", §3): an event of any format as `data`, or in
//! `data_base64`. Tencent's carry a `specversion` of 0, so the version is not looked at.

use serde_json::Value;

use super::json::{self, Object};
use super::{EventError, Parsed, gcs, open_envelope};

pub(super) fn fits(root: &Object) -> bool {
    ["specversion", "type", "source"].iter().all(|name| json::has_text(root, name))
}

pub(super) fn read(root: &Object, envelopes: usize) -> Result<Parsed, EventError> {
    let refused = |why: &str| EventError::Envelope("cloudevents", why.to_owned());
    let decoded = match (json::at(root, "data"), json::at(root, "data_base64")) {
        (Some(data), None) => data.clone(),
        (None, Some(Value::String(text))) => json::from_base64(text)
            .and_then(|text| json::read(&text).ok())
            .ok_or_else(|| refused("data_base64 is not JSON in Base64"))?,
        _ => return Err(refused("data and data_base64 are both missing or both present")),
    };
    match (json::text(root, "type"), &decoded) {
        (Some(name), Value::Object(data)) if name.starts_with(gcs::CLOUD_EVENT) => gcs::read_cloud_event(root, data),
        _ => open_envelope(&decoded, envelopes),
    }
}
