//! The three programs. The file of `flotilla` is also `finder` and `worker`, if it is started by that name: a release has
//! one file and two links to it.

mod finder;
mod flotilla;
mod worker;

use std::ffi::OsStr;
use std::path::Path;

use crate::args;
use crate::program;

/// The program whose name the command line begins with, `flotilla` for any other name. Ends the process.
pub async fn named_by_arguments() {
    let first = std::env::args_os().next();
    match first.as_deref().map(Path::new).and_then(Path::file_name).and_then(OsStr::to_str) {
        Some("finder") => finder().await,
        Some("worker") => worker().await,
        _ => flotilla().await,
    }
}

/// The program `flotilla`: runs the command that the command line names, and ends the process.
async fn flotilla() {
    let parsed = args::parse(std::env::args_os());
    program::end("flotilla", &args::command_of(std::env::args_os()), parsed, flotilla::run).await;
}

/// The program `finder`. Ends the process.
pub async fn finder() {
    program::main("finder", finder::run).await;
}

/// The program `worker`. Ends the process.
pub async fn worker() {
    program::main("worker", worker::run).await;
}
