//! Configuration of a task, as config files and the command line spell it.
//!
//! One [`Config`] is what `finder --config` and `worker --config` read (TOML) and what `flotilla sync`
//! builds from its arguments: both know the same options by the same names, with the same bounds.
//! Reading checks everything that can be checked without I/O, and names the setting, the value and
//! the remedy in one line.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::aws::Connection;
use crate::location::Location;
use crate::store::s3::Addressing;

/// A task and the services that carry it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The task's name: up to 100 letters, digits, `-`, `_` and `.`.
    pub task: String,
    /// Where objects come from.
    pub source: Side,
    /// Where they go.
    pub destination: Side,
    /// Where jobs wait; absent: embedded in `state`.
    #[serde(default)]
    pub queue: Option<QueueConfig>,
    /// Where outcomes are recorded; absent: embedded in `state`.
    #[serde(default)]
    pub ledger: Option<LedgerConfig>,
    /// Folder of the embedded queue and ledger.
    #[serde(default)]
    pub state: Option<PathBuf>,
    /// The autoscaling group that holds the workers; absent: a machine that nobody scales.
    #[serde(default)]
    pub fleet: Option<FleetConfig>,
    /// What is compared, and how.
    #[serde(default)]
    pub find: Find,
    /// How it is copied.
    #[serde(default)]
    pub work: Work,
    /// `HOST:PORT` for metrics and health; absent: none.
    #[serde(default)]
    pub metrics_addr: Option<String>,
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
}

/// The SQS queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct QueueConfig {
    /// The queue's name.
    pub name: String,
    /// The dead-letter queue's name; default: the queue's with `-dead`.
    #[serde(default)]
    pub dead_letter: Option<String>,
    /// Endpoint, region and credentials.
    #[serde(flatten)]
    pub connection: Connection,
}

/// The DynamoDB table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LedgerConfig {
    /// The table's name.
    pub table: String,
    /// Endpoint, region and credentials.
    #[serde(flatten)]
    pub connection: Connection,
}

/// The autoscaling group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FleetConfig {
    /// The group's name.
    pub group: String,
    /// The termination hook's name, where there is one.
    #[serde(default)]
    pub lifecycle_hook: Option<String>,
    /// Base URL of the instance metadata service; for tests.
    #[serde(default)]
    pub metadata_url: Option<String>,
    /// Endpoint, region and credentials.
    #[serde(flatten)]
    pub connection: Connection,
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

/// What is compared, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Find {
    /// How two objects of one key are compared.
    pub compare: Compare,
    /// Delete at the destination what the source does not have.
    pub delete: bool,
    /// Refuse all deletes of a run if there are more than this.
    pub max_delete: Option<u64>,
    /// Rules by key in their order: `+ GLOB` includes, `- GLOB` excludes; the last match wins.
    pub filters: Vec<String>,
    /// Leave out smaller source objects, bytes.
    pub min_size: Option<u64>,
    /// Leave out larger source objects, bytes.
    pub max_size: Option<u64>,
    /// Leave out source objects younger than this.
    #[serde(with = "duration")]
    pub min_age: Option<Duration>,
    /// Leave out source objects older than this.
    #[serde(with = "duration")]
    pub max_age: Option<Duration>,
    /// File of key prefixes to look at, one a line; blank lines and `#` comments are passed over.
    pub prefix_list: Option<PathBuf>,
    /// Most key ranges listed at once.
    pub list_concurrency: usize,
    /// Most objects of one copy job.
    pub job_objects: u32,
    /// Most bytes of one copy job with several objects.
    pub job_bytes: u64,
}

impl Default for Find {
    fn default() -> Self {
        Find {
            compare: Compare::Auto,
            delete: false,
            max_delete: None,
            filters: Vec::new(),
            min_size: None,
            max_size: None,
            min_age: None,
            max_age: None,
            prefix_list: None,
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
    /// Most transfers at once.
    pub concurrency: usize,
    /// Memory for transfers and everything else, bytes.
    pub memory_limit: u64,
    /// Bytes a second over all transfers; `None`: no limit.
    pub bandwidth_limit: Option<u64>,
    /// Size of parts, bytes; `None`: chosen per object.
    pub part_size: Option<u64>,
    /// Objects larger than this go in parts, bytes; `None`: 64 MiB, and 1 GiB for those whose MD5
    /// the source tells, so that the destination can check a whole PUT.
    pub multipart_threshold: Option<u64>,
    /// Objects of at least this size are shared by the whole fleet, bytes.
    pub giant_threshold: u64,
    /// Attempts at one object, over all its jobs.
    pub attempts: u32,
    /// Delay before an object's second attempt; it grows fourfold each time.
    #[serde(with = "duration::required")]
    pub retry_delay: Duration,
    /// How long a received job is held without a heartbeat.
    #[serde(with = "duration::required")]
    pub lease: Duration,
    /// How long a worker that was told to stop may go on with what it holds.
    #[serde(with = "duration::required")]
    pub drain: Duration,
    /// Whether services may copy between their own buckets.
    pub server_side_copy: bool,
}

/// Objects larger than this go in parts where nothing else is set, bytes: parts transfer in parallel,
/// and lose less when one breaks off. An object whose MD5 the source tells goes whole up to a larger
/// size: the destination does the hashing then and comes to the same ETag, while the MD5s of parts say
/// nothing of the source's.
pub const fn multipart_threshold_bytes(md5_is_known: bool) -> u64 {
    if md5_is_known { 1 << 30 } else { 64 << 20 }
}

impl Default for Work {
    fn default() -> Self {
        Work {
            concurrency: 32,
            memory_limit: 256 << 20,
            bandwidth_limit: None,
            part_size: None,
            multipart_threshold: None,
            giant_threshold: 5 << 30,
            attempts: 3,
            retry_delay: Duration::from_secs(5),
            lease: Duration::from_secs(60),
            drain: Duration::from_secs(8),
            server_side_copy: true,
        }
    }
}

/// Durations as `30s`, `1h 5m`.
mod duration {
    use super::*;
    use serde::{Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        value.map(|d| humantime::format_duration(d).to_string()).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|t| humantime::parse_duration(&t).map_err(serde::de::Error::custom)).transpose()
    }

    pub mod required {
        use super::*;

        pub fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
            to.collect_str(&humantime::format_duration(*value))
        }

        pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
            humantime::parse_duration(&String::deserialize(from)?).map_err(serde::de::Error::custom)
        }
    }
}
