//! Definitions as text.

use std::path::Path;

use serde_json::{Map, Value};

use super::super::keys::{self, Section};
use super::super::{ConfigError, read_file, syntax};
use super::{MACHINE_KEYS, SINGLE_KEYS, TaskDefinition};

const TOP: &[&str] = &[
    "task",
    "description",
    "schedule",
    "events",
    "events-queue",
    "source",
    "destination",
    "find",
    "work",
    "limits",
    "notify",
];

/// The sections of a definition with their keys.
fn sections() -> Vec<Section> {
    let work = keys::of("work").iter().copied();
    let work = work.filter(|key| !MACHINE_KEYS.contains(key) && !SINGLE_KEYS.contains(key));
    vec![
        Section::new("", TOP),
        Section::new("source", keys::of("source")),
        Section::new("destination", keys::of("destination")),
        Section::new("find", keys::of("find")),
        Section { name: "work", keys: work.filter(|key| *key != "bandwidth-limit").collect() },
        Section::new("limits", &["machines", "bandwidth", "requests"]),
        Section::new("notify", &["topic", "webhook", "on"]),
    ]
}

/// Where a setting goes that a definition does not have.
fn elsewhere(section: &str, key: &str) -> Option<&'static str> {
    match (section, key) {
        ("work", "bandwidth-limit") => Some("give bandwidth in section [limits], which holds over all workers"),
        ("work", "look-again") => Some("leave it out: workers of a fleet always look again"),
        ("work", "outage-limit") => Some("leave it out: workers of a fleet wait for a store for ever"),
        ("work", key) if MACHINE_KEYS.contains(&key) => Some("put it into section [work] of the fleet file"),
        ("", "queue" | "ledger" | "state" | "fleet" | "metrics-addr") => Some("put it into the fleet file"),
        _ => None,
    }
}

impl TaskDefinition {
    /// Reads and checks a definition's text.
    pub fn parse(text: &str) -> Result<TaskDefinition, ConfigError> {
        let table: toml::Table = toml::from_str(text).map_err(|error| syntax(text, &error))?;
        keys::check_in(&sections(), &table, elsewhere)?;
        let mut definition: TaskDefinition = toml::from_str(text).map_err(|error| syntax(text, &error))?;
        (definition.find.tags, definition.find.strict) = (definition.work.tags, definition.work.strict);
        definition.check()?;
        Ok(definition)
    }

    /// Reads and checks a file. A relative `prefix-list` is meant from the working directory.
    pub fn read(path: &Path) -> Result<TaskDefinition, ConfigError> {
        read_file(path, TaskDefinition::parse)
    }

    /// The definition as JSON with all defaults: the settings that a file may have, none of which is null.
    pub fn to_json(&self) -> Result<Map<String, Value>, ConfigError> {
        let refused = |error: serde_json::Error| ConfigError::Syntax(format!("the definition has no JSON: {error}"));
        let Value::Object(mut all) = serde_json::to_value(self).map_err(refused)? else { return Ok(Map::new()) };
        for Section { name, keys } in sections().into_iter().filter(|section| !section.name.is_empty()) {
            if let Some(Value::Object(settings)) = all.get_mut(name) {
                settings.retain(|key, value| !value.is_null() && keys.contains(&key.as_str()));
            }
        }
        all.retain(|_, value| !value.is_null());
        Ok(all)
    }

    /// The definition as a file, which [`TaskDefinition::parse`] reads back. Settings that have their default value are
    /// left out.
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        let refused = |error: toml::ser::Error| ConfigError::Syntax(format!("the definition has no TOML: {error}"));
        let mut table = toml::Table::try_from(self).map_err(refused)?;
        let defaults = TaskDefinition {
            description: String::new(),
            schedule: None,
            events: Default::default(),
            events_queue: None,
            find: Default::default(),
            work: Default::default(),
            limits: Default::default(),
            notify: Default::default(),
            ..self.clone()
        };
        let defaults = toml::Table::try_from(&defaults).map_err(refused)?;
        for (name, value) in &mut table {
            let (Some(section), Some(default)) = (value.as_table_mut(), defaults.get(name).and_then(|d| d.as_table()))
            else {
                continue;
            };
            match name.as_str() {
                // Their settings are the same in both.
                "source" | "destination" => section.retain(|key, value| match key {
                    "addressing-style" => value.as_str() != Some("auto"),
                    "requester-pays" => value.as_bool() == Some(true),
                    _ => true,
                }),
                _ => section.retain(|key, value| default.get(key) != Some(value)),
            }
        }
        table.retain(|name, value| match value {
            toml::Value::Table(section) => !section.is_empty(),
            // A task has a name, which is the same in both.
            value => name == "task" || defaults.get(name) != Some(value),
        });
        toml::to_string(&table).map_err(refused)
    }
}
