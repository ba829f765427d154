//! The frame of all three programs: read the command line, run, say in one line why it failed, exit.

use std::future::Future;
use std::time::Duration;

use clap::Parser;
use shared::{signals, terminal};
use tokio_util::sync::CancellationToken;

use crate::exit::{CommandResult, Exit, Failure};

/// How long a program that was asked to stop may take beyond its drain.
pub const GRACE: Duration = Duration::from_millis(1_600);

/// Reads the command line of `program`, runs it, and ends the process with its exit code.
pub async fn main<A: Parser, F: Future<Output = CommandResult>>(program: &str, run: impl FnOnce(A) -> F) {
    end(program, program, A::try_parse(), run).await;
}

/// As [`main`], for a command line that is read already. `help_of` is the command whose `--help` explains a mistake in it.
pub(crate) async fn end<A, F: Future<Output = CommandResult>>(
    program: &str,
    help_of: &str,
    parsed: Result<A, clap::Error>,
    run: impl FnOnce(A) -> F,
) {
    let outcome = match parsed {
        // Boxed, or the type of the whole is too deep for the compiler.
        Ok(args) => Box::pin(run(args)).await,
        Err(text) if !text.use_stderr() => {
            let _ = text.print();
            Ok(Exit::InSync)
        }
        Err(mistake) => {
            Err(Failure::usage(terminal::one_line(&mistake.to_string())).hint(&format!("see {help_of} --help")))
        }
    };
    let exit = outcome.unwrap_or_else(|failure| {
        terminal::say(format_args!("{program}: {}", terminal::escaped(&failure.message)));
        failure.exit
    });
    // Not by returning: that would wait for blocking calls in progress, as on a mount that hangs.
    std::process::exit(exit as i32);
}

/// Runs `work` until it ends, or until `limit` has passed since the program was asked to stop: `overdue` then.
pub async fn until_overdue(
    work: impl Future<Output = CommandResult>,
    stop: &CancellationToken,
    limit: Duration,
    overdue: impl FnOnce() -> CommandResult,
) -> CommandResult {
    tokio::select! {
        // Boxed, or the type of the whole is too deep for the compiler.
        ended = Box::pin(work) => ended,
        () = signals::overdue(stop, limit) => overdue(),
    }
}
