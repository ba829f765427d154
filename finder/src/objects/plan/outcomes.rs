//! The ledger's writes for the outcomes of a job.

use shared::config::Records;
use shared::objects::job::{JobKey, JobObject};
use shared::store::EtagMeaning;

use super::estimate::Terms;
use crate::objects::price;

/// Bytes of a copied object's outcome among others, compressed. Its ETag and its checksum are random; so is some part of
/// its key. Measured of 100, 500 and 1,000 objects: 40 to 52 in one folder, 50 to 63 in many.
const PACKED_COPY_BYTES: u64 = 54;

/// The same of a deleted key: 10 in one folder, 20 in many.
const PACKED_DELETE_BYTES: u64 = 15;

/// Bytes of a block besides its outcomes: keys and names.
const BLOCK_BYTES: u64 = 300;

/// What an outcome with an item of its own takes besides its key, about, bytes. The key stands in it twice.
pub(super) const ITEM_BYTES: u64 = 400;

/// One transaction counts a settlement: the job's item and a counter, each of which counts as two writes.
pub(super) const SETTLEMENT_WRITES: u64 = 4;

/// The writes of a copy job's outcomes. A job is settled once; more often where it takes over 10 s, which nobody knows
/// here.
pub(super) fn of_copies(objects: &[JobObject], terms: &Terms) -> u64 {
    let is_packed = |object: &&JobObject| terms.parts(object).is_none() && has_comparable_etag(object, terms);
    of(objects.iter().map(|object| (object.key.len(), is_packed(&object))), PACKED_COPY_BYTES, terms)
}

/// The writes of a delete job's outcomes.
pub(super) fn of_deletes(keys: &[JobKey], terms: &Terms) -> u64 {
    of(keys.iter().map(|key| (key.key.len(), true)), PACKED_DELETE_BYTES, terms)
}

/// The writes of outcomes, each by the bytes of its key and whether it may be packed.
fn of(outcomes: impl ExactSizeIterator<Item = (usize, bool)>, packed_bytes: u64, terms: &Terms) -> u64 {
    let (objects, mut packed, mut items) = (outcomes.len(), 0, 0);
    for (key_bytes, is_packed) in outcomes {
        if is_packed && objects > 1 && terms.work.records == Records::Packed {
            packed += 1;
        } else {
            items += (ITEM_BYTES + 2 * key_bytes as u64).div_ceil(price::DYNAMODB_WRITE_BYTES);
        }
    }
    let block =
        if packed > 0 { (BLOCK_BYTES + packed * packed_bytes).div_ceil(price::DYNAMODB_WRITE_BYTES) } else { 0 };
    SETTLEMENT_WRITES + items + block
}

/// Whether both sides' ETags will show that they have the same bytes: each an MD5 of them.
fn has_comparable_etag(object: &JobObject, terms: &Terms) -> bool {
    let has_md5 = object.etag.as_ref().is_some_and(|tag| tag.md5_form().is_some());
    has_md5 && terms.source.etags != EtagMeaning::Opaque && terms.destination.etags != EtagMeaning::Opaque
}
