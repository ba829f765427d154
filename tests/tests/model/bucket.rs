//! The objects of one bucket, with their versions.

use std::collections::BTreeMap;

use bytes::Bytes;
use shared::object::{Attributes, ETag, ObjectInfo, Pin, Timestamp};
use shared::store::*;
use shared::{ErrorKind, Result};

use crate::store::{md5, refusal};
use crate::uploads::OpenUpload;

/// One version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub bytes: Bytes,
    pub attributes: Attributes,
    pub etag: ETag,
    pub version: Option<String>,
    pub modified: Timestamp,
    /// How it was cut into parts.
    pub layout: Option<PartLayout>,
}

impl Item {
    /// What a trace calls it: its bytes, and what its metadata says.
    pub fn name(&self) -> String {
        let note = self.attributes.user.get("note").map(|note| format!("+{note}")).unwrap_or_default();
        format!("{}{note}", String::from_utf8_lossy(&self.bytes[..self.bytes.len().min(8)]))
    }

    pub fn info(&self) -> ObjectInfo {
        ObjectInfo {
            size: self.bytes.len() as u64,
            modified: self.modified,
            etag: Some(self.etag.clone()),
            version: self.version.clone(),
            attributes: self.attributes.clone(),
            tag_count: Some(0),
            ..ObjectInfo::default()
        }
    }
}

/// What one bucket holds.
#[derive(Debug, Default)]
pub struct Bucket {
    /// The present objects.
    pub items: BTreeMap<String, Item>,
    /// Every version ever written, by key and version, where it keeps versions.
    pub versions: Option<BTreeMap<(String, String), Item>>,
    /// Whether tags say nothing of the bytes: each write gets a new one.
    pub opaque: bool,
    /// Uploads by id.
    pub uploads: BTreeMap<String, OpenUpload>,
    /// The store's clock, s since the epoch.
    pub seconds: i64,
    /// Whether all writes happen within one second.
    pub hasty: bool,
    /// How many numbers were given.
    pub numbers: u64,
}

impl Bucket {
    /// An empty one, whose clock shows so many seconds since the epoch.
    pub fn at(seconds: i64) -> Bucket {
        Bucket { seconds, ..Bucket::default() }
    }

    fn tick(&mut self) {
        self.seconds += i64::from(!self.hasty);
    }

    /// A number that was never given before.
    pub fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// The present, by its clock.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.seconds * 1_000)
    }

    /// The tag of these bytes.
    pub fn tag(&mut self, bytes: &[u8]) -> ETag {
        match self.opaque {
            true => ETag::new(&format!("w{}", self.number())),
            false => ETag::new(&md5(bytes).to_hex()),
        }
    }

    /// Writes an object.
    pub fn write(&mut self, key: &str, bytes: Bytes, attributes: Attributes) -> Written {
        let etag = self.tag(&bytes);
        self.write_tagged(key, bytes, attributes, etag, None)
    }

    /// Writes an object with the tag and the parts that it got otherwise.
    pub fn write_tagged(
        &mut self,
        key: &str,
        bytes: Bytes,
        attributes: Attributes,
        etag: ETag,
        layout: Option<PartLayout>,
    ) -> Written {
        self.tick();
        let version = self.versions.is_some().then(|| format!("x{}", self.number()));
        let item = Item { bytes, attributes, etag, version: version.clone(), modified: self.now(), layout };
        if let (Some(versions), Some(version)) = (&mut self.versions, &version) {
            versions.insert((key.to_owned(), version.clone()), item.clone());
        }
        let etag = Some(item.etag.clone());
        self.items.insert(key.to_owned(), item);
        Written { etag, version, ..Written::default() }
    }

    /// Removes an object.
    pub fn remove(&mut self, key: &str) {
        self.tick();
        self.items.remove(key);
    }

    /// The version that a pin names.
    pub fn find(&self, verb: &'static str, key: &str, pin: &Pin) -> Result<&Item> {
        let item = match (&pin.version, &self.versions) {
            (Some(version), Some(versions)) => versions.get(&(key.to_owned(), version.clone())),
            _ => self.items.get(key),
        };
        let item = item.ok_or_else(|| refusal(ErrorKind::NotFound, verb, key, "no such object"))?;
        match &pin.etag {
            Some(etag) if *etag != item.etag => {
                Err(refusal(ErrorKind::PreconditionFailed, verb, key, "the key holds another version now"))
            }
            _ => Ok(item),
        }
    }

    /// The contents, in the words of a trace.
    pub fn name(&self, key: &str) -> String {
        self.items.get(key).map_or_else(|| "nothing".to_owned(), Item::name)
    }
}
