//! The state that all jobs of a worker for objects share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::FutureExt;
use shared::config::{Config, Find, Work};
use shared::describe::{self, Describer};
use shared::filter::{Filter, FilterError, FilterVerdict};
use shared::ledger::{Outcome, RunOptions, State};
use shared::limits::{LimitedTransfer, LiveLimits, Permit, RangeBuffer};
use shared::object::Timestamp;
use shared::objects::job::{JobObject, ObjectJob};
use shared::objects::{ObjectDetail, SharedUploadLog};
use shared::store::{Capabilities, EtagMeaning, Store, Tier};
use shared::telemetry::endpoint::Health;
use shared::{Error, ErrorKind, Result};
use tokio::time::timeout;

use crate::engine::context::{Engine, LaneContext};
use crate::objects::breaker::circuit::{Admission, CircuitBreaker};
use crate::objects::breaker::store::BreakerStore;
use crate::objects::events::coalesce::Coalescer;
use crate::objects::events::pending_writes::InDoubtWrites;
use crate::objects::events::unchecked_writes::UncheckedWrites;
use crate::objects::metadata::unsupported::UnsupportedSeen;
use crate::objects::multipart::part_limit::PartLimit;
use crate::objects::multipart::pending_creates::PendingCreates;
use crate::objects::multipart::unrecorded_parts::UnrecordedParts;
use crate::objects::service_copies::ServiceCopies;
use crate::objects::tasks::Running;
use crate::objects::wrong_bytes::WrongBytes;

/// What a worker does about others that are at the same objects, and about events.
#[derive(Debug, Clone)]
pub struct Follow {
    /// Whether it looks at the source again after each write. Needed wherever others may be at the same
    /// object at the same time: events, other workers, jobs that came twice.
    pub look_again: bool,
    /// Whether what the source no longer has is deleted.
    pub delete: bool,
    /// Whether events of removals are followed.
    pub removals: bool,
    /// The keys and objects that events are followed for.
    pub filter: Filter,
    /// Whether the task also carries over what differs besides the bytes.
    pub metadata: bool,
}

impl Follow {
    /// As a task is configured. Reads its prefix list, if it names one.
    pub fn of(config: &Config) -> std::result::Result<Follow, FilterError> {
        let filter = Filter::load(&config.objects.find, None)?;
        let Find { delete, metadata, .. } = config.objects.find;
        Ok(Follow { look_again: config.looks_again(), delete, removals: true, filter, metadata })
    }

    /// Whether a key is one that the task takes.
    pub(crate) fn takes_key(&self, key: &str) -> bool {
        self.filter.reaches(key) && self.filter.judge(key, None) == FilterVerdict::Taken
    }

    /// For a worker beside which nobody else is at its objects.
    pub fn alone() -> Follow {
        Follow { look_again: false, delete: false, removals: true, filter: Filter::all(), metadata: false }
    }
}

/// How a worker replicates objects.
#[derive(Clone)]
pub struct Objects {
    /// Where objects come from.
    pub source: Store,
    /// Where they go.
    pub destination: Store,
    /// Where multipart uploads are recorded.
    pub upload_log: SharedUploadLog,
    /// How to copy.
    pub options: Work,
    /// Which changes to follow, and how.
    pub follow: Follow,
    /// Learns when a store fails for every object, and when it works again.
    pub health: Health,
    /// The worker ends when a store has failed for every object for so long; `None`: never.
    pub outage_limit: Option<Duration>,
    /// The limits of the task in this process. The stores are those of [`LiveLimits::stores`] where a limit of requests
    /// may be set.
    pub limits: LiveLimits,
}

/// What the jobs of a worker share.
pub(crate) struct ObjectsContext {
    /// Where objects come from, behind its circuit breaker.
    pub source: Store,
    /// Where they go, behind its circuit breaker.
    pub destination: Store,
    /// Where multipart uploads are recorded.
    pub upload_log: SharedUploadLog,
    pub options: Work,
    pub follow: Follow,
    pub outage_limit: Option<Duration>,
    /// Of source and destination, with the stores as they are without them.
    pub circuits: [(Arc<CircuitBreaker>, Store); 2],
    pub limits: LiveLimits,
    /// Compares descriptions of objects with the same bytes; `None` where nothing can differ.
    pub describer: Option<Describer>,
    /// Keys that events are followed for at this moment.
    pub coalescer: Coalescer,
    /// Writes to the destination whose end nobody saw.
    pub in_doubt: Arc<InDoubtWrites>,
    /// The digest of the write options of this worker.
    pub writes: String,
    /// Creates of uploads whose answers nobody waited for.
    pub creates: PendingCreates,
    /// Parts that were sent, and whose work was dropped before they were recorded.
    pub unrecorded_parts: UnrecordedParts,
    /// Whether the service copies between the two buckets.
    pub service_copies: ServiceCopies,
    /// Set when the destination takes no bytes without a checksum.
    requires_checksums: AtomicBool,
    /// Most parts of an upload, as the destination's refusals have shown.
    pub part_limit: PartLimit,
    /// Set when the destination denies reading a named version.
    pub denies_versions: AtomicBool,
    /// Locked while an upload of an event is begun anew under other options.
    pub restarting: tokio::sync::Mutex<()>,
    /// Keys under work whose wrong bytes may be at the destination.
    pub wrong_bytes: WrongBytes,
    /// What cannot be carried over.
    pub unsupported: UnsupportedSeen,
    /// Set once a warning was logged that the run waits for restores.
    warned_waiting: AtomicBool,
    /// Set when the destination's answers have shown that its tags are not hashes of the bytes.
    opaque_tags: AtomicBool,
    /// Set once a warning was logged that the destination does not list uploads.
    pub warned_uploads_not_listable: AtomicBool,
}

/// The right to one transfer: of the task's limiter, then of its limits. Both are taken in this order and given back
/// together, so that no transfer holds the one while it waits for the other of a transfer that does the reverse.
pub(crate) type TransferPermit = (Permit, LimitedTransfer);

/// A buffer waits no longer than this for a transfer's permit.
const LONGEST_IDLE_BUFFER: Duration = Duration::from_secs(1);

/// The context of one job.
pub(crate) struct Context {
    pub engine: Arc<Engine>,
    pub lane: Arc<LaneContext>,
    pub objects: Arc<ObjectsContext>,
    /// What the job has written, until it has looked at the source again.
    pub unchecked: UncheckedWrites,
    /// The tasks that work on the job's objects.
    pub running: Running,
}

impl Objects {
    /// Puts a circuit breaker before each store.
    pub(crate) fn into_context(self) -> ObjectsContext {
        let in_doubt = Arc::new(InDoubtWrites::default());
        let (options, health) = (self.options, self.health);
        let guard = |side, store: &Store| {
            let circuit = CircuitBreaker::new(side, health.clone());
            (BreakerStore::store(store.clone(), circuit.clone(), in_doubt.clone()), (circuit, store.clone()))
        };
        let ((source, from), (destination, to)) =
            (guard("source", &self.source), guard("destination", &self.destination));
        let tags = describe::TagComparison { compared: options.tags, required: options.strict };
        let (from_location, to_location) = (source.location(), destination.location());
        ObjectsContext {
            describer: Describer::between(&source, &destination, tags),
            writes: RunOptions::writes(from_location, to_location, self.follow.metadata, &options),
            limits: self.limits,
            service_copies: ServiceCopies::new(options.server_side_copy),
            source,
            destination,
            upload_log: self.upload_log,
            options,
            follow: self.follow,
            outage_limit: self.outage_limit,
            circuits: [from, to],
            coalescer: Coalescer::default(),
            in_doubt,
            creates: PendingCreates::default(),
            unrecorded_parts: UnrecordedParts::default(),
            requires_checksums: AtomicBool::default(),
            part_limit: PartLimit::default(),
            denies_versions: AtomicBool::default(),
            restarting: tokio::sync::Mutex::default(),
            wrong_bytes: WrongBytes::default(),
            unsupported: UnsupportedSeen::default(),
            warned_waiting: AtomicBool::default(),
            opaque_tags: AtomicBool::default(),
            warned_uploads_not_listable: AtomicBool::default(),
        }
    }
}

impl Context {
    /// For the jobs of a lane.
    pub fn new(lane: &Arc<LaneContext>, objects: &Arc<ObjectsContext>) -> Self {
        let (engine, lane, objects) = (lane.engine.clone(), lane.clone(), objects.clone());
        Context { engine, lane, objects, unchecked: UncheckedWrites::default(), running: Running::default() }
    }

    /// Waits for the right to one transfer; the stores' throttling counts from here. A transfer that waits for the
    /// task's limits holds its permit: its lane receives no more jobs meanwhile.
    pub async fn transfer_permit(&self) -> TransferPermit {
        self.note_throttles();
        (self.lane.limiter.acquire().await, self.objects.limits.transfer().await)
    }

    /// The right to one more transfer of a job that has one already, if one is free that no other transfer waits for. A
    /// job that waited for it could wait for ever: for others that wait in the same way.
    pub fn idle_transfer_permit(&self) -> Option<TransferPermit> {
        self.note_throttles();
        let permit = self.lane.limiter.acquire_idle()?;
        Some((permit, self.objects.limits.transfer().now_or_never()?))
    }

    /// Waits for a buffer for a part of so many bytes, and then for the right to one transfer. All tasks of the process
    /// share the buffers: one whose limits let nothing pass keeps none.
    pub async fn buffered_transfer_permit(&self, part_bytes: u64) -> (TransferPermit, RangeBuffer) {
        loop {
            let buffer = self.engine.range_buffers.acquire(part_bytes).await;
            if let Ok(permit) = timeout(LONGEST_IDLE_BUFFER, self.transfer_permit()).await {
                return (permit, buffer);
            }
            drop(buffer);
            // Waited for without the buffer, and given back.
            drop(self.transfer_permit().await);
        }
    }

    fn note_throttles(&self) {
        let throttles = self.objects.source.throttles() + self.objects.destination.throttles();
        self.lane.limiter.throttles(throttles);
    }

    /// Records the run that counts a job's objects, if that is the run of events.
    pub async fn begin_events_run(&self, run: &str) -> Result<()> {
        let location = |store: &Store| store.location().to_string();
        self.engine.begin_events_run(run, location(&self.objects.source), location(&self.objects.destination)).await
    }

    /// The outcome of an object of `job` in which everything but the end is filled in.
    pub fn outcome(&self, job: &ObjectJob, object: &JobObject, started: Timestamp, state: State) -> Outcome {
        Outcome {
            size: object.size,
            detail: ObjectDetail::of_source(object.pin()).into(),
            attempts: job.attempt,
            worker: self.engine.name.clone(),
            started,
            finished: Timestamp::now(),
            ..Outcome::new(object.key.clone(), state)
        }
    }
}

impl ObjectsContext {
    /// Waits until an object may be begun: at once, unless a store fails altogether.
    pub async fn admit(&self) -> [Admission; 2] {
        let [(source, _), (destination, _)] = &self.circuits;
        [source.admit().await, destination.admit().await]
    }

    /// Whether an object that failed so is not to blame, but its store, and it is to be done again.
    pub fn is_store_outage(&self, error: &Error) -> bool {
        error.kind() == ErrorKind::Suspended || self.circuits.iter().any(|(circuit, _)| circuit.is_store_outage(error))
    }

    /// Whether a store fails, so that no new work is of use.
    pub fn is_suspended(&self) -> bool {
        self.circuits.iter().any(|(circuit, _)| circuit.is_suspended())
    }

    /// What the destination's kind can do, and its limit of parts as its refusals have shown it.
    pub fn cutting_capabilities(&self) -> Capabilities {
        let known = self.destination.capabilities();
        Capabilities { max_parts: self.part_limit.within(known.max_parts), ..known.clone() }
    }

    /// What the destination can do, as far as its answers have shown.
    pub fn destination_capabilities(&self) -> Capabilities {
        let known = self.destination.capabilities().clone();
        match self.opaque_tags.load(Ordering::Relaxed) {
            true => Capabilities { etags: EtagMeaning::Opaque, ..known },
            false => known,
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
    pub fn learn_required_checksums(&self, error: &Error) -> bool {
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

    /// Warns once that objects are being restored.
    pub fn warn_waiting(&self, tier: Tier) {
        if !self.warned_waiting.swap(true, Ordering::Relaxed) {
            let time = match tier {
                Tier::Bulk => "up to 48 hours",
                Tier::Standard => "up to 12 hours",
                Tier::Expedited => "some minutes",
            };
            tracing::warn!("waiting for archived objects to be restored, {time}");
        }
    }
}
