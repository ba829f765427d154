//! The ledger's writes for the outcomes of a job.

use serde::{Deserialize, Serialize};
use shared::config::Records;
use shared::digest::Checksum;
use shared::ledger::{Outcome, State};
use shared::object::Timestamp;
use shared::objects::ObjectDetail;
use shared::objects::job::{JobKey, JobObject};
use shared::store::EtagMeaning;

use super::compression::Compression;
use super::estimate::Terms;
use crate::objects::price;

/// Bytes of a block besides its outcomes and its first key: names, the run's id (twice), the job, the settlement, a time.
const BLOCK_BYTES: u64 = 220;

/// Bytes of an outcome among others besides its key, before compression, about.
const PLAIN_BYTES: usize = 300;

/// What an outcome with an item of its own takes besides its key, about, bytes. The key stands in it twice.
pub(super) const ITEM_BYTES: u64 = 400;

/// One transaction counts a settlement: the job's item and a counter, each of which counts as two writes.
pub(super) const SETTLEMENT_WRITES: u64 = 4;

/// Milliseconds between the objects of a job, and those that one takes, about: they decide on the last digits of times.
const APART_MS: i64 = 3;
const TAKES_MS: i64 = 60;

/// Objects of a job whose deletes, or second looks, end within a millisecond.
const TOGETHER: i64 = 100;

/// What compression leaves of blocks of outcomes.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Blocks {
    copies: Compression,
    deletes: Compression,
}

impl Blocks {
    /// The writes of a copy job's outcomes. A job is settled once; more often where it takes over 10 s, which nobody knows
    /// here. Giants are not settled with it, but each by the last of its jobs.
    pub(super) fn of_copies(&mut self, objects: &[JobObject], terms: &Terms) -> u64 {
        let is_packed = |object: &&JobObject| {
            is_packed(objects.len(), terms) && terms.parts(object).is_none() && has_comparable_etag(object, terms)
        };
        let (packed, alone): (Vec<&JobObject>, Vec<&JobObject>) = objects.iter().partition(is_packed);
        let keys = packed.iter().map(|object| &*object.key);
        let block = block(&mut self.copies, keys, |number| copied(number, packed[number], terms.looks_again));
        let settlement = if objects.iter().all(|object| terms.is_shared(object)) { 0 } else { SETTLEMENT_WRITES };
        settlement + block + items(alone.iter().map(|object| &*object.key))
    }

    /// The writes of a delete job's outcomes.
    pub(super) fn of_deletes(&mut self, objects: &[JobKey], terms: &Terms) -> u64 {
        let keys = || objects.iter().map(|object| &*object.key);
        SETTLEMENT_WRITES
            + match is_packed(objects.len(), terms) {
                true => block(&mut self.deletes, keys(), |number| deleted(number, &objects[number])),
                false => items(keys()),
            }
    }
}

/// Whether a job of so many objects has a block.
fn is_packed(objects: usize, terms: &Terms) -> bool {
    objects > 1 && terms.work.records == Records::Packed
}

/// The writes of one block with the outcomes of these keys.
fn block<'a>(
    compression: &mut Compression,
    keys: impl Iterator<Item = &'a str>,
    outcome: impl Fn(usize) -> Outcome,
) -> u64 {
    let lengths: Vec<usize> = keys.map(str::len).collect();
    let Some(first) = lengths.first() else { return 0 };
    let plain = lengths.iter().map(|key| key + PLAIN_BYTES).sum();
    let content = || {
        let outcomes: Vec<Outcome> = (0..lengths.len()).map(outcome).collect();
        serde_json::to_vec(&outcomes).expect("outcomes are representable as JSON")
    };
    let bytes = BLOCK_BYTES + *first as u64 + compression.bytes(plain, content);
    bytes.div_ceil(price::DYNAMODB_WRITE_BYTES)
}

/// The writes of outcomes that have items of their own.
fn items<'a>(keys: impl Iterator<Item = &'a str>) -> u64 {
    keys.map(|key| (ITEM_BYTES + 2 * key.len() as u64).div_ceil(price::DYNAMODB_WRITE_BYTES)).sum()
}

/// An outcome as the worker records it, if all goes well: both ETags are the MD5 of the bytes.
///
/// Objects that one look ends have one time for their end.
fn copied(number: usize, object: &JobObject, looks_again: bool) -> Outcome {
    let md5 = object.etag.as_ref().and_then(|tag| tag.md5_form());
    let detail = ObjectDetail {
        source: object.pin(),
        etag: object.etag.clone(),
        checksum: md5.map(Checksum::md5),
        verified: Some("source md5, destination md5".to_owned()),
    };
    let outcome =
        Outcome { size: object.size, detail: detail.into(), ..Outcome::new(object.key.clone(), State::Copied) };
    let number = number as i64;
    let started = number * APART_MS;
    // No regular sequence, which would compress too well.
    let alone = started + TAKES_MS / 2 + ((number * 7_919) >> 3) % TAKES_MS;
    settled(started, if looks_again { number / TOGETHER } else { alone }, outcome)
}

fn deleted(number: usize, object: &JobKey) -> Outcome {
    let detail = ObjectDetail::default();
    let outcome = Outcome { detail: detail.into(), ..Outcome::new(object.key.clone(), State::Deleted) };
    let at = number as i64 / TOGETHER;
    settled(at, at, outcome)
}

/// With times, of which a plan knows only how they differ, and a worker.
fn settled(started: i64, finished: i64, outcome: Outcome) -> Outcome {
    const BEGAN: i64 = 1_700_000_000_000;
    let (started, finished) = (Timestamp(BEGAN + started), Timestamp(BEGAN + 10_000 + finished));
    Outcome { worker: "worker".to_owned(), started, finished, ..outcome }
}

/// Whether both sides' ETags will show that they have the same bytes: each an MD5 of them.
fn has_comparable_etag(object: &JobObject, terms: &Terms) -> bool {
    let has_md5 = object.etag.as_ref().is_some_and(|tag| tag.md5_form().is_some());
    has_md5 && terms.source.etags != EtagMeaning::Opaque && terms.destination.etags != EtagMeaning::Opaque
}
