//! The tasks port: the tasks of a fleet, the operations on them, and the workers that serve them.
//!
//! # Contract
//!
//! - A task has an id, made by its creator, and a name that is unique in its fleet. All records of a task are kept
//!   under the id: a new task of an old name inherits nothing.
//! - `Ok` from a call that writes means that its record is durable. After an `Err` it may or may not be: the caller
//!   repeats the call. A repeated call changes nothing and answers as the first one did.
//! - Each write that others could contradict names the state that its caller has seen. If that state is gone, nothing
//!   is written, and the answer is [`Change::Conflict`] with the present record. A conflict is an answer, not an error.
//! - A write that is carried out late, after its caller gave it up, never undoes a newer one: the same conditions
//!   refuse it.
//! - Reads see every write that was answered before them (strongly consistent).
//! - A record with a limited life is not returned once that life is over, whether or not it was removed yet. Operations
//!   live for [`OPERATIONS_KEPT`] from their end, samples for [`SAMPLES_KEPT`], audit records for [`AUDITS_KEPT`].
//! - Heartbeats prove life only by a counter that changes, seen by one reader ([`Heartbeats`]). No call compares the
//!   clocks of two machines to decide who is alive.
//! - Texts are kept compressed and are bounded ([`MAX_TEXT_BYTES`], [`MAX_PACKED_BYTES`]): a larger one is refused with
//!   `Unrepresentable` before anything is written.
//! - Transient failures are retried inside the adapter ([`crate::retry`]).
//!
//! # What one pass of the controller reads
//!
//! [`Control::summaries`] is one query of one partition, [`Operations::open_operations`] one for each
//! class, [`Heartbeats::heartbeats`] one. Nothing is ever scanned.

mod audit;
mod changes;
mod control;
mod definitions;
mod heartbeats;
mod name;
mod operation_job;
mod operations;
mod run_id;
mod samples;
mod sign_outs;

use std::sync::Arc;
use std::time::Duration;

pub use crate::config::RunOverrides;
pub use audit::{Audit, AuditLog, Author, MAX_NOTE_BYTES, WITH_RECORDS};
pub use changes::Next;
pub use control::{
    BeginRun, Control, Due, EndedRun, Limits, LiveRun, Losses, MAX_CANCELLED_RUNS, MAX_REASON_CHARS, Outage, RunEnd,
    Summary, TaskState, Watch,
};
pub use definitions::{Definition, Definitions, MAX_OUTLINE_BYTES, NewTask, Outline, edit_result};
pub use heartbeats::{
    CLOCK_SKEW_ALLOWED, FleetRecord, HEARTBEATS_KEPT, Heartbeat, Heartbeats, MAX_WORKERS, OldestReceived, WorkerState,
};
pub use name::{MAX_FLEET_NAME_CHARS, MAX_TASK_NAME_CHARS, OPERATIONS, TaskRef, check_fleet_name, check_task_name};
pub use operation_job::{OPERATION, OperationJob};
pub use operations::{
    CloseRequest, MAX_PROGRESS_CHARS, Operation, OperationClass, OperationEnd, OperationKind, OperationState,
    OperationVerdict, Operations,
};
pub use run_id::{derived_id, is_by_schedule, run_id};
pub use samples::{Sample, Samples, oldest_sample, rate, rate_minutes};
pub use sign_outs::SignOuts;

/// How long an operation is kept, from its end. One that is not done stays.
pub const OPERATIONS_KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

/// How long a sample is kept, from its minute.
pub const SAMPLES_KEPT: Duration = Duration::from_secs(14 * 24 * 3600);

/// How long an audit record is kept. As long as outcomes are by default.
pub const AUDITS_KEPT: Duration = Duration::from_secs(400 * 24 * 3600);

/// Most tasks of one fleet. A pass of the controller holds a summary of each: some 10 MB.
pub const MAX_TASKS: usize = 10_000;

/// What a reader says of a fleet with more than [`MAX_TASKS`].
pub fn too_many_tasks() -> String {
    format!("the fleet has more than {MAX_TASKS} tasks: delete some, or make a second fleet")
}

/// Most bytes of a definition, a request or a result. It bounds the memory of a reader.
pub const MAX_TEXT_BYTES: usize = 1 << 20;

/// Most bytes of a compressed text. An operation has two of them, and an item of DynamoDB takes 400 KB.
pub const MAX_PACKED_BYTES: usize = 180_000;

/// The tasks of a fleet, shared by many callers.
pub type SharedTasks = Arc<dyn Tasks>;

/// What became of a conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<T> {
    /// The record is as the caller wants it, by this call or an earlier one of the same caller.
    Made,
    /// Another caller was first. The present record; `None` if it is gone.
    Conflict(Option<Box<T>>),
}

impl<T> Change<T> {
    /// Whether the record is as the caller wants it.
    pub fn is_made(&self) -> bool {
        matches!(self, Change::Made)
    }

    /// A conflict with a record that may be gone.
    pub fn conflict(present: Option<T>) -> Self {
        Change::Conflict(present.map(Box::new))
    }
}

/// The tasks of a fleet. See the [module's contract](self).
pub trait Tasks:
    Definitions
    + Control
    + Operations
    + Samples
    + Heartbeats
    + AuditLog
    + SignOuts
    + Send
    + Sync
    + std::fmt::Debug
    + 'static
{
}

impl<T> Tasks for T where
    T: Definitions
        + Control
        + Operations
        + Samples
        + Heartbeats
        + AuditLog
        + SignOuts
        + Send
        + Sync
        + std::fmt::Debug
        + 'static
{
}
