//! The options that define a task: of `flotilla task create`, `edit` and `clone`.

use std::path::PathBuf;

use clap::builder::ArgPredicate;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use shared::config::{FleetFile, FollowedEvents, Notify, NotifyOn, ObjectsConfig, TaskDefinition, TaskLimits};
use shared::location::Location;
use shared::schedule::Schedule;

use super::fleet;
use super::settings::with_settings;
use crate::args::task::{TaskArgs, word};
use crate::exit::Failure;

pub(super) const DEFINING: &str = "Task";

/// Options of the command line of a sync that are settings of machines.
const MACHINE_OPTIONS: [&str; 7] =
    ["concurrency", "memory_limit", "bandwidth_limit", "lease", "drain", "outage_limit", "metrics_addr"];

/// Options that go with a file, and options that define nothing.
const NOT_DEFINING: [&str; 9] = ["from", "fleet", "state", "log", "quiet", "verbose", "name", "new_name", "reset"];

/// The options that define a task.
#[derive(Debug, Args)]
pub struct DefinitionArgs {
    #[command(flatten)]
    pub task: TaskArgs,
    /// Read the task's definition from FILE, in place of all other options
    #[arg(long, value_name = "FILE", help_heading = DEFINING)]
    pub from: Option<PathBuf>,
    /// Fleet file
    #[arg(long, value_name = "FILE", conflicts_with = "state", help_heading = DEFINING)]
    fleet: Option<PathBuf>,
    /// Description, for people
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true, help_heading = DEFINING)]
    description: String,
    /// When the task runs: once, "every 6h", or "cron 0 3 * * mon-fri Europe/Berlin" [default: when asked to]
    #[arg(long, value_name = "WHEN", help_heading = DEFINING)]
    schedule: Option<Schedule>,
    /// Changes of the source that are followed: off, create or create-delete
    #[arg(long, value_name = "WHICH", value_parser = word::<FollowedEvents>, default_value = "off", help_heading = DEFINING)]
    events: FollowedEvents,
    /// With --state: URL of the SQS queue that the source bucket sends its events to; its dead-letter queue is NAME-dead
    #[arg(long, value_name = "URL", help_heading = DEFINING)]
    events_queue: Option<String>,
    /// ARN of the SNS topic that is notified of the end of each run
    #[arg(long, value_name = "ARN", help_heading = DEFINING)]
    notify_topic: Option<String>,
    /// URL that is notified of the end of each run, or env:NAME or file:PATH
    #[arg(long, value_name = "URL", help_heading = DEFINING)]
    notify_webhook: Option<String>,
    /// Ends of runs that are notified: all, or failures, which are all that did not end well
    #[arg(long, value_name = "WHICH", value_parser = word::<NotifyOn>, default_value = "all", help_heading = DEFINING)]
    notify_on: NotifyOn,
    /// Maximum number of machines that are started for the task
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=10_000), help_heading = DEFINING)]
    machines: Option<u32>,
    /// Maximum number of requests a second to each store over all workers
    #[arg(long, value_name = "N", help_heading = DEFINING)]
    requests: Option<u32>,
    /// The options that stood on the command line, and define the task.
    #[arg(skip)]
    given: Vec<String>,
}

impl DefinitionArgs {
    /// Takes what the derived structs lose, and refuses options that are not a task's.
    fn take_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.task.filters.take_rules(matches);
        let refuse = |why: String| Err(clap::Error::raw(ErrorKind::ArgumentConflict, format!("{why}\n")));
        let is_given = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
        let option = |id: &str| format!("--{}", id.replace('_', "-"));
        // Names of options alone: clap also has the names of their groups.
        let ids = matches.ids().map(clap::Id::as_str).filter(|id| id.chars().next().is_some_and(char::is_lowercase));
        let given = ids.filter(|id| !NOT_DEFINING.contains(id) && is_given(id));
        self.given = given.map(str::to_owned).collect();
        if self.from.is_some() {
            return match self.given.first() {
                Some(id) => refuse(format!("{}: --from has the whole definition: leave it out", option(id))),
                None => Ok(()),
            };
        }
        match self.given.iter().find(|id| MACHINE_OPTIONS.contains(&id.as_str())).map(String::as_str) {
            Some("bandwidth_limit") | None => Ok(()),
            Some(id) => refuse(format!("{}: machines have it, and not tasks: put it into the fleet file", option(id))),
        }
    }

    /// The fleet, checked.
    pub fn fleet(&self) -> Result<FleetFile, Failure> {
        fleet(self.fleet.as_ref(), self.task.state.as_ref())
    }

    /// Whether any option defines something.
    pub fn is_any_given(&self) -> bool {
        self.from.is_some() || !self.given.is_empty()
    }

    /// The task of this name, checked.
    fn definition(&self, name: &str) -> Result<TaskDefinition, Failure> {
        if let Some(file) = &self.from {
            return Ok(TaskDefinition::read(file)?);
        }
        let definition = self.built(name, self.task.config()?.objects);
        definition.check()?;
        Ok(definition)
    }

    fn built(&self, name: &str, objects: ObjectsConfig) -> TaskDefinition {
        let ObjectsConfig { source, destination, find, work } = objects;
        let bandwidth = self.task.bandwidth_limit();
        TaskDefinition {
            task: name.to_owned(),
            description: self.description.clone(),
            schedule: self.schedule.clone(),
            events: self.events,
            events_queue: self.events_queue.clone(),
            source,
            destination,
            find,
            work,
            limits: TaskLimits { machines: self.machines, bandwidth, requests: self.requests },
            notify: Notify {
                topic: self.notify_topic.clone(),
                webhook: self.notify_webhook.clone(),
                on: self.notify_on,
            },
        }
    }

    /// `present` with the options that were given in place of its own settings, and the settings of `reset` at their
    /// defaults.
    fn changed(&self, present: &TaskDefinition, reset: &[String]) -> Result<TaskDefinition, Failure> {
        let is_given = |id: &str| self.given.iter().any(|given| given == id);
        let location =
            |id, own: &Location, present: &Location| if is_given(id) { own.clone() } else { present.clone() };
        let (source, destination) = self.task.locations();
        let source = location("source", source, &present.source.location);
        let destination = location("destination", destination, &present.destination.location);
        let given = self.built(&present.task, self.task.settings_between(source, destination)?);
        with_settings(present, &given, &self.given, reset)
    }
}

/// `flotilla task create`
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// Name of the task: a-z, 0-9 and -
    pub name: String,
    #[command(flatten)]
    options: DefinitionArgs,
}

impl CreateArgs {
    /// With a file, no location has to be given.
    pub fn without_locations(command: clap::Command) -> clap::Command {
        ["name", "source", "destination"].into_iter().fold(command, |command, name| {
            // A placeholder, which is not read.
            command.mut_arg(name, |arg| arg.required(false).default_value_if("from", ArgPredicate::IsPresent, "/"))
        })
    }

    /// Takes what the derived structs lose, and refuses options that are not a task's.
    pub fn take_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.options.take_matches(matches)
    }

    /// The fleet, checked.
    pub fn fleet(&self) -> Result<FleetFile, Failure> {
        self.options.fleet()
    }

    /// The task, checked.
    pub fn definition(&self) -> Result<TaskDefinition, Failure> {
        self.options.definition(&self.name)
    }
}

/// `flotilla task edit`
#[derive(Debug, Args)]
pub struct EditArgs {
    /// Name of the task
    pub name: String,
    #[command(flatten)]
    options: DefinitionArgs,
    /// Give a setting its default value again, such as schedule or delete
    #[arg(long, value_name = "SETTING", help_heading = DEFINING)]
    reset: Vec<String>,
}

/// A task's locations as options: they are of `clone`, and `edit` refuses them with a remedy.
fn with_locations_as_options(command: clap::Command, are_hidden: bool) -> clap::Command {
    ["source", "destination"].into_iter().fold(command, |command, side| {
        command.mut_arg(side, |arg| {
            // The placeholder is not read.
            let arg = arg.long(side).required(false).default_value("/").hide_default_value(true).hide(are_hidden);
            arg.value_name("LOCATION").help_heading(DEFINING).help(format!("Another {side} location"))
        })
    })
}

impl EditArgs {
    /// Locations cannot be edited.
    pub fn without_locations(command: clap::Command) -> clap::Command {
        with_locations_as_options(command, true)
    }

    /// Takes what the derived structs lose, and refuses options that are not a task's.
    pub fn take_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.options.take_matches(matches)?;
        match self.options.given.iter().find(|id| ["source", "destination"].contains(&id.as_str())) {
            Some(id) => {
                let why = format!("--{id}: the locations of a task stay: use flotilla task clone {} NEW\n", self.name);
                Err(clap::Error::raw(ErrorKind::ArgumentConflict, why))
            }
            None => Ok(()),
        }
    }

    /// The fleet, checked.
    pub fn fleet(&self) -> Result<FleetFile, Failure> {
        self.options.fleet()
    }

    /// The definition after `present`, checked; `None`: no option changes it, so an editor is to.
    pub fn changed(&self, present: &TaskDefinition) -> Result<Option<TaskDefinition>, Failure> {
        if let Some(file) = &self.options.from {
            return Ok(Some(TaskDefinition::read(file)?));
        }
        if !self.options.is_any_given() && self.reset.is_empty() {
            return Ok(None);
        }
        self.options.changed(present, &self.reset).map(Some)
    }
}

/// `flotilla task clone`
#[derive(Debug, Args)]
pub struct CloneArgs {
    /// Name of the task
    pub name: String,
    /// Name of the new task
    pub new_name: String,
    #[command(flatten)]
    options: DefinitionArgs,
    /// Give a setting its default value, such as schedule or delete
    #[arg(long, value_name = "SETTING", help_heading = DEFINING)]
    reset: Vec<String>,
}

impl CloneArgs {
    /// The locations are those of the task, or are given by options.
    pub fn with_locations_as_options(command: clap::Command) -> clap::Command {
        with_locations_as_options(command, false).mut_arg("from", |arg| arg.hide(true))
    }

    /// Takes what the derived structs lose, and refuses options that are not a task's.
    pub fn take_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        if self.options.from.is_some() {
            let why = "--from: a clone takes the definition of another task: use flotilla task create --from\n";
            return Err(clap::Error::raw(ErrorKind::ArgumentConflict, why));
        }
        self.options.take_matches(matches)
    }

    /// The fleet, checked.
    pub fn fleet(&self) -> Result<FleetFile, Failure> {
        self.options.fleet()
    }

    /// The definition of the new task, checked.
    pub fn definition(&self, present: &TaskDefinition) -> Result<TaskDefinition, Failure> {
        let renamed = TaskDefinition { task: self.new_name.clone(), ..present.clone() };
        self.options.changed(&renamed, &self.reset)
    }
}
