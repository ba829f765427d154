//! Replaces single settings of a definition.

use shared::config::{TaskDefinition, keys};

use crate::exit::Failure;

/// `present` with the settings of the options `ids` taken from `given`, and the settings of `reset` left out, so that
/// they have their defaults. Checked.
pub(super) fn with_settings(
    present: &TaskDefinition,
    given: &TaskDefinition,
    ids: &[String],
    reset: &[String],
) -> Result<TaskDefinition, Failure> {
    let table = |definition: &TaskDefinition| -> Result<toml::Table, Failure> {
        toml::from_str(&definition.to_toml()?).map_err(Failure::usage)
    };
    let (mut next, given) = (table(present)?, table(given)?);
    for id in ids {
        for (section, key) in settings_of(id) {
            set(&mut next, section, &key, get(&given, section, &key));
        }
    }
    for name in reset {
        let settings = settings_of(&name.replace('-', "_"));
        if settings.is_empty() || ["source", "destination"].contains(&name.as_str()) {
            let why = format!("--reset: {name:?} is no setting that has a default: give one like schedule or delete");
            return Err(Failure::usage(why));
        }
        settings.iter().for_each(|(section, key)| set(&mut next, section, key, None));
    }
    let text = toml::to_string(&next).map_err(Failure::usage)?;
    Ok(TaskDefinition::parse(&text)?)
}

fn get<'a>(table: &'a toml::Table, section: &str, key: &str) -> Option<&'a toml::Value> {
    match section {
        "" => table.get(key),
        section => table.get(section)?.get(key),
    }
}

/// Sets a value; `None` leaves it out.
fn set(table: &mut toml::Table, section: &str, key: &str, value: Option<&toml::Value>) {
    let table = match section {
        "" => Some(table),
        section => {
            let entry = table.entry(section.to_owned()).or_insert_with(|| toml::Table::new().into());
            entry.as_table_mut()
        }
    };
    match (table, value) {
        (Some(table), Some(value)) => drop(table.insert(key.to_owned(), value.clone())),
        (Some(table), None) => drop(table.remove(key)),
        (None, _) => {}
    }
}

/// The settings of a definition that an option sets, as section and key.
fn settings_of(id: &str) -> Vec<(&'static str, String)> {
    let key = id.replace('_', "-");
    let both = |key: &str| vec![("source", key.to_owned()), ("destination", key.to_owned())];
    match id {
        "description" | "schedule" | "events" | "events_queue" => vec![("", key)],
        "notify_topic" => vec![("notify", "topic".to_owned())],
        "notify_on" => vec![("notify", "on".to_owned())],
        "notify_webhook" => vec![("notify", "webhook".to_owned())],
        "machines" | "requests" => vec![("limits", key)],
        "bandwidth_limit" | "bandwidth" => vec![("limits", "bandwidth".to_owned())],
        "include" | "exclude" | "filters" => vec![("find", "filters".to_owned())],
        "prefix_list" => vec![("find", key), ("find", "prefixes".to_owned())],
        "source" => vec![("source", "location".to_owned())],
        "destination" => vec![("destination", "location".to_owned())],
        _ => {
            let has = |section: &str, key: &str| keys::of(section).contains(&key);
            let positive = key.strip_prefix("no-").unwrap_or(&key);
            if has("find", positive) {
                vec![("find", positive.to_owned())]
            } else if has("work", positive) {
                vec![("work", positive.to_owned())]
            } else if has("source", &key) && has("destination", &key) {
                both(&key)
            } else {
                let side = ["source", "destination"].into_iter().find(|side| key.starts_with(&format!("{side}-")));
                let own = side.map(|side| (side, key[side.len() + 1..].to_owned()));
                own.filter(|(side, key)| has(side, key)).into_iter().collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    const TASK: &str = "task = \"photos\"\nschedule = \"every 6h\"\n[source]\nlocation = \"s3://a\"\nregion = \"eu-west-1\"\n\
                        [destination]\nlocation = \"s3://b\"\n[find]\ndelete = true\n";

    #[test]
    fn every_option_that_defines_a_task_sets_a_setting() {
        let command = crate::args::Cli::command();
        let create = command.find_subcommand("task").unwrap().find_subcommand("create").unwrap();
        let apart = ["name", "from", "fleet", "state", "concurrency", "memory_limit", "lease", "drain", "outage_limit"];
        let apart = apart.into_iter().chain(["metrics_addr", "help", "version", "log", "verbose", "quiet"]);
        let apart: Vec<&str> = apart.collect();
        for id in create.get_arguments().map(|arg| arg.get_id().as_str()).filter(|id| !apart.contains(id)) {
            assert!(!settings_of(id).is_empty(), "{id}");
        }
    }

    #[test]
    fn options_replace_the_settings_they_name_alone() {
        let present = TaskDefinition::parse(TASK).unwrap();
        let mut given = present.clone();
        (given.schedule, given.find.delete, given.find.metadata) = (None, false, true);
        given.destination.connection.region = Some("eu-north-1".into());
        let ids = ["metadata", "destination_region"].map(str::to_owned);
        let next = with_settings(&present, &given, &ids, &[]).unwrap();
        assert_eq!(
            (next.schedule.clone(), next.find.delete, next.find.metadata),
            (present.schedule.clone(), true, true)
        );
        assert_eq!(next.destination.connection.region.as_deref(), Some("eu-north-1"));
        let reset = ["schedule", "delete", "source-region", "metadata"].map(str::to_owned);
        let next = with_settings(&next, &given, &[], &reset).unwrap();
        assert_eq!((next.schedule, next.find.delete, next.find.metadata), (None, false, false));
        assert_eq!(next.source.connection.region, None);
        for name in ["source", "nothing", "task", ""] {
            let refused = with_settings(&present, &given, &[], &[name.to_owned()]).unwrap_err();
            assert!(refused.message.contains("no setting"), "{}", refused.message);
        }
    }
}
