//! Requests of a run and their cost, estimated.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use shared::config::{self, Work};
use shared::digest::Algorithm;
use shared::ledger::{Checkpoint, Found};
use shared::limits::RANGE_BYTES;
use shared::location::Scheme;
use shared::objects::giant;
use shared::objects::job::{self, JobObject, ObjectJob};
use shared::store::{Capabilities, EtagMeaning};

use super::compression::Compression;
use super::looks::{self, PageLooks};
use super::outcomes::{self, Blocks};
use super::requests::{self, Stores};
use crate::objects::price;

/// What a checkpoint takes besides its outbox and its keys, about, bytes: counters and names.
const CHECKPOINT_BYTES: u64 = 270;

/// What the record of a deferred job takes besides its body, about, bytes.
const DEFERRED_BYTES: u64 = 90;

/// The first checkpoint of a range is written in a transaction with a check of the run's fence, of two writes each.
const FIRST_CHECKPOINT_WRITES: u64 = 4;

/// Writes of a run that do not grow with its objects: its start, a transaction of three; its claim, taken and ended; its
/// phase, twice.
const RUN_WRITES: u64 = 6 + 2 + 2;

/// The same of reads, about: the claim, the task's last runs, the run's state and its ranges.
const RUN_READS: u64 = 12;

/// Before each so many deferred jobs of a range are sent, a checkpoint is written.
const RELEASE_JOBS: u32 = 10;

/// Parts are recorded in groups, at the latest each 2 s. A plan assumes full ones: it does not know the link.
const PARTS_PER_GROUP: u64 = 64;

/// Of more parts than this the worker sends the last one first, and records it alone: not every destination takes more
/// (`worker/src/objects/multipart/part_limit.rs`).
const COMMON_PARTS: u64 = 1_000;

/// Chosen sizes of parts are multiples of this, bytes.
const PART_GRAIN_BYTES: u64 = 1 << 20;

/// Messages of one request that sends them. Jobs of a giant's parts are sent together, and are short.
const MESSAGES_PER_SEND: u64 = 10;

/// Reads for an object in parts, besides the records of its parts: its upload, the set of its parts, and, at the end,
/// what is open of its key.
const UPLOAD_READS: u64 = 3;

/// Reads of each job of a giant's parts: the upload, and the set of its parts.
const PARTS_JOB_READS: u64 = 2;

/// Keys that a plan names, of copies and of deletes each.
const NAMED_KEYS: usize = 10;

/// Bytes of a part's record in its group, about: an MD5 and a CRC-64; number and proof compress to next to nothing.
const PART_BYTES: u64 = 25;

/// What the record of a group takes besides its parts, about, bytes: names and the upload's digest.
const GROUP_BYTES: u64 = 210;

/// What the item of an upload takes besides its key and the set of its parts, about, bytes: names, ids, and the record,
/// compressed.
const UPLOAD_BYTES: u64 = 640;

/// How objects are copied, as far as requests depend on it.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) work: Work,
    /// Whether the source is looked at after each write.
    pub(super) looks_again: bool,
    /// Whether headers and tags are compared as well.
    pub(super) metadata: bool,
    /// Whether the service copies by itself.
    pub(super) by_service: bool,
    /// Whether each object that the service copies is described before.
    pub(super) describes: bool,
    pub(super) source: Capabilities,
    pub(super) destination: Capabilities,
}

impl Terms {
    /// The parts that an object goes in; `None` if it goes whole. What the source was cut in is not
    /// known here: it takes a request for each object.
    pub(super) fn parts(&self, object: &JobObject) -> Option<u64> {
        let Terms { work, source, destination, .. } = self;
        let etag = object.etag.as_ref().filter(|_| source.etags != EtagMeaning::Opaque);
        let md5 = etag.is_some_and(|tag| tag.md5_form().is_some()) && destination.verifies.contains(&Algorithm::Md5);
        let threshold = work.multipart_threshold.unwrap_or(config::multipart_threshold_bytes(md5));
        let whole = object.size <= threshold.min(destination.max_put_bytes) && object.size < work.giant_threshold;
        if whole || object.size == 0 {
            return None;
        }
        Some(object.size.div_ceil(self.part_bytes(object.size, requests::has_md5_alone(object, self))))
    }

    /// Whether the worker looks for an open upload before it sends an object whole (`has_open_upload` in
    /// `worker/src/objects/reconcile.rs`): with stores that are far away the object would go in parts.
    fn looks_for_upload(&self, object: &JobObject) -> bool {
        self.work.multipart_threshold.is_none() && object.size > config::LEAST_THRESHOLD_BYTES
    }

    /// Whether the parts of an object of which only the MD5 is known are hashed in order while they are sent, so that
    /// it is not read again (`worker/src/objects/multipart/in_order.rs`). As the defaults do it: with too little memory
    /// they are not.
    pub(super) fn hashes_in_order(&self, size: u64, parts: u64) -> bool {
        size < self.work.giant_threshold && parts <= COMMON_PARTS && self.part_bytes(size, true) <= RANGE_BYTES
    }

    /// The size of an object's parts, as the worker cuts it (`worker/src/objects/plan.rs`), bytes.
    fn part_bytes(&self, size: u64, has_md5_alone: bool) -> u64 {
        let Terms { work, destination, .. } = self;
        let smallest = size.div_ceil(u64::from(destination.max_parts).max(1));
        let in_order = has_md5_alone && size < work.giant_threshold && size.div_ceil(RANGE_BYTES) <= COMMON_PARTS;
        let default = if in_order { RANGE_BYTES } else { config::part_bytes(size) };
        let wished = work.part_size.unwrap_or(default);
        let wished = wished.max(destination.min_part_bytes).min(destination.max_part_bytes).max(1);
        if wished >= smallest { wished } else { smallest.next_multiple_of(PART_GRAIN_BYTES) }
    }

    /// Whether the parts of an object are shared among workers.
    pub(super) fn is_shared(&self, object: &JobObject) -> bool {
        object.size >= self.work.giant_threshold && self.parts(object).is_some_and(|parts| parts > 1)
    }

    /// The jobs that an object of so many parts is shared out in; none if one worker does it.
    fn parts_jobs(&self, size: u64, parts: u64) -> u64 {
        if size < self.work.giant_threshold || parts < 2 {
            return 0;
        }
        giant::job_count(u32::try_from(parts).unwrap_or(u32::MAX), self.part_bytes(size, false))
    }
}

/// The bodies of jobs as the ledger compresses them.
fn bodies(bodies: &[impl Serialize]) -> Vec<u8> {
    serde_json::to_vec(bodies).expect("texts are representable as JSON")
}

/// Sums over the jobs of a run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Tally {
    pub(super) jobs: u64,
    pub(super) copy_jobs: u64,
    queue_requests: u64,
    ledger_writes: u64,
    ledger_reads: u64,
    /// What compression leaves of blocks of outcomes.
    blocks: Blocks,
    /// The same of outboxes, and of deferred jobs.
    outboxes: Compression,
    deferred: Compression,
    pub(super) stores: Stores,
    /// Looks after copies, by pages.
    copy_looks: PageLooks,
    /// Looks before and after deletes, by pages.
    delete_looks: PageLooks,
    /// The first keys to copy, in key order.
    #[serde(default)]
    pub(super) copy_keys: BTreeSet<String>,
    /// The first keys to delete, in key order.
    #[serde(default)]
    pub(super) delete_keys: BTreeSet<String>,
}

/// Keeps the first keys of all, in whichever order ranges find them.
fn name<'a>(named: &mut BTreeSet<String>, keys: impl Iterator<Item = &'a str>) {
    for key in keys {
        if named.len() == NAMED_KEYS && named.last().is_some_and(|last| key >= last.as_str()) {
            continue;
        }
        named.insert(key.to_owned());
        if named.len() > NAMED_KEYS {
            named.pop_last();
        }
    }
}

impl Tally {
    /// A job of the run, as it is packed.
    pub(super) fn sent(&mut self, body: &str, terms: &Terms) {
        let job = ObjectJob::parse(body).expect("a packed job is a job");
        match &job.work {
            job::ObjectWork::Copy { objects } => {
                self.copy_jobs += 1;
                name(&mut self.copy_keys, objects.iter().map(|object| &*object.key));
                let writes = self.blocks.of_copies(objects, terms);
                self.job(body.len(), writes);
                let shown = objects.iter().filter(|object| looks::shows(object, terms)).count() as u64;
                let by_page = terms.looks_again && shown >= looks::LEAST_KEYS;
                if by_page {
                    self.copy_looks += PageLooks::of(1, shown);
                }
                objects.iter().for_each(|object| self.copy(object, by_page, terms));
            }
            job::ObjectWork::Delete { objects } => {
                name(&mut self.delete_keys, objects.iter().map(|object| &*object.key));
                let writes = self.blocks.of_deletes(objects, terms);
                self.job(body.len(), writes);
                let (keys, looks) = (objects.len() as u64, 1 + u64::from(terms.looks_again));
                match terms.source.lists_consistently {
                    true => self.delete_looks += PageLooks::of(looks, keys),
                    false => self.stores.look_for(keys * looks),
                }
                self.stores.delete(objects, terms);
            }
            job::ObjectWork::Parts(_) | job::ObjectWork::Changed { .. } => {}
        }
    }

    /// A job is sent and received, in units of its size, and acknowledged. Its outcomes take so many writes.
    fn job(&mut self, body_bytes: usize, outcome_writes: u64) {
        self.jobs += 1;
        self.message(body_bytes);
        self.ledger_writes += outcome_writes;
    }

    fn message(&mut self, body_bytes: usize) {
        self.queue_requests += 2 * (body_bytes as u64).div_ceil(price::SQS_REQUEST_BYTES) + 1;
    }

    /// A delete job is kept until both listings have ended.
    pub(super) fn deferred(&mut self, body: &str) {
        let bytes = DEFERRED_BYTES + self.deferred.bytes(body.len(), || bodies(&[body]));
        self.written(bytes);
        // It is read once before it is sent, and the run's state when it is received and before its first delete.
        self.ledger_reads += bytes.div_ceil(price::DYNAMODB_READ_BYTES) + 2;
    }

    /// A record of this size is written to the ledger.
    fn written(&mut self, bytes: u64) {
        self.ledger_writes += bytes.div_ceil(price::DYNAMODB_WRITE_BYTES);
    }

    /// A checkpoint is written, with its outbox.
    pub(super) fn checkpoint(&mut self, checkpoint: &Checkpoint) {
        let Checkpoint { range, cursor, outbox, .. } = checkpoint;
        let is_first = checkpoint.version == 1;
        self.ledger_writes += if is_first { FIRST_CHECKPOINT_WRITES } else { 0 };
        // The first one of a range is written alone where it has jobs.
        if is_first && outbox.is_empty() {
            return;
        }
        let keys = [Some(&range.prefix), range.after.as_ref(), range.until.as_ref(), cursor.as_ref()];
        let keys: usize = keys.into_iter().flatten().map(String::len).sum();
        let outbox = match outbox.iter().map(String::len).sum() {
            0 => 0,
            plain => self.outboxes.bytes(plain, || bodies(outbox)),
        };
        self.written(CHECKPOINT_BYTES + keys as u64 + outbox);
    }

    /// The deferred jobs of a range are sent.
    pub(super) fn released(&mut self, jobs: u32) {
        self.ledger_writes += u64::from(jobs.div_ceil(RELEASE_JOBS));
    }

    /// An object is copied, whole or in parts. Before a large one goes whole, an upload of it is looked for. In parts, an
    /// object is also described, opened and completed, and its upload and each part are recorded, and forgotten at the
    /// end.
    fn copy(&mut self, object: &JobObject, by_page: bool, terms: &Terms) {
        let parts = terms.parts(object);
        let looks_alone = terms.looks_again && !(by_page && looks::shows(object, terms));
        self.stores.copy(object, parts, looks_alone, terms);
        let Some(parts) = parts else {
            self.ledger_reads += u64::from(terms.looks_for_upload(object));
            return;
        };
        // The upload's item is written when the upload is announced, small, and when it is open. It is updated with
        // each group, which sets its parts' bits, and deleted at the end. A group is an item: written and deleted once.
        // Each job writes its own.
        let shared = terms.parts_jobs(object.size, parts);
        let groups = parts.div_ceil(PARTS_PER_GROUP).max(shared) + u64::from(parts > COMMON_PARTS);
        // Between the read of the set and its update another job's parts came: the update is refused, which costs as
        // much, and the set is read again. The first one meets no other.
        let refused = if shared > 0 { groups - 1 } else { 0 };
        let group_bytes = GROUP_BYTES + object.key.len() as u64 + PART_BYTES * parts.div_ceil(groups);
        let group = group_bytes.div_ceil(price::DYNAMODB_WRITE_BYTES);
        let upload = UPLOAD_BYTES + object.key.len() as u64;
        let opened = upload.div_ceil(price::DYNAMODB_WRITE_BYTES);
        let update = (upload + parts / 8).div_ceil(price::DYNAMODB_WRITE_BYTES);
        self.ledger_writes += 1 + opened + groups * 2 * group + (groups + refused) * update + update;
        // The groups are read before the parts become the object, and before they are deleted.
        let records = (groups * group_bytes).div_ceil(price::DYNAMODB_READ_BYTES);
        self.ledger_reads += UPLOAD_READS + 2 * records + PARTS_JOB_READS * shared + refused;
        self.queue_requests += shared.div_ceil(MESSAGES_PER_SEND) + 2 * shared;
        if shared > 0 {
            // The worker that completes it looks for a mark on its key, and settles it, alone.
            self.ledger_reads += 1;
            self.ledger_writes += outcomes::SETTLEMENT_WRITES;
        }
    }

    /// The requests of the whole run, priced. Folders cost nothing.
    pub(super) fn cost(&self, found: &Found, source: Scheme, destination: Scheme) -> Cost {
        let mut requests = Vec::new();
        let mut add = |service: &'static str, operation: &'static str, count, usd: f64| {
            if count > 0 {
                let (service, operation) = (service.into(), operation.into());
                requests.push(Requests { service, operation, count, usd: count as f64 * usd });
            }
        };
        let mut stores = self.stores;
        stores.source += self.copy_looks.requests(found.enqueued, found.listed, looks::LEAST_KEYS);
        stores.source += self.delete_looks.requests(found.deletes, found.listed, 1);
        let on = |scheme, count| if scheme == Scheme::File { 0 } else { count };
        for (service, scheme, side) in
            [("source", source, stores.source), ("destination", destination, stores.destination)]
        {
            add(service, "list", on(scheme, side.list), price::S3_WRITE_USD);
            add(service, "head", on(scheme, side.head), price::S3_READ_USD);
            add(service, "get", on(scheme, side.get), price::S3_READ_USD);
            add(service, "tags", on(scheme, side.tags), price::S3_READ_USD);
            add(service, "put", on(scheme, side.put), price::S3_WRITE_USD);
            add(service, "delete", on(scheme, side.delete), price::S3_DELETE_USD);
            add(service, "delete-many", on(scheme, side.delete_many), price::S3_WRITE_USD);
        }
        add("queue", "request", self.queue_requests, price::SQS_USD);
        add("ledger", "read", RUN_READS + self.ledger_reads, price::DYNAMODB_READ_USD);
        add("ledger", "write", RUN_WRITES + self.ledger_writes, price::DYNAMODB_WRITE_USD);
        let usd_requests = requests.iter().map(|r| r.usd).sum();
        let usd_egress_at_most = on(source, found.enqueued_bytes) as f64 * price::EGRESS_USD;
        let (prices_date, prices_source) = (price::DATE.into(), price::SOURCE.into());
        Cost { requests, usd_requests, usd_egress_at_most, prices_date, prices_source }
    }
}

/// Requests and what they cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// By kind.
    pub requests: Vec<Requests>,
    /// All of them, US dollars, were queue and ledger SQS and DynamoDB; the embedded ones cost nothing.
    pub usd_requests: f64,
    /// The copied bytes, US dollars, if they leave Amazon for the internet; nothing within a region.
    pub usd_egress_at_most: f64,
    /// When the prices were current.
    pub prices_date: Cow<'static, str>,
    /// Where they stand.
    pub prices_source: Cow<'static, str>,
}

/// Requests of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Requests {
    /// `source`, `destination`, `queue` or `ledger`.
    pub service: Cow<'static, str>,
    /// Its requests.
    pub operation: Cow<'static, str>,
    /// How many, about.
    pub count: u64,
    /// US dollars.
    pub usd: f64,
}
