//! Requests and their cost, estimated from what a run would do.

use serde::Serialize;
use shared::config;
use shared::job::JobObject;
use shared::ledger::Found;
use shared::location::Scheme;

use crate::price;

/// What a checkpoint takes besides its outbox, about, bytes: cursor, counters, names.
pub(super) const CHECKPOINT_BYTES: usize = 700;

/// Objects of one page of `ListObjectsV2`.
const PAGE_OBJECTS: u64 = 1_000;

/// Part size that the estimate assumes above the multipart threshold, bytes; larger where an object
/// would have more than [`MAX_PARTS`].
const PART_BYTES: u64 = 64 << 20;

/// Most parts of one upload (Amazon S3 limits).
const MAX_PARTS: u64 = 10_000;

/// Sums over the jobs of a run.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) jobs: u64,
    queue_requests: u64,
    ledger_writes: u64,
    source_reads: u64,
    destination_writes: u64,
}

impl Tally {
    /// A job is sent and received, in units of its size, and acknowledged; settling it moves a counter.
    pub(super) fn job(&mut self, body_bytes: usize) {
        self.jobs += 1;
        self.queue_requests += 2 * (body_bytes as u64).div_ceil(price::SQS_REQUEST_BYTES) + 1;
        self.ledger_writes += 1;
    }

    /// A record of this size is written to the ledger.
    pub(super) fn written(&mut self, bytes: usize) {
        self.ledger_writes += (bytes as u64).div_ceil(price::DYNAMODB_WRITE_BYTES);
    }

    /// An object is copied, whole or in parts; in parts, it is also described, opened and completed.
    pub(super) fn copy(&mut self, object: &JobObject) {
        let size = object.size;
        let md5_is_known = object.etag.as_ref().is_some_and(|etag| etag.md5_form().is_some());
        if size <= config::multipart_threshold_bytes(md5_is_known) {
            self.source_reads += 1;
            self.destination_writes += 1;
        } else {
            let parts = size.div_ceil(PART_BYTES.max(size.div_ceil(MAX_PARTS)));
            self.source_reads += parts + 1;
            self.destination_writes += parts + 2;
        }
    }

    /// The requests of the whole run, priced. Folders cost nothing.
    pub(super) fn cost(&self, found: &Found, source: Scheme, destination: Scheme) -> Cost {
        let pages = |objects: u64| objects.div_ceil(PAGE_OBJECTS).max(1);
        let settled = found.enqueued + found.deletes;
        let mut requests = Vec::new();
        let mut add = |service, operation, count, usd: f64| {
            if count > 0 {
                requests.push(Requests { service, operation, count, usd: count as f64 * usd });
            }
        };
        let on = |scheme, count| if scheme == Scheme::File { 0 } else { count };
        add("source", "list", on(source, pages(found.listed)), price::S3_WRITE_USD);
        // Every delete looks at the source first.
        add("source", "get", on(source, self.source_reads + found.deletes), price::S3_READ_USD);
        add("destination", "list", on(destination, pages(found.listed_destination)), price::S3_WRITE_USD);
        add("destination", "put", on(destination, self.destination_writes), price::S3_WRITE_USD);
        add("destination", "delete", on(destination, found.deletes), price::S3_DELETE_USD);
        add("queue", "request", self.queue_requests, price::SQS_USD);
        add("ledger", "write", self.ledger_writes + settled, price::DYNAMODB_WRITE_USD);
        let usd_requests = requests.iter().map(|r| r.usd).sum();
        let usd_egress_at_most = on(source, found.enqueued_bytes) as f64 * price::EGRESS_USD;
        Cost { requests, usd_requests, usd_egress_at_most, prices_date: price::DATE, prices_source: price::SOURCE }
    }
}

/// Requests and what they cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    /// By kind.
    pub requests: Vec<Requests>,
    /// All of them, US dollars, were queue and ledger SQS and DynamoDB; the embedded ones cost nothing.
    pub usd_requests: f64,
    /// The copied bytes, US dollars, if they leave Amazon for the internet; nothing within a region.
    pub usd_egress_at_most: f64,
    /// When the prices were current.
    pub prices_date: &'static str,
    /// Where they stand.
    pub prices_source: &'static str,
}

/// Requests of one kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Requests {
    /// `source`, `destination`, `queue` or `ledger`.
    pub service: &'static str,
    /// What is asked of it.
    pub operation: &'static str,
    /// How many, about.
    pub count: u64,
    /// US dollars.
    pub usd: f64,
}
