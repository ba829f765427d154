//! Decisions on a batch of pairs, with the checksums that they may need.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use futures::{FutureExt, StreamExt, stream};
use shared::config::{Compare, Find};
use shared::describe::Describer;
use shared::digest::{Algorithm, Checksum, in_common};
use shared::filter::Verdict;
use shared::object::{Entry, Pin};
use shared::store::{EtagMeaning, Store};
use shared::{Error, ErrorKind, Result};

use crate::diff::Pair;
use crate::listing::Sides;
use crate::policy::{Decision, Policy, Reason, Same, by_time};

/// Pairs of one range whose checksums are asked for at once. Times the ranges, it stays well below
/// what one prefix of Amazon S3 answers (5,500 reads a second).
const ASKED_AT_ONCE: usize = 16;

/// Decides pairs by a [`Policy`], and asks the stores where only their checksums can tell.
#[derive(Debug)]
pub struct Comparer {
    policy: Policy,
    source: Store,
    destination: Store,
    said_fallback: AtomicBool,
    /// Compares what is said of objects with the same bytes, where that is asked for and can differ.
    describer: Option<Describer>,
}

impl Comparer {
    /// A comparer of both sides' objects.
    pub fn new(sides: &Sides, options: &Find) -> Self {
        let (source, destination) = (sides.source.clone(), sides.destination.clone());
        let policy = Policy {
            compare: options.compare,
            delete: options.delete,
            source: source.capabilities().etags,
            destination: destination.capabilities().etags,
        };
        let describer = options.metadata.then(|| Describer::between(&source, &destination)).flatten();
        Comparer { policy, source, destination, said_fallback: AtomicBool::new(false), describer }
    }

    /// How many pairs to decide at a time: few where each may cost requests, or the reading of a file.
    pub fn batch(&self) -> usize {
        let asks = self.policy.compare == Compare::Checksum || self.describer.is_some();
        if asks { 4 * ASKED_AT_ONCE } else { 1_024 }
    }

    /// Decides pairs, in their order. What the filter left out is left alone, and nothing is asked of it.
    pub async fn decide(&self, pairs: &[(Pair, Verdict)]) -> Vec<Decision> {
        let decisions: Vec<Decision> = pairs.iter().map(|judged| self.decide_at_once(judged)).collect();
        let asks = |decision: &Decision| match decision {
            Decision::Ask | Decision::Doubt => true,
            Decision::Skip(_) => self.describer.is_some(),
            _ => false,
        };
        if !decisions.iter().any(asks) {
            return decisions;
        }
        let asked: Vec<_> = decisions.into_iter().zip(pairs).map(|(d, (pair, _))| self.ask(d, pair).boxed()).collect();
        stream::iter(asked).buffered(ASKED_AT_ONCE).collect().await
    }

    fn decide_at_once(&self, (pair, verdict): &(Pair, Verdict)) -> Decision {
        if *verdict != Verdict::Taken {
            return Decision::Leave;
        }
        let decision = self.policy.decide(pair);
        if self.policy.fell_back(decision) {
            self.say_fallback("entity tags");
        }
        decision
    }

    async fn ask(&self, decision: Decision, pair: &Pair) -> Decision {
        let Pair::Both(source, destination) = pair else { return decision };
        let decision = match decision {
            Decision::Ask => self.by_checksum(source, destination).await,
            Decision::Doubt => self.by_meaning(source, destination).await,
            decision => decision,
        };
        match (decision, &self.describer) {
            (Decision::Skip(_), Some(describer)) => match describer.is_same(source, destination).await {
                Ok(true) => decision,
                Ok(false) => Decision::Copy(Reason::Metadata),
                Err(error) => unknown(&source.key, &error, "metadata"),
            },
            _ => decision,
        }
    }

    /// Whether tags that differ mean anything. Asked of the destination first: its bucket's default
    /// encryption is what makes tags differ that were copied.
    async fn by_meaning(&self, source: &Entry, destination: &Entry) -> Decision {
        for (store, entry) in [(&self.destination, destination), (&self.source, source)] {
            match store.head(&entry.key, &entry.pin()).await {
                Ok(info) if !info.etag_is_opaque => {}
                Ok(_) if self.policy.compare == Compare::Checksum => {
                    return self.by_checksum(source, destination).await;
                }
                Ok(_) => return by_time(source, destination),
                // Gone, changed, or not to be read: the copy finds out, and names it.
                Err(_) => return Decision::Copy(Reason::Etag),
            }
        }
        Decision::Copy(Reason::Etag)
    }

    async fn by_checksum(&self, source: &Entry, destination: &Entry) -> Decision {
        match self.same_checksum(source, destination).await {
            Ok(Some(true)) => Decision::Skip(Same::Checksum),
            Ok(Some(false)) => Decision::Copy(Reason::Checksum),
            Ok(None) => {
                self.say_fallback("checksums");
                by_time(source, destination)
            }
            Err(error) => unknown(&source.key, &error, "checksums"),
        }
    }

    /// Whether the checksums are the same; `None` if the stores have no algorithm in common.
    async fn same_checksum(&self, source: &Entry, destination: &Entry) -> Result<Option<bool>> {
        let mut ours = Known::ask(&self.source, source, self.policy.source).await?;
        let mut theirs = Known::ask(&self.destination, destination, self.policy.destination).await?;
        if let Some((a, b)) = in_common(&ours.checksums, &theirs.checksums) {
            return Ok(Some(a == b));
        }
        // What one side keeps the other may be able to compute; where neither keeps any, both may.
        let kept = |a: &Algorithm| ours.checksums.iter().chain(&theirs.checksums).any(|c| c.algorithm == *a);
        let mut candidates: Vec<Algorithm> = Algorithm::ALL.into_iter().filter(kept).collect();
        if candidates.is_empty() {
            candidates.push(Algorithm::ALL[0]);
        }
        for algorithm in candidates {
            let Some(b) = theirs.get(algorithm).await? else { continue };
            let Some(a) = ours.get(algorithm).await? else { continue };
            return Ok(Some(a == b));
        }
        Ok(None)
    }

    /// Once a run, so that ten million objects do not say it ten million times.
    fn say_fallback(&self, what: &str) {
        if !self.said_fallback.swap(true, Relaxed) {
            tracing::warn!("{what} of the two sides cannot be compared for some objects: size and time decide there");
        }
    }
}

/// One object that cannot be read never stops the run: its job names it, with the error.
fn unknown(key: &str, error: &Error, what: &str) -> Decision {
    let gone = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PreconditionFailed);
    if !gone {
        tracing::warn!(?key, %error, "cannot compare {what}: will copy");
    }
    Decision::Copy(Reason::Unknown)
}

/// What is known of one object's checksums.
struct Known<'a> {
    store: &'a Store,
    key: &'a str,
    pin: Pin,
    checksums: Vec<Checksum>,
}

impl<'a> Known<'a> {
    /// One HEAD, pinned to what was listed: tells the checksums that the store keeps, the tag among them
    /// where it is an MD5.
    async fn ask(store: &'a Store, entry: &'a Entry, meaning: EtagMeaning) -> Result<Self> {
        let pin = entry.pin();
        let info = store.head(&entry.key, &pin).await?;
        let mut checksums = info.checksums;
        let tag = info.etag.filter(|_| meaning != EtagMeaning::Opaque && !info.etag_is_opaque);
        checksums.extend(tag.and_then(|tag| tag.md5_form()).map(Checksum::md5));
        Ok(Known { store, key: &entry.key, pin, checksums })
    }

    async fn get(&mut self, algorithm: Algorithm) -> Result<Option<Checksum>> {
        match self.checksums.iter().find(|c| c.algorithm == algorithm) {
            Some(known) => Ok(Some(known.clone())),
            None => self.store.checksum(self.key, &self.pin, algorithm).await,
        }
    }
}

#[cfg(test)]
mod metadata;
#[cfg(test)]
mod tests;
