//! The decision about a pair: a truth table, without I/O.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::{Deserialize, Serialize};
use shared::config::Compare;
use shared::object::Entry;
use shared::store::EtagMeaning;

use crate::objects::diff::{ListingSide, Pair};

/// The decision about a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Write the source's object to the destination.
    Copy(Reason),
    /// They are in sync.
    Skip(Same),
    /// Only the checksums can decide: ask the stores ([`crate::objects::compare`]).
    NeedsChecksum,
    /// The entity tags differ although the destination is not older. Perhaps they only look like
    /// MD5s, as those of objects encrypted by KMS do: ask the stores, or such objects would be copied
    /// by every run.
    VerifyEtag,
    /// The listed sizes differ although the destination is not older. Perhaps a store lists other sizes
    /// than it reads: ask the stores, or such objects would be copied by every run.
    VerifySize,
    /// An error kept the stores from judging the pair: it is counted and named, and left alone.
    NotJudged,
    /// Remove it from the destination.
    Delete,
    /// The destination may keep what the source does not have.
    Leave,
}

/// Why to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The destination does not have it.
    Missing,
    /// The sizes differ.
    Size,
    /// The destination is older.
    Newer,
    /// The times are too coarse to show which is older.
    TimeUnclear,
    /// The entity tags mean the same and differ.
    Etag,
    /// The checksums differ.
    Checksum,
    /// The bytes are the same; headers, user metadata or tags differ.
    Metadata,
    /// One of them was changed or removed after it was listed.
    Changed,
    /// Everything is to be copied.
    Always,
    /// An earlier copy left wrong bytes at the destination.
    Suspect,
}

impl Reason {
    /// All reasons, in the order of their discriminants.
    pub const ALL: [Reason; 10] = [
        Reason::Missing,
        Reason::Size,
        Reason::Newer,
        Reason::TimeUnclear,
        Reason::Etag,
        Reason::Checksum,
        Reason::Metadata,
        Reason::Changed,
        Reason::Always,
        Reason::Suspect,
    ];

    /// The reason in people's words.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Missing => "missing",
            Reason::Size => "with another size",
            Reason::Newer => "newer at the source",
            Reason::TimeUnclear => "written within the same second",
            Reason::Etag => "with another ETag",
            Reason::Checksum => "with another checksum",
            Reason::Metadata => "with other metadata",
            Reason::Changed => "changed since they were listed",
            Reason::Always => "copied because compare is always",
            Reason::Suspect => "with wrong bytes left by an earlier copy",
        }
    }
}

/// How many objects were decided to be copied, by reason.
#[derive(Debug, Default)]
pub struct CopyReasons([AtomicU64; Reason::ALL.len()]);

impl CopyReasons {
    /// Objects that are copied for this reason.
    pub fn count(&self, reason: Reason) -> u64 {
        self.0[reason as usize].load(Relaxed)
    }

    /// Counts one more.
    pub(crate) fn add(&self, reason: Reason) {
        self.0[reason as usize].fetch_add(1, Relaxed);
    }
}

/// What was found the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Same {
    /// The sizes, and nothing else was asked for.
    Size,
    /// The sizes, and the destination is not older.
    Time,
    /// The entity tags, which mean the same.
    Etag,
    /// The checksums.
    Checksum,
}

/// What a task asks for and what its stores' tags mean: constant over a run.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// How two objects of one key are compared.
    pub compare: Compare,
    /// Whether the destination loses what the source does not have.
    pub delete: bool,
    /// What the source's entity tags mean.
    pub source: EtagMeaning,
    /// What the destination's entity tags mean.
    pub destination: EtagMeaning,
}

impl Policy {
    /// Decides a pair.
    pub fn decide(&self, pair: &Pair) -> Decision {
        match pair {
            Pair::Source(_) => Decision::Copy(Reason::Missing),
            Pair::Destination(_) | Pair::Blocking(_) if self.delete => Decision::Delete,
            Pair::Unjudged(ListingSide::Source, _) => Decision::NotJudged,
            Pair::Destination(_) | Pair::Blocking(_) | Pair::Unjudged(..) | Pair::Unlisted(..) => Decision::Leave,
            Pair::Both(source, destination) => self.compare(source, destination),
        }
    }

    fn compare(&self, source: &Entry, destination: &Entry) -> Decision {
        if self.compare == Compare::Always {
            return Decision::Copy(Reason::Always);
        }
        if source.size != destination.size {
            // A copy makes the destination younger. Sizes that differ all the same may be the listing's fault.
            let is_younger = by_time(source, destination) == Decision::Skip(Same::Time);
            return if is_younger { Decision::VerifySize } else { Decision::Copy(Reason::Size) };
        }
        let by_etag = || match self.same_etag(source, destination) {
            Some(true) => Some(Decision::Skip(Same::Etag)),
            Some(false) if by_time(source, destination) == Decision::Skip(Same::Time) => Some(Decision::VerifyEtag),
            Some(false) => Some(Decision::Copy(Reason::Etag)),
            None => None,
        };
        match self.compare {
            Compare::Size => Decision::Skip(Same::Size),
            Compare::SizeMtime => by_time(source, destination),
            Compare::Checksum => by_etag().unwrap_or(Decision::NeedsChecksum),
            Compare::Auto | Compare::Etag | Compare::Always => {
                by_etag().unwrap_or_else(|| by_time(source, destination))
            }
        }
    }

    /// Whether the entity tags are the same; `None` where they do not mean the same.
    ///
    /// Two MD5s do, on stores whose plain tags are MD5s. Two multipart tags do where both are made of
    /// the parts' MD5s and the parts are equal in number. (Parts equal in number but not in size make
    /// different tags of the same bytes: such an object is copied once, with the source's own parts.)
    pub fn same_etag(&self, source: &Entry, destination: &Entry) -> Option<bool> {
        self.source.compare(source.etag.as_ref()?, self.destination, destination.etag.as_ref()?)
    }

    /// Whether the decision was made by size and time though the task asked for entity tags.
    pub fn fell_back(&self, decision: Decision) -> bool {
        let by_time =
            matches!(decision, Decision::Copy(Reason::Newer | Reason::TimeUnclear) | Decision::Skip(Same::Time));
        self.compare == Compare::Etag && by_time
    }
}

/// Decides two objects of equal size by their times.
///
/// Most stores report whole seconds: within one second it is unknown
/// which of two writes came later. Then the object is copied, which can only cost a copy; the copy is
/// younger, so this does not repeat. Times that are equal to the last digit were carried over from
/// the source, by a destination that keeps them.
pub fn by_time(source: &Entry, destination: &Entry) -> Decision {
    let (ours, theirs) = (source.modified, destination.modified);
    if ours == theirs {
        return Decision::Skip(Same::Time);
    }
    let coarse = ours.is_whole_second() || theirs.is_whole_second();
    if coarse && ours.as_secs() == theirs.as_secs() {
        return Decision::Copy(Reason::TimeUnclear);
    }
    if ours > theirs { Decision::Copy(Reason::Newer) } else { Decision::Skip(Same::Time) }
}

#[cfg(test)]
mod tests;
