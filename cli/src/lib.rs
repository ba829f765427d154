//! The programs: `flotilla` (finder and worker in one process, and commands that show their records), `finder` and
//! `worker`.
//!
//! [`flotilla`] is the first; the other two are in `src/bin`, on the same frame ([`program`]).

mod args;
mod claim;
mod console;
pub mod controller;
mod doctor;
mod events;
pub mod exit;
mod failures;
#[cfg(test)]
mod fixtures;
pub mod fleet;
mod init;
pub mod kinds;
mod layout;
mod ls;
mod meter;
mod object_log;
mod object_source;
pub mod operations;
mod outcome;
mod pages;
mod plan;
pub mod program;
mod progress;
mod records;
mod retry;
mod runner;
mod self_test;
mod serve;
mod share;
mod state;
mod status;
mod stdout;
mod summary;
mod sync;
mod task;
mod tasks;
mod verbosity;
mod verify;
mod watch;
mod worker_handle;

use args::{Cli, Command, TaskCommand};
pub use args::{FinderArgs, WorkerArgs};
use exit::{CommandResult, Exit, Failure};
use shared::{signals, telemetry};
use tokio_util::sync::CancellationToken;
use verbosity::Verbosity;

const NOTICE: &str = "Stopping… press Ctrl-C again to stop now";

/// The program `flotilla`: runs the command that the command line names, and ends the process.
pub async fn flotilla() {
    let parsed = args::parse(std::env::args_os());
    program::end("flotilla", &args::command_of(std::env::args_os()), parsed, run).await;
}

async fn run(cli: Cli) -> CommandResult {
    let verbosity = Verbosity::of(cli.quiet, cli.verbose);
    verbosity.choose();
    match (&cli.command, verbosity) {
        // They log like any program without a terminal.
        (Command::Serve(_) | Command::Controller(_) | Command::Console(_), Verbosity::Normal | Verbosity::Objects) => {
            telemetry::init(cli.log, tracing::Level::INFO)
        }
        _ => telemetry::init_to(cli.log, verbosity.directives(), || progress::Stderr),
    }
    if let Command::Task(command @ TaskCommand::Edit(_)) = &cli.command {
        // Ctrl-C is the editor's while it runs, and leaves nothing to be put in order else.
        return tasks::run(command, &CancellationToken::new()).await;
    }
    let [stop] = signals::tokens(NOTICE).map_err(Failure::usage)?;
    let limit = program::GRACE + cli.command.drain();
    let overdue = || Err(Failure::resumable("interrupted while a store, the queue or the ledger did not answer"));
    program::until_overdue(command(cli.command, stop.clone()), &stop, limit, overdue).await
}

async fn command(command: Command, stop: CancellationToken) -> CommandResult {
    match command {
        Command::Sync(args) => sync::run(&args, stop).await,
        Command::Watch(args) => watch::run(&args, stop).await,
        Command::Retry(args) => retry::run(&args, stop).await,
        Command::Verify(args) => verify::run(&args, stop).await,
        Command::Plan(args) => at_once(plan::show(args.task.config()?, args.json, stop.clone()), &stop).await,
        Command::Ls(args) => ls::run(&args, stop).await,
        Command::Status(args) => at_once(status::run(&args), &stop).await,
        Command::Failures(args) => at_once(failures::run(&args), &stop).await,
        Command::Outcome(args) => at_once(outcome::run(&args), &stop).await,
        Command::Init(args) => at_once(init::run(&args), &stop).await,
        Command::Doctor(args) => at_once(doctor::run(&args), &stop).await,
        Command::Events(args) => at_once(events::run(&args), &stop).await,
        Command::Serve(args) => serve::run(&args, stop).await,
        Command::Controller(args) => controller::run(&args, stop).await,
        Command::Console(args) => crate::console::run(&args, stop).await,
        Command::Completions(args) => pages::completions(&args),
        Command::Man(args) => pages::manual(&args),
        Command::SelfTest => at_once(self_test::run(), &stop).await,
        Command::Task(command) if command.waits() => tasks::run(&command, &stop).await,
        Command::Task(command) => at_once(tasks::run(&command, &stop), &stop).await,
    }
}

/// What leaves nothing to be put in order ends as soon as it is asked to.
async fn at_once(command: impl Future<Output = CommandResult>, stop: &CancellationToken) -> CommandResult {
    tokio::select! {
        ended = command => ended,
        () = stop.cancelled() => Ok(Exit::Interrupted),
    }
}
