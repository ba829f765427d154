//! The `flotilla` command: finder and worker in one process, and a look at what they record.

mod args;
mod claim;
mod drive;
mod events;
mod exit;
mod failures;
mod init;
mod meter;
mod plan;
mod progress;
mod records;
mod retry;
mod state;
mod status;
mod summary;
mod sync;
mod task;
mod verify;

use std::process::ExitCode;

use args::{Cli, Command};
use exit::{Exit, Failure, Outcome};
use shared::{console, signals, telemetry};

const NOTICE: &str = "stopping: finishing what is under way (once more to stop at once)";

/// What is logged unless RUST_LOG says otherwise. Objects that fail are listed at the end of their run.
const LOGGED: &str = "warn,shared::metrics=error";

#[tokio::main]
async fn main() -> ExitCode {
    let cli = match args::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(text) if !text.use_stderr() => {
            let _ = text.print();
            return Exit::InSync.into();
        }
        Err(mistake) => {
            return fail(Failure::usage(console::one_line(&mistake.to_string())).hint("see flotilla --help"));
        }
    };
    telemetry::init_to(cli.log, LOGGED, || progress::Stderr);
    match run(cli).await {
        Ok(exit) => exit.into(),
        Err(failure) => fail(failure),
    }
}

async fn run(cli: Cli) -> Outcome {
    let [stop] = signals::tokens(NOTICE).map_err(Failure::usage)?;
    match cli.command {
        Command::Sync(args) => sync::run(&args, stop).await,
        Command::Plan(args) => plan::show(&args.task.config()?, args.json, stop).await,
        Command::Verify(args) => verify::run(&args, stop).await,
        Command::Status(args) => status::run(&args).await,
        Command::Failures(args) => failures::run(&args).await,
        Command::Retry(args) => retry::run(&args, stop).await,
        Command::Init(args) => init::run(&args).await,
        Command::Events(args) => events::run(&args).await,
    }
}

fn fail(failure: Failure) -> ExitCode {
    eprintln!("flotilla: {}", console::escaped(&failure.message));
    failure.exit.into()
}
