//! The counters of a finder.

use serde::{Deserialize, Serialize};

/// What the finder met, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Found {
    /// Objects listed at the source (after filters by key).
    pub listed: u64,
    /// Objects listed at the destination.
    pub listed_destination: u64,
    /// Objects that were in sync already.
    pub unchanged: u64,
    /// Source objects left out by filters.
    pub filtered: u64,
    /// Objects on both sides that could not be compared, because a store failed: nothing is done about them.
    pub not_judged: u64,
    /// Objects enqueued to be copied.
    pub enqueued: u64,
    /// Their bytes.
    pub enqueued_bytes: u64,
    /// Objects to be deleted, deferred until the listing has ended well. Zero once refused.
    pub deletes: u64,
    /// Folders and names of either side that could not be listed.
    pub unlisted: u64,
}

impl std::ops::AddAssign for Found {
    fn add_assign(&mut self, other: Found) {
        self.listed += other.listed;
        self.listed_destination += other.listed_destination;
        self.unchanged += other.unchanged;
        self.filtered += other.filtered;
        self.not_judged += other.not_judged;
        self.enqueued += other.enqueued;
        self.enqueued_bytes += other.enqueued_bytes;
        self.deletes += other.deletes;
        self.unlisted += other.unlisted;
    }
}
