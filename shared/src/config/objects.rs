//! The settings of a task of the kind `objects`: its two sides, how objects are compared and copied.

mod check;
mod overrides;
mod prefix_list;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Addressing, Connection, duration, size};
use crate::acl::CannedAcl;
use crate::location::Location;
use crate::store::{Encryption, Tier};

pub use overrides::RunOverrides;

/// What a task of the kind `objects` has. Config files spell its fields at their top level.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectsConfig {
    /// Where objects come from.
    pub source: Side,
    /// Where they go.
    pub destination: Side,
    /// How objects are compared.
    pub find: Find,
    /// How it is copied.
    pub work: Work,
}

/// One side of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Side {
    /// Store, bucket and prefix.
    pub location: Location,
    /// Endpoint, region and credentials.
    #[serde(flatten)]
    pub connection: Connection,
    /// How the bucket stands in the URL.
    #[serde(default)]
    pub addressing_style: Addressing,
    /// Whether requests say that the requester pays for them, as buckets of others may need.
    #[serde(default)]
    pub requester_pays: bool,
}

/// How two objects of one key are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compare {
    /// `etag` where both sides' tags mean the same for the pair, `size-mtime` elsewhere.
    #[default]
    Auto,
    /// Size different, or destination older.
    SizeMtime,
    /// Size different.
    Size,
    /// Size or entity tag different.
    Etag,
    /// Size or the strongest checksum both sides have different.
    Checksum,
    /// Copy everything.
    Always,
}

/// How objects are compared, and which ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Find {
    /// How two objects of one key are compared.
    pub compare: Compare,
    /// Copy also what has the same bytes on both sides, but other headers, user metadata or tags.
    pub metadata: bool,
    /// Compare tags with the other metadata: as [`Work::tags`].
    #[serde(skip)]
    pub tags: bool,
    /// Fail where tags cannot be compared: as [`Work::strict`].
    #[serde(skip)]
    pub strict: bool,
    /// Delete at the destination what the source does not have.
    pub delete: bool,
    /// Refuse all deletes of a run if there are more than this.
    pub max_delete: Option<u64>,
    /// Rules by key in their order: `+ GLOB` includes, `- GLOB` excludes; the last match wins.
    pub filters: Vec<String>,
    /// Leave out smaller source objects, bytes.
    #[serde(with = "size::optional")]
    pub min_size: Option<u64>,
    /// Leave out larger source objects, bytes.
    #[serde(with = "size::optional")]
    pub max_size: Option<u64>,
    /// Leave out source objects younger than this.
    #[serde(with = "duration::optional")]
    pub min_age: Option<Duration>,
    /// Leave out source objects older than this.
    #[serde(with = "duration::optional")]
    pub max_age: Option<Duration>,
    /// File of key prefixes to look at, one a line; blank lines and `#` comments are passed over. A task of a fleet may
    /// name an object in its place.
    pub prefix_list: Option<PathBuf>,
    /// The key prefixes to look at, in place of a file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prefixes: Vec<String>,
    /// The only key to look at. The command line sets it where the source names one object; config files have no such
    /// key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only_key: Option<String>,
    /// Most key ranges listed at once.
    pub list_concurrency: usize,
    /// Most objects of one copy job.
    pub job_objects: u32,
    /// Most bytes of one copy job with several objects.
    #[serde(with = "size::required")]
    pub job_bytes: u64,
}

impl Default for Find {
    fn default() -> Self {
        Find {
            compare: Compare::Auto,
            metadata: false,
            tags: true,
            strict: false,
            delete: false,
            max_delete: None,
            filters: Vec::new(),
            min_size: None,
            max_size: None,
            min_age: None,
            max_age: None,
            prefix_list: None,
            prefixes: Vec::new(),
            only_key: None,
            // S3 lists some thousand keys a second per request in flight; 16 outrun any worker fleet's start.
            list_concurrency: 16,
            // Some seconds of work for one worker at 100 to 1,000 small objects a second.
            job_objects: 500,
            // Some seconds at 50 to 100 MB/s.
            job_bytes: 512 << 20,
        }
    }
}

/// How objects are copied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Work {
    /// Size of parts, bytes; `None`: chosen per object.
    #[serde(with = "size::optional")]
    pub part_size: Option<u64>,
    /// Objects larger than this go in parts, bytes; `None`: as [`multipart_threshold_at`] says.
    #[serde(with = "size::optional")]
    pub multipart_threshold: Option<u64>,
    /// Objects of at least this size are shared by the whole fleet, bytes.
    #[serde(with = "size::required")]
    pub giant_threshold: u64,
    /// Attempts at one object, over all its jobs.
    pub attempts: u32,
    /// Delay before an object's second attempt; it grows fourfold each time.
    #[serde(with = "duration::required")]
    pub retry_delay: Duration,
    /// Whether workers look at the source again after each write, as they must where others may be at the
    /// same object: events, other workers, jobs that came twice. `None`: on SQS they do.
    pub look_again: Option<bool>,
    /// How long `flotilla` waits for a store at which nothing succeeds; workers of a fleet wait for ever.
    #[serde(with = "duration::required")]
    pub outage_limit: Duration,
    /// Whether services may copy between their own buckets.
    pub server_side_copy: bool,
    /// The storage class that objects get; `None`: the source's, where both sides' mean the same.
    pub storage_class: Option<String>,
    /// Whether tags are carried over.
    pub tags: bool,
    /// Whether access control lists are carried over.
    pub acl: bool,
    /// The access control list that objects get; `None`: the bucket's default.
    pub canned_acl: Option<CannedAcl>,
    /// How the destination is to encrypt objects; `None`: as its bucket's default is.
    pub sse: Option<Sse>,
    /// The key of KMS; `None`: the account's default.
    pub sse_kms_key_id: Option<String>,
    /// Whether an object fails that would lose something at the destination.
    pub strict: bool,
    /// How archived objects are restored; `None`: they are skipped.
    pub restore: Option<Tier>,
    /// For how many days restored objects can be read.
    pub restore_days: u16,
    /// How outcomes are recorded in a ledger that may record many together.
    pub records: Records,
}

/// How the outcomes of objects are recorded in a ledger that may record many together (DynamoDB).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Records {
    /// Together where that loses nothing: the ledger finds them by their keys.
    #[default]
    Packed,
    /// Each as an item of its own, for other programs that read the table.
    Each,
}

/// Server-side encryption, as `x-amz-server-side-encryption` spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sse {
    /// By keys of the store's own.
    #[serde(rename = "AES256")]
    Aes256,
    /// By a key of KMS.
    #[serde(rename = "aws:kms")]
    Kms,
}

impl Work {
    /// How the destination is to encrypt objects.
    pub fn encryption(&self) -> Option<Encryption> {
        self.sse.map(|sse| match sse {
            Sse::Aes256 => Encryption::Aes256,
            Sse::Kms => Encryption::Kms(self.sse_kms_key_id.clone()),
        })
    }
}

/// Objects larger than this go in parts where nothing else is set, bytes: parts transfer in parallel,
/// and lose less when one breaks off. An object whose MD5 the source reports goes whole up to a larger
/// size: the destination does the hashing then and comes to the same ETag, while the MD5s of parts say
/// nothing of the source's.
pub const fn multipart_threshold_bytes(md5_is_known: bool) -> u64 {
    if md5_is_known { 1 << 30 } else { 64 << 20 }
}

/// What one connection is expected to carry in a round trip once it is warm, bytes: the window that usual systems and
/// stores give it.
const ROUND_TRIP_BYTES: u64 = 2 << 20;

/// An object is not to take longer than this on one connection: parts go over several, and one that breaks off loses
/// only a part.
const LONGEST_TRANSFER: Duration = Duration::from_secs(5);

/// However far the stores are, smaller objects go whole, bytes: an upload takes requests and round trips of its own,
/// for which two parts win too little.
pub const LEAST_THRESHOLD_BYTES: u64 = 2 * PART_BYTES;

/// As [`multipart_threshold_bytes`], between stores of which the farther one takes at least `latency` to answer; zero
/// if that is not known.
///
/// A connection is expected to carry 2 MiB a round trip once it is warm, and an object is not to take longer than 5 s
/// on one: the threshold is 333 MiB at 30 ms, 100 MiB at 100 ms, 50 MiB at 200 ms, and 32 MiB at least. Below 10 ms the
/// latency changes nothing.
pub fn multipart_threshold_at(md5_is_known: bool, latency: Duration) -> u64 {
    let carried = u128::from(ROUND_TRIP_BYTES) * LONGEST_TRANSFER.as_nanos() / latency.as_nanos().max(1);
    let carried = u64::try_from(carried).unwrap_or(u64::MAX);
    multipart_threshold_bytes(md5_is_known).min(carried.max(LEAST_THRESHOLD_BYTES))
}

/// Parts are this large where nothing speaks for another size, bytes: a request's fixed cost (30 ms to
/// the first byte) is small beside it, and little is sent again when one breaks off.
pub const PART_BYTES: u64 = 16 << 20;

/// Objects of this size and larger are giants where nothing else is set, bytes: all workers share them.
const GIANT_BYTES: u64 = 5 << 30;

/// The smallest parts of giants, bytes: see [`GIANT_PARTS`].
const LEAST_GIANT_PART_BYTES: u64 = 8 << 20;

/// Parts of giants are no larger than this, bytes: one that breaks off is sent again.
const MOST_PART_BYTES: u64 = 64 << 20;

/// A giant has larger parts than [`LEAST_GIANT_PART_BYTES`] only if it still has at least so many: the parts that are on
/// their way when a process is killed, 32 by default, are a small share of it then. The smallest giants, of 5 GiB, have
/// 640 parts.
const GIANT_PARTS: u64 = 1024;

/// The size of the parts of an object of `size` bytes where nothing speaks for another one, bytes: [`PART_BYTES`], or
/// for giants a power of two from 8 MiB (below 16 GiB) to 64 MiB (from 64 GiB on).
pub const fn part_bytes(size: u64) -> u64 {
    if size < GIANT_BYTES {
        return PART_BYTES;
    }
    let mut bytes = LEAST_GIANT_PART_BYTES;
    while bytes < MOST_PART_BYTES && size / (2 * bytes) >= GIANT_PARTS {
        bytes *= 2;
    }
    bytes
}

/// Most objects of any job: `job-objects` is no larger, a page of a listing shows as many keys, and one request deletes
/// as many.
pub const JOB_KEYS: usize = 1_000;

/// A LIST costs as much as so many HEADs (Amazon S3: $0.005 and $0.0004 for a thousand): a page that shows fewer objects
/// of a job is not worth it.
pub const LIST_IN_HEADS: usize = 13;

impl Default for Work {
    fn default() -> Self {
        Work {
            part_size: None,
            multipart_threshold: None,
            giant_threshold: GIANT_BYTES,
            attempts: 3,
            retry_delay: Duration::from_secs(5),
            look_again: None,
            // A restarted gateway, a failed-over database, a lost network come back within minutes.
            outage_limit: Duration::from_secs(5 * 60),
            server_side_copy: true,
            storage_class: None,
            tags: true,
            acl: false,
            canned_acl: None,
            sse: None,
            sse_kms_key_id: None,
            strict: false,
            restore: None,
            // As Amazon's console offers: time enough for a run that was interrupted.
            restore_days: 7,
            records: Records::Packed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_farther_a_store_is_the_smaller_objects_go_in_parts() {
        let mib = |md5, milliseconds| multipart_threshold_at(md5, Duration::from_millis(milliseconds)) >> 20;
        for (milliseconds, with_md5, without) in [
            (0, 1024, 64),
            (1, 1024, 64),
            (9, 1024, 64),
            (10, 1000, 64),
            (30, 333, 64),
            (100, 100, 64),
            (150, 66, 64),
            (200, 50, 50),
            (320, 32, 32),
            (10_000, 32, 32),
        ] {
            let thresholds = (mib(true, milliseconds), mib(false, milliseconds));
            assert_eq!(thresholds, (with_md5, without), "{milliseconds} ms");
        }
        assert_eq!(multipart_threshold_at(true, Duration::from_nanos(1)), multipart_threshold_bytes(true));
        assert_eq!(multipart_threshold_at(true, Duration::MAX), LEAST_THRESHOLD_BYTES);
    }
}
