//! The contents of the store.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use shared::object::Timestamp;

use super::checksum::{Algorithm, Sum};

/// An object as it is stored, or one version of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoredObject {
    /// All bytes.
    pub bytes: Bytes,
    /// The entity tag, without quotes.
    pub etag: String,
    /// When it was written.
    pub modified: Timestamp,
    /// The version, in a versioned bucket.
    pub version: Option<String>,
    /// Whether this says that the key was deleted (in a versioned bucket).
    pub is_delete_marker: bool,
    /// `content-type`, `cache-control` and the like, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// User metadata, by lower-case name without `x-amz-meta-`.
    pub user: BTreeMap<String, String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Access, beyond the owner's.
    pub grants: BTreeSet<Grant>,
    /// Storage class; empty: `STANDARD`.
    pub class: String,
    /// What became of a request to restore it.
    pub restore: Option<Restore>,
    /// Encryption at rest.
    pub encryption: Option<Encryption>,
    /// The checksum that is kept.
    pub checksum: Option<Sum>,
    /// How it was cut; empty if it was put whole.
    pub parts: Vec<StoredPart>,
}

impl StoredObject {
    /// Whether it must be restored before it can be read.
    pub fn is_archived(&self) -> bool {
        matches!(self.class.as_str(), "GLACIER" | "DEEP_ARCHIVE") && self.restore != Some(Restore::Done)
    }
}

/// One part that an object was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPart {
    /// Its number in the upload, from 1.
    pub number: u32,
    /// Bytes.
    pub bytes: Bytes,
    /// Its tag, without quotes.
    pub etag: String,
    /// When it was written.
    pub modified: Timestamp,
    /// The checksum that came with it.
    pub checksum: Option<Sum>,
}

/// A restore of an archived object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restore {
    /// Asked for.
    Ongoing,
    /// The object can be read.
    Done,
}

/// Encryption at rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encryption {
    /// `AES256`, `aws:kms` or `aws:kms:dsse`.
    pub kind: String,
    /// The key of KMS.
    pub key: Option<String>,
}

/// Access that one grantee has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// `id=…`, `uri=…` or `emailAddress=…`.
    pub grantee: String,
    /// `READ`, `READ_ACP`, `WRITE_ACP`, `FULL_CONTROL`.
    pub permission: String,
}

/// An upload that is open.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenUpload {
    /// The key it will become.
    pub key: String,
    /// Its id.
    pub id: String,
    /// When it was begun.
    pub begun: Timestamp,
    /// Parts so far.
    pub parts: BTreeMap<u32, StoredPart>,
    /// Algorithm of its checksums, and whether the whole object's is of type `FULL_OBJECT`.
    pub checksum: Option<(Algorithm, bool)>,
    /// What the object will be, but for its bytes.
    pub object: StoredObject,
}

/// A bucket.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// All versions of each key, the newest last. Never empty.
    pub keys: BTreeMap<String, Vec<StoredObject>>,
    pub uploads: BTreeMap<String, OpenUpload>,
    pub is_versioned: bool,
    /// Encryption that objects get by default.
    pub encryption: Option<Encryption>,
    /// Actions that nobody may do, as policies name them, without `s3:`.
    pub denied: BTreeSet<&'static str>,
    /// Whether object lock makes each PUT and part need a checksum.
    pub is_locked: bool,
    /// Whether it serves a website.
    pub is_website: bool,
    /// Whether the requester pays for requests.
    pub charges_requesters: bool,
}

impl Bucket {
    /// The present version of a key.
    pub fn current(&self, key: &str) -> Option<&StoredObject> {
        self.keys.get(key)?.last().filter(|stored| !stored.is_delete_marker)
    }

    /// A version; `null` and no name differ only in a versioned bucket.
    pub fn version(&self, key: &str, version: &str) -> Option<&StoredObject> {
        self.keys.get(key)?.iter().find(|stored| stored.version.as_deref().unwrap_or("null") == version)
    }

    /// As [`version`](Self::version) or [`current`](Self::current), to be changed.
    pub fn stored_mut(&mut self, key: &str, version: Option<&str>) -> Option<&mut StoredObject> {
        let versions = self.keys.get_mut(key)?;
        match version {
            Some(version) => versions.iter_mut().find(|stored| stored.version.as_deref().unwrap_or("null") == version),
            None => versions.last_mut().filter(|stored| !stored.is_delete_marker),
        }
    }

    /// Puts it under a key; in a versioned bucket it is a new version.
    pub fn put(&mut self, key: &str, stored: StoredObject) {
        let versions = self.keys.entry(key.to_owned()).or_default();
        if !self.is_versioned {
            versions.clear();
        }
        versions.push(stored);
    }
}

/// Everything.
#[derive(Debug, Default)]
pub(super) struct World {
    pub buckets: BTreeMap<String, Bucket>,
    /// Names given to versions, uploads and tags so far.
    pub named: u64,
    /// How far the store's clock is ahead of the machine's, seconds.
    pub clock_ahead_s: i64,
}

impl World {
    /// The time by the store's clock.
    pub fn now(&self) -> Timestamp {
        Timestamp(Timestamp::now().0 + self.clock_ahead_s * 1000)
    }

    /// A name that nothing else has.
    pub fn name(&mut self, stem: &str) -> String {
        self.named += 1;
        format!("{stem}{:06}", self.named)
    }
}
