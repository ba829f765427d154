//! The store port: an object store seen from one location, and its adapters.
//!
//! # Contract
//!
//! - Keys are relative to [`ObjectStore::location`] and map by exact string. A key that the store
//!   cannot have is refused with [`ErrorKind::Unrepresentable`](crate::ErrorKind), never changed.
//! - `Ok` from [`put`](ObjectStore::put), [`copy`](ObjectStore::copy) and
//!   [`complete_upload`](ObjectStore::complete_upload) means that the whole object is visible
//!   under its key. Before that no part of it is visible. After an `Err` it may or may not be:
//!   a caller that needs to know checks ([`head`](ObjectStore::head)).
//! - Reads with a [`Pin`] see that version or fail with `PreconditionFailed` (or `NotFound`).
//! - Calls without a body (`list`, `head`, `list_parts`, `complete_upload`, `abort_upload`,
//!   `list_uploads`, `delete`, `delete_many`, `copy`, `copy_part`, `get` until its headers are there) are retried
//!   inside the adapter by [`crate::retry`]; their errors are final for the caller's purposes.
//!   `create_upload` is sent once: each request makes an upload, even if its answer is lost. The
//!   caller announces it, so that a worker finds the upload.
//!   Calls that send a body (`put`, `upload_part`) and the body of a `get` are sent once: the body
//!   cannot be read again here, so the caller retries with a new one. A `get` may read a body of at most
//!   [`WHOLE_BYTES`] before it returns: then the body's error is the call's, and is not retried either.
//! - Every call is bounded in time: one attempt without progress for
//!   [`crate::retry::STALL_SECONDS`] ends in `Timeout`. Dropping a call's future cancels it.
//! - `delete` and `abort_upload` of absent objects and uploads are `Ok`.
//! - `delete_many` reads the result of each key: a key that the answer does not name is an error of that key.
//! - An adapter buffers at most a page of a listing, or some chunks of a body, or [`WHOLE_BYTES`] of it.
//!
//! The suite in `tests/src/conformance/store.rs` checks this contract over every adapter.

mod body;
mod limited;
mod listed;
mod metadata_support;
mod rights;
mod wrapper;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::acl::{Acl, CannedAcl};
use crate::digest::{Algorithm, Checksum};
use crate::filter::Filter;
use crate::location::Location;
use crate::object::{Attributes, ETag, ObjectInfo, Pin, Tags, Timestamp, Uncarried};

pub use body::{Body, WHOLE_BYTES, WholeBody};
pub use limited::LimitedStore;
pub use listed::{Listed, Span, Unlisted};
pub use metadata_support::{Classes, MetadataSupport, Spelling, Support};
pub use rights::{Right, RightNames};
pub use wrapper::StoreWrapper;

/// A store shared by many tasks.
pub type Store = Arc<dyn ObjectStore>;

/// The meaning of a store's entity tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EtagMeaning {
    /// MD5 of the bytes for single PUTs, MD5 of the parts' MD5s with `-N` for multipart objects.
    Md5AndParts,
    /// MD5 of the bytes for single PUTs; multipart tags are opaque.
    Md5,
    /// Equal tags within this store mean the same version, and nothing else.
    Opaque,
}

impl EtagMeaning {
    /// Whether two tags of these meanings describe the same bytes. `None` if they cannot be
    /// compared, because one is opaque or the objects were cut into parts differently.
    pub fn compare(self, ours: &ETag, theirs_meaning: EtagMeaning, theirs: &ETag) -> Option<bool> {
        use EtagMeaning::*;
        let comparable = match (self, theirs_meaning) {
            (Opaque, _) | (_, Opaque) => false,
            _ if ours.has_md5_form() && (ours.as_str() == theirs.as_str() || theirs.has_md5_form()) => true,
            (Md5AndParts, Md5AndParts) => ours.part_count().is_some() && ours.part_count() == theirs.part_count(),
            _ => false,
        };
        comparable.then(|| ours.as_str().eq_ignore_ascii_case(theirs.as_str()))
    }
}

/// The features of a store, as data, so that no caller branches on a vendor's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The meaning of entity tags.
    pub etags: EtagMeaning,
    /// Whether listing several key ranges at once is faster.
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
    /// Whether `copy_part` works, if [`ObjectStore::service`] is one.
    pub copies_parts: bool,
    /// Most keys of one [`delete_many`](ObjectStore::delete_many); 0 if the store has no request for many deletes.
    pub max_delete_keys: usize,
    /// Checksums that the store verifies on `put` when they are given ([`Write::checksum`]).
    pub verifies: Vec<Algorithm>,
    /// Whether headers and user metadata are kept.
    pub keeps_attributes: bool,
    /// Whether the store keeps [`Write::modified`] as the object's own time.
    pub keeps_modified: bool,
    /// Its support of other metadata.
    pub metadata: MetadataSupport,
    /// Whether [`verifies`](Self::verifies) is known for this provider, and not only assumed: an unknown store may
    /// accept a checksum and ignore it.
    pub surely_verifies: bool,
    /// Whether a listing shows every write that was answered before it began, and no key that was deleted before: then an
    /// ordered page proves which of the keys that it spans are there.
    pub lists_consistently: bool,
    /// Whether it reports an object's number of tags, so that objects without tags cost no request for them.
    pub reports_tag_counts: bool,
    /// Whether keys lie in real folders: the marker `a/` exists as soon as a key exists below it, is listed only
    /// while none does, and has no time of its own.
    pub has_folders: bool,
    /// Whether bytes come over a network, where a second read transfers them again and can show an error of the
    /// first one. A file's second read comes from the same page cache.
    pub is_remote: bool,
    /// How its provider spells rights.
    pub rights: RightNames,
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

    /// A key outside of the range among keys that ascend: they lie within it if the first and the last one do.
    pub fn outside<'a>(&self, mut ascending: impl DoubleEndedIterator<Item = &'a str>) -> Option<&'a str> {
        [ascending.next(), ascending.next_back()].into_iter().flatten().find(|key| !self.contains(key))
    }
}

/// An open listing.
#[async_trait]
pub trait Listing: Send {
    /// The next page of items in ascending byte order of their positions, or `None` at the end. A page
    /// has at most some thousand items and is never empty. After an error the listing is over: an
    /// incomplete listing must never be taken for a complete one. The adapter ends the listing in
    /// `Corrupt` when the store repeats a token or answers out of order.
    ///
    /// If a part of the store cannot be listed (a folder without read permission), the listing continues
    /// and returns an [`Unlisted`]: no object lies in its span, it comes before all objects at
    /// or after its position, and a listing of a range has each span that reaches into the range, also
    /// one that begins before it. Object stores list all or nothing: they have objects only.
    async fn next_page(&mut self) -> Result<Option<Vec<Listed>>>;

    /// Whether the page that was returned last is known to be the last one: [`next_page`](Self::next_page) will return
    /// `None`. `false` says nothing.
    fn has_ended(&self) -> bool {
        false
    }
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
    /// The requested bytes. The body ends in an error if the connection is lost or stalls, or if fewer or
    /// more bytes come than announced: a body that ends well is complete. A body that is in memory is complete.
    pub body: Body,
}

/// The properties of a write, besides the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Write {
    /// Exact number of bytes in the body; the write fails if the body has another length.
    pub size: u64,
    /// Headers and user metadata; ignored if [`Capabilities::keeps_attributes`] is not set.
    pub attributes: Attributes,
    /// Tags; refused with `Unsupported` if the store has none.
    pub tags: Tags,
    /// Whether a copy by the service leaves out the source's tags. Other writes ignore it.
    pub drops_tags: bool,
    /// Storage class, in the destination's spelling; `None`: the bucket's default. `Unsupported` if the
    /// store does not have the class.
    pub storage_class: Option<String>,
    /// Access control list; `None`: only the owner has access. Refused with `Unsupported` if the store has none.
    pub acl: Option<Acl>,
    /// In place of `acl`, a list that the store knows by name. Refused with `Unsupported` if the store has none.
    pub canned_acl: Option<CannedAcl>,
    /// Encryption at rest; `None`: the bucket's default. Refused with `Unsupported` if the store does not
    /// encrypt.
    pub encryption: Option<Encryption>,
    /// The source's modification time; stored if [`Capabilities::keeps_modified`] is set.
    pub modified: Option<Timestamp>,
    /// A checksum of the body, if known beforehand. If [`Capabilities::verifies`] has its algorithm, the store
    /// refuses other bytes with `BadDigest`; else the checksum is ignored.
    pub checksum: Option<Checksum>,
    /// Whether the write removes a file that stands where the key needs a folder, and a folder with all its
    /// contents where the key needs a file. Only a store with folders uses this.
    pub replaces: bool,
}

/// Encryption of an object at rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encryption {
    /// By the store's own keys (`AES256`).
    Aes256,
    /// By a key of KMS (`aws:kms`): the one of this id or ARN, or the account's default.
    Kms(Option<String>),
}

/// The restoration of an archived object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restore {
    /// Speed and price.
    pub tier: Tier,
    /// Days for which it can be read then; `None` if it stays readable (Amazon S3
    /// Intelligent-Tiering, which takes no number).
    pub days: Option<u16>,
}

/// The speed of a restoration (Amazon S3 "Archive retrieval options").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tier {
    /// The cheapest: within 48 hours.
    Bulk,
    /// Within 12 hours.
    Standard,
    /// Within minutes, if the class and the capacity allow it.
    Expedited,
}

/// A store's answer to a write.
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
    /// The key of the future object, relative to the location.
    pub key: String,
    /// The store's id of the upload.
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

/// A part that the store has.
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

/// The parts of an existing object.
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
    /// The location of the keys.
    fn location(&self) -> &Location;

    /// The store's features. At an unknown endpoint more is known after the first good answer: call this after
    /// [`probe`](Self::probe).
    fn capabilities(&self) -> &Capabilities;

    /// Throttled answers so far, including those that were retried inside: the concurrency limiter
    /// reads this number.
    fn throttles(&self) -> u64;

    /// The least time from a request to the head of its answer, of the last minute or two: about a round trip. Only
    /// good answers to requests without a body count, and no wait before a request is sent. `None` before the first
    /// such answer, and for folders.
    fn latency(&self) -> Option<Duration>;

    /// The time by the store's clock, from its answers: never later than the store's time, and at most
    /// seconds earlier.
    fn now(&self) -> Timestamp;

    /// The time that the store records for a [`Write::modified`]: file systems store times within a range, in steps.
    fn stored_time(&self, time: Timestamp) -> Timestamp;

    /// Checks with one cheap request that the store answers, that the container exists and that
    /// it may be read. Changes nothing. A folder that does not exist is `NoSuchContainer`.
    async fn probe(&self) -> Result<()>;

    /// As [`probe`](Self::probe), for a caller that lists the whole location next: that listing may begin with the page
    /// that this call read, if it begins within seconds. It then shows the location as it was at this call.
    async fn probe_listing(&self) -> Result<()>;

    /// Prepares the location for writes: makes a folder, but not a bucket.
    async fn prepare(&self) -> Result<()>;

    /// Starts listing a range. The first page sends the first request.
    fn list(&self, range: KeyRange) -> Box<dyn Listing>;

    /// The same, for a caller that ignores every key that the filter excludes. The store need not list these keys,
    /// and returns no [`Unlisted`] that covers only these.
    fn list_filtered(&self, range: KeyRange, filter: &Arc<Filter>) -> Box<dyn Listing>;

    /// Describes an object; `NotFound` if it is not there.
    async fn head(&self, key: &str, pin: &Pin) -> Result<ObjectInfo>;

    /// A checksum of the whole object by `algorithm`, if the store keeps one or can compute it
    /// without sending the bytes to another machine.
    async fn checksum(&self, key: &str, pin: &Pin, algorithm: Algorithm) -> Result<Option<Checksum>>;

    /// An object's tags; `Unsupported` if the store has none.
    async fn tags(&self, key: &str, pin: &Pin) -> Result<Tags>;

    /// An object's access control list; `Unsupported` if the store has none.
    async fn acl(&self, key: &str, pin: &Pin) -> Result<Acl>;

    /// Requests that an archived object become readable, some hours from now. `Ok` also if that was requested
    /// before, or is no longer needed. [`ObjectInfo::access`] shows the present state.
    async fn restore(&self, key: &str, pin: &Pin, restore: &Restore) -> Result<()>;

    /// The parts of a multipart object, if the store reports them.
    async fn part_layout(&self, key: &str, pin: &Pin) -> Result<Option<PartLayout>>;

    /// Opens a read.
    async fn get(&self, key: &str, read: &Read) -> Result<Object>;

    /// Writes a whole object.
    async fn put(&self, key: &str, write: &Write, body: Body) -> Result<Written>;

    /// Opens a multipart upload, in one request. `write.size` is the size of the whole object.
    async fn create_upload(&self, key: &str, write: &Write) -> Result<Upload>;

    /// Writes one part, replacing an earlier one of the same number.
    async fn upload_part(&self, upload: &Upload, part: &PartWrite, body: Body) -> Result<Part>;

    /// The parts that the store has, by ascending number; `NoSuchUpload` if it is gone.
    async fn list_parts(&self, upload: &Upload) -> Result<Vec<Part>>;

    /// Makes the object of exactly these parts, in ascending order of their numbers; refuses parts
    /// that do not make up `write.size`. `write` is the one it was created with.
    /// `NoSuchUpload` may mean that an earlier call's answer was lost: the caller looks.
    async fn complete_upload(&self, upload: &Upload, parts: &[Part], write: &Write) -> Result<Written>;

    /// Gives the upload up and frees its parts.
    async fn abort_upload(&self, upload: &Upload) -> Result<()>;

    /// The open uploads of exactly this key, of any program, each with the time of its creation by the
    /// store's clock, if reported: at most 10,000. `Unsupported` if the store cannot list them.
    async fn list_uploads(&self, key: &str) -> Result<Vec<(Upload, Option<Timestamp>)>>;

    /// Removes an object.
    async fn delete(&self, key: &str) -> Result<()>;

    /// Removes many objects in one request, at most [`Capabilities::max_delete_keys`], and returns the result of each
    /// key in their order. A key's `Err` says nothing of the other keys; its [`delete`](Self::delete) may still succeed.
    /// `Err` of the whole call: each of the objects may or may not be removed. `Unsupported`: no object was removed, and
    /// the store will not offer it later either.
    async fn delete_many(&self, keys: &[String]) -> Result<Vec<Result<()>>>;

    /// The service of the store, if it can copy between its own buckets; see [`copy_source`].
    fn service(&self) -> Option<&Service>;

    /// Metadata that objects here may have and no copy gets: everything that the store does not rule out. Reads the
    /// container's configuration, not objects.
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

/// A service and the credentials for it: it may copy between two locations of the same service.
#[derive(Debug, Clone)]
pub struct Service {
    /// Endpoint, and other text that distinguishes services.
    pub endpoint: String,
    /// The name of its credentials in the configuration (never the credentials).
    pub credentials: String,
    /// Whether the requester pays for requests to the location's bucket.
    pub requester_pays: bool,
}

impl Service {
    /// Whether both have the same endpoint and credentials.
    pub fn is_same(&self, other: &Service) -> bool {
        self.endpoint == other.endpoint && self.credentials == other.credentials
    }
}

/// A source object, named for the destination's service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopySource {
    /// Its bucket.
    pub bucket: String,
    /// Its full key in the bucket.
    pub key: String,
    /// Whether the requester pays for the read.
    pub requester_pays: bool,
}

/// The source of a copy that the destination's own service may be able to make; a hint: it may
/// still refuse, with `Denied`, `Unsupported`, `Invalid` or `NotFound`, and the caller streams then.
pub fn copy_source(source: &dyn ObjectStore, key: &str, destination: &dyn ObjectStore) -> Option<CopySource> {
    let (from, to) = (source.service()?, destination.service()?);
    from.is_same(to).then(|| CopySource {
        bucket: source.location().bucket().to_owned(),
        key: source.location().full_key(key),
        requester_pays: from.requester_pays,
    })
}
