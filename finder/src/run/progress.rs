//! How far a run has come, for a progress bar and the metrics.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, OnceLock};

use shared::ledger::{Found, Run};
use shared::sync::lock;
use shared::{metrics, terminal};

/// Most folders and names that could not be listed which are named; the others are counted.
const NAMED: usize = 10;

/// Counters of a run that is under way, readable at any time. On a resumed run they begin with what was
/// counted before. They are a view for people: the ledger's checkpoints are what counts.
#[derive(Debug, Default)]
pub struct Progress {
    /// Objects listed at the source.
    pub listed: AtomicU64,
    /// Objects listed at the destination.
    pub listed_destination: AtomicU64,
    /// Objects that were in sync already.
    pub unchanged: AtomicU64,
    /// Source objects left out by filters.
    pub filtered: AtomicU64,
    /// Objects that could not be compared, because a store failed.
    pub not_judged: AtomicU64,
    /// Objects enqueued to be copied.
    pub enqueued: AtomicU64,
    /// Their bytes.
    pub enqueued_bytes: AtomicU64,
    /// Objects to be deleted, deferred until the listing has ended.
    pub deletes: AtomicU64,
    /// Both listings have ended well.
    pub listing_done: AtomicBool,
    /// Folders and names of either side that could not be listed, and the first of them.
    unlisted: Mutex<(u64, Vec<String>)>,
    run: OnceLock<String>,
    cancelled: OnceLock<Vec<Run>>,
}

impl Progress {
    /// The run's id, as soon as it is known.
    pub fn run(&self) -> Option<&str> {
        self.run.get().map(String::as_str)
    }

    /// The earlier runs that this run has cancelled, as they were before, the newest first.
    pub fn cancelled(&self) -> &[Run] {
        self.cancelled.get().map_or(&[], Vec::as_slice)
    }

    /// Folders and names that could not be listed, in one line for the run's record; `None` if there were none.
    pub fn unlisted(&self) -> Option<String> {
        let (count, named) = &*self.lock_unlisted();
        let more = match count - named.len() as u64 {
            0 => String::new(),
            more => format!("; and {} more", terminal::count(more)),
        };
        (*count > 0).then(|| {
            format!(
                "some folders or names could not be listed, so nothing below them was copied or deleted: {}{more}",
                named.join("; ")
            )
        })
    }

    /// How many folders and names this process could not list, after the warnings that name them; `None` if there were
    /// none.
    pub fn unlisted_after_warnings(&self) -> Option<String> {
        let count = self.unlisted_count();
        let (folders, them) = match count {
            0 => return None,
            1 => ("1 folder or name".to_owned(), "it"),
            count => (format!("{} folders or names", terminal::count(count)), "them"),
        };
        Some(format!(
            "{folders} could not be listed, so nothing below {them} was copied or deleted: see the warnings, then run again"
        ))
    }

    /// How many folders and names could not be listed.
    pub fn unlisted_count(&self) -> u64 {
        self.lock_unlisted().0
    }

    pub(crate) fn could_not_list(&self, side: &str, reason: &str) {
        let (count, named) = &mut *self.lock_unlisted();
        *count += 1;
        if named.len() < NAMED {
            tracing::warn!("{side}: {reason}");
            named.push(format!("{side}: {reason}"));
        }
    }

    fn lock_unlisted(&self) -> MutexGuard<'_, (u64, Vec<String>)> {
        lock(&self.unlisted)
    }

    pub(crate) fn begin(&self, run: &str, found: &Found) {
        let _ = self.run.set(run.to_owned());
        self.seen(found);
        self.sent(found);
    }

    pub(crate) fn has_cancelled(&self, runs: Vec<Run>) {
        let _ = self.cancelled.set(runs);
    }

    /// Counts what was listed.
    pub(crate) fn seen(&self, found: &Found) {
        self.listed.fetch_add(found.listed, Relaxed);
        self.listed_destination.fetch_add(found.listed_destination, Relaxed);
        self.unchanged.fetch_add(found.unchanged, Relaxed);
        self.filtered.fetch_add(found.filtered, Relaxed);
        self.not_judged.fetch_add(found.not_judged, Relaxed);
        self.deletes.fetch_add(found.deletes, Relaxed);
        metrics::run_progress(self.listed.load(Relaxed), self.enqueued.load(Relaxed));
    }

    /// Counts what was enqueued.
    pub(crate) fn sent(&self, found: &Found) {
        self.enqueued.fetch_add(found.enqueued, Relaxed);
        self.enqueued_bytes.fetch_add(found.enqueued_bytes, Relaxed);
        metrics::run_progress(self.listed.load(Relaxed), self.enqueued.load(Relaxed));
    }

    /// Both listings have ended well.
    pub(crate) fn listing_is_done(&self) {
        self.listing_done.store(true, Relaxed);
    }
}
