//! Google Cloud Storage, in three spellings: the attributes of a Pub/Sub notification (Cloud Storage, "Pub/Sub
//! notifications for Cloud Storage"), the object's resource, which is such a notification's payload
//! (JSON API, "Objects"), and CloudEvents of Eventarc with that resource as data
//! (googleapis/google-cloudevents, `StorageObjectData`). Names are not encoded in any of them.
//!
//! The resource's `etag` is not the ETag that the XML API shows; that is the MD5, where the object has one.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::json::{self, Object};
use super::{ChangeKind, EventError, Format, ObjectChange, Parsed, kind_of, read_record};
use crate::object::ETag;

/// `eventType` of a notification, and the end of a CloudEvent's `type`. Archived is what
/// is no longer the live version: overwritten or deleted.
const KINDS: [(&str, ChangeKind); 8] = [
    ("OBJECT_FINALIZE", ChangeKind::Created),
    ("OBJECT_METADATA_UPDATE", ChangeKind::Metadata),
    ("OBJECT_DELETE", ChangeKind::Removed),
    ("OBJECT_ARCHIVE", ChangeKind::Removed),
    ("finalized", ChangeKind::Created),
    ("metadataUpdated", ChangeKind::Metadata),
    ("deleted", ChangeKind::Removed),
    ("archived", ChangeKind::Removed),
];

/// The start of the `type` of CloudEvents about objects.
pub(super) const CLOUD_EVENT: &str = "google.cloud.storage.object.v1.";

/// An object's resource.
pub(super) fn fits(root: &Object) -> bool {
    json::at(root, "kind").is_some_and(|kind| kind == "storage#object")
}

/// The resource alone does not say what happened to the object, but that it was deleted.
pub(super) fn read(root: &Object, _: usize) -> Result<Parsed, EventError> {
    let kind = if json::has_text(root, "timeDeleted") { ChangeKind::Removed } else { ChangeKind::Other };
    read_record(Format::Gcs, root, |resource| Ok(vec![ObjectChange { kind, ..change(resource)? }]))
}

/// A CloudEvent of [`CLOUD_EVENT`]s.
pub(super) fn read_cloud_event(event: &Object, data: &Object) -> Result<Parsed, EventError> {
    let name = json::text(event, "type").unwrap_or_default();
    let kind = kind_of(&KINDS, name.strip_prefix(CLOUD_EVENT).unwrap_or_default());
    let time = json::time(event, "time");
    read_record(Format::Gcs, data, |data| {
        let change = change(data)?;
        Ok(vec![ObjectChange { kind, time: time.or(change.time), ..change }])
    })
}

/// The attributes of a notification; its payload, if any, has more fields of the same object.
pub(super) fn read_attributes(attributes: &Object, payload: Option<&Object>) -> Result<Parsed, EventError> {
    read_record(Format::Gcs, attributes, |attributes| {
        let key = json::required(attributes, "objectId")?;
        let known = payload.and_then(|payload| change(payload).ok()).filter(|known| known.key == key);
        let known = known.unwrap_or_else(|| ObjectChange::of(key.to_owned()));
        Ok(vec![ObjectChange {
            bucket: json::optional(attributes, "bucketId")?.map(str::to_owned),
            kind: kind_of(&KINDS, json::required(attributes, "eventType")?),
            version: json::text(attributes, "objectGeneration"),
            time: json::time(attributes, "eventTime").or(known.time),
            ..known
        }])
    })
}

/// The fields of a resource. Numbers are strings there.
fn change(resource: &Object) -> Result<ObjectChange, String> {
    Ok(ObjectChange {
        bucket: json::optional(resource, "bucket")?.map(str::to_owned),
        size: json::number(resource, "size"),
        etag: json::text(resource, "md5Hash").and_then(|md5| etag(&md5)),
        version: json::text(resource, "generation"),
        time: json::time(resource, "updated"),
        ..ObjectChange::of(json::required(resource, "name")?.to_owned())
    })
}

fn etag(md5: &str) -> Option<ETag> {
    let bytes: [u8; 16] = STANDARD.decode(md5).ok()?.try_into().ok()?;
    Some(ETag::new(&bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}
