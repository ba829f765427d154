//! The `flotilla` command: finder and worker in one process, and a look at what they record.

mod args;
mod claim;
mod drive;
mod events;
mod exit;
mod failures;
mod init;
mod layout;
mod ls;
mod meter;
mod object_log;
mod object_source;
mod out;
mod plan;
mod progress;
mod records;
mod retry;
mod state;
mod status;
mod summary;
mod sync;
mod task;
mod verbosity;
mod verify;
mod watch;
mod working;

use std::time::Duration;

use args::{Cli, Command};
use exit::{Exit, Failure, Outcome};
use shared::{console, signals, telemetry};
use tokio_util::sync::CancellationToken;
use verbosity::Verbosity;

const NOTICE: &str = "Stopping… press Ctrl-C again to stop now";

/// What a command that was told to stop may take beyond its drain.
const GRACE: Duration = Duration::from_millis(1_600);

#[tokio::main]
async fn main() {
    let exit = match args::parse(std::env::args_os()) {
        Ok(cli) => run(cli).await.unwrap_or_else(fail),
        Err(text) if !text.use_stderr() => {
            let _ = text.print();
            Exit::InSync
        }
        Err(mistake) => {
            let help = format!("see {} --help", args::command_of(std::env::args_os()));
            fail(Failure::usage(console::one_line(&mistake.to_string())).hint(&help))
        }
    };
    // Not by returning: that would wait for blocking calls that are under way, as on a mount that hangs.
    std::process::exit(exit as i32);
}

async fn run(cli: Cli) -> Outcome {
    let verbosity = Verbosity::of(cli.quiet, cli.verbose);
    verbosity.choose();
    telemetry::init_to(cli.log, verbosity.directives(), || progress::Stderr);
    let [stop] = signals::tokens(NOTICE).map_err(Failure::usage)?;
    let limit = GRACE + cli.command.drain();
    tokio::select! {
        // Boxed, or the type of the whole is too deep for the compiler.
        ended = Box::pin(command(cli.command, stop.clone())) => ended,
        () = signals::overdue(&stop, limit) => Err(Failure::resumable("interrupted while a store, the queue or the ledger did not answer")),
    }
}

async fn command(command: Command, stop: CancellationToken) -> Outcome {
    match command {
        Command::Sync(args) => sync::run(&args, stop).await,
        Command::Watch(args) => watch::run(&args, stop).await,
        Command::Retry(args) => retry::run(&args, stop).await,
        Command::Verify(args) => verify::run(&args, stop).await,
        Command::Plan(args) => at_once(plan::show(args.task.config()?, args.json, stop.clone()), &stop).await,
        Command::Ls(args) => ls::run(&args, stop).await,
        Command::Status(args) => at_once(status::run(&args), &stop).await,
        Command::Failures(args) => at_once(failures::run(&args), &stop).await,
        Command::Init(args) => at_once(init::run(&args), &stop).await,
        Command::Events(args) => at_once(events::run(&args), &stop).await,
    }
}

/// What leaves nothing to be put in order ends as soon as it is told to.
async fn at_once(command: impl Future<Output = Outcome>, stop: &CancellationToken) -> Outcome {
    tokio::select! {
        ended = command => ended,
        () = stop.cancelled() => Ok(Exit::Interrupted),
    }
}

/// Says why, in one line.
fn fail(failure: Failure) -> Exit {
    console::say(format_args!("flotilla: {}", console::escaped(&failure.message)));
    failure.exit
}
