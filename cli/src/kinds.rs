//! The kinds of data that these programs replicate.
//!
//! [`open`] is the one place that chooses by a task's kind. A further kind brings an [`OpenKind`] in its crate, and here
//! one line.

mod objects;

use std::sync::Arc;
use std::time::Duration;

use adapters::open::Backend;
use async_trait::async_trait;
use finder::{FindError, Planner};
use shared::config::{Config, FollowedEvents, Kind};
use shared::ledger::Run;
use shared::limits::LiveLimits;
use shared::object::Timestamp;
use shared::telemetry::endpoint::Health;
use worker::Executors;

use crate::operations::{OpenedTask, SliceBounds, SliceCheckpoint, SliceEnd};

/// How what a kind replicates is opened: the later ones ask more of it.
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

/// What an executor works under, besides the task's definition.
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

/// What a task of one kind has open: what becomes of the task's definition in these programs.
#[async_trait]
pub trait OpenKind: Send + Sync {
    /// The settings of a run whose request overrides those of its task. The error says what is invalid.
    fn overridden(&self, config: &Config, request: &str) -> Result<Config, String>;

    /// The planner of a run under these settings that began at this time, and may be resumed.
    fn planner(&self, config: &Config, backend: &Backend, began: Timestamp) -> Result<Box<dyn Planner>, FindError>;

    /// The planner that retries the failures of a run. The error says why they cannot be retried.
    fn retry_planner(&self, task: &OpenedTask, failed: Run) -> Result<Box<dyn Planner>, String>;

    /// Adds the executor of the task's jobs for this version of its definition; 0: for all.
    fn add_executor(
        &self,
        task: &OpenedTask,
        executors: &Executors,
        version: u32,
        terms: ExecutorTerms,
    ) -> Result<(), String>;

    /// Counts what a run would do.
    async fn plan(
        &self,
        task: &OpenedTask,
        checkpoint: &SliceCheckpoint,
        bounds: &SliceBounds,
    ) -> shared::Result<SliceEnd>;

    /// Compares both sides.
    async fn verify(
        &self,
        task: &OpenedTask,
        request: &str,
        checkpoint: &SliceCheckpoint,
        bounds: &SliceBounds,
    ) -> shared::Result<SliceEnd>;

    /// Asks what the task may do at both sides.
    async fn probe(&self, task: &OpenedTask, request: &str) -> shared::Result<SliceEnd>;

    /// Ends what workers have begun and nobody will finish.
    async fn close(
        &self,
        task: &OpenedTask,
        request: &str,
        checkpoint: &SliceCheckpoint,
        bounds: &SliceBounds,
        owner: &str,
    ) -> shared::Result<SliceEnd>;
}

/// Opens what a task replicates. With `limits`, its requests keep to them. The error says what cannot be used.
pub async fn open(config: &Config, opening: Opening, limits: Option<&LiveLimits>) -> Result<Arc<dyn OpenKind>, String> {
    match config.kind {
        Kind::Objects => Ok(Arc::new(objects::OpenObjects::open(config, opening, limits).await?)),
    }
}
