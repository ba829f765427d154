//! The program `flotilla`: runs the command that the command line names.

use std::future::Future;

use shared::{signals, telemetry};
use tokio_util::sync::CancellationToken;

use crate::args::{Cli, Command, TaskCommand};
use crate::exit::{CommandResult, Exit, Failure};
use crate::verbosity::Verbosity;
use crate::{
    console, controller, doctor, events, failures, init, ls, outcome, pages, plan, program, progress, retry, self_test,
    serve, status, sync, tasks, verify, watch,
};

const NOTICE: &str = "Stopping… press Ctrl-C again to stop now";

pub(super) async fn run(cli: Cli) -> CommandResult {
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
        Command::Console(args) => console::run(&args, stop).await,
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
