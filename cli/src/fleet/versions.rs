//! The versions of a task's definition, each with its stores open.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapters::open::{self, Backend};
use async_trait::async_trait;
use shared::config::{Config, FollowedEvents, QueueConfig, TaskDefinition};
use shared::sync::lock;
use shared::tasks::TaskRef;
use shared::telemetry::endpoint::Health;
use shared::{Error, ErrorKind, Result};
use tokio::time::timeout;
use worker::{Executors, LiveLimits};

use super::context::FleetContext;
use super::prefix_list::ListReader;
use crate::kinds::{self, ExecutorTerms, Opening};
use crate::operations::{OpenedTask, OpenedTasks};

/// A store that has not answered by then cannot be opened now. Probes have limits of their own; this bounds all else.
const OPEN_LIMIT: Duration = Duration::from_secs(60);

/// A version that is open.
#[derive(Clone)]
pub struct OpenVersion {
    task: Arc<OpenedTask>,
    /// The task's configuration with its list of prefixes, as events are filtered by it.
    listed: Config,
    /// Reads the list again.
    list: ListReader,
    /// Which events are followed.
    events: FollowedEvents,
    /// Where the source bucket sends its events, if the fleet has no queue of its own for them.
    pub bucket_queue: Option<QueueConfig>,
    /// Whether events are to be followed, and nothing brings them.
    pub lacks_events: bool,
    limits: LiveLimits,
    /// How it is open: perhaps more than was asked for.
    pub opening: Opening,
}

/// The versions of a task that were opened. They open when they are first asked for.
pub struct Versions {
    context: Arc<FleetContext>,
    task: TaskRef,
    backend: Backend,
    limits: LiveLimits,
    /// The present version; 0: not known.
    present: AtomicU32,
    open: Mutex<BTreeMap<u32, OpenVersion>>,
}

impl Versions {
    /// None is open yet. The stores of all versions share the task's limits.
    pub fn new(context: Arc<FleetContext>, task: TaskRef, backend: Backend, limits: LiveLimits) -> Versions {
        let (present, open) = Default::default();
        Versions { context, task, backend, limits, present, open }
    }

    /// The version whose credentials all versions are opened with from now on.
    pub fn set_present(&self, version: u32) {
        self.present.store(version, Relaxed);
    }

    /// The task's queues, and the fleet's ledger.
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// A version, opened at least so. Two callers at once may both open it: the later one stays. Sides that cannot be
    /// opened are tried again by the next call.
    pub async fn open(&self, version: u32, opening: Opening) -> Result<OpenVersion> {
        let is_good = |known: &&OpenVersion| known.opening >= opening && known.opening > Opening::ToEnd;
        let known = lock(&self.open).get(&version).filter(is_good).cloned();
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

    /// Waits until the events of an open version are to be filtered by another list of prefixes, and returns the version
    /// with that list. Dropped at any moment, it has changed nothing.
    pub async fn relisted(&self, version: u32) -> OpenVersion {
        let known = lock(&self.open).get(&version).filter(|known| known.follows_events()).cloned();
        let Some(known) = known else { return std::future::pending().await };
        let prefixes = known.list.changed(&known.task.config, &known.listed).await;
        let relisted = OpenVersion { listed: open::listing(&known.task.config, prefixes), ..known };
        lock(&self.open).insert(version, relisted.clone());
        relisted
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
        let open = async |opening| Ok((opening, kinds::open(&config, opening, Some(&self.limits)).await?));
        let opened: Result<_, String> = match open(opening.max(Opening::Unprobed)).await {
            Err(_) if opening == Opening::ToEnd => open(opening).await,
            opened => opened,
        };
        let (opening, kind) = opened.map_err(|unusable| self.error(ErrorKind::Unavailable, unusable))?;
        let is_embedded = self.context.fleet().state.is_some();
        let listed = match opening == Opening::Ready && definition.events != FollowedEvents::Off {
            true => open::with_prefixes(&config).await?,
            // No event is followed: an object with the list need not be there.
            false => without_object(&config),
        };
        let bucket_queue = definition.bucket_queue().filter(|_| is_embedded);
        let lacks_events = is_embedded && definition.lacks_queue();
        let task = Arc::new(OpenedTask { config, backend: self.backend.clone(), kind });
        let (events, limits) = (definition.events, self.limits.clone());
        let list = ListReader::default();
        Ok(OpenVersion { task, listed, list, events, bucket_queue, lacks_events, limits, opening })
    }

    /// A version, with the credentials of the present one: they are no option of a run, and a run that was begun with a
    /// wrong secret goes on once somebody edits it.
    async fn definition(&self, version: u32) -> Result<TaskDefinition> {
        let mut definition = self.read(version).await?;
        let present = self.present.load(Relaxed);
        if present > version {
            let now = self.read(present).await?;
            definition.source.connection.credentials = now.source.connection.credentials;
            definition.destination.connection.credentials = now.destination.connection.credentials;
        }
        Ok(definition)
    }

    /// Reads a version. A definition of a later release may have settings that this one does not know.
    async fn read(&self, version: u32) -> Result<TaskDefinition> {
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

/// The configuration without the list of prefixes, if that is an object.
fn without_object(config: &Config) -> Config {
    let mut config = config.clone();
    if config.objects.find.prefix_object().is_some() {
        config.objects.find.prefix_list = None;
    }
    config
}

impl OpenVersion {
    fn follows_events(&self) -> bool {
        self.opening == Opening::Ready && self.events != FollowedEvents::Off
    }

    /// Adds the executor of its jobs. Until the version is [ready](Opening::Ready), jobs of cancelled runs are settled, and
    /// the others wait.
    pub fn add_executor(&self, executors: &Executors, version: u32, health: Health) -> Result<()> {
        let OpenedTask { backend, kind, .. } = &*self.task;
        let task = OpenedTask { config: self.listed.clone(), backend: backend.clone(), kind: kind.clone() };
        // A fleet waits for a store that fails.
        let (limits, events, outage_limit) = (self.limits.clone(), Some(self.events), None);
        let settles_only = self.opening < Opening::Ready;
        let terms = ExecutorTerms { health, limits, events, outage_limit, settles_only };
        let invalid = |why| Error::new(ErrorKind::Invalid, "open", &task.config.name, why);
        kind.add_executor(&task, executors, version, terms).map_err(invalid)
    }
}

#[async_trait]
impl OpenedTasks for Versions {
    async fn opened(&self, version: u32, opening: Opening) -> Result<Arc<OpenedTask>> {
        Ok(self.open(version, opening).await?.task)
    }

    fn backend(&self) -> Option<&Backend> {
        Some(&self.backend)
    }

    fn name(&self) -> &str {
        &self.task.name
    }

    async fn of_definition(&self, _: &str) -> Result<Arc<OpenedTask>> {
        Err(self.error(ErrorKind::Invalid, "the task has a definition of its own"))
    }
}
