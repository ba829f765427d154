//! The walk of a verification: all pairs in key order, each compared, from any key on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use control::Effort;
use finder::Pair;
use futures::{StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use shared::config::Config;
use shared::describe::{self, Describer};
use shared::filter::{Filter, FilterError};
use shared::object::Timestamp;
use shared::store::Store;
use tokio_util::sync::CancellationToken;

use super::compare::{self, DifferenceKind, PairVerdict, VerifiedStores};
use super::content::Means;

/// The result of a verification.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Keys looked at.
    pub compared: u64,
    /// Keys with the same object on both sides.
    pub same: u64,
    /// Of those, objects of which nothing but the sizes was compared.
    pub size_only: u64,
    /// Keys that differ, or could not be compared.
    pub different: u64,
    /// Of those, objects that were written to during every comparison.
    pub changing: u64,
    /// Objects of both sides, by what their bytes were compared by.
    pub by: BTreeMap<String, u64>,
    /// Time that was worked.
    pub seconds: f64,
}

/// How far a verification came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verified {
    /// The time that bounds of age are measured from.
    pub began: Timestamp,
    /// The last key that was compared.
    pub after: Option<String>,
    /// What was found up to it.
    pub tally: Tally,
}

impl Default for Verified {
    /// Nothing is compared yet.
    fn default() -> Self {
        Verified { began: Timestamp::now(), after: None, tally: Tally::default() }
    }
}

/// How far a verification is, readable at any time.
#[derive(Debug, Default)]
pub struct VerifyProgress {
    /// Keys compared.
    pub compared: AtomicU64,
    /// Keys among them that differ.
    pub different: AtomicU64,
}

/// A verification of two stores.
pub struct Verification {
    /// How far it is.
    pub progress: Arc<VerifyProgress>,
    sides: VerifiedStores,
    filter: Filter,
    concurrency: usize,
}

/// Why a walk ended before its end.
#[derive(Debug)]
pub enum WalkEnd {
    /// It was to end: what was compared is in [`Verified`].
    Stopped,
    /// A listing failed: it is incomplete, so nothing is verified.
    Listing(shared::Error),
    /// The caller could not take a difference.
    Taking(crate::exit::Failure),
}

impl Verification {
    /// A verification of a task's stores that began at a time.
    pub fn new(
        config: &Config,
        (source, destination): (Store, Store),
        effort: Effort,
        began: Timestamp,
    ) -> Result<Verification, FilterError> {
        let filter = Filter::load(&config.objects.find, Some(began))?;
        let tags = describe::TagComparison { compared: true, required: false };
        // It takes a HEAD of each object, which a quick look does without.
        let describer = match effort {
            Effort::Quick => None,
            _ => Describer::between(&source, &destination, tags).map(Arc::new),
        };
        let sides = VerifiedStores { source, destination, effort, describer };
        let progress = Arc::default();
        Ok(Verification { progress, sides, filter, concurrency: config.machine.concurrency })
    }

    /// Compares all keys after the last one that was compared, in key order. `take` gets each key that differs.
    pub async fn walk(
        &self,
        verified: &mut Verified,
        stop: &CancellationToken,
        until: Option<Instant>,
        mut take: impl FnMut(&str, &PairVerdict) -> Result<(), crate::exit::Failure>,
    ) -> Result<(), WalkEnd> {
        let (began, before) = (Instant::now(), verified.tally.seconds);
        let VerifiedStores { source, destination, .. } = &self.sides;
        let verdicts = finder::pairs(source.clone(), destination.clone(), &self.filter, verified.after.clone())
            .try_filter(|pair| std::future::ready(is_compared(pair)))
            .map_ok(|pair| judge(&self.sides, pair))
            .try_buffered(self.concurrency);
        let mut verdicts = std::pin::pin!(verdicts);
        let mut compared: u64 = 0;
        let has_time = || until.is_none_or(|until| Instant::now() < until);
        let ended = loop {
            let next = tokio::select! {
                next = verdicts.next() => next,
                () = stop.cancelled() => break Err(WalkEnd::Stopped),
            };
            let (key, verdict) = match next {
                Some(Ok(compared)) => compared,
                Some(Err(error)) => break Err(WalkEnd::Listing(error)),
                None => break Ok(()),
            };
            // Each call compares a key at least. Both sides may have something to say of one key, which is not cut in two.
            if compared > 0 && verified.after.as_ref() != Some(&key) && !has_time() {
                break Err(WalkEnd::Stopped);
            }
            compared += 1;
            verified.tally.count(&verdict);
            self.progress.compared.store(verified.tally.compared, Relaxed);
            self.progress.different.store(verified.tally.different, Relaxed);
            if !verdict.differences.is_empty()
                && let Err(failure) = take(&key, &verdict)
            {
                break Err(WalkEnd::Taking(failure));
            }
            verified.after = Some(key);
        };
        verified.tally.seconds = before + (began.elapsed().as_secs_f64() * 1e3).round() / 1e3;
        ended
    }
}

/// Whether something can be said of a pair: not of an object whose counterpart is unknown, for the span
/// that covers it is reported, nor of names that the store never serves.
fn is_compared(pair: &Pair) -> bool {
    match pair {
        Pair::Unjudged(..) => false,
        Pair::Unlisted(_, unlisted) => unlisted.is_failure,
        _ => true,
    }
}

async fn judge(sides: &VerifiedStores, pair: Pair) -> shared::Result<(String, PairVerdict)> {
    let verdict = compare::compare(sides, &pair).await;
    Ok((pair.key().to_owned(), verdict))
}

impl Tally {
    fn count(&mut self, verdict: &PairVerdict) {
        self.compared += 1;
        if let Some(means) = verdict.means {
            *self.by.entry(means.to_string()).or_default() += 1;
        }
        if verdict.differences.is_empty() {
            self.same += 1;
            self.size_only += u64::from(verdict.means == Some(Means::Size));
            return;
        }
        self.different += 1;
        self.changing +=
            u64::from(verdict.differences.iter().any(|difference| difference.kind == DifferenceKind::Changing));
    }

    /// The time that was worked.
    pub fn elapsed(&self) -> Duration {
        Duration::try_from_secs_f64(self.seconds).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
