//! Configuration of a task, as config files and the command line spell it.
//!
//! One [`Config`] is what `finder --config` and `worker --config` read (TOML) and what `flotilla sync`
//! builds from its arguments: both know the same options by the same names, with the same bounds.
//! Reading checks everything that can be checked without I/O, and names the setting, the value and
//! the remedy in one line. Defaults stand in [`MachineSettings::default`], [`Find::default`] and [`Work::default`], and
//! nowhere else.

mod check;
mod config_file;
mod connection;
mod definition;
mod duration;
mod fleet_file;
pub mod keys;
mod kind;
mod machine;
mod objects;
mod size;
mod work_section;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use config_file::ConfigFile;

pub use connection::{Addressing, Connection};
pub use definition::{FollowedEvents, Notify, NotifyOn, TaskDefinition, TaskLimits};
pub use duration::{interval, time};
pub use fleet_file::{FleetFile, MachineWork, QueueNames};
pub use kind::Kind;
pub use machine::MachineSettings;
pub use objects::{
    Compare, Find, JOB_KEYS, LEAST_THRESHOLD_BYTES, LIST_IN_HEADS, ObjectsConfig, PART_BYTES, Records, RunOverrides,
    Side, Sse, Work, multipart_threshold_at, multipart_threshold_bytes, part_bytes,
};
pub use size::Size;

/// A task and the services that carry it: what every task has, and what tasks of its kind have.
///
/// Files and JSON have all settings of the two at one level, as `ConfigFile` lists them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "ConfigFile", into = "ConfigFile")]
pub struct Config {
    /// The task in jobs, ledger and workers: the id of a task of a fleet, else its name. Up to 100 letters, digits, `-`,
    /// `_` and `.`.
    pub task: String,
    /// The task's name, as people see it. Not kept in files: a task that is not of a fleet has its name as `task`.
    pub name: String,
    /// The kind of data that it replicates.
    pub kind: Kind,
    /// Where jobs wait; absent: embedded in `state`.
    pub queue: Option<QueueConfig>,
    /// Where events wait; absent: on the same queue as everything else.
    pub events: Option<EventsConfig>,
    /// Where outcomes are recorded; absent: embedded in `state`.
    pub ledger: Option<LedgerConfig>,
    /// Folder of the embedded queue and ledger.
    pub state: Option<PathBuf>,
    /// The workers' autoscaling group; absent: a machine that nobody scales.
    pub fleet: Option<FleetConfig>,
    /// `HOST:PORT` for metrics and health; absent: none.
    pub metrics_addr: Option<String>,
    /// How much one process does at once.
    pub machine: MachineSettings,
    /// What tasks of the kind `objects` have.
    pub objects: ObjectsConfig,
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
    /// For how long outcomes that are recorded together can be found by their keys.
    #[serde(with = "duration::required", default = "kept_outcomes")]
    pub keep_outcomes: Duration,
    /// Endpoint, region and credentials.
    #[serde(flatten)]
    pub connection: Connection,
}

/// A year, and time to look back at it.
fn kept_outcomes() -> Duration {
    Duration::from_secs(400 * 24 * 3600)
}

impl LedgerConfig {
    /// A table, with the defaults of all else.
    pub fn new(table: impl Into<String>, connection: Connection) -> LedgerConfig {
        LedgerConfig { table: table.into(), keep_outcomes: kept_outcomes(), connection }
    }
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
        self.objects.work.look_again.unwrap_or(self.queue.is_some())
    }

    /// Reads and checks a config file. A relative `state` or `prefix-list` is meant from the working directory.
    pub fn read(path: &Path) -> Result<Config, ConfigError> {
        read_file(path, Config::parse)
    }

    /// Reads and checks a config file's text.
    pub fn parse(text: &str) -> Result<Config, ConfigError> {
        let table: toml::Table = toml::from_str(text).map_err(|e| syntax(text, &e))?;
        // First: a file of another kind has other keys too.
        if let Some(kind) = table.get("kind").and_then(toml::Value::as_str) {
            kind.parse::<Kind>()?;
        }
        keys::check(&table)?;
        let mut config: Config = toml::from_str(text).map_err(|e| syntax(text, &e))?;
        let ObjectsConfig { find, work, .. } = &mut config.objects;
        (find.tags, find.strict) = (work.tags, work.strict);
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
