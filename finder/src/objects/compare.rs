//! Decisions on a batch of pairs, with the descriptions and checksums that they may need.
//!
//! An error while a pair is judged is never an answer: the pair is counted as not judged, and left alone.

mod checksums;
mod warnings;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use shared::config::{Compare, Find};
use shared::describe::{self, Describer};
use shared::filter::FilterVerdict;
use shared::object::{Entry, ObjectInfo};
use shared::store::Store;
use shared::{Error, ErrorKind, Result};

use crate::objects::diff::Pair;
use crate::objects::listing::Sides;
use crate::objects::policy::{Decision, Policy, Reason, Same, by_time};
use warnings::Warnings;

/// Pairs of one range whose checksums are asked for at once. Times the ranges, it stays well below
/// what one prefix of Amazon S3 answers (5,500 reads a second).
const ASKED_AT_ONCE: usize = 16;

/// Decides pairs by a [`Policy`], and asks the stores where their listings cannot decide.
#[derive(Debug)]
pub struct Comparer {
    policy: Policy,
    source: Store,
    destination: Store,
    said_fallback: AtomicBool,
    warnings: Warnings,
    /// Compares headers, user metadata and tags, where that is asked for and can differ.
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
        let tags = describe::TagComparison { compared: options.tags, required: options.strict };
        let describer = options.metadata.then(|| Describer::between(&source, &destination, tags)).flatten();
        let (said_fallback, warnings) = Default::default();
        Comparer { policy, source, destination, said_fallback, warnings, describer }
    }

    /// How many pairs to decide at a time: few where each may cost requests, or the reading of a file.
    pub fn batch(&self) -> usize {
        let asks = self.policy.compare == Compare::Checksum || self.describer.is_some();
        if asks { 4 * ASKED_AT_ONCE } else { 1_024 }
    }

    /// Decides pairs, in their order. Pairs that the filter excludes are left, without a request.
    /// An `Err` means that a store answers nothing any more: the run cannot go on.
    pub async fn decide(&self, pairs: &[(Pair, FilterVerdict)]) -> Result<Vec<Decision>> {
        let decisions: Vec<Decision> = pairs.iter().map(|judged| self.decide_at_once(judged)).collect();
        if !decisions.iter().any(|decision| self.asks(*decision)) {
            return Ok(decisions);
        }
        let asked: Vec<_> =
            decisions.into_iter().zip(pairs).map(|(d, (pair, _))| self.ask_as_stored(d, pair).boxed()).collect();
        stream::iter(asked).buffered(ASKED_AT_ONCE).try_collect().await
    }

    /// Names a key that is left because it lies below a file.
    pub(crate) fn name_below_file(&self, key: &str, file: &str) {
        self.warnings.below_file(&self.source, key, file);
    }

    /// Names a pair that an error left undecided. An `Err` means that a store answers nothing any more.
    pub(crate) fn name_not_judged(&self, error: Error) -> Result<Decision> {
        self.warnings.not_judged([&self.source, &self.destination], error).map(|()| Decision::NotJudged)
    }

    fn decide_at_once(&self, (pair, verdict): &(Pair, FilterVerdict)) -> Decision {
        if *verdict != FilterVerdict::Taken {
            return Decision::Leave;
        }
        let decision = self.as_stored(self.policy.decide(pair), pair);
        if self.policy.fell_back(decision) {
            self.say_fallback("ETags");
        }
        decision
    }

    /// The same decision, unless the destination has the source's time as far as it can hold it.
    fn as_stored(&self, decision: Decision, pair: &Pair) -> Decision {
        match (decision, pair) {
            (Decision::Copy(Reason::Newer | Reason::TimeUnclear), Pair::Both(source, destination))
                if self.destination.capabilities().keeps_modified
                    && self.destination.stored_time(source.modified) == destination.modified =>
            {
                Decision::Skip(Same::Time)
            }
            _ => decision,
        }
    }

    fn asks(&self, decision: Decision) -> bool {
        match decision {
            Decision::NeedsChecksum | Decision::VerifyEtag | Decision::VerifySize => true,
            Decision::Skip(_) => self.describer.is_some(),
            _ => false,
        }
    }

    /// The adapter has waited and tried again where that can help: an error here is its last word.
    async fn ask_as_stored(&self, decision: Decision, pair: &Pair) -> Result<Decision> {
        Ok(self.as_stored(self.ask(decision, pair).await?, pair))
    }

    async fn ask(&self, decision: Decision, pair: &Pair) -> Result<Decision> {
        let Pair::Both(source, destination) = pair else { return Ok(decision) };
        if !self.asks(decision) {
            return Ok(decision);
        }
        match self.judge(decision, source, destination).await {
            Ok(decision) => {
                self.warnings.judged();
                Ok(decision)
            }
            // The object is not what was listed any more. The worker looks at it as it is by then.
            Err(error) if has_changed(&error) => Ok(Decision::Copy(Reason::Changed)),
            Err(error) => self.name_not_judged(error),
        }
    }

    async fn judge(&self, decision: Decision, source: &Entry, destination: &Entry) -> Result<Decision> {
        let decision = match decision {
            Decision::VerifySize => self.by_size(source, destination).await?,
            decision => self.by_content(decision, source, destination).await?,
        };
        match (decision, &self.describer) {
            (Decision::Skip(_), Some(describer)) if !describer.is_same(source, destination).await? => {
                Ok(Decision::Copy(Reason::Metadata))
            }
            _ => Ok(decision),
        }
    }

    async fn by_content(&self, decision: Decision, source: &Entry, destination: &Entry) -> Result<Decision> {
        match decision {
            Decision::NeedsChecksum => self.by_checksum(source, destination).await,
            Decision::VerifyEtag => self.by_meaning(source, destination).await,
            decision => Ok(decision),
        }
    }

    /// Whether sizes that differ in the listings differ in a HEAD too. Some gateways list the size of what they store,
    /// and read another: such objects would be copied by every run.
    async fn by_size(&self, source: &Entry, destination: &Entry) -> Result<Decision> {
        let (a, b) = (source.pin(), destination.pin());
        let heads = futures::try_join!(self.source.head(&source.key, &a), self.destination.head(&destination.key, &b));
        let (ours, theirs) = match heads {
            Ok(heads) => heads,
            // Without a HEAD the listings are all that is known, and they differ.
            Err(error) if error.kind() == ErrorKind::Denied => return Ok(Decision::Copy(Reason::Size)),
            Err(error) => return Err(error),
        };
        let mut read =
            [(source, &ours, &self.source), (destination, &theirs, &self.destination)].map(|(listed, info, store)| {
                if listed.size != info.size {
                    self.warnings.lists_other_sizes(store, listed, info);
                }
                Entry { size: info.size, ..listed.clone() }
            });
        if ours.size != theirs.size {
            return Ok(Decision::Copy(Reason::Size));
        }
        for (entry, info) in read.iter_mut().zip([&ours, &theirs]) {
            entry.etag = entry.etag.take().filter(|_| !info.etag_is_opaque);
        }
        let [source, destination] = &read;
        let decision = self.policy.decide(&Pair::Both(source.clone(), destination.clone()));
        self.by_content(decision, source, destination).await
    }

    /// Whether tags that differ mean anything. Asked of the destination first: its bucket's default
    /// encryption is what makes tags differ that were copied.
    async fn by_meaning(&self, source: &Entry, destination: &Entry) -> Result<Decision> {
        let by_checksum = self.policy.compare == Compare::Checksum;
        let theirs = match self.destination.head(&destination.key, &destination.pin()).await {
            // A destination that may be written and not read, as a bucket encrypted by KMS often is.
            Err(error) if error.kind() == ErrorKind::Denied && !by_checksum => {
                self.warnings.destination_denies_heads(&self.destination, &error);
                return Ok(by_time(source, destination));
            }
            theirs => theirs?,
        };
        let is_opaque = |info: &ObjectInfo| info.etag_is_opaque;
        if is_opaque(&theirs) || is_opaque(&self.source.head(&source.key, &source.pin()).await?) {
            return match by_checksum {
                true => self.by_checksum(source, destination).await,
                false => Ok(by_time(source, destination)),
            };
        }
        Ok(Decision::Copy(Reason::Etag))
    }

    async fn by_checksum(&self, source: &Entry, destination: &Entry) -> Result<Decision> {
        let (ours, theirs) = ((&self.source, source), (&self.destination, destination));
        Ok(match checksums::same(ours, theirs).await? {
            Some(true) => Decision::Skip(Same::Checksum),
            Some(false) => Decision::Copy(Reason::Checksum),
            None => {
                self.say_fallback("checksums");
                by_time(source, destination)
            }
        })
    }

    /// Once a run, so that ten million objects do not say it ten million times.
    fn say_fallback(&self, what: &str) {
        if !self.said_fallback.swap(true, Relaxed) {
            tracing::warn!(
                "{what} of some objects mean different things on the two sides: comparing these objects by size and time"
            );
        }
    }
}

/// Whether the error says that the object that was listed is no longer there.
fn has_changed(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PreconditionFailed)
}

#[cfg(test)]
mod errors;
#[cfg(test)]
mod metadata;
#[cfg(test)]
mod tests;
