//! The store port: an object store seen from one location, and its adapters.
//!
//! # Contract
//!
//! - Keys are relative to [`ObjectStore::location`] and map by exact string. A key that the store
//!   cannot hold is refused with [`ErrorKind::Unrepresentable`](crate::ErrorKind), never bent.
//! - `Ok` from [`put`](ObjectStore::put), [`copy`](ObjectStore::copy) and
//!   [`complete_upload`](ObjectStore::complete_upload) means that the whole object is visible
//!   under its key; before that nothing of it is, and after an `Err` it may or may not be:
//!   whoever needs to know looks ([`head`](ObjectStore::head)).
//! - Reads with a [`Pin`] see that version or fail with `PreconditionFailed` (or `NotFound`).
//! - Calls without a body (`list`, `head`, `list_parts`, `complete_upload`, `abort_upload`,
//!   `list_uploads`, `delete`, `copy`, `copy_part`, `get` until its headers are there) are retried
//!   inside the adapter by [`crate::retry`]; their errors are final for the caller's purposes.
//!   `create_upload` is sent once: each one makes an upload, also one whose answer is lost, and only
//!   the caller can see to it that somebody looks for those.
//!   Calls that send a body (`put`, `upload_part`) and the body of a `get` are sent once: the body
//!   cannot be had again here, so the caller retries with a new one.
//! - Every call is bounded in time: one attempt without progress for
//!   [`crate::retry::STALL_SECONDS`] ends in `Timeout`. Dropping a call's future cancels it.
//! - `delete` and `abort_upload` of what is not there are `Ok`.
//! - Nothing is held in memory beyond a page of a listing, or some chunks of a body.
//!
//! The suite in `tests/src/conformance/store.rs` checks this contract over every adapter.

mod listed;
mod metadata_support;
mod wrapper;

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::acl::Acl;
use crate::digest::{Algorithm, Checksum};
use crate::filter::Filter;
use crate::location::Location;
use crate::object::{Attributes, ETag, ObjectInfo, Pin, Tags, Timestamp, Uncarried};

pub use listed::{Listed, Span, Unlisted};
pub use metadata_support::{Classes, MetadataSupport, Spelling, Support};
pub use wrapper::StoreWrapper;

/// The bytes of an object or a part, in chunks of at most some hundred KiB.
pub type Body = BoxStream<'static, Result<Bytes>>;

/// A store shared by many tasks.
pub type Store = Arc<dyn ObjectStore>;

/// What a store's entity tags say about the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EtagMeaning {
    /// MD5 of the bytes for single PUTs, MD5 of the parts' MD5s with `-N` for multipart objects.
    Md5AndParts,
    /// MD5 of the bytes for single PUTs; multipart tags are opaque.
    Md5,
    /// Equality of tags within this store means the same version, and nothing else.
    Opaque,
}

impl EtagMeaning {
    /// Whether two tags of these meanings say the same of the bytes: `None` where they cannot be
    /// compared, because one is opaque or the objects were cut into parts differently.
    pub fn compare(self, ours: &ETag, theirs_meaning: EtagMeaning, theirs: &ETag) -> Option<bool> {
        use EtagMeaning::*;
        let comparable = match (self, theirs_meaning) {
            (Opaque, _) | (_, Opaque) => false,
            _ if ours.md5_form().is_some() && theirs.md5_form().is_some() => true,
            (Md5AndParts, Md5AndParts) => ours.part_count().is_some() && ours.part_count() == theirs.part_count(),
            _ => false,
        };
        comparable.then(|| ours.as_str().eq_ignore_ascii_case(theirs.as_str()))
    }
}

/// What a store can do: data, asked once, so that no caller branches on a vendor's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// What entity tags mean.
    pub etags: EtagMeaning,
    /// Whether several key ranges may be listed at once to advantage.
    pub parallel_listing: bool,
    /// Largest object that one `put` takes, bytes.
    pub max_put_bytes: u64,
    /// Smallest part other than the last, bytes.
    pub min_part_bytes: u64,
    /// Largest part, bytes.
    pub max_part_bytes: u64,
    /// Most parts of one upload.
    pub max_parts: u32,
    /// Largest object, bytes.
    pub max_object_bytes: u64,
    /// Largest source object that one `copy` takes, bytes.
    pub max_copy_bytes: u64,
    /// Whether `copy_part` works, where [`ObjectStore::service`] is one.
    pub copies_parts: bool,
    /// Checksums that the store verifies on `put` when they are given ([`Write::checksum`]).
    pub verifies: Vec<Algorithm>,
    /// Whether headers and user metadata are kept.
    pub keeps_attributes: bool,
    /// Whether the store keeps [`Write::modified`] as the object's own time.
    pub keeps_modified: bool,
    /// What else of an object it keeps.
    pub metadata: MetadataSupport,
    /// Whether what [`verifies`](Self::verifies) says is known of this kind of store, and not only expected
    /// of all: a store that nothing is known of may take a checksum and not look at it.
    pub surely_verifies: bool,
    /// Whether it reports how many tags an object has, so that those of objects without tags are not asked for.
    pub reports_tag_counts: bool,
    /// Whether keys lie in folders that are there by themselves: the marker `a/` is held as soon as any
    /// key below it is, is listed only while none is, and has no time of its own.
    pub has_folders: bool,
    /// Whether bytes come over a network, where a second read is carried anew and can show a flaw of the
    /// first. A file's second read comes out of the memory that answered the first.
    pub is_remote: bool,
}

/// A range of keys to list: those that start with `prefix`, come after `after` and before `until`
/// in byte order. Keys are relative to the location.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KeyRange {
    /// Only keys that start with this; may be empty.
    pub prefix: String,
    /// Only keys after this one (exclusive); `None`: from the first.
    pub after: Option<String>,
    /// Only keys before this one (exclusive); `None`: to the last.
    pub until: Option<String>,
}

impl KeyRange {
    /// Whether the key lies in the range.
    pub fn contains(&self, key: &str) -> bool {
        key.starts_with(&self.prefix)
            && self.after.as_deref().is_none_or(|after| key > after)
            && self.until.as_deref().is_none_or(|until| key < until)
    }
}

/// A listing under way.
#[async_trait]
pub trait Listing: Send {
    /// The next page of items in ascending byte order of their positions, or `None` at the end. Pages
    /// hold at most some thousand items and are never empty. After an error the listing is over: an
    /// incomplete listing must never be taken for a complete one. The adapter ends the listing in
    /// `Corrupt` when the store repeats a token or answers out of order.
    ///
    /// Where a part of the store cannot be listed (a folder without read permission), the listing goes
    /// on and says so by an [`Unlisted`]: no object lies in its span, it comes before all objects at
    /// or after its position, and a listing of a range has each span that reaches into the range, also
    /// one that begins before it. Object stores list all or nothing: they have objects only.
    async fn next_page(&mut self) -> Result<Option<Vec<Listed>>>;
}

/// Which bytes of which version to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Read {
    /// Bytes from start to end (exclusive); `None`: all. Never empty. A range that reaches beyond
    /// the object's end is an error, at once or at the body's end.
    pub range: Option<Range<u64>>,
    /// The version to read.
    pub pin: Pin,
}

/// An open read.
pub struct Object {
    /// Description from the response's headers.
    pub info: ObjectInfo,
    /// The bytes asked for. Ends in an error if the connection is lost or stalls, or if fewer or
    /// more bytes come than were promised: a body that ends well is whole.
    pub body: Body,
}

/// What is written besides the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Write {
    /// Exact number of bytes in the body; the write fails if the body has another length.
    pub size: u64,
    /// Headers and user metadata; ignored where [`Capabilities::keeps_attributes`] is not set.
    pub attributes: Attributes,
    /// Tags; refused with `Unsupported` where the store keeps none.
    pub tags: Tags,
    /// Whether a copy by the service leaves the source's tags behind. Nothing else heeds it.
    pub drops_tags: bool,
    /// Storage class by the destination's name for it; `None`: the bucket's default. `Unsupported` where
    /// the store has no such class.
    pub storage_class: Option<String>,
    /// Who may do what; `None`: only the owner. Refused with `Unsupported` where the store keeps none.
    pub acl: Option<Acl>,
    /// How the store is to encrypt it; `None`: as the bucket's default is. Refused with `Unsupported` where
    /// the store does not encrypt.
    pub encryption: Option<Encryption>,
    /// The source's modification time; kept where [`Capabilities::keeps_modified`] says so.
    pub modified: Option<Timestamp>,
    /// A checksum of the body known beforehand. The store refuses the body with `BadDigest` if it
    /// does not match, wherever [`Capabilities::verifies`] has its algorithm; it is ignored elsewhere.
    pub checksum: Option<Checksum>,
    /// Whether a file that stands where the key needs a folder is removed for it, and a folder with all below
    /// it that stands where the key needs a file. Only a store that has folders heeds it.
    pub replaces: bool,
}

/// How a store encrypts an object at rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encryption {
    /// By keys of its own (`AES256`).
    Aes256,
    /// By a key of KMS (`aws:kms`): the one of this id or ARN, or the account's default.
    Kms(Option<String>),
}

/// How an archived object is to be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restore {
    /// How fast, and at what price.
    pub tier: Tier,
    /// For how many days it can be read then; `None` where it stays readable (Amazon S3
    /// Intelligent-Tiering, which takes no number).
    pub days: Option<u16>,
}

/// How fast an archived object is restored (Amazon S3 "Archive retrieval options").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tier {
    /// The cheapest: within 48 hours.
    Bulk,
    /// Within 12 hours.
    Standard,
    /// Within minutes, where the class and the capacity allow.
    Expedited,
}

/// What the store says of an object it has taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// The new entity tag.
    pub etag: Option<ETag>,
    /// Whether the tag says nothing about the bytes (the bucket encrypts by KMS).
    pub etag_is_opaque: bool,
    /// The new version, on a versioned bucket.
    pub version: Option<String>,
    /// A whole-object checksum that the store computed or verified.
    pub checksum: Option<Checksum>,
}

/// An open multipart upload.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Upload {
    /// The key it will become, relative to the location.
    pub key: String,
    /// The store's name for it.
    pub id: String,
}

/// One part to be uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartWrite {
    /// From 1.
    pub number: u32,
    /// Where the part starts in the object, bytes. All parts but the last have one size.
    pub offset: u64,
    /// Exact number of bytes.
    pub size: u64,
    /// As [`Write::checksum`], of this part.
    pub checksum: Option<Checksum>,
}

/// A part that the store holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// From 1.
    pub number: u32,
    /// Bytes.
    pub size: u64,
    /// The part's tag, which completing the upload must name.
    pub etag: ETag,
    /// Whether the tag says nothing about the bytes (the bucket encrypts by KMS).
    #[serde(default)]
    pub etag_is_opaque: bool,
    /// A checksum of the part that the store computed or verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<Checksum>,
}

/// How an existing object was cut into parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartLayout {
    /// Size of the first part, bytes.
    pub part_bytes: u64,
    /// Number of parts.
    pub count: u32,
}

/// An object store seen from one location. See the [module's contract](self).
///
/// No method has a default, so that no [`StoreWrapper`] forgets one.
#[async_trait]
pub trait ObjectStore: Send + Sync + std::fmt::Debug + 'static {
    /// Where the keys are.
    fn location(&self) -> &Location;

    /// What the store can do. Of a store at an endpoint that nothing is known of, more is known after its
    /// first good answer: ask after [`probe`](Self::probe).
    fn capabilities(&self) -> &Capabilities;

    /// Throttled answers so far, those that were retried inside included: whoever paces the calls
    /// watches this number grow.
    fn throttles(&self) -> u64;

    /// The time by the store's own clock, as far as its answers have told it: never later than it is
    /// there, and seconds earlier at most.
    fn now(&self) -> Timestamp;

    /// What the store makes of a [`Write::modified`]: file systems hold times within a range, in steps.
    fn held_time(&self, time: Timestamp) -> Timestamp;

    /// Checks with one cheap request that the store answers, that the container exists and that
    /// it may be read. Changes nothing. A folder that does not exist is `NoSuchContainer`.
    async fn probe(&self) -> Result<()>;

    /// Makes the location ready for writing, where that needs something: a folder is created;
    /// a bucket is not.
    async fn prepare(&self) -> Result<()>;

    /// Starts listing a range. No request is made before the first page is asked for.
    fn list(&self, range: KeyRange) -> Box<dyn Listing>;

    /// The same, for a caller that drops every key that the filter excludes. The store may save itself
    /// the listing of these keys, and has no [`Unlisted`] that covers only such keys.
    fn list_filtered(&self, range: KeyRange, filter: &Arc<Filter>) -> Box<dyn Listing>;

    /// Describes an object; `NotFound` if it is not there.
    async fn head(&self, key: &str, pin: &Pin) -> Result<ObjectInfo>;

    /// A checksum of the whole object by `algorithm`, if the store keeps one or can compute it
    /// without sending the bytes to another machine.
    async fn checksum(&self, key: &str, pin: &Pin, algorithm: Algorithm) -> Result<Option<Checksum>>;

    /// An object's tags; `Unsupported` where the store keeps none.
    async fn tags(&self, key: &str, pin: &Pin) -> Result<Tags>;

    /// Who may do what with an object; `Unsupported` where the store keeps no such lists.
    async fn acl(&self, key: &str, pin: &Pin) -> Result<Acl>;

    /// Asks for an archived object to be made readable, some hours from now. `Ok` also if that was asked
    /// for before, or is no longer needed. [`ObjectInfo::access`] tells how it stands.
    async fn restore(&self, key: &str, pin: &Pin, restore: &Restore) -> Result<()>;

    /// How a multipart object was cut, where the store tells.
    async fn part_layout(&self, key: &str, pin: &Pin) -> Result<Option<PartLayout>>;

    /// Opens a read.
    async fn get(&self, key: &str, read: &Read) -> Result<Object>;

    /// Writes a whole object.
    async fn put(&self, key: &str, write: &Write, body: Body) -> Result<Written>;

    /// Opens a multipart upload, in one request. `write.size` is the size of the whole object.
    async fn create_upload(&self, key: &str, write: &Write) -> Result<Upload>;

    /// Writes one part, replacing an earlier one of the same number.
    async fn upload_part(&self, upload: &Upload, part: &PartWrite, body: Body) -> Result<Part>;

    /// The parts that the store holds, by ascending number; `NoSuchUpload` if it is gone.
    async fn list_parts(&self, upload: &Upload) -> Result<Vec<Part>>;

    /// Makes the object of exactly these parts, in ascending order of their numbers; refuses parts
    /// that do not make up `write.size`. `write` is the one it was created with.
    /// `NoSuchUpload` may mean that an earlier call's answer was lost: the caller looks.
    async fn complete_upload(&self, upload: &Upload, parts: &[Part], write: &Write) -> Result<Written>;

    /// Gives the upload up and frees its parts.
    async fn abort_upload(&self, upload: &Upload) -> Result<()>;

    /// The open uploads of exactly this key, whoever opened them, each with the time of that by the
    /// store's clock, where it tells: at most 10,000. `Unsupported` where it cannot tell.
    async fn list_uploads(&self, key: &str) -> Result<Vec<(Upload, Option<Timestamp>)>>;

    /// Removes an object.
    async fn delete(&self, key: &str) -> Result<()>;

    /// The service behind the store, where it can copy between its own buckets; see [`copy_source`].
    fn service(&self) -> Option<&Service>;

    /// What objects here may have that no copy gets: everything that the store does not rule out. Asks for the
    /// container's configuration, not for objects.
    async fn may_lose(&self) -> Uncarried;

    /// Has the service copy a whole object, of the pinned version, with its headers, user metadata and
    /// tags; storage class, list and encryption are those of `write`.
    async fn copy(&self, source: &CopySource, pin: &Pin, key: &str, write: &Write) -> Result<Written>;

    /// Has the service copy a range into a part.
    async fn copy_part(
        &self,
        source: &CopySource,
        pin: &Pin,
        range: Range<u64>,
        upload: &Upload,
        part: &PartWrite,
    ) -> Result<Part>;
}

/// Which service, reached by whom: two locations with equal services may be copied between by it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Service {
    /// Endpoint, and whatever else tells services apart.
    pub endpoint: String,
    /// How its credentials are named in the configuration (never the credentials).
    pub credentials: String,
}

/// A source object as the destination's own service names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopySource {
    /// Its bucket.
    pub bucket: String,
    /// Its full key in the bucket.
    pub key: String,
}

/// The source of a copy that the destination's own service may be able to make; a hint: it may
/// still refuse, with `Denied`, `Unsupported`, `Invalid` or `NotFound`, and the caller streams then.
pub fn copy_source(source: &dyn ObjectStore, key: &str, destination: &dyn ObjectStore) -> Option<CopySource> {
    (source.service().is_some() && source.service() == destination.service())
        .then(|| CopySource { bucket: source.location().bucket().to_owned(), key: source.location().full_key(key) })
}
