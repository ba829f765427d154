//! The decisions of a controller, once a minute: functions over its reads.
//!
//! Nothing here reads, writes or asks a clock: a pass is [`task::decide`] for each task, [`operations::decide`],
//! [`scale::wanted`] and [`machines::decide`] over what was read before, and their decisions are carried out after. A
//! decision may be carried out twice, by two controllers or because one died: each names what it has seen, and the
//! ports refuse the second.
//!
//! It stands in this crate, which does no I/O, because the program that carries decisions out, the model of the tests
//! and the console decide by the same rules.
//!
//! - An absent answer decides nothing. A view whose reading failed is `None`, and whatever would need it waits.
//! - Whether somebody is alive is judged by counters that change from one pass to the next, never by a clock.

pub mod machines;
#[cfg(test)]
mod model;
pub mod operations;
pub mod outage;
pub mod scale;
pub mod target;
pub mod task;

/// Passes in a row without a live claim and without a job, after which a run gets its `find` job again; and between two
/// such jobs.
pub const UNCLAIMED_PASSES: u32 = 3;

/// Runs in a row that are begun because the one before lost messages. Then something is wrong with the queues, or with
/// the task: the schedule or a person begins the next one.
pub const MAX_RESTARTS: u32 = 3;

/// Passes in a row without a job and without progress, after which the unsettled objects of a run are lost; and passes
/// in which an operation does not change, after which its job is sent again whatever the queue shows.
pub const STILL_PASSES: u32 = 10;

/// Passes in a row in which a task waits for a store, or cannot be opened, after which somebody is notified. A store that
/// restarts is back before.
pub const OUTAGE_PASSES: u32 = 5;
