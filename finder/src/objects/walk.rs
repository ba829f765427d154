//! The walk over both stores: ranges listed at once, cut while they are, and journaled.

mod files;
mod range;
mod suspects;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use shared::config::Find;
use shared::filter::Filter;
use shared::ledger::{Checkpoint, Found};
use shared::sync::lock;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::error::FindError;
use crate::objects::compare::Comparer;
use crate::objects::listing::Sides;
use crate::objects::pack::Owner;
use crate::objects::ranges::{Start, Tiling};
use crate::run::journal::Journal;
use crate::run::progress::Progress;

/// Prefixes without objects that a run names; the others are counted.
const NAMED: usize = 10;

/// A walk over both stores.
#[derive(Debug)]
pub struct Walk {
    /// Both sides.
    pub sides: Sides,
    /// What is taken.
    pub filter: Arc<Filter>,
    /// How objects are compared.
    pub comparer: Comparer,
    /// The bounds of jobs and of the listing.
    pub options: Find,
    /// Whose jobs are made.
    pub owner: Owner,
    /// Where they go.
    pub journal: Arc<dyn Journal>,
    /// What is shown to people.
    pub progress: Arc<Progress>,
    /// Asks for an orderly end: what was decided is journaled, then the walk ends `Interrupted`.
    pub stop: CancellationToken,
    /// Asks for an end at once: nothing new is journaled. Cancelled by the first error.
    pub abort: CancellationToken,
    /// The ranges at work.
    pub tiling: Mutex<Tiling>,
    /// Rung whenever a range has moved on.
    pub progressed: Notify,
}

/// What a walk that ended well has met.
#[derive(Debug, Clone, Default)]
pub struct Walked {
    /// The counters of all ranges.
    pub found: Found,
    /// Every range with held delete jobs, and how many.
    pub held: Vec<(u32, u32)>,
    /// The prefixes below which the source has anything; as many as a prefix list may name.
    matched: BTreeSet<String>,
}

impl Walk {
    /// Walks what these checkpoints leave; all, where there are none. Returns when every range has ended
    /// well, or on the gravest error, with no range still at work.
    pub async fn run(self: Arc<Self>, checkpoints: Vec<Checkpoint>) -> Result<Walked, FindError> {
        let mut walked = Walked::default();
        checkpoints.iter().filter(|c| c.done).for_each(|c| walked.add(c));
        let (tiling, mut starts) = Tiling::resume(self.filter.prefixes(), checkpoints);
        // Keys that begin as the only key does lie behind it: they are not listed.
        let only_key = self.filter.only_key();
        starts.iter_mut().for_each(|start| start.end = start.end.take().or(only_key.map(str::to_owned)));
        *self.ranges() = tiling;
        let mut waiting = VecDeque::from(starts);
        let mut ranges = JoinSet::new();
        let mut failure: Option<FindError> = None;
        loop {
            while failure.is_none() && ranges.len() < self.concurrency() {
                let start = match waiting.pop_front() {
                    Some(start) => Ok(Some(start)),
                    None => self.cut().await,
                };
                match start {
                    Ok(Some(start)) => {
                        self.ranges().open(&start);
                        ranges.spawn(range::walk(self.clone(), start));
                    }
                    Ok(None) => break,
                    Err(error) => self.fail(&mut failure, error),
                }
            }
            let ended = tokio::select! {
                ended = ranges.join_next() => ended,
                // A page has come: there may be something to cut now.
                () = self.progressed.notified() => continue,
            };
            let Some(ended) = ended else { break };
            match ended.unwrap_or_else(|e| std::panic::resume_unwind(e.into_panic())) {
                // After a failure an end may be one that a cut made whose tail could not be recorded: recorded
                // as done, the tail would never be listed.
                Ok(_) if !matches!(failure, None | Some(FindError::Interrupted)) => {}
                Ok(last) => match self.record_end(last).await {
                    Ok(last) => walked.add(&last),
                    Err(error) => self.fail(&mut failure, error),
                },
                Err(error) => self.fail(&mut failure, error),
            }
        }
        match failure {
            Some(failure) => Err(failure),
            None => {
                self.warn_of_nothing(&walked);
                Ok(walked)
            }
        }
    }

    /// Warns where the source has nothing: a location or a prefix may be misspelled.
    fn warn_of_nothing(&self, walked: &Walked) {
        let source = self.sides.source.location();
        let empty: Vec<&String> =
            self.filter.prefixes().iter().filter(|prefix| !walked.matched.contains(*prefix)).collect();
        match empty.as_slice() {
            [] => {}
            [all] if all.is_empty() => tracing::warn!("source {source} has no objects: check its name"),
            empty => {
                for prefix in empty.iter().take(NAMED) {
                    tracing::warn!(
                        "source {source} has no objects whose keys begin with {prefix:?}: check the prefix list"
                    );
                }
                if empty.len() > NAMED {
                    tracing::warn!("{} more prefixes of the list match no objects", empty.len() - NAMED);
                }
            }
        }
    }

    fn concurrency(&self) -> usize {
        if self.sides.parallel_listing() { self.options.list_concurrency.max(1) } else { 1 }
    }

    /// Cuts a range, where there is one worth it, and records the tail as a range of its own.
    ///
    /// Recorded before it is listed: a job of an unrecorded range would be made again, under another
    /// name, by the resumed run. And recorded before the range it was cut from can be recorded as done,
    /// for both are done by the one loop of [`Walk::run`], in turn: else the tail could be lost.
    async fn cut(&self) -> Result<Option<Start>, FindError> {
        if self.stop.is_cancelled() || self.concurrency() == 1 {
            return Ok(None);
        }
        let Some(start) = self.ranges().cut() else { return Ok(None) };
        self.journal.checkpoint(&start.checkpoint).await?;
        Ok(Some(start))
    }

    async fn record_end(&self, last: Checkpoint) -> Result<Checkpoint, FindError> {
        self.ranges().close(last.id);
        let last = Checkpoint { done: true, version: last.version + 1, ..last };
        self.journal.checkpoint(&last).await?;
        Ok(last)
    }

    fn fail(&self, failure: &mut Option<FindError>, error: FindError) {
        // An orderly end ends every range by itself; any other error ends the others at once.
        if !matches!(error, FindError::Interrupted) {
            self.abort.cancel();
        }
        *failure = Some(match failure.take() {
            Some(earlier) => earlier.or_graver(error),
            None => error,
        });
    }

    fn ranges(&self) -> MutexGuard<'_, Tiling> {
        // No code under this lock leaves the tiling half changed by panicking.
        lock(&self.tiling)
    }
}

impl Walked {
    fn add(&mut self, checkpoint: &Checkpoint) {
        self.found += checkpoint.found;
        if checkpoint.found.listed + checkpoint.found.filtered + checkpoint.found.unlisted > 0 {
            self.matched.insert(checkpoint.range.prefix.clone());
        }
        if checkpoint.held > 0 {
            self.held.push((checkpoint.id, checkpoint.held));
        }
    }
}

#[cfg(test)]
mod tests;
