//! The built `flotilla` as people and scripts meet it: exit codes, one line for a mistake, JSON last.

mod console;
mod doctor;
mod fleet_commands;
mod init;
mod records;
mod requests;
mod sandbox;
mod sync;
mod task_commands;
mod tasks;
mod usage;
mod verify;
