//! The requests for one object, as the worker makes them (`worker/src/objects/whole.rs`, `multipart.rs`, `delete.rs`).
//!
//! A test holds this to the requests of real runs: `tests/tests/faults/planned.rs`. What no listing shows is not
//! counted: objects that have tags at a store that reports their number, checksums, encryption, changes during the run.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};
use shared::limits::ranges_of;
use shared::objects::job::{JobKey, JobObject};
use shared::store::{Capabilities, EtagMeaning, Support};

use super::estimate::Terms;

/// Parts on a page of their listing.
const PAGE_PARTS: u64 = 1_000;

/// Requests to one store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SideRequests {
    /// LIST of objects and of parts.
    pub(super) list: u64,
    pub(super) head: u64,
    pub(super) get: u64,
    /// Reads of an object's tags.
    pub(super) tags: u64,
    /// PUT, COPY, POST.
    pub(super) put: u64,
    pub(super) delete: u64,
    /// Requests that delete many objects.
    pub(super) delete_many: u64,
}

impl AddAssign for SideRequests {
    fn add_assign(&mut self, other: SideRequests) {
        self.list += other.list;
        self.head += other.head;
        self.get += other.get;
        self.tags += other.tags;
        self.put += other.put;
        self.delete += other.delete;
        self.delete_many += other.delete_many;
    }
}

/// Requests to both stores.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Stores {
    pub(super) source: SideRequests,
    pub(super) destination: SideRequests,
}

impl Stores {
    /// An object is copied: whole, if it goes in no `parts`. The source is looked at again for it alone, if `looks_alone`.
    pub(super) fn copy(&mut self, object: &JobObject, parts: Option<u64>, looks_alone: bool, terms: &Terms) {
        let (from, to) = match parts {
            None if terms.by_service && object.size <= terms.destination.max_copy_bytes => by_service(terms),
            None => whole(object, terms),
            Some(parts) => in_parts(object, parts, terms),
        };
        self.source += from;
        self.destination += to;
        if looks_alone {
            self.source += SideRequests { head: 1, tags: compares_tags(terms), ..SideRequests::default() };
        }
    }

    /// Keys are looked for at the source, where a HEAD and a LIST must not find them.
    pub(super) fn look_for(&mut self, looks: u64) {
        self.source += SideRequests { head: looks, list: looks, ..SideRequests::default() };
    }

    /// The objects of a job are deleted: together if pages show which keys are absent and the destination has the request,
    /// but for keys that may stand where a copy needs a place in a folder (`worker/src/objects/bulk_delete.rs`).
    pub(super) fn delete(&mut self, keys: &[JobKey], terms: &Terms) {
        let Capabilities { max_delete_keys, has_folders, .. } = terms.destination;
        let together = keys.iter().filter(|key| !(has_folders && key.may_block)).count();
        let is_one_request = terms.source.lists_consistently && max_delete_keys > 1 && together > 1;
        let together = if is_one_request { together } else { 0 };
        self.destination += SideRequests {
            delete: (keys.len() - together) as u64,
            delete_many: together.div_ceil(max_delete_keys.max(1)) as u64,
            ..SideRequests::default()
        };
    }
}

fn by_service(terms: &Terms) -> (SideRequests, SideRequests) {
    // The service carries headers and tags itself: they are looked at only for a later comparison, and what it leaves
    // behind only where the source may have that. The two requests that find this out are not counted.
    let head = u64::from(terms.looks_again || terms.describes);
    let tags = if terms.looks_again { compares_tags(terms) } else { 0 };
    (SideRequests { head, tags, ..SideRequests::default() }, SideRequests { put: 1, ..SideRequests::default() })
}

fn whole(object: &JobObject, terms: &Terms) -> (SideRequests, SideRequests) {
    let cut = u64::from(is_cut(object, &terms.source));
    let reads = if is_md5_reported(object, terms) { 1 } else { 2 };
    let is_read_again = object.size > 0 && !shows_bytes(&terms.destination);
    let read_again = if is_read_again { reads_of_copy(object, terms) } else { 0 };
    let from = SideRequests { get: reads, head: cut, tags: asks_for_tags(terms), ..SideRequests::default() };
    (from, SideRequests { put: 1, get: read_again, ..SideRequests::default() })
}

fn in_parts(object: &JobObject, parts: u64, terms: &Terms) -> (SideRequests, SideRequests) {
    let streams = streams_parts(terms);
    let reads = if is_md5_reported(object, terms) { parts } else { 2 * parts };
    // Before its first part and after its last, and how the source was cut.
    let head = 2 + u64::from(is_cut(object, &terms.source));
    let is_unchecked = has_md5_alone(object, terms) && !terms.hashes_in_order(object.size, parts);
    let is_read_again = streams && (is_unchecked || !shows_bytes(&terms.destination));
    let read_again = if is_read_again { reads_of_copy(object, terms) } else { 0 };
    let from = SideRequests {
        get: if streams { reads } else { 0 },
        head,
        tags: asks_for_tags(terms),
        ..SideRequests::default()
    };
    let list = parts.div_ceil(PAGE_PARTS);
    (from, SideRequests { put: parts + 2, list, get: read_again, ..SideRequests::default() })
}

/// The reads of a written object that is read again. As the defaults do it: with too little memory it is one.
fn reads_of_copy(object: &JobObject, terms: &Terms) -> u64 {
    if terms.destination.is_remote { ranges_of(object.size) } else { 1 }
}

/// Whether parts pass through the worker.
fn streams_parts(terms: &Terms) -> bool {
    !(terms.by_service && terms.destination.copies_parts)
}

/// Whether only the MD5 of a whole object is known, which the tags of its parts do not show, and its parts pass through
/// the worker.
pub(super) fn has_md5_alone(object: &JobObject, terms: &Terms) -> bool {
    let has_tag = terms.source.etags != EtagMeaning::Opaque && has_md5(object);
    has_tag && !has_crcs(&terms.source) && streams_parts(terms)
}

fn has_md5(object: &JobObject) -> bool {
    object.etag.as_ref().is_some_and(|tag| tag.md5_form().is_some())
}

/// Whether a store has a CRC of each object, as Amazon S3 has since December 2024 of those without one of their own.
fn has_crcs(store: &Capabilities) -> bool {
    use shared::digest::Algorithm::{Crc32, Crc32c, Crc64Nvme};
    store.surely_verifies && [Crc32, Crc32c, Crc64Nvme].iter().any(|crc| store.verifies.contains(crc))
}

/// Whether the source's tag says that the object was put in parts, and is made of their MD5s.
fn is_cut(object: &JobObject, source: &Capabilities) -> bool {
    let parts = object.etag.as_ref().and_then(|tag| tag.part_count());
    source.etags == EtagMeaning::Md5AndParts && parts.is_some()
}

/// Whether the source reports a hash of the bytes. If not, they are read twice.
fn is_md5_reported(object: &JobObject, terms: &Terms) -> bool {
    let by_tag = terms.source.etags != EtagMeaning::Opaque && has_md5(object) || is_cut(object, &terms.source);
    object.size == 0 || by_tag || !terms.source.is_remote
}

/// Whether the destination verifies or shows what it was sent: else it is read again.
fn shows_bytes(destination: &Capabilities) -> bool {
    !destination.is_remote || !destination.verifies.is_empty() || destination.etags != EtagMeaning::Opaque
}

/// Requests for the tags of an object of a store that does not report their number: also for a destination without tags,
/// where they are a loss to be named. A store that may have none turns out in the run, and is asked no more: they are
/// counted all the same.
fn asks_for_tags(terms: &Terms) -> u64 {
    u64::from(terms.work.tags && terms.source.metadata.tags != Support::No && !terms.source.reports_tag_counts)
}

/// The same of the comparison with what was written: without tags at the destination there is none.
fn compares_tags(terms: &Terms) -> u64 {
    if terms.destination.metadata.tags == Support::No { 0 } else { asks_for_tags(terms) }
}
