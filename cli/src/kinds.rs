//! The kinds of data that these programs replicate.
//!
//! [`open`] is the one place that chooses by a task's kind. A further kind brings an [`OpenKind`] in a module
//! beside these, and here one line.

#[cfg(test)]
mod numbers;
mod objects;

use std::sync::Arc;
use std::time::Duration;

use adapters::open::Backend;
use async_trait::async_trait;
use finder::{FindError, Planner};
use futures::future::BoxFuture;
use shared::config::{Config, FollowedEvents, Kind};
use shared::ledger::Run;
use shared::limits::LiveLimits;
use shared::object::Timestamp;
use shared::telemetry::endpoint::Health;
use shared::terminal;
use worker::Executors;

use crate::operations::{OpenedTask, SliceBounds, SliceCheckpoint, SliceEnd};

/// How much of a task is checked when it is opened; each value checks more than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Opening {
    /// To end what was begun, and for nothing else: a store that is away, or cannot be opened, must not keep a run from
    /// being cancelled, or a task from being deleted. Each of its calls fails with the reason.
    ToEnd,
    /// Without a request.
    Unprobed,
    /// Both sides answer. The destination may be read-only.
    Comparable,
    /// Both sides answer, and the destination is ready to be written.
    Ready,
}

/// The settings of an executor, besides the task's definition.
pub struct ExecutorTerms {
    /// Learns when a store fails for every item, and when it works again.
    pub health: Health,
    /// The limits of the task in this process.
    pub limits: LiveLimits,
    /// Which events the task follows beside its runs; `None`: as its config says.
    pub events: Option<FollowedEvents>,
    /// The worker ends when a store has failed for every item for so long; `None`: never.
    pub outage_limit: Option<Duration>,
    /// Whether it only settles jobs of cancelled runs: the stores may not be there.
    pub settles_only: bool,
}

/// A task of one kind, opened by its definition. A kind brings at least its planner and its executor. An operation that
/// it does not bring fails with this reason.
#[async_trait]
pub trait OpenKind: Send + Sync {
    /// The settings of a run whose request overrides those of its task. The error says what is invalid. By default no
    /// setting can be overridden.
    fn overridden(&self, config: &Config, request: &str) -> Result<Config, String> {
        match request {
            "" => Ok(config.clone()),
            _ => Err(format!("tasks of the kind {} have no settings of a run", config.kind.name())),
        }
    }

    /// The planner of a run under these settings that began at this time, and may be resumed.
    fn planner(&self, config: &Config, backend: &Backend, began: Timestamp) -> Result<Box<dyn Planner>, FindError>;

    /// The planner that retries the failures of a run, those of some keys or all. The error says why they cannot be
    /// retried. By default the next run retries them.
    fn retry_planner(
        &self,
        task: &OpenedTask,
        failed: Run,
        _keys: Option<Vec<String>>,
    ) -> Result<Box<dyn Planner>, String> {
        let (kind, id) = (task.config.kind.name(), terminal::run_id(&failed.start.id));
        Err(format!("run {id} is of the kind {kind}, whose failures a new run retries"))
    }

    /// Adds the executor of the task's jobs for this version of its definition; 0: for all.
    fn add_executor(
        &self,
        task: &OpenedTask,
        executors: &Executors,
        version: u32,
        terms: ExecutorTerms,
    ) -> Result<(), String>;

    /// Counts what a run would do.
    async fn plan(&self, task: &OpenedTask, _: &SliceCheckpoint, _: &SliceBounds) -> shared::Result<SliceEnd> {
        Ok(without(task, "plan"))
    }

    /// Compares both sides.
    async fn verify(
        &self,
        task: &OpenedTask,
        _request: &str,
        _: &SliceCheckpoint,
        _: &SliceBounds,
    ) -> shared::Result<SliceEnd> {
        Ok(without(task, "verify"))
    }

    /// Asks what the task may do at both sides.
    async fn probe(&self, task: &OpenedTask, _request: &str) -> shared::Result<SliceEnd> {
        Ok(without(task, "probe"))
    }

    /// Ends what workers have begun and nobody will finish.
    async fn close(
        &self,
        task: &OpenedTask,
        _request: &str,
        _: &SliceCheckpoint,
        _: &SliceBounds,
        _owner: &str,
    ) -> shared::Result<SliceEnd> {
        Ok(without(task, "close"))
    }
}

/// The end of an operation that the kind does not bring.
fn without(task: &OpenedTask, operation: &str) -> SliceEnd {
    SliceEnd::failed(format!("tasks of the kind {} have no operation {operation}", task.config.kind.name()))
}

/// A task that is being opened.
type Opened<'a> = BoxFuture<'a, Result<Arc<dyn OpenKind>, String>>;

/// Opens a task of one kind.
type Open = for<'a> fn(&'a Config, Opening, Option<&'a LiveLimits>) -> Opened<'a>;

/// The kinds of data, one line each.
const KINDS: &[(Kind, Open)] = &[
    (Kind::OBJECTS, objects::open),
    #[cfg(test)]
    (numbers::KIND, numbers::open),
];

/// Opens a task of any kind. With `limits`, its requests keep to them. The error says which side is unusable, and why.
pub async fn open(config: &Config, opening: Opening, limits: Option<&LiveLimits>) -> Result<Arc<dyn OpenKind>, String> {
    match KINDS.iter().find(|(kind, _)| *kind == config.kind) {
        Some((_, open)) => open(config, opening, limits).await,
        None => Err(format!("this release does not replicate the kind {}", config.kind.name())),
    }
}
