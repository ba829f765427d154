//! The world that is explored: two buckets, queues, a ledger, workers, a writer and a scan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use flotilla_tests::stage;
pub use flotilla_tests::stage::TASK;
use shared::config::{Find, MachineSettings, Work};
use shared::digest::Algorithm;
use shared::filter::Filter;
use shared::ledger::{Phase, events_run};
use shared::object::Attributes;
use shared::queue::Queue;
use shared::store::{EtagMeaning, Store};
use shared::sync::lock;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use worker::{Follow, Stop, WorkError, Worker};

use crate::bucket::{Bucket, Item};
use crate::ledger::{FakeLedger, Pages};
use crate::queue::{FakeQueue, Letter, Letters};
use crate::scan::Scan;
use crate::schedule::Schedule;
use crate::store::{FakeStore, Service, capabilities};

pub const SOURCE: &str = "source";
pub const DESTINATION: &str = "destination";
pub const KEYS: [&str; 3] = ["k0", "k1", "k2"];
/// Keys that begin so are seen by scans alone, and left out by the workers' filters.
pub const SCANNED: char = 's';
/// Workers that work at the same time.
pub const WORKERS: usize = 2;
/// The queues' numbers.
pub const JOBS: usize = 0;
pub const EVENTS: usize = 1;
/// Where the stores' clocks begin.
const BEGINNING: i64 = 1_700_000_000;

/// What kind of world it is. All `false` is the plainest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Workers look at the source again after each write.
    pub look_again: bool,
    /// Events wait on the jobs' queue.
    pub one_queue: bool,
    /// The destination's entity tags say nothing of the bytes, and it verifies no checksum.
    pub opaque: bool,
    /// The source keeps old versions.
    pub versioned: bool,
    /// All of the source's writes happen within one second.
    pub hasty: bool,
    /// Objects go in parts.
    pub parts: bool,
    /// The service copies by itself.
    pub service: bool,
    /// The user may change their mind: a scan with other options begins while the first one's jobs are under way.
    pub mind: bool,
    /// Workers take every run for a live one.
    pub blind: bool,
}

/// Everything there is.
pub struct World {
    pub profile: Profile,
    pub schedule: Schedule,
    pub cloud: Arc<Mutex<Service>>,
    pub queues: [Arc<Mutex<Letters>>; 2],
    pub pages: Arc<Mutex<Pages>>,
    pub scan: Scan,
    /// The scan before the user changed their mind.
    pub previous: Option<Scan>,
    /// The living.
    pub workers: BTreeMap<u32, JoinHandle<Result<(), WorkError>>>,
    born: u32,
    /// Uploads that killed workers had open for keys of whose messages they had no lease.
    left_open: BTreeSet<String>,
    /// Versions written so far.
    versions: u32,
    /// Records of all events.
    pub records: u64,
}

impl World {
    /// Two empty buckets and two workers.
    pub fn new(profile: Profile) -> World {
        let source =
            Bucket { hasty: profile.hasty, versions: profile.versioned.then(BTreeMap::new), ..Bucket::at(BEGINNING) };
        let destination = Bucket { opaque: profile.opaque, ..Bucket::at(BEGINNING) };
        let mut world = World {
            profile,
            schedule: Schedule::new(),
            cloud: Arc::new(Mutex::new([(SOURCE.to_owned(), source), (DESTINATION.to_owned(), destination)].into())),
            queues: Default::default(),
            pages: Arc::default(),
            scan: Scan::first(),
            previous: None,
            workers: BTreeMap::new(),
            born: 0,
            left_open: BTreeSet::new(),
            versions: 0,
            records: 0,
        };
        if profile.mind {
            let add =
                |bucket: &mut Bucket, key| drop(bucket.write(key, Bytes::from_static(b"old"), Attributes::default()));
            world.bucket(SOURCE, |bucket| add(bucket, "s0"));
            world.bucket(DESTINATION, |bucket| ["s1", "s2"].map(|key| add(bucket, key)));
        }
        for _ in 0..WORKERS {
            world.start_worker();
        }
        world
    }

    /// Starts a worker, under a name that nobody had.
    pub fn start_worker(&mut self) {
        self.born += 1;
        let number = self.born;
        if number as usize > WORKERS {
            self.schedule.say(format!("worker {number} starts"));
        }
        let worker = self.worker(number);
        self.workers.insert(number, tokio::spawn(worker.run(Stop::default())));
    }

    /// Kills a worker. Its jobs stay leased until its leases run out. What it had open for a message that was delivered
    /// to another worker meanwhile may stay: if that one acknowledges the message, nobody comes again.
    pub fn kill(&mut self, number: u32) {
        if let Some(worker) = self.workers.remove(&number) {
            worker.abort();
            self.schedule.say(format!("worker {number} is killed"));
            let mut opened = self.bucket(DESTINATION, |bucket| bucket.uploads_opened_by(number));
            opened.retain(|(_, key)| !self.has_lease(number, key));
            self.left_open.extend(opened.into_iter().map(|(id, _)| id));
        }
    }

    /// Whether the worker was the last to receive a message of this key.
    fn has_lease(&self, worker: u32, key: &str) -> bool {
        let is_its = |letter: &Letter| letter.holder == Some(worker) && letter.body.contains(key);
        self.queues.iter().any(|queue| lock(queue).letters.values().any(is_its))
    }

    fn worker(&self, number: u32) -> Worker {
        let Profile { look_again, one_queue, .. } = self.profile;
        let ledger = Arc::new(self.ledger(number, self.schedule.clone()));
        let mut find = Find::default();
        find.filters.extend(self.profile.mind.then(|| format!("- {SCANNED}*")));
        let filter = Filter::load(&find, None).expect("a filter");
        let machine = MachineSettings { concurrency: 4, ..MachineSettings::default() };
        let options = Work {
            multipart_threshold: self.profile.parts.then_some(1),
            part_size: self.profile.parts.then_some(2),
            ..Work::default()
        };
        let stores = (self.store(SOURCE, number), self.store(DESTINATION, number));
        let mut worker = stage::worker(stores, self.queue(JOBS, number), ledger, (&machine, &options));
        worker.worker.name = format!("worker {number}");
        worker.worker.events = (!one_queue).then(|| self.queue(EVENTS, number));
        worker.objects.follow = Follow { look_again, delete: true, removals: true, filter, metadata: false };
        worker.build()
    }

    /// The ledger as a worker sees it.
    pub fn ledger(&self, worker: u32, schedule: Schedule) -> FakeLedger {
        let (pages, blind) = (self.pages.clone(), self.profile.blind);
        FakeLedger { pages, worker, blind, reads: Arc::default(), schedule }
    }

    fn queue(&self, number: usize, worker: u32) -> Queue {
        let name = queue_name(number);
        let (letters, schedule) = (self.queues[number].clone(), self.schedule.clone());
        Arc::new(FakeQueue { name, number, letters, worker, schedule, arrivals: Arc::new(Notify::new()) })
    }

    fn store(&self, bucket: &str, worker: u32) -> Store {
        let plain = capabilities(EtagMeaning::Md5AndParts, vec![Algorithm::Md5]);
        let opaque = capabilities(EtagMeaning::Opaque, Vec::new());
        let service = shared::store::Service {
            endpoint: "here".to_owned(),
            credentials: "ours".to_owned(),
            requester_pays: false,
        };
        Arc::new(FakeStore {
            location: format!("s3://{bucket}").parse().expect("a location"),
            capabilities: if self.profile.opaque && bucket == DESTINATION { opaque } else { plain },
            cloud: self.cloud.clone(),
            service: self.profile.service.then_some(service),
            worker,
            schedule: self.schedule.clone(),
        })
    }

    /// Changes something in a bucket, or looks into it.
    pub fn bucket<T>(&self, name: &str, with: impl FnOnce(&mut Bucket) -> T) -> T {
        with(lock(&self.cloud).get_mut(name).expect("both buckets are there"))
    }

    /// The writer's next edit, of which it sends an event, perhaps twice, and perhaps naming another key besides.
    pub fn edit(&mut self, edit: Edit) {
        let Edit { key, change, twice, beside } = edit;
        self.versions += 1;
        let version = self.versions;
        let content = |version: u32| Bytes::from(format!("v{version:02}"));
        let said = self.bucket(SOURCE, |source| {
            let present = source.items.get(key).cloned();
            let name = match (change, present) {
                (Change::Delete, Some(_)) => {
                    source.remove(key);
                    return format!("writer: deletes {key}");
                }
                (Change::Metadata, Some(Item { bytes, .. })) => {
                    let user = [("note".to_owned(), format!("m{version:02}"))].into();
                    source.write(key, bytes, Attributes { user, ..Attributes::default() });
                    source.name(key)
                }
                (Change::Earlier, _) => {
                    source.write(key, content(version.saturating_sub(2).max(1)), Attributes::default());
                    source.name(key)
                }
                (Change::Content | Change::Metadata | Change::Delete, _) => {
                    source.write(key, content(version), Attributes::default());
                    source.name(key)
                }
            };
            format!("writer: {key} := {name}")
        });
        let body = event(&std::iter::once(key).chain(beside).collect::<Vec<_>>());
        let number = if self.profile.one_queue { JOBS } else { EVENTS };
        let mut names = Vec::new();
        for _ in 0..=usize::from(twice) {
            let id = lock(&self.queues[number]).put(body.clone(), Duration::ZERO);
            names.push(format!("{}{id}", queue_name(number)));
            self.records += 1 + u64::from(beside.is_some());
        }
        let beside = beside.map(|key| format!(", which names {key} too")).unwrap_or_default();
        self.schedule.say(format!("{said} (event {}{beside})", names.join(" and ")));
    }

    /// Messages that may be delivered now: ready, and not of a dead worker that may still write.
    pub fn deliverable(&self, number: usize) -> Vec<u64> {
        let queue = lock(&self.queues[number]);
        let may_write = self.dead_that_may_write();
        let free = |id: &u64| queue.letters[id].holder.is_none_or(|holder| !may_write.contains(&holder));
        queue.ready().into_iter().filter(free).collect()
    }

    /// Messages whose leases may end now: a dead worker's only once its last writes have ended.
    pub fn leased(&self) -> Vec<(usize, u64, bool)> {
        let may_write = self.dead_that_may_write();
        let mut leased = Vec::new();
        for (number, queue) in self.queues.iter().enumerate() {
            for (id, letter) in &lock(queue).letters {
                if let Some(holder) = letter.holder.filter(|holder| letter.is_leased() && !may_write.contains(holder)) {
                    leased.push((number, *id, self.workers.contains_key(&holder)));
                }
            }
        }
        leased
    }

    /// A lease ends before its time, or its message is simply delivered once more.
    pub fn expire(&self, number: usize, id: u64) {
        if let Some(letter) = lock(&self.queues[number]).letters.get_mut(&id) {
            letter.ready = Instant::now();
            self.schedule.say(format!("{}{id} is to be delivered again", queue_name(number)));
        }
    }

    /// A killed worker's writes to keys of whose messages it has no lease take effect at once. That its message was
    /// delivered to another worker before it was killed, perhaps acknowledged since, is as if its lease had expired:
    /// nothing that a store executes after that is covered, because no delivery is left that would look again.
    pub fn end_writes_without_a_lease(&self) {
        for (id, worker, key) in self.schedule.keys_in_doubt() {
            if !self.has_lease(worker, &key) && !self.workers.contains_key(&worker) {
                self.schedule.end_write_in_doubt(id, true);
            }
        }
    }

    fn dead_that_may_write(&self) -> Vec<u32> {
        let in_doubt = self.schedule.in_doubt().into_iter();
        in_doubt.map(|(_, worker, _)| worker).filter(|worker| !self.workers.contains_key(worker)).collect()
    }

    /// Broken promises, now that everything has come to rest.
    pub fn check(&self) -> Result<(), String> {
        KEYS.into_iter().try_for_each(|key| self.check_key(key))?;
        if let Some(write) = self.schedule.forbidden_write() {
            return Err(format!("CANCELLED run, and yet {write}"));
        }
        self.check_counts()?;
        self.check_runs()?;
        let dead: Vec<_> = self.queues.iter().flat_map(|queue| lock(queue).dead.clone()).collect();
        if !dead.is_empty() {
            return Err(format!("DEAD letters: {dead:?}"));
        }
        self.check_uploads()
    }

    /// The destination has what the source has.
    fn check_key(&self, key: &str) -> Result<(), String> {
        let [source, destination] = [SOURCE, DESTINATION].map(|name| self.bucket(name, |b| b.items.get(key).cloned()));
        let said = |item: &Option<Item>| item.as_ref().map(|item| (item.bytes.clone(), item.attributes.clone()));
        if said(&source) == said(&destination) {
            return Ok(());
        }
        let name = |item: &Option<Item>| item.as_ref().map_or_else(|| "nothing".to_owned(), Item::name);
        Err(format!("STALE {key}: the source holds {}, the destination {}", name(&source), name(&destination)))
    }

    /// Both scans: the one that was begun last, and the one before the user changed their mind.
    fn scans(&self) -> impl Iterator<Item = &Scan> {
        std::iter::once(&self.scan).chain(self.previous.as_ref())
    }

    /// Every object and event is counted once.
    fn check_counts(&self) -> Result<(), String> {
        let pages = lock(&self.pages);
        let count = |run: &str| pages.run(run).map(|run| run.settled).unwrap_or_default();
        let events = (events_run(TASK), self.records, pages.counted_events(&events_run(TASK)));
        let scans = self.scans().map(|scan| (scan.run.to_owned(), scan.enqueued, count(scan.run).objects()));
        for (run, expected, objects) in scans.chain([events]) {
            let settled = count(&run);
            if objects != expected || settled.failed > 0 {
                return Err(format!("COUNT {run}: {expected} expected, but {settled:?}"));
            }
        }
        Ok(())
    }

    /// Every run that has begun is done: through, or cancelled.
    fn check_runs(&self) -> Result<(), String> {
        for scan in self.scans().filter(|scan| scan.has_begun()) {
            let run = lock(&self.pages).run(scan.run).ok_or_else(|| format!("RUN {} is not recorded", scan.run))?;
            let phase = if scan.is_cancelled { Phase::Cancelled } else { Phase::Listed };
            if !run.is_done() || run.phase != phase {
                return Err(format!("RUN {}: {} is no end, {:?}", scan.run, run.phase.as_str(), run.settled));
            }
        }
        Ok(())
    }

    /// No upload is open that nobody knows of. One whose creator lost its lease before it had recorded it is known by
    /// its intent: the next who ends the work on its key aborts it.
    fn check_uploads(&self) -> Result<(), String> {
        let pages = lock(&self.pages);
        let open = self.bucket(DESTINATION, |bucket| {
            bucket.uploads.iter().map(|(id, open)| (id.clone(), open.key.clone())).collect::<Vec<_>>()
        });
        let is_unknown = |id: &String, key: &String| {
            !self.left_open.contains(id) && !pages.intents.contains_key(&(TASK.to_owned(), key.clone()))
        };
        let unknown: Vec<_> = open.into_iter().filter(|(id, key)| is_unknown(id, key)).collect();
        let recorded: Vec<_> = pages.uploads.values().map(|(record, _)| record.upload.id.clone()).collect();
        let recorded = recorded.into_iter().filter(|id| !self.left_open.contains(id)).count();
        if unknown.is_empty() && recorded == 0 {
            return Ok(());
        }
        Err(format!("OPEN uploads that nobody knows of: {unknown:?}, recorded: {recorded}"))
    }
}

/// What a queue's messages are called.
pub fn queue_name(number: usize) -> char {
    ['j', 'e'][number]
}

/// One edit of the source.
#[derive(Debug, Clone, Copy)]
pub struct Edit {
    pub key: &'static str,
    pub change: Change,
    /// Whether its event comes twice, as two messages.
    pub twice: bool,
    /// Another key that its event names besides.
    pub beside: Option<&'static str>,
}

/// How a key is changed. Where there is nothing to delete or to describe, it is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Bytes that it never had; always the same number of them.
    Content,
    /// Other metadata, the same bytes.
    Metadata,
    Delete,
    /// Bytes that some key had before.
    Earlier,
}

/// A notification as S3 sends it.
fn event(keys: &[&str]) -> String {
    let record = |key: &&str| {
        serde_json::json!({
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": { "bucket": { "name": SOURCE }, "object": { "key": key } },
        })
    };
    serde_json::json!({ "Records": keys.iter().map(record).collect::<Vec<_>>() }).to_string()
}
