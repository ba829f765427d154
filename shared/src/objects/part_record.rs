//! Parts of an upload, as they are recorded.

use serde::{Deserialize, Serialize};

use crate::digest::Checksum;
use crate::object::ETag;

/// A part that is at the destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRecord {
    /// Its number, from 1.
    pub number: u32,
    /// The ETag that the destination gave it. If the destination lists another one, another part replaced this one.
    pub etag: ETag,
    /// The checksum of the bytes that were read from the source; `None` if the service copied them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
    /// The MD5 of the bytes, if the source's ETag is made of its parts' MD5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<Checksum>,
    /// The proof that the destination has these bytes.
    #[serde(default)]
    pub proof: Proof,
}

/// The proof that the destination has the bytes that were sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// It is not known yet: the object must be read again.
    #[default]
    None,
    /// The destination verified a checksum that was sent along, or returned one that was compared.
    Destination,
    /// The service copied the bytes itself.
    Service,
}
