//! The programs: `flotilla` (finder and worker in one process, and commands that show their records), `finder` and
//! `worker`.
//!
//! [`programs`] has all three, on the frame of the module `program`.

mod args;
mod claim;
mod console;
mod controller;
mod doctor;
mod events;
mod exit;
mod failures;
#[cfg(test)]
mod fixtures;
mod fleet;
mod init;
mod kinds;
mod layout;
mod ls;
mod meter;
mod object_log;
mod object_source;
mod operations;
mod outcome;
mod pages;
mod plan;
mod program;
pub mod programs;
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
