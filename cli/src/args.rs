//! The command line. Options are named as the settings of config files are, and take their defaults.

mod console;
mod controller;
mod filters;
mod finder;
mod ls;
mod serve;
mod sides;
mod task;
mod tasks;
mod watch;
mod worker;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use shared::config::MachineSettings;
use shared::report::Report;
use shared::telemetry::LogFormat;

use crate::exit::Failure;
pub use console::{ConsoleArgs, ServedConsoleArgs};
pub use controller::ControllerArgs;
pub use finder::FinderArgs;
pub use ls::LsArgs;
pub use serve::ServeArgs;
pub use task::{PlanArgs, SyncArgs, VerifyArgs};
pub use tasks::{
    CloneArgs, CreateArgs, DeleteArgs, EditArgs, HistoryArgs, LOCAL, Limit, LimitArgs, ListArgs, NamedArgs, RunArgs,
    ShowArgs, TaskCommand, TaskNotifyTestArgs, TaskOperationArgs, TaskPlanArgs, TaskProbeArgs, TaskVerifyArgs,
    WaitArgs,
};
pub use watch::WatchArgs;
pub use worker::WorkerArgs;

/// Copies, mirrors and verifies object stores.
#[derive(Debug, Parser)]
#[command(name = "flotilla", version = shared::VERSION, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// Format of log lines: human or json
    #[arg(long, global = true, value_name = "FORMAT", default_value = "human")]
    pub log: LogFormat,
    /// Print each finished object on standard error; given twice, debug messages too
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Print errors only: no progress, no warnings, no summary
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Copy missing and changed objects from SOURCE to DESTINATION
    Sync(Box<SyncArgs>),
    /// Copy changes at SOURCE as they happen, and scan it at intervals
    Watch(Box<WatchArgs>),
    /// Show the work of a sync (counts, bytes, requests, cost) without doing it
    Plan(Box<PlanArgs>),
    /// List the objects at LOCATION as sync sees them: time, size, ETag, key
    Ls(Box<LsArgs>),
    /// Compare both sides and list the differences
    Verify(Box<VerifyArgs>),
    /// Show runs: progress, speed, time left
    Status(LookArgs),
    /// List failed objects and their errors
    Failures(LookArgs),
    /// Show what became of one object last
    Outcome(OutcomeArgs),
    /// Try failed objects again, in a new run
    Retry(RetryArgs),
    /// Create the queues and the table of a config file or of a fleet
    Init(InitArgs),
    /// Look for what is wrong with a fleet, a state folder or a config file, and change nothing
    Doctor(DoctorArgs),
    /// Make the source bucket on Amazon S3 send its events to the task's queue
    Events(EventsArgs),
    /// Run the tasks of a state folder on this machine, until stopped
    Serve(ServeArgs),
    /// Begin the runs of a fleet that are due, end what is over, and ask for machines
    Controller(ControllerArgs),
    /// Serve the API and the web page of a fleet, to this machine alone
    Console(ConsoleArgs),
    /// Create, change, run, show and delete the tasks of a fleet
    #[command(subcommand)]
    Task(TaskCommand),
    /// Print the completions of a shell
    #[command(hide = true)]
    Completions(CompletionsArgs),
    /// Write the manual pages of all programs into DIR
    #[command(hide = true)]
    Man(ManArgs),
    /// Check that this program works on this machine: checksums, signatures, the database, a copy of a folder
    #[command(hide = true)]
    SelfTest,
}

impl Command {
    /// How long the command may go on with its present work when it is asked to stop.
    pub fn drain(&self) -> Duration {
        match self {
            Command::Sync(args) => args.task.drain(),
            Command::Watch(args) => args.task.drain(),
            Command::Serve(args) => args.drain(),
            _ => MachineSettings::default().drain,
        }
    }
}

/// Which records to look at.
#[derive(Debug, clap::Args)]
pub struct RecordsArgs {
    /// Id of the run, or a part that only this id contains, or the name of a fleet's task [default: the newest run;
    /// status shows all runs, and a fleet's tasks with their live runs]
    pub run: Option<String>,
    #[command(flatten)]
    pub source: RecordsSourceArgs,
}

/// Which fleet, config file or state folder.
#[derive(Debug, Clone, clap::Args)]
pub struct RecordsSourceArgs {
    /// Folder of the embedded queue and ledger [default: $XDG_STATE_HOME/flotilla, else
    /// ~/.local/state/flotilla]
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    pub state: Option<PathBuf>,
    /// Config file of a fleet's task
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Fleet file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["state", "config"])]
    pub fleet: Option<PathBuf>,
}

/// `flotilla doctor`
#[derive(Debug, clap::Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    pub of: RecordsSourceArgs,
    /// Print JSON, one finding a line
    #[arg(long)]
    pub json: bool,
}

/// `flotilla outcome`
#[derive(Debug, clap::Args)]
pub struct OutcomeArgs {
    /// Name of the task
    pub task: String,
    /// Key of the object, below the task's locations
    pub key: String,
    #[command(flatten)]
    pub source: RecordsSourceArgs,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `flotilla status` and `flotilla failures`
#[derive(Debug, clap::Args)]
pub struct LookArgs {
    #[command(flatten)]
    pub records: RecordsArgs,
    /// Print JSON, one object a line
    #[arg(long)]
    pub json: bool,
}

/// `flotilla retry`
#[derive(Debug, clap::Args)]
pub struct RetryArgs {
    #[command(flatten)]
    pub records: RecordsArgs,
    /// Write one JSON line per object to FILE
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Print a summary as JSON in the last line of standard output
    #[arg(long)]
    pub json: bool,
}

/// Opens the report, if there is to be one.
pub fn open_report(path: Option<&Path>) -> Result<Option<Report>, Failure> {
    let open = |path: &Path| Report::open(path).map_err(|why| Failure::usage(format!("--report: {why}")));
    path.map(open).transpose()
}

/// Heading of the options that are about the command itself. Named on each: the heading of options that
/// were flattened in before would go on over them.
const RUNNING: &str = "Running";

/// `flotilla completions`
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// `flotilla man`
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// Folder of the pages; it is made
    pub dir: PathBuf,
}

/// What to create.
#[derive(Debug, clap::Args)]
pub struct InitArgs {
    /// Config file of the task
    #[arg(long, value_name = "FILE", required_unless_present = "fleet", conflicts_with = "fleet")]
    pub config: Option<PathBuf>,
    /// Fleet file
    #[arg(long, value_name = "FILE")]
    pub fleet: Option<PathBuf>,
}

/// Which way events take.
#[derive(Debug, clap::Args)]
pub struct EventsArgs {
    /// Config file of the task
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Send events through EventBridge, if another rule of the bucket takes the same events; print the
    /// commands to run there
    #[arg(long)]
    pub eventbridge: bool,
}

/// The command line's grammar.
pub fn command() -> clap::Command {
    Cli::command()
        .mut_subcommand("watch", watch::without_outage_limit)
        .mut_subcommand("ls", ls::without_two_sides)
        .mut_subcommand("task", TaskCommand::with_locations)
}

/// The command that the arguments name, for the hint at its help: `flotilla task create`, or `flotilla`.
pub fn command_of(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> String {
    let known = command();
    let (mut named, mut within) = ("flotilla".to_owned(), &known);
    for word in arguments.into_iter().skip(1).filter_map(|word| word.into_string().ok()) {
        if let Some(command) = within.find_subcommand(&word) {
            named = format!("{named} {word}");
            within = command;
        }
    }
    named
}

/// Reads the command line. The error is clap's: a text to print (help, version) or a mistake.
pub fn parse(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Cli, clap::Error> {
    let matches = command().try_get_matches_from(arguments)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    // The derived structs lose the order between --include and --exclude; the matches have it.
    if let Some((_, matches)) = matches.subcommand() {
        match &mut cli.command {
            Command::Sync(args) => args.task.filters.take_rules(matches),
            Command::Watch(args) => args.take_matches(matches)?,
            Command::Plan(args) => args.task.filters.take_rules(matches),
            Command::Ls(args) => args.filters.take_rules(matches),
            Command::Verify(args) => args.filters.take_rules(matches),
            Command::Task(command) => command.take_matches(matches)?,
            _ => {}
        }
    }
    Ok(cli)
}

#[cfg(test)]
mod tests;
