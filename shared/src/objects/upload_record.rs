//! Uploads of giant objects, as they are recorded.

use serde::{Deserialize, Serialize};

use crate::acl::Acl;
use crate::digest::Checksum;
use crate::job::Origin;
use crate::object::{Attributes, Pin, Tags, Timestamp};
use crate::store::{Encryption, Upload};

/// An open upload of a giant object that the whole fleet works on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadRecord {
    /// The task.
    pub task: String,
    /// The run that counts the object.
    pub run: String,
    /// The origin job that counts the object.
    pub origin: Origin,
    /// The object's index in the origin job.
    pub index: u32,
    /// The destination's upload; its key is relative.
    pub upload: Upload,
    /// The version that all parts are read from.
    pub source: Pin,
    /// When the source was last written.
    pub modified: Timestamp,
    /// Bytes of the object.
    pub size: u64,
    /// Bytes of each part but the last.
    pub part_bytes: u64,
    /// Headers and user metadata given at its creation.
    pub attributes: Attributes,
    /// Tags given at its creation.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// Storage class given at its creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// Access given at its creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acl: Option<Acl>,
    /// Encryption given at its creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// Digest of the write options at its creation ([`RunOptions::writes`](crate::ledger::RunOptions::writes)).
    pub writes: String,
    /// Whether the parts have the sizes of the source's parts, so that the destination gets the source's ETag.
    #[serde(default)]
    pub same_parts: bool,
    /// Checksum of the whole object, if the source keeps one.
    pub checksum: Option<Checksum>,
    /// Attempt at the object, from 1.
    pub attempt: u32,
    /// How often earlier uploads of the object were begun anew, because they were created under other options.
    #[serde(default, skip_serializing_if = "super::job::is_zero")]
    pub restarts: u32,
    /// When the upload was opened, by the destination's clock.
    pub opened: Timestamp,
}

impl UploadRecord {
    /// Number of parts.
    pub fn part_count(&self) -> u32 {
        self.size.div_ceil(self.part_bytes) as u32
    }
}

/// Announced uploads of a key that no record names: an answer was lost, or a worker died or was late between the
/// create and the record. They may be open at the destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intents {
    /// Their number; at least one.
    pub count: u32,
    /// All of them were created after this, by the destination's clock.
    pub since: Timestamp,
    /// The run that announced the last of them.
    pub run: String,
    /// A random number of the last of them: their number and time may come again.
    pub mark: i64,
}

/// The recorded upload of a key, and its intents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenUploads {
    /// The key.
    pub key: String,
    /// The recorded upload.
    pub record: Option<UploadRecord>,
    /// Announced uploads that no record names.
    pub intents: Option<Intents>,
}
