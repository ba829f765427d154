//! Changes definitions.

use std::collections::BTreeMap;

use shared::config::{FollowedEvents, TaskDefinition};
use shared::object::Timestamp;
use shared::tasks::{Change, TaskState};

use super::actor::{Actor, Found, deleting, gone};
use super::{events_queue, state::due_after_edit};
use crate::refusal::{Code, Refusal};

/// An edit that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The version of the new definition; that of the old one if nothing differs.
    pub version: u32,
    /// The names of the settings that differ.
    pub changed: Vec<String>,
    /// How its events come, for the user. If they could not be wired, the definition is recorded all the same.
    pub wired: Result<Option<String>, Refusal>,
}

/// Refuses changes of what stays for a task's life.
pub fn check_edit(actor: &Actor, before: &TaskDefinition, after: &TaskDefinition) -> Result<(), Refusal> {
    let name = &before.task;
    let refuse = |setting: Option<&str>, what: String| {
        let refusal = Refusal::new(Code::FixedSetting, what).remedy(format!("use flotilla task clone {name} NEW"));
        Err(Refusal { setting: setting.map(str::to_owned), ..refusal })
    };
    if after.task != *name {
        return refuse(None, format!("task {name:?} keeps its name"));
    }
    for (side, before, after) in
        [("source", &before.source, &after.source), ("destination", &before.destination, &after.destination)]
    {
        if before.location != after.location {
            return refuse(Some(side), format!("task {name:?} keeps its location {}", before.location));
        }
    }
    if before.events_region() != after.events_region() {
        return refuse(Some("source"), format!("task {name:?} keeps its region, where its queue of events is"));
    }
    Ok(after.check_on(actor.fleet())?)
}

/// Records a definition as the version after the one that the caller has seen. Of two edits of one version one is
/// refused. An edit that changes nothing wires the events again: what an earlier one could not do, or somebody undid.
pub async fn edit(actor: &Actor, seen: &Found, after: &TaskDefinition) -> Result<Edited, Refusal> {
    let Found { summary, definition: before } = seen;
    check_edit(actor, before, after)?;
    let (name, version) = (&summary.task.name, summary.version);
    let changed = changed_settings(&before.to_toml()?, &after.to_toml()?);
    if changed.is_empty() {
        let wired = match after.events {
            FollowedEvents::Off => Ok(None),
            _ => actor.wire_events(summary, after).await,
        };
        return Ok(Edited { version, changed, wired });
    }
    events_queue::check(actor, after).await?;
    let due = due_after_edit(summary, before, after, Timestamp::now());
    let author = actor.author(&changed.join(", "));
    // Limits that somebody sets between our reading and this write are replaced: an edit has all limits.
    match actor.tasks().edit(&summary.task, version, &after.kept()?, due, &author).await.map_err(Refusal::service)? {
        Change::Made => {}
        Change::Conflict(None) => return Err(gone(name)),
        Change::Conflict(Some(now)) if now.state == TaskState::Deleting => return Err(deleting(name)),
        Change::Conflict(Some(now)) => {
            let now = now.version;
            let what = format!("somebody else has changed task {name:?}: version {version} is now {now}");
            return Err(Refusal::new(Code::Changed, what).remedy("edit it again"));
        }
    }
    events_queue::leave(&summary.task, before, after).await;
    let wired = match (before.events, after.events) {
        (FollowedEvents::Off, FollowedEvents::Off) => Ok(None),
        _ => actor.wire_events(summary, after).await,
    };
    Ok(Edited { version: version + 1, changed, wired })
}

/// The names of the settings in which two definitions differ.
pub fn changed_settings(before: &str, after: &str) -> Vec<String> {
    let (before, after) = (settings(before), settings(after));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

/// The settings of a definition, by section and key.
fn settings(text: &str) -> BTreeMap<String, toml::Value> {
    let table: toml::Table = toml::from_str(text).unwrap_or_default();
    let mut settings = BTreeMap::new();
    for (name, value) in table {
        match value {
            toml::Value::Table(section) => {
                settings.extend(section.into_iter().map(|(key, value)| (format!("{name}.{key}"), value)));
            }
            value => drop(settings.insert(name, value)),
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_that_differ_are_named() {
        let before = "task = \"t\"\n[find]\ndelete = true\n[limits]\nmachines = 3\n";
        let after = "task = \"t\"\nschedule = \"once\"\n[find]\ndelete = true\nmax-delete = 9\n";
        assert_eq!(changed_settings(before, after), ["find.max-delete", "limits.machines", "schedule"]);
        assert!(changed_settings(before, before).is_empty());
    }
}
