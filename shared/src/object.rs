//! Objects: the entry in a listing, the full description, and the pin of a read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::digest::Checksum;

/// A point in time in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The present.
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// Whether the time may have been cut to whole seconds, as most stores' listings do.
    pub fn is_whole_second(self) -> bool {
        self.0 % 1000 == 0
    }

    /// The time cut to whole seconds since the epoch.
    pub fn as_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The time for people, to the second: `2026-11-27T06:49:32Z`.
    pub fn to_seconds(self) -> String {
        let text = Timestamp(self.as_secs() * 1000).to_string();
        text.replace(".000Z", "Z")
    }

    /// The time that has passed since then; zero if it lies in the future.
    pub fn age(self) -> Duration {
        Duration::from_millis((Timestamp::now().0 - self.0).max(0) as u64)
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Timestamp(i64::try_from(after.as_millis()).unwrap_or(i64::MAX)),
            Err(before) => Timestamp(-i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX)),
        }
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        if time.0 >= 0 {
            UNIX_EPOCH + Duration::from_millis(time.0 as u64)
        } else {
            UNIX_EPOCH - Duration::from_millis(time.0.unsigned_abs())
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // humantime cannot write years before 1970 or after 9999.
        let clamped = Timestamp(self.0.clamp(0, 253_402_300_799_000));
        write!(f, "{}", humantime::format_rfc3339_millis(clamped.into()))
    }
}

/// An entity tag, without its quotes. A weak one keeps its `W/`: it says nothing about the bytes.
///
/// Two tags are equal if they name one version: some stores and gateways spell a tag `W/"x"` or in upper case in one
/// answer and not in another. So `W/` does not count, nor the case of hexadecimal digests; other tags are compared as
/// they are. Requests carry a tag as the store spelled it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ETag(String);

impl PartialEq for ETag {
    fn eq(&self, other: &ETag) -> bool {
        self.0 == other.0 || self.name() == other.name()
    }
}

impl Eq for ETag {}

impl Hash for ETag {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl ETag {
    /// Reads an entity tag as a header or a listing shows it, quoted or not.
    pub fn new(raw: &str) -> Self {
        match raw.strip_prefix("W/") {
            Some(weak) => ETag(format!("W/{}", weak.trim_matches('"'))),
            None => ETag(raw.trim_matches('"').to_owned()),
        }
    }

    /// The part that names the version, in one spelling.
    fn name(&self) -> Cow<'_, str> {
        let tag = self.0.strip_prefix("W/").unwrap_or(&self.0);
        let digest = tag.rsplit_once('-').map_or(tag, |(digest, _)| digest);
        let is_upper = digest.bytes().any(|b| b.is_ascii_uppercase()) && crate::digest::parse_hex16(digest).is_some();
        if is_upper { Cow::Owned(tag.to_ascii_lowercase()) } else { Cow::Borrowed(tag) }
    }

    /// The tag without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag in quotes, as headers have it (RFC 9110 §8.8.3).
    pub fn quoted(&self) -> String {
        match self.0.strip_prefix("W/") {
            Some(weak) => format!("W/\"{weak}\""),
            None => format!("\"{}\"", self.0),
        }
    }

    /// For `If-Match`, which a weak tag never matches (RFC 9110 §13.1.1).
    pub fn condition(&self) -> Option<String> {
        (!self.0.starts_with("W/")).then(|| self.quoted())
    }

    /// The 16 bytes, if the tag has the form of an MD5: 32 hexadecimal digits.
    /// The store decides whether it *is* an MD5: [`crate::store::EtagMeaning`].
    pub fn md5_form(&self) -> Option<[u8; 16]> {
        crate::digest::parse_hex16(&self.0)
    }

    /// Whether the tag has the form of an MD5.
    pub fn has_md5_form(&self) -> bool {
        crate::digest::is_hex16(&self.0)
    }

    /// The number of parts, if the tag has the form of a multipart object's: `hex-N`.
    pub fn part_count(&self) -> Option<u32> {
        let (digest, count) = self.0.rsplit_once('-')?;
        crate::digest::parse_hex16(digest)?;
        count.parse().ok().filter(|&n| n > 0)
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One object as a listing shows it. The key is relative to the store's location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key below the location's prefix: an exact string, never a path.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// When the object was last written, by the store's answer.
    pub modified: Timestamp,
    /// The entity tag, if the listing has one.
    pub etag: Option<ETag>,
    /// The version, if the listing names one.
    pub version: Option<String>,
    /// The storage class, where it is not the store's standard one.
    pub storage_class: Option<String>,
}

impl Entry {
    /// The pin that names the version that was listed.
    pub fn pin(&self) -> Pin {
        Pin { etag: self.etag.clone(), version: self.version.clone() }
    }
}

/// Headers and user metadata, which a copy gets besides the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Attributes {
    /// `Content-Type`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// `Content-Encoding`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    /// `Content-Disposition`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    /// `Content-Language`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    /// `Cache-Control`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    /// `Expires`, as the source spelled it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// User metadata (`x-amz-meta-*`), names in lower case without the prefix
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub user: BTreeMap<String, String>,
}

/// An object's tags.
pub type Tags = BTreeMap<String, String>;

/// Whether an object can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// It can be read.
    #[default]
    Readable,
    /// It is archived, and must be restored before.
    Archived,
    /// It is archived, and being restored.
    Restoring,
}

/// Metadata of an object that no copy gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Uncarried {
    /// A website redirect.
    pub redirect: bool,
    /// Retention by object lock.
    pub retention: bool,
    /// A legal hold of object lock.
    pub legal_hold: bool,
}

/// An object's full description, from a HEAD or the headers of a GET.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectInfo {
    /// Bytes of the whole object, also when a range was asked for.
    pub size: u64,
    /// When the object was last written.
    pub modified: Timestamp,
    /// The entity tag.
    pub etag: Option<ETag>,
    /// The version, on a versioned bucket.
    pub version: Option<String>,
    /// The storage class, where it is not the store's standard one.
    pub storage_class: Option<String>,
    /// Whether the entity tag says nothing about the bytes (KMS or customer-key encryption).
    pub etag_is_opaque: bool,
    /// Headers and user metadata.
    pub attributes: Attributes,
    /// Number of values of user metadata that the store has and cannot send in headers.
    pub unreported_metadata: u32,
    /// Number of tags; `None`: not reported, so that only [`tags`](crate::store::ObjectStore::tags) knows.
    pub tag_count: Option<u32>,
    /// Its metadata that is not copied.
    pub uncarried: Uncarried,
    /// Whether it can be read.
    pub access: Access,
    /// Checksums of the *whole* object that the store keeps (never composite ones).
    pub checksums: Vec<Checksum>,
}

impl ObjectInfo {
    /// The pin that names exactly this version.
    pub fn pin(&self) -> Pin {
        Pin { etag: self.etag.clone(), version: self.version.clone() }
    }
}

/// The version that a read must see. Empty: the current one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pin {
    /// Answer only if this is the entity tag (`If-Match`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub etag: Option<ETag>,
    /// Read this version of a versioned bucket.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_an_etag_is_recognised() {
        let whole = ETag::new("\"d41d8cd98f00b204e9800998ecf8427e\"");
        assert!(whole.md5_form().is_some() && whole.part_count().is_none());
        let parts = ETag::new("\"d41d8cd98f00b204e9800998ecf8427e-12\"");
        assert_eq!(parts.part_count(), Some(12));
        assert!(parts.md5_form().is_none());
        let weak = ETag::new("W/\"d41d8cd98f00b204e9800998ecf8427e\"");
        assert_eq!((weak.md5_form(), weak.condition()), (None, None));
        assert_eq!(weak.quoted(), "W/\"d41d8cd98f00b204e9800998ecf8427e\"");
        assert_eq!(ETag::new(weak.as_str()), weak);
        assert_eq!(ETag::new("\"0x8D-3\"").part_count(), None);
    }

    #[test]
    fn regression_a_tag_is_equal_however_the_store_spells_it() {
        let spellings = ["\"d41d8cd98f00b204e9800998ecf8427e\"", "W/\"D41D8CD98F00B204E9800998ECF8427E\""];
        let [plain, weak] = spellings.map(ETag::new);
        let hashed = |tag: &ETag| {
            let mut hasher = std::hash::DefaultHasher::new();
            tag.hash(&mut hasher);
            hasher.finish()
        };
        assert_eq!(plain, weak);
        assert_eq!(hashed(&plain), hashed(&weak));
        let parts = |text: &str| ETag::new(&format!("{text}-2"));
        assert_eq!(parts("d41d8cd98f00b204e9800998ecf8427e"), parts("D41D8CD98F00B204E9800998ECF8427E"));
        assert_ne!(parts("d41d8cd98f00b204e9800998ecf8427e"), ETag::new("d41d8cd98f00b204e9800998ecf8427e-3"));
        assert_ne!(ETag::new("aBc"), ETag::new("abc"), "an opaque tag is no digest");
        // Requests use the store's spelling, and only plain digests describe bytes.
        assert_eq!(weak.as_str(), "W/D41D8CD98F00B204E9800998ECF8427E");
        assert_eq!((weak.condition(), weak.md5_form()), (None, None));
        assert_eq!(ETag::new("\"ABC\"").condition().as_deref(), Some("\"ABC\""));
    }

    #[test]
    fn a_timestamp_prints_as_rfc_3339() {
        assert_eq!(Timestamp(1_500).to_string(), "1970-01-01T00:00:01.500Z");
        assert_eq!(Timestamp(-5).to_string(), "1970-01-01T00:00:00.000Z");
    }
}
