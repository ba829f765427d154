//! Opens stores, queue, ledger and fleet of a configuration: the only place that knows all adapters.

pub mod doctor;
mod events;
mod events_claim;
mod fleet_backend;
mod folders;
mod object;
mod prefix_list;
mod task_events;
mod task_queues;
mod tasks;
mod unusable;

use std::iter;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join;
use tokio::time::timeout;

use crate::fleet::autoscaling::AutoScaling;
use crate::fleet::dry::Dry;
use crate::fleet::group::MachineGroup;
use crate::ledger::dynamodb::DynamoDbLedger;
use crate::ledger::sqlite::SqliteLedger;
use crate::queue::sqlite::SqliteQueue;
use crate::queue::sqs::SqsQueue;
use crate::sqlite::Database;
use crate::store::file::FileStore;
use crate::store::s3::S3Store;
use crate::store::unopened::UnopenedStore;
pub use events::{subscribe, subscribe_by_eventbridge};
pub use events_claim::EventsClaim;
pub use fleet_backend::FleetBackend;
pub use folders::check_writable;
pub use object::object_source;
pub use prefix_list::{PrefixList, listing, prefix_list, with_prefixes};
use shared::config::{Config, FleetConfig, QueueConfig, Side};
use shared::fleet::Fleet;
use shared::fleet::group::SharedGroup;
use shared::fleet::solo::Solo;
use shared::ledger::{SharedLedger, SharedTaskRecords};
use shared::location::Scheme;
use shared::objects::SharedUploadLog;
use shared::queue::Queue;
use shared::store::Store;
use shared::tasks::TaskRef;
use shared::{Error, ErrorKind, Result};
pub use task_events::{unwire_events, wire_events};
pub use task_queues::{
    TaskDepth, TaskQueues, create_fleet, create_task_queues, delete_task_queues, existing_task_queues,
    operations_queue, task_queues,
};
pub use tasks::tasks;
pub use unusable::Unusable;

/// A store must answer its first request within this time: long enough for some retries and a slow
/// name server, short enough for someone who waits at a terminal.
const PROBE_LIMIT: Duration = Duration::from_secs(20);

/// Opens one side's store, without a request.
async fn store(side: &Side) -> Result<Store> {
    Ok(match side.location.scheme() {
        Scheme::File => Arc::new(FileStore::open(&side.location)?),
        Scheme::S3 | Scheme::Oss | Scheme::Cos | Scheme::Kodo | Scheme::Gs | Scheme::R2 => {
            Arc::new(S3Store::open(side).await?)
        }
    })
}

/// Checks that a store answers, that its bucket or folder exists and may be read.
async fn probe(store: &Store) -> Result<()> {
    answered(store, store.probe()).await
}

/// Waits for the answer to a probe.
async fn answered(store: &Store, probe: impl Future<Output = Result<()>>) -> Result<()> {
    timeout(PROBE_LIMIT, probe).await.unwrap_or_else(|_| {
        let message = format!("no valid answer within {} s: check endpoint, region and network", PROBE_LIMIT.as_secs());
        Err(Error::new(ErrorKind::Timeout, "probe", store.location().to_string(), message))
    })
}

/// Opens both sides of a task, source first, without a request.
pub async fn sides(config: &Config) -> Result<(Store, Store), Unusable> {
    let source =
        store(&config.objects.source).await.map_err(Unusable::of("source", &config.objects.source.location))?;
    let to = &config.objects.destination;
    let destination = store(to).await.map_err(Unusable::of("destination", &to.location))?;
    Ok((source, destination))
}

/// As [`sides`], to end what was begun: a side that cannot be opened answers each call with the reason.
pub async fn sides_to_end(config: &Config) -> (Store, Store) {
    let open = async |side: &Side| match store(side).await {
        Ok(store) => store,
        Err(why) => Arc::new(UnopenedStore::new(side.location.clone(), &why)),
    };
    (open(&config.objects.source).await, open(&config.objects.destination).await)
}

/// Opens a location that is only listed, and probes it.
pub async fn listed(side: &Side) -> Result<Store, Unusable> {
    let store = store(side).await.map_err(Unusable::of("location", &side.location))?;
    probe(&store).await.map_err(Unusable::of("location", &side.location))?;
    Ok(store)
}

/// As [`sides`], ready for copies: both are probed, and the destination is prepared. If the source does not exist,
/// nothing is made at the destination.
pub async fn ready_sides(config: &Config) -> Result<(Store, Store), Unusable> {
    match ready_to_compare(config, ProbeUse::Alone).await? {
        (source, destination, None) => Ok((source, destination)),
        (_, _, Some(refused)) => Err(refused),
    }
}

/// What a probe is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeUse {
    /// Only to know that the store answers.
    Alone,
    /// Also for a listing that begins at once: a change between the probe and the run's begin must not matter, as in a
    /// process that makes one run and ends.
    WithListing,
}

impl ProbeUse {
    async fn of(self, store: &Store) -> Result<()> {
        match self {
            ProbeUse::Alone => probe(store).await,
            ProbeUse::WithListing => answered(store, store.probe_listing()).await,
        }
    }
}

/// As [`ready_sides`], but the destination may be read-only: then the reason is returned too.
pub async fn ready_to_compare(config: &Config, probe: ProbeUse) -> Result<(Store, Store, Option<Unusable>), Unusable> {
    let (source, destination) = sides(config).await?;
    folders::check(config).map_err(|(side, error)| Unusable::of(side, &config.objects.source.location)(error))?;
    // Nothing is made at a remote destination: it is probed at the same time.
    let is_remote = destination.capabilities().is_remote;
    let from = async { probe.of(&source).await.map_err(Unusable::of("source", source.location())) };
    let to = async { Ok::<_, Unusable>(if is_remote { Some(probe.of(&destination).await) } else { None }) };
    let ((), probed) = try_join(from, to).await?;
    let unusable = || Unusable::of("destination", destination.location());
    let refused = match destination.prepare().await {
        Ok(()) => None,
        // If it cannot be read either, it does not exist: the first error says why it was not made.
        Err(error) if error.kind() == ErrorKind::Denied && probe.of(&destination).await.is_ok() => {
            Some(unusable()(error))
        }
        Err(error) => return Err(unusable()(error)),
    };
    match probed {
        _ if refused.is_some() => {}
        Some(probed) => probed.map_err(unusable())?,
        None => probe.of(&destination).await.map_err(unusable())?,
    }
    Ok((source, destination, refused))
}

/// Probes both sides at the same time.
pub async fn probe_both(source: &Store, destination: &Store) -> Result<(), Unusable> {
    let (from, to) = tokio::join!(probe(source), probe(destination));
    from.map_err(Unusable::of("source", source.location()))?;
    to.map_err(Unusable::of("destination", destination.location()))
}

/// As [`probe_both`], for a caller that lists both sides at once: their first pages are read by this.
pub async fn probe_both_listings(source: &Store, destination: &Store) -> Result<(), Unusable> {
    let (from, to) =
        tokio::join!(answered(source, source.probe_listing()), answered(destination, destination.probe_listing()));
    from.map_err(Unusable::of("source", source.location()))?;
    to.map_err(Unusable::of("destination", destination.location()))
}

/// Probes the source.
pub async fn probe_source(source: &Store) -> Result<(), Unusable> {
    probe(source).await.map_err(Unusable::of("source", source.location()))
}

/// The services that transport a task's jobs and record their outcomes.
#[derive(Debug, Clone)]
pub struct Backend {
    /// Where jobs wait.
    pub queue: Queue,
    /// Where events wait, if they have a queue of their own.
    pub events: Option<Queue>,
    /// Where outcomes are recorded.
    pub ledger: SharedLedger,
    /// Where multipart uploads and suspect keys are recorded.
    pub upload_log: SharedUploadLog,
    /// What removes a task's records.
    pub records: SharedTaskRecords,
}

/// The origin of events for a process with an embedded queue and ledger.
#[derive(Debug, Clone, PartialEq)]
pub enum Events {
    /// The process puts events on an embedded queue itself.
    Own,
    /// Events come from this queue, which must exist.
    Queue(QueueConfig),
}

/// As [`backend`], for a task with a state folder, with events; and the claim on the queue that a bucket sends them to.
pub async fn backend_with_events(
    config: &Config,
    state: &Path,
    events: &Events,
) -> Result<(Backend, Option<EventsClaim>)> {
    // Opened first: if the queue does not exist, nothing is made.
    let watched = match events {
        Events::Own => None,
        Events::Queue(queue) => Some(checked(queue, &config.task).await?),
    };
    let database = Database::open(state)?;
    let (claim, events): (_, Queue) = match watched {
        Some(queue) => {
            // Two machines that watch the same locations have one task name, and each its own folder.
            let receiver = format!("watch {} {}", config.task, database.state_id().await?);
            (Some(EventsClaim::take(queue.clone(), receiver).await?), Arc::new(queue))
        }
        // No task's name has a slash.
        None => (None, Arc::new(SqliteQueue::open(&database, &format!("{}/events", config.task)))),
    };
    Ok((Backend { events: Some(events), ..embedded_backend(config, &database) }, claim))
}

fn embedded_backend(config: &Config, database: &Database) -> Backend {
    let queue = Arc::new(SqliteQueue::open(database, &config.task));
    let ledger = Arc::new(SqliteLedger::open(database));
    Backend { queue, events: None, upload_log: ledger.clone(), records: ledger.clone(), ledger }
}

/// Opens a task's queue and ledger, which must exist. Embedded ones are made if they do not exist.
pub async fn backend(config: &Config) -> Result<Backend> {
    open_backend(config, async |queue| SqsQueue::open(queue).await).await
}

/// As [`backend`], for a finder or a worker: refuses a queue that belongs to another task.
pub async fn backend_of_task(config: &Config) -> Result<Backend> {
    open_backend(config, async |queue| checked(queue, &config.task).await).await
}

/// Opens the queue that a bucket sends its events to, for a task of a fleet with a state folder.
/// `Invalid` if another task has it. The second one renews the claim on it.
pub async fn bucket_queue(config: &QueueConfig, task: &TaskRef) -> Result<(Queue, EventsClaim)> {
    let queue = checked(config, &task.name).await?;
    let claim = EventsClaim::take(queue.clone(), receiver_of(task)).await?;
    Ok((Arc::new(queue), claim))
}

/// Makes a queue of events free for another task, if this one has it. A queue that is gone is free.
pub async fn leave_bucket_queue(config: &QueueConfig, task: &TaskRef) -> Result<()> {
    match SqsQueue::open(config).await {
        Err(error) if error.kind() == ErrorKind::NoSuchContainer => Ok(()),
        queue => queue?.disclaim_events(&receiver_of(task)).await,
    }
}

/// The task's name for people, and its id, which no other fleet has.
fn receiver_of(task: &TaskRef) -> String {
    format!("task {} {}", task.name, task.id)
}

/// Opens a queue that does not belong to another task.
async fn checked(queue: &QueueConfig, task: &str) -> Result<SqsQueue> {
    let queue = SqsQueue::open(queue).await?;
    queue.check_task(task).await?;
    Ok(queue)
}

async fn open_backend(config: &Config, sqs: impl AsyncFn(&QueueConfig) -> Result<SqsQueue>) -> Result<Backend> {
    if let (Some(queue), Some(ledger)) = (&config.queue, &config.ledger) {
        let queue = Arc::new(sqs(queue).await?);
        let events: Option<Queue> = match config.events_queue() {
            Some(events) => Some(Arc::new(sqs(&events).await?)),
            None => None,
        };
        let ledger = Arc::new(DynamoDbLedger::open(ledger).await?);
        return Ok(Backend { queue, events, upload_log: ledger.clone(), records: ledger.clone(), ledger });
    }
    let Some(state) = &config.state else {
        return Err(Error::new(
            ErrorKind::Invalid,
            "open",
            &config.task,
            "the task has no queue and no ledger: give state, or [queue] and [ledger]",
        ));
    };
    Ok(embedded_backend(config, &Database::open(state)?))
}

/// Opens the ledger of a state folder.
pub fn embedded_ledger(state: &Path) -> Result<SharedLedger> {
    Ok(Arc::new(SqliteLedger::open(&Database::open(state)?)))
}

/// Creates a task's queue and table where they do not exist, opens them, and says in one line each what
/// was made, or how what exists differs from it. The queues become the task's, unless they are another's. Repeating it
/// changes nothing.
pub async fn create(config: &Config) -> Result<Vec<String>> {
    let mut made = Vec::new();
    if let (Some(queue), Some(ledger)) = (&config.queue, &config.ledger) {
        let events = config.events_queue();
        let queues = || iter::once(queue).chain(&events);
        // All queues are checked first: if one belongs to another task, nothing is made.
        for queue in queues() {
            SqsQueue::check_task_if_exists(queue, &config.task).await?;
        }
        made.extend(SqsQueue::create(queue).await?);
        if let Some(events) = &events {
            // The dead-letter queue is the same one: it exists by now, and its line was added.
            let dead_letter = format!("queue {} ", queue.dead_letter_name());
            let lines = SqsQueue::create(events).await?;
            made.extend(lines.into_iter().filter(|line| !line.starts_with(&dead_letter)));
        }
        for queue in queues() {
            made.extend(SqsQueue::open(queue).await?.adopt(&config.task).await?);
        }
        made.extend(DynamoDbLedger::create(ledger).await?);
    }
    backend(config).await?;
    Ok(made)
}

/// Opens the autoscaling group of a fleet's machines, without a request. Without one, what is wanted is only logged.
pub async fn group(group: Option<&FleetConfig>) -> Result<SharedGroup> {
    Ok(match group {
        Some(group) => Arc::new(MachineGroup::open(group).await?),
        None => Arc::new(Dry::default()),
    })
}

/// Opens the autoscaling group that this machine belongs to; without one, the machine stays.
pub async fn fleet(group: Option<&FleetConfig>) -> Result<Arc<dyn Fleet>> {
    Ok(match group {
        Some(fleet) => Arc::new(AutoScaling::open(fleet).await?),
        None => Arc::new(Solo),
    })
}
