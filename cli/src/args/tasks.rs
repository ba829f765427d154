//! Options of `flotilla task`.

mod define;
mod operate;
mod run;
mod settings;

use std::path::PathBuf;

use clap::{ArgMatches, Args, Subcommand};
use shared::config::{FleetFile, Size};

pub use define::{CloneArgs, CreateArgs, EditArgs};
pub use operate::{TaskNotifyTestArgs, TaskOperationArgs, TaskPlanArgs, TaskProbeArgs, TaskVerifyArgs, WaitArgs};
pub use run::RunArgs;

use crate::exit::Failure;
use crate::state;

/// `flotilla task`
#[derive(Debug, Subcommand)]
pub enum TaskCommand {
    /// Create a task
    Create(Box<CreateArgs>),
    /// List the tasks of a fleet
    List(ListArgs),
    /// Show a task: state, run, queues, workers, definition
    Show(ShowArgs),
    /// Change a task by options, or in $EDITOR without options; runs that have begun go on as they began
    Edit(Box<EditArgs>),
    /// Create a task that is like another one
    Clone(Box<CloneArgs>),
    /// Begin a run
    Run(Box<RunArgs>),
    /// Have workers receive nothing of a task, until it is resumed
    Pause(NamedArgs),
    /// Go on with a paused task
    Resume(NamedArgs),
    /// Cancel a task's run: what is left of it is settled without a store request
    Cancel(NamedArgs),
    /// Change a task's limits at once; each is a number, or none
    Limit(LimitArgs),
    /// Count what a run would do, and its cost; a worker does it
    Plan(TaskPlanArgs),
    /// Compare both sides, and list what differs; a worker does it
    Verify(TaskVerifyArgs),
    /// Find out whether the credentials may list, read, write and delete; a worker does it
    Probe(TaskProbeArgs),
    /// Send a test notice to the task's topic and webhook; the controller does it
    NotifyTest(TaskNotifyTestArgs),
    /// Print the state or the result of an operation that was asked for: a plan, a verification, a probe
    Operation(TaskOperationArgs),
    /// Delete a task, or all of them; their runs are cancelled first
    Delete(DeleteArgs),
    /// List a task's runs, or its changes
    History(HistoryArgs),
}

impl TaskCommand {
    /// Whether it waits for a worker, and has something to say when it is interrupted.
    pub fn waits(&self) -> bool {
        match self {
            TaskCommand::Plan(_) | TaskCommand::Verify(_) | TaskCommand::Probe(_) | TaskCommand::NotifyTest(_) => true,
            TaskCommand::Delete(args) => args.all,
            _ => false,
        }
    }

    /// The grammar of the commands that define a task.
    pub fn with_locations(command: clap::Command) -> clap::Command {
        command
            .mut_subcommand("create", CreateArgs::without_locations)
            .mut_subcommand("edit", EditArgs::without_locations)
            .mut_subcommand("clone", CloneArgs::with_locations_as_options)
            .mut_subcommand("run", RunArgs::without_prefix_list)
    }

    /// Takes what the derived structs lose, and refuses options that are not a task's.
    pub fn take_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let Some((_, matches)) = matches.subcommand() else { return Ok(()) };
        match self {
            TaskCommand::Create(args) => args.take_matches(matches),
            TaskCommand::Edit(args) => args.take_matches(matches),
            TaskCommand::Clone(args) => args.take_matches(matches),
            TaskCommand::Run(args) => {
                args.take_matches(matches);
                Ok(())
            }
            _ => Ok(()),
        }
    }
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
pub const LOCAL: &str = "local";

fn fleet(file: Option<&PathBuf>, state: Option<&PathBuf>) -> Result<FleetFile, Failure> {
    match file {
        Some(file) => Ok(FleetFile::read(file)?),
        None => Ok(FleetFile::of_folder(LOCAL, state.cloned().map_or_else(state::default_folder, Ok)?)),
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

/// A command with a task's name alone: `pause`, `resume`, `cancel`
#[derive(Debug, Args)]
pub struct NamedArgs {
    /// Name of the task
    pub name: String,
    #[command(flatten)]
    pub fleet: FleetArgs,
}

/// `flotilla task limit`
#[derive(Debug, Args)]
pub struct LimitArgs {
    /// Name of the task
    pub name: String,
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Maximum bytes a second over all workers, such as 50MiB, or none
    #[arg(long, value_name = "SIZE", value_parser = limit::<Size>)]
    pub bandwidth: Option<Limit<Size>>,
    /// Maximum requests a second to each store over all workers, or none
    #[arg(long, value_name = "N", value_parser = limit::<u32>)]
    pub requests: Option<Limit<u32>>,
    /// Maximum number of machines that are started for the task, or none
    #[arg(long, value_name = "N", value_parser = limit::<u32>)]
    pub machines: Option<Limit<u32>>,
}

/// A limit, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit<T>(pub Option<T>);

fn limit<T: std::str::FromStr>(text: &str) -> Result<Limit<T>, String> {
    match text {
        "none" => Ok(Limit(None)),
        text => text.parse().map(|value| Limit(Some(value))).map_err(|_| "give a number, or none".to_owned()),
    }
}

/// `flotilla task delete`
#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// Name of the task
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub name: Option<String>,
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Delete every task of the fleet, and wait until they are gone
    #[arg(long)]
    pub all: bool,
    /// Remove the records of its runs and objects too; a worker does it, and its cost is printed first
    #[arg(long)]
    pub records: bool,
    /// How long --all waits, in minutes
    #[arg(long, value_name = "MIN", default_value_t = 30, requires = "all")]
    pub wait: u32,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `flotilla task history`
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Name of the task
    pub name: String,
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// List who changed the task, and how, in place of its runs
    #[arg(long)]
    pub changes: bool,
    /// Maximum number of lines
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
    /// Print JSON, one run or change a line
    #[arg(long)]
    pub json: bool,
}
