//! The port between the engine and a kind of data.
//!
//! The engine leases messages, judges the runs of their jobs, and acknowledges. It reads the head of a job, never its
//! body. An [`Executor`] reads the body of a job of its kind, as an [`Execution`] that does the work.

use std::sync::Arc;

use async_trait::async_trait;
use shared::Result;
use shared::job::{Job, ParseError};
use shared::queue::Message;
use tokio::time::Instant;

use crate::engine::context::LaneContext;

/// Executes the jobs of one kind.
#[async_trait]
pub trait Executor: Send + Sync {
    /// The kind, as jobs name it.
    fn kind(&self) -> &'static str;

    /// Reads a job of this kind. The error becomes the reason of a dead letter.
    fn open(&self, lane: &Arc<LaneContext>, job: &Job) -> Result<Box<dyn Execution>, ParseError>;

    /// Reads a message that is no job as an event; `None` if the kind has no events.
    fn read_event(&self, _lane: &Arc<LaneContext>, _message: &Message) -> Option<Event> {
        None
    }

    /// The digest of the options that this worker writes with. A run that was begun with others is left to other
    /// workers; `None`: any run's jobs are executed.
    fn writes(&self) -> Option<&str> {
        None
    }

    /// Whether a store fails for every item, so that no new job is of use.
    fn is_suspended(&self) -> bool {
        false
    }

    /// Watches the stores for as long as the worker works. Ends when one has failed for too long, which ends the worker.
    async fn watch(&self) -> Outage {
        std::future::pending().await
    }
}

/// A message that is no job, read as an event.
pub enum Event {
    /// This is to be done.
    Work(Box<dyn Execution>),
    /// It reports nothing that matters.
    Nothing,
    /// Nobody can use it, for this reason.
    Dead(String),
}

/// The work of one job, while its message is leased. Each method may be dropped at any `await`: the job comes again.
#[async_trait]
pub trait Execution: Send + Sync {
    /// The verb, as metrics and logs name it.
    fn verb(&self) -> &'static str;

    /// The run that counts it.
    fn run(&self) -> &str;

    /// Whether its run must be live: known to the ledger, not cancelled, and with this worker's options. `false`: it is
    /// executed whatever the ledger has of its run, without a question.
    fn is_judged(&self) -> bool {
        true
    }

    /// How many transfers it takes, at least 1. The worker receives no more jobs than it can begin.
    fn transfers(&self) -> usize;

    /// Whether it deletes. Then its run's state is read anew before it begins, and the run must permit deletes.
    fn deletes(&self) -> bool {
        false
    }

    /// Does the work. `Ok` when each item is settled, enqueued again, or carried on by another job; `Err` when that
    /// could not be recorded: then the job comes again.
    async fn execute(&self, delivery: &Delivery) -> Result<()>;

    /// Settles every item as cancelled: the run is cancelled, or must not do this work.
    async fn cancel(&self, delivery: &Delivery) -> Result<()>;

    /// Settles every item as failed, for this reason: the job was delivered too often.
    async fn give_up(&self, reason: &str) -> Result<()>;

    /// Called once when the work has ended or was dropped, before the message is acknowledged or released. Waits for
    /// the end of the tasks of dropped work, records what that left behind, and has looked at again what may still take
    /// effect. `has_lease`: no other worker can have the job yet.
    async fn follow_up(&self, _has_lease: bool) {}
}

/// One delivery of a job.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Whether an earlier delivery may have begun the work.
    pub redelivered: bool,
    /// Whether the job was delivered too often: it is settled, and not executed.
    pub is_given_up: bool,
    /// Whether a look at keys that may have changed must not be made now: the stores may not be there, or the task is being
    /// deleted. It is sent as a message of its own.
    pub only_settles: bool,
    /// When the state of the run is read again; `None`: the run has no end.
    check_run_at: Option<Instant>,
}

impl Delivery {
    pub(crate) fn new(redelivered: bool, check_run_at: Option<Instant>) -> Self {
        Delivery { redelivered, is_given_up: false, only_settles: false, check_run_at }
    }

    /// A delivery of a job whose run is cancelled.
    pub(crate) fn of_cancelled(redelivered: bool, only_settles: bool) -> Self {
        Delivery { redelivered, is_given_up: false, only_settles, check_run_at: None }
    }

    /// The delivery after which the job moves to the dead-letter queue.
    pub(crate) fn last() -> Self {
        Delivery { redelivered: true, is_given_up: true, only_settles: true, check_run_at: None }
    }

    /// Waits until the work must end because its run is cancelled. Fails when the ledger does not answer: then nobody
    /// knows whether the work may go on.
    pub async fn cancelled(&self, lane: &LaneContext, run: &str) -> Result<()> {
        match self.check_run_at {
            Some(at) => lane.engine.runs.cancelled(run, at).await,
            None => std::future::pending().await,
        }
    }
}

/// A store that a kind works with has failed for too long. Displays as one line.
#[derive(Debug, Clone)]
pub struct Outage {
    /// What failed, how, and what to do.
    pub message: String,
    /// Whether the store works, but refuses every item: no waiting helps.
    pub is_refusal: bool,
}

impl std::fmt::Display for Outage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}
