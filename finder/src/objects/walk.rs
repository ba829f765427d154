//! The walk over both stores: ranges listed at once, cut while they are, and journaled.

mod files;
mod range;
mod suspects;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use shared::config::Find;
use shared::filter::Filter;
use shared::ledger::Checkpoint;
use shared::objects::SharedSuspectKeys;
use shared::sync::lock;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::error::FindError;
use crate::objects::compare::Comparer;
use crate::objects::listing::Sides;
use crate::objects::policy::CopyReasons;
use crate::objects::ranges::{Start, Tiling};
use crate::planner::Planned;
use crate::run::context::RunContext;

/// Prefixes without objects that a run names; the others are counted.
const NAMED: usize = 10;

/// A walk over both stores.
#[derive(Debug)]
pub struct Walk {
    /// Both sides.
    pub sides: Sides,
    /// The keys that belong to the task.
    pub filter: Arc<Filter>,
    /// How objects are compared.
    pub comparer: Comparer,
    /// The bounds of jobs and of the listing.
    pub options: Find,
    /// The task's suspect keys; `None` in a dry run, which opens no ledger.
    pub suspects: Option<SharedSuspectKeys>,
    /// The run: its names, its journal, and the signals that end it. The first error of a range cancels `abort`.
    pub run: RunContext,
    /// How many objects this process decided to copy, by reason.
    pub copies: CopyReasons,
    tiling: Mutex<Tiling>,
    /// Rung whenever a range has moved on.
    progressed: Notify,
}

/// The prefixes below which the source has anything; as many as a prefix list may name.
type Matched = BTreeSet<String>;

impl Walk {
    /// A walk that has not begun.
    pub fn new(
        sides: Sides,
        filter: Arc<Filter>,
        options: &Find,
        suspects: Option<SharedSuspectKeys>,
        run: RunContext,
    ) -> Walk {
        let comparer = Comparer::new(&sides, options);
        let (copies, tiling, progressed) = Default::default();
        Walk { sides, filter, comparer, options: options.clone(), suspects, run, copies, tiling, progressed }
    }

    /// Walks what these checkpoints leave; all, where there are none. Returns when every range has ended
    /// well, or on the gravest error, with no range still at work.
    pub async fn run(self: Arc<Self>, checkpoints: Vec<Checkpoint>) -> Result<Planned, FindError> {
        let (mut planned, mut matched) = (Planned::default(), Matched::new());
        checkpoints.iter().filter(|c| c.done).for_each(|c| add(&mut planned, &mut matched, c));
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
                    Ok(last) => add(&mut planned, &mut matched, &last),
                    Err(error) => self.fail(&mut failure, error),
                },
                Err(error) => self.fail(&mut failure, error),
            }
        }
        match failure {
            Some(failure) => Err(failure),
            None => {
                self.warn_of_nothing(&matched);
                Ok(planned)
            }
        }
    }

    /// Warns where the source has nothing: a location or a prefix may be misspelled.
    fn warn_of_nothing(&self, matched: &Matched) {
        let source = self.sides.source.location();
        let empty: Vec<&String> = self.filter.prefixes().iter().filter(|prefix| !matched.contains(*prefix)).collect();
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
        if self.run.stop.is_cancelled() || self.concurrency() == 1 {
            return Ok(None);
        }
        let Some(start) = self.ranges().cut() else { return Ok(None) };
        self.run.journal.checkpoint(&start.checkpoint).await?;
        Ok(Some(start))
    }

    async fn record_end(&self, last: Checkpoint) -> Result<Checkpoint, FindError> {
        self.ranges().close(last.id);
        let last = Checkpoint { done: true, version: last.version + 1, ..last };
        self.run.journal.checkpoint(&last).await?;
        Ok(last)
    }

    fn fail(&self, failure: &mut Option<FindError>, error: FindError) {
        // An orderly end ends every range by itself; any other error ends the others at once.
        if !matches!(error, FindError::Interrupted) {
            self.run.abort.cancel();
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

/// Counts a range that has ended.
fn add(planned: &mut Planned, matched: &mut Matched, checkpoint: &Checkpoint) {
    planned.found += checkpoint.found;
    if checkpoint.found.listed + checkpoint.found.filtered + checkpoint.found.unlisted > 0 {
        matched.insert(checkpoint.range.prefix.clone());
    }
    if checkpoint.deferred > 0 {
        planned.deferred.push(checkpoint.clone());
    }
}

#[cfg(test)]
mod tests;
