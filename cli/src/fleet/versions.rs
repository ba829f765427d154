//! The versions of a task's definition, each with its stores open.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters::open::{self, Backend};
use async_trait::async_trait;
use shared::config::{FollowedEvents, QueueConfig, TaskDefinition};
use shared::sync::lock;
use shared::tasks::TaskRef;
use shared::{Error, ErrorKind, Result};
use tokio::time::timeout;
use worker::{Follow, LiveLimits, Objects};

use super::context::Context;
use super::wanted::Opening;
use crate::operations::{OpenedTask, OpenedTasks};

/// A store that has not answered by then cannot be opened now. Probes have limits of their own; this bounds all else.
const OPEN_LIMIT: Duration = Duration::from_secs(60);

/// A version that is open.
#[derive(Clone)]
pub struct OpenVersion {
    /// Configuration, stores and services.
    pub task: Arc<OpenedTask>,
    /// Which changes are followed, and how.
    pub follow: Follow,
    /// Where the source bucket sends its events, if the fleet has no queue of its own for them.
    pub bucket_queue: Option<QueueConfig>,
    /// Whether events are to be followed, and nothing brings them.
    pub lacks_events: bool,
    limits: LiveLimits,
    opening: Opening,
}

/// The versions of a task that were opened. They open when they are first asked for.
pub struct Versions {
    context: Arc<Context>,
    task: TaskRef,
    backend: Backend,
    limits: LiveLimits,
    open: Mutex<BTreeMap<u32, OpenVersion>>,
}

impl Versions {
    /// None is open yet. The stores of all versions share the task's limits.
    pub fn new(context: Arc<Context>, task: TaskRef, backend: Backend, limits: LiveLimits) -> Versions {
        Versions { context, task, backend, limits, open: Mutex::default() }
    }

    /// The task's queues, and the fleet's ledger.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// A version, opened at least so. Two callers at once may both open it: the later one stays.
    pub async fn open(&self, version: u32, opening: Opening) -> Result<OpenVersion> {
        let known = lock(&self.open).get(&version).filter(|known| known.opening >= opening).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let overdue = |_| {
            let message = format!("no answer within {} s: check endpoint, region and network", OPEN_LIMIT.as_secs());
            Error::new(ErrorKind::Timeout, "open", &self.task.name, message)
        };
        let opened = timeout(OPEN_LIMIT, self.open_anew(version, opening)).await.map_err(overdue)??;
        lock(&self.open).insert(version, opened.clone());
        Ok(opened)
    }

    /// Drops a version's stores. Jobs that use them keep them.
    pub fn retire(&self, version: u32) {
        lock(&self.open).remove(&version);
    }

    /// Drops the stores of all versions but these: operations may have opened others.
    pub fn keep(&self, versions: &BTreeMap<u32, Opening>) {
        lock(&self.open).retain(|version, _| versions.contains_key(version));
    }

    async fn open_anew(&self, version: u32, opening: Opening) -> Result<OpenVersion> {
        let definition = self.definition(version).await?;
        let config = definition.on(self.context.fleet(), &self.task.id);
        let sides = match opening {
            Opening::Unprobed => open::sides(&config).await,
            Opening::Ready => open::ready_sides(&config).await,
        };
        let (source, destination) = sides.map_err(|unusable| self.error(ErrorKind::Unavailable, unusable))?;
        let (source, destination) = self.limits.stores(source, destination);
        let mut follow = Follow::of(&config).map_err(|why| self.error(ErrorKind::Invalid, why))?;
        follow.delete |= definition.events == FollowedEvents::CreateDelete;
        follow.removals = definition.events == FollowedEvents::CreateDelete;
        // Events and runs meet at the same objects.
        follow.look_again |= definition.events != FollowedEvents::Off;
        let is_embedded = self.context.fleet().state.is_some();
        let bucket_queue = definition.bucket_queue().filter(|_| is_embedded);
        let lacks_events = is_embedded && definition.lacks_queue();
        let task = Arc::new(OpenedTask { config, source, destination, backend: self.backend.clone() });
        Ok(OpenVersion { task, follow, bucket_queue, lacks_events, limits: self.limits.clone(), opening })
    }

    /// Reads a version. A definition of a later release may have settings that this one does not know.
    async fn definition(&self, version: u32) -> Result<TaskDefinition> {
        let text = self.context.backend.tasks.definition(&self.task.id, version).await?;
        let missing = || self.error(ErrorKind::NotFound, format!("version {version} of the definition is gone"));
        let text = text.ok_or_else(missing)?;
        let unreadable = |why| format!("version {version} of the definition cannot be read by this release: {why}");
        TaskDefinition::parse(&text).map_err(|why| self.error(ErrorKind::Invalid, unreadable(why)))
    }

    fn error(&self, kind: ErrorKind, why: impl ToString) -> Error {
        Error::new(kind, "open", &self.task.name, why.to_string())
    }
}

impl OpenVersion {
    /// What its jobs are executed with.
    pub fn objects(&self, health: shared::telemetry::endpoint::Health) -> Objects {
        let OpenedTask { config, source, destination, backend } = &*self.task;
        Objects {
            source: source.clone(),
            destination: destination.clone(),
            upload_log: backend.upload_log.clone(),
            options: config.objects.work.clone(),
            follow: self.follow.clone(),
            health,
            // A fleet waits for a store that fails.
            outage_limit: None,
            limits: self.limits.clone(),
        }
    }
}

#[async_trait]
impl OpenedTasks for Versions {
    async fn opened(&self, version: u32) -> Result<Arc<OpenedTask>> {
        Ok(self.open(version, Opening::Unprobed).await?.task)
    }

    fn name(&self) -> &str {
        &self.task.name
    }

    async fn of_definition(&self, _: &str) -> Result<Arc<OpenedTask>> {
        Err(self.error(ErrorKind::Invalid, "the task has a definition of its own"))
    }
}
