//! Configuration of a task, as config files and the command line spell it.
//!
//! One [`Config`] is what `finder --config` and `worker --config` read (TOML) and what `flotilla sync`
//! builds from its arguments: both know the same options by the same names, with the same bounds.
//! Reading checks everything that can be checked without I/O, and names the setting, the value and
//! the remedy in one line. Defaults stand in [`Find::default`] and [`Work::default`], and nowhere else.

mod check;
mod connection;
mod definition;
mod duration;
mod fleet_file;
pub mod keys;
mod size;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::location::Location;
use crate::store::{Encryption, Tier};

pub use connection::{Addressing, Connection};
pub use definition::{FollowedEvents, Notify, TaskDefinition, TaskLimits};
pub use duration::{interval, time};
pub use fleet_file::{FleetFile, MachineWork, QueueNames};
pub use size::Size;

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
    /// Where events wait; absent: on the same queue as everything else.
    #[serde(default)]
    pub events: Option<EventsConfig>,
    /// Where outcomes are recorded; absent: embedded in `state`.
    #[serde(default)]
    pub ledger: Option<LedgerConfig>,
    /// Folder of the embedded queue and ledger.
    #[serde(default)]
    pub state: Option<PathBuf>,
    /// The workers' autoscaling group; absent: a machine that nobody scales.
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

impl QueueConfig {
    /// The dead-letter queue's name.
    pub fn dead_letter_name(&self) -> String {
        self.dead_letter.clone().unwrap_or_else(|| format!("{}-dead", self.name))
    }
}

/// The SQS queue of events, which are done before what a scan has enqueued. It is at the endpoint of [`QueueConfig`],
/// and has the same dead-letter queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct EventsConfig {
    /// The queue's name.
    pub queue: String,
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
    /// File of key prefixes to look at, one a line; blank lines and `#` comments are passed over.
    pub prefix_list: Option<PathBuf>,
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
    /// Most transfers at once.
    pub concurrency: usize,
    /// Memory for transfers and everything else, bytes.
    #[serde(with = "size::required")]
    pub memory_limit: u64,
    /// Bytes a second over all transfers; `None`: no limit.
    #[serde(with = "size::optional")]
    pub bandwidth_limit: Option<u64>,
    /// Size of parts, bytes; `None`: chosen per object.
    #[serde(with = "size::optional")]
    pub part_size: Option<u64>,
    /// Objects larger than this go in parts, bytes; `None`: 64 MiB, and 1 GiB for those whose MD5
    /// the source tells, so that the destination can check a whole PUT.
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
    /// Time after which a received job without a heartbeat is given to another worker.
    #[serde(with = "duration::required")]
    pub lease: Duration,
    /// Whether workers look at the source again after each write, as they must where others may be at the
    /// same object: events, other workers, jobs that came twice. `None`: on SQS they do.
    pub look_again: Option<bool>,
    /// Time that a stopping worker has to finish its leased jobs.
    #[serde(with = "duration::required")]
    pub drain: Duration,
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
/// and lose less when one breaks off. An object whose MD5 the source tells goes whole up to a larger
/// size: the destination does the hashing then and comes to the same ETag, while the MD5s of parts say
/// nothing of the source's.
pub const fn multipart_threshold_bytes(md5_is_known: bool) -> u64 {
    if md5_is_known { 1 << 30 } else { 64 << 20 }
}

/// Parts are this large where nothing speaks for another size, bytes: a request's fixed cost (30 ms to
/// the first byte) is small beside it, and little is sent again when one breaks off.
pub const PART_BYTES: u64 = 16 << 20;

/// A giant object is cut into about this many jobs, so that a fleet can share it,
pub const GIANT_JOBS: u32 = 16;

/// but a job of parts holds no more than this, bytes: some seconds to a minute of work.
pub const GIANT_JOB_BYTES: u64 = 512 << 20;

/// A worker records outcomes when this many of one job are there (or when the oldest has waited for 2 s).
pub const SETTLE_OBJECTS: usize = 250;

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
            look_again: None,
            drain: Duration::from_secs(8),
            // A restarted gateway, a failed-over database, a lost network come back within minutes.
            outage_limit: Duration::from_secs(5 * 60),
            server_side_copy: true,
            storage_class: None,
            tags: true,
            acl: false,
            sse: None,
            sse_kms_key_id: None,
            strict: false,
            restore: None,
            // As Amazon's console offers: time enough for a run that was interrupted.
            restore_days: 7,
        }
    }
}

/// Why a task's configuration cannot be used; displays as one line.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read config file {}: {why}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        why: std::io::Error,
    },
    /// Not TOML, or a value of a wrong kind.
    #[error("{0}")]
    Syntax(String),
    /// A key that nothing reads.
    #[error("unknown setting {key:?}{place}: {hint}")]
    UnknownKey {
        /// The key.
        key: String,
        /// Where it stands, for the message.
        place: String,
        /// What may have been meant.
        hint: String,
    },
    /// A value out of its bounds, or one that contradicts another.
    #[error("{setting}: {why}")]
    Setting {
        /// The setting as config files name it; options have its last word.
        setting: String,
        /// Value, bounds and remedy.
        why: String,
    },
    /// Any of these, in a file.
    #[error("config file {}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        why: Box<ConfigError>,
    },
}

impl Config {
    /// The queue of events, where they have their own.
    pub fn events_queue(&self) -> Option<QueueConfig> {
        let (queue, events) = (self.queue.as_ref()?, self.events.as_ref()?);
        let dead_letter = Some(queue.dead_letter_name());
        Some(QueueConfig { name: events.queue.clone(), dead_letter, connection: queue.connection.clone() })
    }

    /// Whether workers look at the source again after each write.
    pub fn looks_again(&self) -> bool {
        self.work.look_again.unwrap_or(self.queue.is_some())
    }

    /// Reads and checks a config file. A relative `state` or `prefix-list` is meant from the working directory.
    pub fn read(path: &Path) -> Result<Config, ConfigError> {
        read_file(path, Config::parse)
    }

    /// Reads and checks a config file's text.
    pub fn parse(text: &str) -> Result<Config, ConfigError> {
        let table: toml::Table = toml::from_str(text).map_err(|e| syntax(text, &e))?;
        keys::check(&table)?;
        let mut config: Config = toml::from_str(text).map_err(|e| syntax(text, &e))?;
        (config.find.tags, config.find.strict) = (config.work.tags, config.work.strict);
        config.check()?;
        Ok(config)
    }
}

/// Reads a file and parses it.
fn read_file<T>(path: &Path, parse: impl FnOnce(&str) -> Result<T, ConfigError>) -> Result<T, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|why| ConfigError::Read { path: path.to_owned(), why })?;
    parse(&text).map_err(|why| ConfigError::File { path: path.to_owned(), why: Box::new(why) })
}

/// The parser's message in one line, with the line's number in place of its drawing.
fn syntax(text: &str, error: &toml::de::Error) -> ConfigError {
    let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
    ConfigError::Syntax(if line > 0 { format!("line {line}: {message}") } else { message })
}

#[cfg(test)]
mod tests;
