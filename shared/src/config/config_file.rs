//! The layout of a config file, and of the JSON that keeps a task's configuration.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::work_section::WorkSection;
use super::{Config, EventsConfig, Find, FleetConfig, Kind, LedgerConfig, ObjectsConfig, QueueConfig, Side};

/// All settings of a [`Config`] at one level. serde's `flatten` would do without this type, but it allows unknown keys
/// and loses the line numbers of values that cannot be read.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct ConfigFile {
    task: String,
    #[serde(default)]
    kind: Kind,
    source: Side,
    destination: Side,
    #[serde(default)]
    queue: Option<QueueConfig>,
    #[serde(default)]
    events: Option<EventsConfig>,
    #[serde(default)]
    ledger: Option<LedgerConfig>,
    #[serde(default)]
    state: Option<PathBuf>,
    #[serde(default)]
    fleet: Option<FleetConfig>,
    #[serde(default)]
    find: Find,
    #[serde(default)]
    work: WorkSection,
    #[serde(default)]
    metrics_addr: Option<String>,
}

impl From<ConfigFile> for Config {
    fn from(file: ConfigFile) -> Config {
        let ConfigFile { task, kind, source, destination, queue, events, .. } = file;
        let ConfigFile { ledger, state, fleet, find, work, metrics_addr, .. } = file;
        let WorkSection { machine, work } = work;
        let objects = ObjectsConfig { source, destination, find, work };
        let name = task.clone();
        Config { task, name, kind, queue, events, ledger, state, fleet, metrics_addr, machine, objects }
    }
}

impl From<Config> for ConfigFile {
    fn from(config: Config) -> ConfigFile {
        let Config { task, name: _, kind, queue, events, ledger, state, fleet, metrics_addr, machine, objects } =
            config;
        let ObjectsConfig { source, destination, find, work } = objects;
        let work = WorkSection { machine, work };
        ConfigFile { task, kind, source, destination, queue, events, ledger, state, fleet, find, work, metrics_addr }
    }
}
