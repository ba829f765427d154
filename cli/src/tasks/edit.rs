//! `flotilla task edit`

use shared::config::{FleetFile, FollowedEvents, TaskDefinition};
use shared::object::Timestamp;
use shared::tasks::{Change, SharedTasks, Summary, TaskState};
use shared::terminal;

use super::editor::Draft;
use super::state::{deleting, due_after_edit};
use super::{author, events_queue, found, gone, opened, present, wire_events};
use crate::args::EditArgs;
use crate::exit::{CommandResult, Exit, Failure};
use crate::stdout;
use crate::verbosity::note;

/// Changes a task's definition: by options, by a file, or else in the user's editor.
pub async fn run(args: &EditArgs) -> CommandResult {
    let fleet = args.fleet()?;
    let tasks = opened(&fleet, false).await?;
    let summary = found(&tasks, &fleet, &args.name).await?;
    if summary.state == TaskState::Deleting {
        return Err(deleting(&args.name));
    }
    let before = present(&tasks, &summary).await?;
    let edit = Edit { fleet, tasks, summary, before };
    match args.changed(&edit.before)? {
        Some(after) => {
            edit.check(&after)?;
            edit.record(&after).await
        }
        None => edit.in_editor().await,
    }
}

/// An edit that begins from the definition that was read.
struct Edit {
    fleet: FleetFile,
    tasks: SharedTasks,
    summary: Summary,
    before: TaskDefinition,
}

impl Edit {
    /// Has the user edit the text until it is a definition. A refused text is offered again, with the reason above it;
    /// left as it is, it ends the command.
    async fn in_editor(&self) -> CommandResult {
        let name = &self.summary.task.name;
        let mut last = self.before.to_toml()?;
        let draft = Draft::new(name, &last)?;
        loop {
            let text = draft.edit().await?;
            if text == last {
                let is_refused = self.read(&text).is_err();
                if !is_refused {
                    draft.remove();
                    note(format_args!("task {name} is not changed"));
                    return Ok(Exit::InSync);
                }
                return Err(Failure::usage(format!("the text is refused, and is kept in {}", draft.path().display())));
            }
            match self.read(&text) {
                Ok(after) => {
                    let kept = format!("your text is kept in {}", draft.path().display());
                    let outcome = self.record(&after).await.map_err(|failure| failure.hint(&kept))?;
                    draft.remove();
                    return Ok(outcome);
                }
                Err(why) => draft.remark(&format!("refused: {}", terminal::escaped(&why.message)), &text)?,
            }
            last = text;
        }
    }

    fn read(&self, text: &str) -> Result<TaskDefinition, Failure> {
        // Settings are named as the text has them, not as options.
        let after = TaskDefinition::parse(text).map_err(Failure::usage)?;
        self.check(&after)?;
        Ok(after)
    }

    /// Refuses changes of what stays for a task's life.
    fn check(&self, after: &TaskDefinition) -> Result<(), Failure> {
        let (before, name) = (&self.before, &self.before.task);
        let clone = format!("use flotilla task clone {name} NEW");
        let refuse = |what: String| Err(Failure::usage(format!("{what}: {clone}")));
        if after.task != *name {
            return refuse(format!("task {name:?} keeps its name"));
        }
        for (side, before, after) in
            [("source", &before.source, &after.source), ("destination", &before.destination, &after.destination)]
        {
            if before.location != after.location {
                return refuse(format!("{side}: task {name:?} keeps its location {}", before.location));
            }
        }
        if before.events_region() != after.events_region() {
            return refuse(format!("source: task {name:?} keeps its region, where its queue of events is"));
        }
        after.check_on(&self.fleet)?;
        Ok(())
    }

    /// Records the definition as the version after the one that was read.
    async fn record(&self, after: &TaskDefinition) -> CommandResult {
        let (summary, name) = (&self.summary, &self.summary.task.name);
        let changed = changes(&self.before.to_toml()?, &after.to_toml()?);
        if changed.is_empty() {
            // Done again: what an earlier command could not do, or what somebody else undid.
            if after.events != FollowedEvents::Off {
                wire_events(&self.fleet, summary, after).await?;
            }
            note(format_args!("task {name} is not changed"));
            return Ok(Exit::InSync);
        }
        events_queue::check(&self.tasks, after).await?;
        let (seen, kept) = (summary.version, after.kept()?);
        let due = due_after_edit(summary, &self.before, after, Timestamp::now());
        // Limits that somebody sets between our reading and this write are replaced: an edit has all limits.
        match self.tasks.edit(&summary.task, seen, &kept, due, &author(&changed.join(", "))).await {
            Ok(Change::Made) => {}
            Ok(Change::Conflict(None)) => return Err(gone(name)),
            Ok(Change::Conflict(Some(now))) if now.state == TaskState::Deleting => return Err(deleting(name)),
            Ok(Change::Conflict(Some(now))) => {
                let why = format!(
                    "somebody else has changed task {name:?}: version {} is now {}: edit it again",
                    seen, now.version
                );
                return Err(Failure::usage(why));
            }
            Err(error) => return Err(Failure::usage(error)),
        }
        if (self.before.events, after.events) != (FollowedEvents::Off, FollowedEvents::Off) {
            wire_events(&self.fleet, summary, after).await?;
        }
        let when = match summary.run {
            Some(_) => "its run goes on as it began, limits hold at once",
            None => "from the next run on, limits at once",
        };
        let changed = terminal::escaped(&changed.join(", "));
        stdout::line(format_args!("changed task {name}, version {}: {changed}; {when}", seen + 1))?;
        Ok(Exit::InSync)
    }
}

/// The names of the settings in which two definitions differ.
fn changes(before: &str, after: &str) -> Vec<String> {
    let flat = |text: &str| {
        let table: toml::Table = toml::from_str(text).unwrap_or_default();
        let mut settings = std::collections::BTreeMap::new();
        for (name, value) in table {
            match value {
                toml::Value::Table(section) => {
                    settings.extend(section.into_iter().map(|(key, value)| (format!("{name}.{key}"), value)));
                }
                value => drop(settings.insert(name, value)),
            }
        }
        settings
    };
    let (before, after) = (flat(before), flat(after));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_that_differ_are_named() {
        let before = "task = \"t\"\n[find]\ndelete = true\n[limits]\nmachines = 3\n";
        let after = "task = \"t\"\nschedule = \"once\"\n[find]\ndelete = true\nmax-delete = 9\n";
        assert_eq!(changes(before, after), ["find.max-delete", "limits.machines", "schedule"]);
        assert!(changes(before, before).is_empty());
    }
}
