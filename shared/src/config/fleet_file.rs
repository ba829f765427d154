//! The fleet file: the settings of a fleet's machines, the same for all tasks.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::check::{Check, check_connection, check_ledger, duration_within, refuse};
use super::keys::{self, Section};
use super::{ConfigError, Connection, FleetConfig, LedgerConfig, MachineSettings, duration, read_file, size, syntax};
use crate::tasks::{OPERATIONS, check_fleet_name};

/// A fleet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FleetFile {
    /// The fleet's name. The names of all its queues begin with it.
    pub name: String,
    /// How SQS is reached.
    #[serde(default)]
    pub queue: Connection,
    /// Where tasks and outcomes are recorded; absent: embedded in `state`.
    #[serde(default)]
    pub ledger: Option<LedgerConfig>,
    /// Folder of the embedded queues and ledger, of a fleet of one machine.
    #[serde(default)]
    pub state: Option<PathBuf>,
    /// The workers' autoscaling group; absent: machines that nobody scales.
    #[serde(default, rename = "fleet")]
    pub group: Option<FleetConfig>,
    /// What one machine does at once.
    #[serde(default)]
    pub work: MachineWork,
    /// `HOST:PORT` for metrics and health; absent: none.
    #[serde(default)]
    pub metrics_addr: Option<String>,
    /// Where people reach the console, as `https://HOST`: notices have links to its pages.
    #[serde(default)]
    pub public_url: Option<String>,
}

/// What one machine does at once, over all tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct MachineWork {
    /// Most transfers at once.
    pub concurrency: usize,
    /// Memory for transfers and everything else, bytes.
    #[serde(with = "size::required")]
    pub memory_limit: u64,
    /// Time after which a received job without a heartbeat is given to another worker.
    #[serde(with = "duration::required")]
    pub lease: Duration,
    /// How long a worker that is to stop may go on with what it has.
    #[serde(with = "duration::required")]
    pub drain: Duration,
    /// How long a machine of the group waits for work before it ends itself.
    #[serde(with = "duration::required")]
    pub idle_exit: Duration,
}

impl Default for MachineWork {
    fn default() -> Self {
        let MachineSettings { concurrency, memory_limit, lease, drain, bandwidth_limit: _ } =
            MachineSettings::default();
        // A machine takes a minute to come, and is billed by the second.
        MachineWork { concurrency, memory_limit, lease, drain, idle_exit: Duration::from_secs(5 * 60) }
    }
}

/// The names of a task's queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueNames {
    /// Jobs of scans.
    pub jobs: String,
    /// Events, and what goes before the jobs of scans.
    pub events: String,
    /// The dead letters of both.
    pub dead: String,
}

/// The sections of a fleet file with their keys.
fn sections() -> Vec<Section> {
    vec![
        Section::new("", &["name", "queue", "ledger", "state", "fleet", "work", "metrics-addr", "public-url"]),
        Section::new("queue", &["endpoint-url", "region", "credentials"]),
        Section::new("ledger", keys::of("ledger")),
        Section::new("fleet", keys::of("fleet")),
        Section::new("work", &["concurrency", "memory-limit", "lease", "drain", "idle-exit"]),
    ]
}

/// Where a setting goes that a fleet file does not have.
fn elsewhere(section: &str, key: &str) -> Option<&'static str> {
    match (section, key) {
        ("queue", "name" | "dead-letter") => Some("leave it out: queues are named by fleet and task"),
        ("", "events") => Some("leave it out: each task has a queue of events"),
        ("", "task" | "source" | "destination" | "find") => Some("put it into the task's definition"),
        ("work", key) if keys::of("work").contains(&key) => Some("put it into section [work] of the task's definition"),
        _ => None,
    }
}

impl FleetFile {
    /// A fleet of one machine, embedded in a folder.
    pub fn of_folder(name: &str, state: impl Into<PathBuf>) -> FleetFile {
        FleetFile {
            name: name.to_owned(),
            queue: Connection::default(),
            ledger: None,
            state: Some(state.into()),
            group: None,
            work: MachineWork::default(),
            metrics_addr: None,
            public_url: None,
        }
    }

    /// Reads and checks a fleet file's text.
    pub fn parse(text: &str) -> Result<FleetFile, ConfigError> {
        let table: toml::Table = toml::from_str(text).map_err(|error| syntax(text, &error))?;
        keys::check_in(&sections(), &table, elsewhere)?;
        let fleet: FleetFile = toml::from_str(text).map_err(|error| syntax(text, &error))?;
        fleet.check()?;
        Ok(fleet)
    }

    /// Reads and checks a file. A relative `state` is meant from the working directory.
    pub fn read(path: &Path) -> Result<FleetFile, ConfigError> {
        read_file(path, FleetFile::parse)
    }

    /// The names of a task's queues.
    pub fn queues_of(&self, task: &str) -> QueueNames {
        let name = |end: &str| format!("{}--{task}{end}", self.name);
        QueueNames { jobs: name(""), events: name("--events"), dead: name("--dead") }
    }

    /// The queue of operations whose task is not created yet. No task has its name.
    pub fn operations_queue(&self) -> String {
        format!("{}--{OPERATIONS}", self.name)
    }

    /// Checks everything that can be checked without I/O.
    pub fn check(&self) -> Check {
        check_fleet_name(&self.name).or_else(|why| refuse("name", why))?;
        check_connection("queue", &self.queue)?;
        if let Some(ledger) = &self.ledger {
            check_ledger(ledger)?;
        }
        if let Some(group) = &self.group {
            check_connection("fleet", &group.connection)?;
        }
        match (&self.ledger, &self.state) {
            (None, None) => return refuse("ledger", "there is no ledger: give [ledger], or state for one machine"),
            (Some(_), Some(_)) => {
                return refuse("state", "state is for the embedded ledger: leave state out, or leave [ledger] out");
            }
            (None, Some(_)) if self.queue != Connection::default() => {
                return refuse("queue", "[queue] needs [ledger]: give both, or give state instead of both");
            }
            (None, Some(state)) if state.to_str().is_none() => {
                let why = format!("the folder name {} is not UTF-8: give another folder", state.display());
                return refuse("state", why);
            }
            _ => {}
        }
        if self.public_url.as_deref().is_some_and(|url| !is_origin(url)) {
            return refuse("public-url", "give scheme and host alone, such as https://flotilla.example.com");
        }
        self.work.check()
    }
}

/// Whether a URL is a scheme of the web and a host, with nothing behind.
fn is_origin(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    host.is_some_and(|host| !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._:[]".contains(c)))
}

impl MachineWork {
    /// The settings of a worker on the machine. Its bandwidth is limited by task.
    pub fn settings(&self) -> MachineSettings {
        let MachineWork { concurrency, memory_limit, lease, drain, idle_exit: _ } = *self;
        MachineSettings { concurrency, memory_limit, bandwidth_limit: None, lease, drain }
    }

    fn check(&self) -> Check {
        self.settings().check()?;
        // A minute is what a machine takes to come.
        duration_within("idle-exit", self.idle_exit, Duration::from_secs(60), Duration::from_secs(24 * 3600))
    }
}

#[cfg(test)]
mod tests;
