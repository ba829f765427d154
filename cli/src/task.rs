//! A task that is ready to run: both stores probed, queue and ledger open.

use std::sync::Arc;
use std::time::Duration;

use adapters::open::{self, Backend, Events, EventsClaim, ProbeUse};
use shared::config::Config;
use shared::report::Listener;
use shared::store::Store;
use shared::telemetry::endpoint::Health;
use tokio_util::sync::CancellationToken;
use worker::{Follow, LiveLimits, Objects, TransferProgress, Worker};

use crate::exit::Failure;
use crate::state;

/// A task, open.
pub struct Task {
    /// As configured.
    pub config: Config,
    /// Where objects come from.
    pub source: Store,
    /// Where they go.
    pub destination: Store,
    /// Why the destination cannot be written, where it can only be read: enough for a run with nothing to do.
    pub refused: Option<Failure>,
    /// Queue and ledger.
    pub backend: Backend,
    /// What a worker of this process does about changes and others at the same objects.
    pub follow: Follow,
    /// Reports when a store fails altogether.
    pub health: Health,
    /// Bytes under way, and objects in flight, of this process's workers.
    pub moved: Arc<TransferProgress>,
    /// How long a worker waits for a store that does.
    patience: Duration,
    /// The claim on the queue that a bucket sends its events to.
    pub events_claim: Option<EventsClaim>,
}

/// Longer than any outage: only a store that refuses everything ends a worker then.
const FOR_EVER: Duration = Duration::MAX;

impl Task {
    /// Opens everything, unless it is asked to stop before a store or the like has answered.
    pub async fn open_unless(
        stop: &CancellationToken,
        config: Config,
        health: Health,
    ) -> Result<Option<Task>, Failure> {
        tokio::select! {
            task = Task::open(config, None, health) => task.map(Some),
            () = stop.cancelled() => Ok(None),
        }
    }

    /// The same of a task whose events are followed: others may be at its objects, and a store that is away is waited for.
    pub async fn open_with_events(
        stop: &CancellationToken,
        config: Config,
        events: &Events,
        health: Health,
    ) -> Result<Option<Task>, Failure> {
        tokio::select! {
            task = Task::open(config, Some(events), health) => task.map(|task| Some(Task { patience: FOR_EVER, ..task })),
            () = stop.cancelled() => Ok(None),
        }
    }

    /// Opens everything. A store that is not there, or not ours to read, fails here, within seconds.
    async fn open(config: Config, events: Option<&Events>, health: Health) -> Result<Task, Failure> {
        // With events, the run begins with a look at what came before; without, the process makes one run.
        let probe = if events.is_some() { ProbeUse::Alone } else { ProbeUse::WithListing };
        let (source, destination, refused) = open::ready_to_compare(&config, probe).await.map_err(Failure::side)?;
        let refused = refused.map(Failure::side);
        if let (Some(_), Some(refused)) = (events, &refused) {
            return Err(refused.clone());
        }
        let backend = match (events, &config.state) {
            (Some(events), Some(state)) => open::backend_with_events(&config, state, events).await,
            _ => open::backend_of_task(&config).await.map(|backend| (backend, None)),
        };
        let (backend, events_claim) = backend.map_err(Failure::usage)?;
        if let Some(state) = &config.state {
            state::remember(state, &config)?;
        }
        let follow = Follow::of(&config).map_err(Failure::usage)?;
        let patience = config.objects.work.outage_limit;
        let moved = Arc::default();
        Ok(Task { config, source, destination, refused, backend, follow, health, moved, patience, events_claim })
    }

    /// A worker of this process.
    pub fn worker(&self, report: Option<Listener>) -> Worker {
        let (config, backend) = (&self.config, &self.backend);
        let name = format!("flotilla-{}", std::process::id());
        let (queue, ledger) = (backend.queue.clone(), backend.ledger.clone());
        let mut worker = Worker::new(&config.task, &name, queue, ledger, config.machine.clone());
        worker.events = backend.events.clone();
        worker.report = report;
        worker.moved = self.moved.clone();
        let activity = worker.activity.clone();
        self.health.judge_alive(move || activity.is_alive());
        let objects = Objects {
            source: self.source.clone(),
            destination: self.destination.clone(),
            upload_log: backend.upload_log.clone(),
            options: config.objects.work.clone(),
            follow: self.follow.clone(),
            health: self.health.clone(),
            outage_limit: Some(self.patience),
            limits: LiveLimits::of(&config.machine),
        };
        worker.with(objects.executor())
    }
}
