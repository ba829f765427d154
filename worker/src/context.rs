//! A worker, and what all its jobs share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use shared::config::{Config, Find, Work};
use shared::describe::{self, Describer};
use shared::filter::{Filter, FilterError, Verdict};
use shared::fleet::Fleet;
use shared::ledger::{Outcome, RunOptions, RunStart, SharedLedger, State, events_run};
use shared::limits::{Bandwidth, ConcurrencyLimiter, Lane, Permit, transfers_within};
use shared::object::Timestamp;
use shared::objects::SharedUploadLog;
use shared::objects::job::{Job, JobObject};
use shared::queue::Queue;
use shared::store::{Capabilities, EtagMeaning, Store, Tier};
use shared::telemetry::endpoint::Health;
use shared::{ErrorKind, Result};
use tokio::sync::{OnceCell, watch};
use tokio_util::sync::CancellationToken;

use crate::engine::backend::BackendHealth;
use crate::engine::runs::Runs;
use crate::engine::transfer_reporter::TransferReporter;
use crate::objects::breaker::circuit::{Admission, CircuitBreaker, Outage};
use crate::objects::breaker::store::BreakerStore;
use crate::objects::events::coalesce::Coalescer;
use crate::objects::events::pending_writes::InDoubtWrites;
use crate::objects::metadata::unsupported::Losses;
use crate::objects::multipart::part_limit::PartLimit;
use crate::objects::multipart::pending_creates::PendingCreates;
use crate::objects::multipart::progress::TransferProgress;
use crate::objects::multipart::unrecorded_parts::UnrecordedParts;
use crate::objects::service_copies::ServiceCopies;
use crate::objects::wrong_bytes::WrongBytes;

/// A transfer must get this much of a bandwidth limit, bytes a second, or it would look stalled: its
/// largest chunk (1 MiB) then takes half of [`shared::retry::STALL_SECONDS`].
const TRANSFER_RATE_BYTES: u64 = 64 << 10;

/// Whom a worker tells outcomes.
pub type Report = shared::report::Listener;

/// What a worker does about others that are at the same objects, and about events.
#[derive(Debug, Clone)]
pub struct Follow {
    /// Whether it looks at the source again after each write. Needed wherever others may be at the same
    /// object at the same time: events, other workers, jobs that came twice.
    pub look_again: bool,
    /// Whether what the source no longer has is deleted.
    pub delete: bool,
    /// The keys and objects that events are followed for.
    pub filter: Filter,
    /// Whether the task also carries over what differs besides the bytes.
    pub metadata: bool,
}

impl Follow {
    /// As a task is configured. Reads its prefix list, if it names one.
    pub fn of(config: &Config) -> std::result::Result<Follow, FilterError> {
        let filter = Filter::load(&config.find, None)?;
        let Find { delete, metadata, .. } = config.find;
        Ok(Follow { look_again: config.looks_again(), delete, filter, metadata })
    }

    /// Whether a key is one that the task takes.
    pub(crate) fn takes_key(&self, key: &str) -> bool {
        self.filter.reaches(key) && self.filter.judge(key, None) == Verdict::Taken
    }

    /// For a worker beside which nobody else is at its objects.
    pub fn alone() -> Follow {
        Follow { look_again: false, delete: false, filter: Filter::all(), metadata: false }
    }
}

/// A worker for one task.
#[derive(Clone)]
pub struct Worker {
    /// The task whose jobs it does; others' go to the dead-letter queue.
    pub task: String,
    /// Its name in outcomes.
    pub name: String,
    /// Where objects come from.
    pub source: Store,
    /// Where they go.
    pub destination: Store,
    /// Where jobs wait.
    pub queue: Queue,
    /// Where events wait, if not there. They are done first.
    pub events: Option<Queue>,
    /// Where outcomes are recorded.
    pub ledger: SharedLedger,
    /// Where multipart uploads are recorded.
    pub upload_log: SharedUploadLog,
    /// Its machine.
    pub fleet: Arc<dyn Fleet>,
    /// How to copy.
    pub options: Work,
    /// Which changes to follow, and how.
    pub follow: Follow,
    /// Whom to tell outcomes.
    pub report: Option<Report>,
    /// Bytes transferred so far and objects in flight, for displays.
    pub moved: Arc<TransferProgress>,
    /// SourceSnapshot when a store fails altogether, and when it is well again.
    pub health: Health,
    /// It gives up when a store has failed altogether for so long; `None`: never.
    pub outage_limit: Option<Duration>,
}

/// What all jobs of a worker at work share.
pub(crate) struct Shared {
    pub worker: Worker,
    /// Whether queue and ledger are well.
    pub backend: BackendHealth,
    /// Of source and destination, with the stores as they are without them.
    pub circuits: [(Arc<CircuitBreaker>, Store); 2],
    pub bandwidth: Option<Arc<Bandwidth>>,
    /// Compares what is said of objects with the same bytes; none where nothing can differ.
    pub describer: Option<Describer>,
    /// Keys that events are followed for at this moment.
    pub coalescer: Coalescer,
    /// Writes to the destination whose end nobody saw.
    pub in_doubt: Arc<InDoubtWrites>,
    /// What the ledger says of the runs whose jobs are received.
    pub runs: Runs,
    /// What the ledger is told of the objects in flight.
    pub transfer_reporter: TransferReporter,
    /// The digest of the write options of this worker.
    pub writes: String,
    /// Cancelled once the worker drains.
    pub draining: CancellationToken,
    /// Creates of uploads whose answers nobody waited for.
    pub creates: PendingCreates,
    /// Parts that were sent, and whose work was dropped before they were recorded.
    pub unrecorded_parts: UnrecordedParts,
    /// Jobs that are held.
    pub held: watch::Sender<usize>,
    /// Set once the run that counts events is recorded.
    events_run: OnceCell<()>,
    /// Whether the service copies between the two buckets.
    pub service_copies: ServiceCopies,
    /// Set when the destination takes no bytes without a checksum.
    requires_checksums: AtomicBool,
    /// Most parts of an upload, as the destination's refusals have shown.
    pub part_limit: PartLimit,
    /// Set when the destination denies reading a named version.
    pub denies_versions: AtomicBool,
    /// Keys under work whose wrong bytes may be at the destination.
    pub wrong_bytes: WrongBytes,
    /// Set once events are known to be followed.
    events_seen: AtomicBool,
    /// What cannot be carried over.
    pub losses: Losses,
    /// Whether it was said that the run waits for restores.
    said_waiting: AtomicBool,
    /// Set when the destination's answers have shown that its tags say nothing about the bytes.
    opaque_tags: AtomicBool,
    /// Set when it was said that the destination does not list uploads.
    pub warned_uploads_not_listable: AtomicBool,
}

impl std::ops::Deref for Shared {
    type Target = Worker;
    fn deref(&self) -> &Worker {
        &self.worker
    }
}

/// A worker at work, seen from one of its lanes.
pub(crate) struct Context {
    shared: Arc<Shared>,
    /// Where the lane's jobs come from, and what is to be tried again goes back to.
    pub queue: Queue,
    pub limiter: ConcurrencyLimiter,
    /// The lane's jobs that wait for another's work on their key, and take no part in it.
    pub waiting: AtomicUsize,
    /// Whether the queue may still give this lane messages for a poll that was not answered yet, also when the
    /// worker is gone.
    pub is_polling: AtomicBool,
}

impl std::ops::Deref for Context {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl Context {
    /// The lanes of a worker: the main one, and that of events where they have a queue of their own.
    pub fn lanes(mut worker: Worker, draining: CancellationToken) -> Vec<Arc<Context>> {
        let in_doubt = Arc::new(InDoubtWrites::default());
        let circuit = |side, store: &mut Store| {
            let (circuit, inner) = (CircuitBreaker::new(side, worker.health.clone()), store.clone());
            *store = BreakerStore::store(inner.clone(), circuit.clone(), in_doubt.clone());
            (circuit, inner)
        };
        let circuits = [circuit("source", &mut worker.source), circuit("destination", &mut worker.destination)];
        let options = &worker.options;
        let mut within = transfers_within(options.memory_limit);
        if worker.events.is_some() {
            // Each lane has a quarter beside the limit, rounded up.
            within = (within * 2 / 3).saturating_sub(1).max(1);
        }
        let mut transfers = options.concurrency.min(within);
        if let Some(rate) = options.bandwidth_limit {
            transfers = transfers.min(usize::try_from(rate / TRANSFER_RATE_BYTES).unwrap_or(usize::MAX));
        }
        let limiter = ConcurrencyLimiter::new(transfers);
        let bandwidth = options.bandwidth_limit.map(|rate| Arc::new(Bandwidth::new(rate)));
        let service_copies = ServiceCopies::new(options.server_side_copy);
        let tags = describe::Tags { compared: options.tags, required: options.strict };
        let describer = Describer::between(&worker.source, &worker.destination, tags);
        let (source, destination) = (worker.source.location(), worker.destination.location());
        let writes = RunOptions::writes(source, destination, worker.follow.metadata, &worker.options);
        let (backend, coalescer, warned_uploads_not_listable, opaque_tags, losses, said_waiting, events_run, runs) =
            Default::default();
        let shared = Arc::new(Shared {
            backend,
            circuits,
            bandwidth,
            describer,
            coalescer,
            in_doubt,
            runs,
            transfer_reporter: TransferReporter::new(&worker.name),
            writes,
            draining,
            creates: PendingCreates::default(),
            unrecorded_parts: UnrecordedParts::default(),
            held: watch::Sender::new(0),
            events_run,
            service_copies,
            requires_checksums: AtomicBool::default(),
            part_limit: PartLimit::default(),
            denies_versions: AtomicBool::default(),
            wrong_bytes: WrongBytes::default(),
            events_seen: AtomicBool::default(),
            opaque_tags,
            warned_uploads_not_listable,
            losses,
            said_waiting,
            worker,
        });
        let events = shared.worker.events.clone().map(|queue| (Lane::Events, queue));
        let lanes = [(Lane::Scan, shared.worker.queue.clone())].into_iter().chain(events);
        let context = |(lane, queue)| {
            let (shared, limiter) = (shared.clone(), limiter.lane(lane));
            let (waiting, is_polling) = (AtomicUsize::new(0), AtomicBool::new(false));
            Arc::new(Context { shared, queue, limiter, waiting, is_polling })
        };
        lanes.map(context).collect()
    }

    /// Waits for the right to one transfer; the stores' throttling counts from here.
    pub async fn transfer_permit(&self) -> Permit {
        self.limiter.throttles(self.source.throttles() + self.destination.throttles());
        self.limiter.acquire().await
    }
}

impl Shared {
    /// Sees to it that the run is recorded that counts a job's objects, if that is the one of events: nobody else
    /// begins it.
    pub async fn begin_events_run(&self, run: &str) -> Result<()> {
        if run != events_run(&self.task) {
            return Ok(());
        }
        let begin = || async {
            let start = RunStart {
                id: run.to_owned(),
                task: self.task.clone(),
                source: self.source.location().to_string(),
                destination: self.destination.location().to_string(),
                options: RunOptions::default(),
                started: Timestamp::now(),
            };
            // Repeated, or begun by another worker at the same moment: the run stays as it is.
            self.ledger.start_run(&start).await
        };
        self.events_run.get_or_try_init(begin).await.map(drop)
    }

    /// Whether the task's events are followed, by this worker or by any other: then the run that counts them is
    /// recorded, before the first of them is done.
    pub async fn follows_events(&self) -> Result<bool> {
        if self.worker.events.is_some() || self.events_run.initialized() || self.events_seen.load(Ordering::Relaxed) {
            return Ok(true);
        }
        // Asked each time while there is none: this is rare.
        let seen = self.ledger.run_state(&events_run(&self.task)).await?.is_some();
        self.events_seen.fetch_or(seen, Ordering::Relaxed);
        Ok(seen)
    }

    /// Waits until an object may be begun: at once, unless a store fails altogether.
    pub async fn admit(&self) -> [Admission; 2] {
        let [(source, _), (destination, _)] = &self.circuits;
        [source.admit().await, destination.admit().await]
    }

    /// Whether an object that failed so is not to blame, but its store, and it is to be done again.
    pub fn is_store_outage(&self, error: &shared::Error) -> bool {
        error.kind() == ErrorKind::Suspended || self.circuits.iter().any(|(circuit, _)| circuit.is_store_outage(error))
    }

    /// Whether a store fails, so that no new work is of use.
    pub fn is_suspended(&self) -> bool {
        self.circuits.iter().any(|(circuit, _)| circuit.is_suspended())
    }

    /// Looks after both circuits. Ends when a store has failed for too long.
    pub async fn watch_stores(&self) -> Outage {
        let [(source, from), (destination, to)] = &self.circuits;
        tokio::select! {
            outage = source.watch(from, self.outage_limit) => outage,
            outage = destination.watch(to, self.outage_limit) => outage,
        }
    }

    /// What the destination's kind can do, and its limit of parts as its refusals have shown it.
    pub fn cutting_capabilities(&self) -> Capabilities {
        let known = self.destination.capabilities();
        Capabilities { max_parts: self.part_limit.within(known.max_parts), ..known.clone() }
    }

    /// What the destination can do, as far as its answers have shown.
    pub fn destination_capabilities(&self) -> Capabilities {
        let told = self.destination.capabilities().clone();
        match self.opaque_tags.load(Ordering::Relaxed) {
            true => Capabilities { etags: EtagMeaning::Opaque, ..told },
            false => told,
        }
    }

    /// A bucket that encrypts by KMS gives tags that say nothing, to all its objects: those that follow
    /// are checked by other means.
    pub fn learn_tags(&self, opaque: bool) {
        if opaque && !self.opaque_tags.swap(true, Ordering::Relaxed) {
            tracing::info!("the destination's ETags are not MD5s: verifying bytes by other means");
        }
    }

    /// Whether the destination takes no bytes without a checksum.
    pub fn requires_checksums(&self) -> bool {
        self.requires_checksums.load(Ordering::Relaxed)
    }

    /// Whether the error says so. From then on a checksum goes along with each PUT and part.
    pub fn learn_required_checksums(&self, error: &shared::Error) -> bool {
        let is_so = error.kind() == ErrorKind::ChecksumRequired;
        if is_so && !self.requires_checksums.swap(true, Ordering::Relaxed) {
            tracing::info!("the destination requires checksums: objects are hashed before they are sent");
        }
        is_so
    }

    /// Whether an object of this class can be read at the destination, once it is written.
    pub fn can_be_read(&self, class: Option<&str>) -> bool {
        let classes = self.destination.capabilities().metadata.classes;
        class.is_none_or(|class| !classes.is_archive(class))
    }

    /// Says, once, that objects are being restored.
    pub fn say_waiting(&self, tier: Tier) {
        if !self.said_waiting.swap(true, Ordering::Relaxed) {
            let time = match tier {
                Tier::Bulk => "up to 48 hours",
                Tier::Standard => "up to 12 hours",
                Tier::Expedited => "some minutes",
            };
            tracing::warn!("waiting for archived objects to be restored, {time}");
        }
    }

    /// The outcome of an object of `job` in which everything but the end is filled in.
    pub fn outcome(&self, job: &Job, object: &JobObject, started: Timestamp, state: State) -> Outcome {
        Outcome {
            key: object.key.clone(),
            state,
            reason: None,
            size: object.size,
            source: object.pin(),
            etag: None,
            checksum: None,
            verified: None,
            attempts: job.attempt,
            error: None,
            worker: self.name.clone(),
            started,
            finished: Timestamp::now(),
        }
    }
}
