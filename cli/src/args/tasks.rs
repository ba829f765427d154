//! Options of `flotilla task`.

use std::path::PathBuf;

use clap::builder::ArgPredicate;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Subcommand};
use shared::config::{FleetFile, FollowedEvents, Notify, ObjectsConfig, TaskDefinition, TaskLimits, Work};
use shared::schedule::Schedule;

use super::task::{TaskArgs, word};
use crate::exit::Failure;
use crate::state;

const DEFINING: &str = "Task";

/// What of a task's command line is its machines'.
const MACHINE_OPTIONS: [&str; 7] =
    ["concurrency", "memory_limit", "bandwidth_limit", "lease", "drain", "outage_limit", "metrics_addr"];

/// Options of `create` that go with a file.
const BESIDE_FILE: [&str; 5] = ["from", "fleet", "state", "log", "quiet"];

/// `flotilla task`
#[derive(Debug, Subcommand)]
pub enum TaskCommand {
    /// Create a task
    Create(Box<CreateArgs>),
    /// List the tasks of a fleet
    List(ListArgs),
    /// Show a task
    Show(ShowArgs),
    /// Delete a task; its run, if it has one, is cancelled first
    Delete(DeleteArgs),
}

/// Which fleet.
#[derive(Debug, Args)]
pub struct FleetArgs {
    /// Fleet file
    #[arg(long, value_name = "FILE")]
    pub fleet: Option<PathBuf>,
    /// Folder of the embedded tasks, queues and ledger of one machine [default: $XDG_STATE_HOME/flotilla, else
    /// ~/.local/state/flotilla]
    #[arg(long, value_name = "DIR", conflicts_with = "fleet")]
    pub state: Option<PathBuf>,
}

impl FleetArgs {
    /// The fleet, checked.
    pub fn read(&self) -> Result<FleetFile, Failure> {
        fleet(self.fleet.as_ref(), self.state.as_ref())
    }
}

/// The name of the fleet that a state folder is.
const LOCAL: &str = "local";

fn fleet(file: Option<&PathBuf>, state: Option<&PathBuf>) -> Result<FleetFile, Failure> {
    match file {
        Some(file) => Ok(FleetFile::read(file)?),
        None => Ok(FleetFile::of_folder(LOCAL, state.cloned().map_or_else(state::default_folder, Ok)?)),
    }
}

/// `flotilla task create`
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// Name of the task: a-z, 0-9 and -
    pub name: String,
    #[command(flatten)]
    pub task: TaskArgs,
    /// Read the task's definition from FILE, in place of all other options
    #[arg(long, value_name = "FILE", help_heading = DEFINING)]
    pub from: Option<PathBuf>,
    /// Fleet file
    #[arg(long, value_name = "FILE", conflicts_with = "state", help_heading = DEFINING)]
    pub fleet: Option<PathBuf>,
    /// Description, for people
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true, help_heading = DEFINING)]
    description: String,
    /// When the task runs: once, "every 6h", or "cron 0 3 * * mon-fri Europe/Berlin" [default: when asked to]
    #[arg(long, value_name = "WHEN", help_heading = DEFINING)]
    schedule: Option<Schedule>,
    /// Changes of the source that are followed: off, create or create-delete
    #[arg(long, value_name = "WHICH", value_parser = word::<FollowedEvents>, default_value = "off", help_heading = DEFINING)]
    events: FollowedEvents,
    /// ARN of the SNS topic that is notified of the end of each run
    #[arg(long, value_name = "ARN", help_heading = DEFINING)]
    notify_topic: Option<String>,
    /// URL that is notified of the end of each run, or env:NAME or file:PATH
    #[arg(long, value_name = "URL", help_heading = DEFINING)]
    notify_webhook: Option<String>,
    /// Maximum number of machines that are started for the task
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=10_000), help_heading = DEFINING)]
    machines: Option<u32>,
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
        self.task.filters.take_rules(matches);
        let refuse = |why: String| Err(clap::Error::raw(ErrorKind::ArgumentConflict, format!("{why}\n")));
        let is_given = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
        let option = |id: &str| format!("--{}", id.replace('_', "-"));
        if self.from.is_some() {
            // Names of options alone: clap also has the names of their groups.
            let ids =
                matches.ids().map(clap::Id::as_str).filter(|id| id.chars().next().is_some_and(char::is_lowercase));
            return match ids.filter(|id| !BESIDE_FILE.contains(id)).find(|id| is_given(id)) {
                Some(id) => refuse(format!("{}: --from has the whole definition: leave it out", option(id))),
                None => Ok(()),
            };
        }
        match MACHINE_OPTIONS.into_iter().find(|id| is_given(id)) {
            Some("bandwidth_limit") | None => Ok(()),
            Some(id) => refuse(format!("{}: machines have it, and not tasks: put it into the fleet file", option(id))),
        }
    }

    /// The fleet, checked.
    pub fn fleet(&self) -> Result<FleetFile, Failure> {
        fleet(self.fleet.as_ref(), self.task.state.as_ref())
    }

    /// The task, checked.
    pub fn definition(&self) -> Result<TaskDefinition, Failure> {
        if let Some(file) = &self.from {
            return Ok(TaskDefinition::read(file)?);
        }
        let ObjectsConfig { source, destination, find, work } = self.task.config()?.objects;
        let bandwidth = work.bandwidth_limit;
        let definition = TaskDefinition {
            task: self.name.clone(),
            description: self.description.clone(),
            schedule: self.schedule.clone(),
            events: self.events,
            source,
            destination,
            find,
            work: Work { bandwidth_limit: None, ..work },
            limits: TaskLimits { machines: self.machines, bandwidth, requests: None },
            notify: Notify { topic: self.notify_topic.clone(), webhook: self.notify_webhook.clone() },
        };
        definition.check()?;
        Ok(definition)
    }
}

/// `flotilla task list`
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Print JSON, one task a line
    #[arg(long)]
    pub json: bool,
}

/// `flotilla task show`
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Name of the task
    pub name: String,
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Print the definition as a file that create --from reads
    #[arg(long, conflicts_with = "json")]
    pub toml: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `flotilla task delete`
#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// Name of the task
    pub name: String,
    #[command(flatten)]
    pub fleet: FleetArgs,
}
