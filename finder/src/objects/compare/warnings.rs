//! Warnings of a comparison: the first objects of each kind by name, the others by number.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use shared::object::{Entry, ObjectInfo};
use shared::store::{Right, RightNames, Store};
use shared::{Error, ErrorKind, Result};

/// Objects of one kind that a run names; the others are counted.
pub const NAMED: u32 = 10;

/// A store that answered none of so many requests in a row is away: the run ends. Each of them was tried again for
/// some 20 s, 16 at a time for each range, so this takes 20 minutes at most.
const MAX_FAILED_IN_A_ROW: u32 = 1_000;

/// The warnings of one run.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    not_judged: AtomicU32,
    failed_in_a_row: AtomicU32,
    other_sizes: AtomicU32,
    below_files: AtomicU32,
    said_denied: AtomicBool,
}

impl Warnings {
    /// A pair was judged: the stores answer.
    pub(super) fn judged(&self) {
        self.failed_in_a_row.store(0, Relaxed);
    }

    /// A pair could not be judged. The error comes back if the stores have not answered for too long.
    pub(super) fn not_judged(&self, sides: [&Store; 2], error: Error) -> Result<()> {
        let remedy = match error.kind() {
            ErrorKind::Denied => of_tags(sides),
            _ => String::new(),
        };
        name(&self.not_judged, "could not be compared", || {
            tracing::warn!("an object could not be compared, and was neither copied nor deleted: {error}{remedy}");
        });
        if error.is_retryable() && self.failed_in_a_row.fetch_add(1, Relaxed) + 1 >= MAX_FAILED_IN_A_ROW {
            return Err(error);
        }
        Ok(())
    }

    /// A key of the source lies below another one, which is a file at the destination.
    pub(super) fn below_file(&self, source: &Store, key: &str, file: &str) {
        name(&self.below_files, "lie below a key that is a file in the destination folder", || {
            let (key, file) = (source.location().display_key(key), source.location().display_key(file));
            tracing::warn!("not copied: {key} lies below {file}, which is a file in a folder; rename or exclude one");
        });
    }

    /// A store lists another size than it reads.
    pub(super) fn lists_other_sizes(&self, store: &Store, listed: &Entry, info: &ObjectInfo) {
        name(&self.other_sizes, "have another size than their listing says", || {
            let object = store.location().display_key(&listed.key);
            tracing::warn!(
                "{object}: the listing says {} bytes, but the object has {}: using the object's own size",
                listed.size,
                info.size
            );
        });
    }

    /// The destination does not describe its objects to us.
    pub(super) fn destination_denies_heads(&self, destination: &Store, error: &Error) {
        if !self.said_denied.swap(true, Relaxed) {
            let right = destination.capabilities().rights.name(Right::Head);
            tracing::warn!(
                "ETags differ, and the destination denies the HEAD that shows whether they are comparable ({error}): comparing by size and time; to compare by ETag, allow {right} at the destination"
            );
        }
    }
}

/// The remedy if tags cannot be compared: the rights of both sides, if they spell them differently.
fn of_tags(sides: [&Store; 2]) -> String {
    let stores = sides.into_iter().map(|side| side.capabilities().rights).filter(|names| *names != RightNames::Folder);
    let mut names: Vec<&str> = stores.map(|names| names.name(Right::GetTags)).collect();
    names.dedup();
    match names.is_empty() {
        true => String::new(),
        false => format!("; to compare tags, also allow {}", names.join(" and ")),
    }
}

fn name(count: &AtomicU32, what: &str, say: impl FnOnce()) {
    match count.fetch_add(1, Relaxed) {
        0..NAMED => say(),
        NAMED => tracing::warn!("more objects {what}: only the first {NAMED} are named"),
        _ => {}
    }
}
