//! Compares two objects of one key: reads both until neither changes, and lists all differences.

use std::sync::Arc;

use control::Effort;
use serde::{Deserialize, Serialize};
use shared::object::{Entry, ObjectInfo, Pin};
use shared::store::Store;
use shared::{Error, ErrorKind};

use finder::Pair;
use shared::describe::Describer;

use super::content::{self, Both, Means, Version};

/// Looks at a pair that differs: one that is written to under each of them is reported as written to.
const LOOKS: u32 = 4;

/// Both stores, and how they are compared.
#[derive(Debug, Clone)]
pub struct VerifiedStores {
    /// Where objects come from.
    pub source: Store,
    /// Where they went.
    pub destination: Store,
    /// How much may be read.
    pub effort: Effort,
    /// What compares headers, user metadata and tags; nothing where either side keeps none.
    pub describer: Option<Arc<Describer>>,
}

/// In what two sides differ under one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DifferenceKind {
    /// The destination has no such object.
    Missing,
    /// The source has no such object.
    Extra,
    /// The sizes.
    Size,
    /// The bytes.
    Content,
    /// A header, user metadata or a tag.
    Metadata,
    /// One side could not be read.
    Unreadable,
    /// It is written to all the time: it may or may not differ.
    Changing,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairDifference {
    /// Of which kind.
    pub kind: DifferenceKind,
    /// In words.
    pub what: String,
}

/// How a comparison ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PairVerdict {
    /// By what the bytes were compared; nothing where one side has no such object, or it could not be read.
    pub means: Option<Means>,
    /// What differs.
    pub differences: Vec<PairDifference>,
}

impl PairVerdict {
    fn one(kind: DifferenceKind, what: impl Into<String>) -> Self {
        PairVerdict { means: None, differences: vec![PairDifference { kind, what: what.into() }] }
    }
}

/// One side's object, as it was last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    size: u64,
    modified_s: i64,
    pin: Pin,
}

impl From<&Entry> for Seen {
    fn from(entry: &Entry) -> Seen {
        let pin = Pin { etag: entry.etag.clone(), version: entry.version.clone() };
        Seen { size: entry.size, modified_s: entry.modified.as_secs(), pin }
    }
}

impl From<&ObjectInfo> for Seen {
    fn from(info: &ObjectInfo) -> Seen {
        Seen { size: info.size, modified_s: info.modified.as_secs(), pin: info.pin() }
    }
}

/// The objects of one key on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Look {
    source: Option<Seen>,
    destination: Option<Seen>,
}

/// Compares what was listed under one key. A listing is some time old, and objects are written beside
/// it: what differs is looked at again, until it was the same at two looks. What cannot be read
/// differs, with the error: one object never stops the verification.
pub async fn compare(sides: &VerifiedStores, pair: &Pair) -> PairVerdict {
    if let Pair::Unlisted(side, unlisted) = pair {
        return PairVerdict::one(
            DifferenceKind::Unreadable,
            format!("{} cannot be listed: {}", side.as_str(), unlisted.reason),
        );
    }
    let key = pair.key();
    let mut seen = Look { source: pair.source().map(Seen::from), destination: pair.destination().map(Seen::from) };
    for _ in 0..LOOKS {
        let verdict = at(sides, key, &seen).await;
        if let Ok(verdict) = &verdict
            && verdict.differences.is_empty()
        {
            return verdict.clone();
        }
        let now = match look(sides, key).await {
            Ok(now) => now,
            Err(error) => return unreadable(&error),
        };
        if is_still(&seen, &now) {
            return verdict.unwrap_or_else(|error| unreadable(&error));
        }
        seen = now;
    }
    PairVerdict::one(DifferenceKind::Changing, "changed during every comparison")
}

fn unreadable(error: &Error) -> PairVerdict {
    PairVerdict::one(DifferenceKind::Unreadable, format!("could not be compared: {error}"))
}

/// Whether both sides are as they were. A listing need not name the version that a HEAD names.
fn is_still(before: &Look, now: &Look) -> bool {
    let same = |before: &Option<Seen>, now: &Option<Seen>| match (before, now) {
        (Some(a), Some(b)) => {
            let version = a.pin.version.is_none() || a.pin.version == b.pin.version;
            a.size == b.size && a.modified_s == b.modified_s && a.pin.etag == b.pin.etag && version
        }
        (None, None) => true,
        _ => false,
    };
    same(&before.source, &now.source) && same(&before.destination, &now.destination)
}

async fn look(sides: &VerifiedStores, key: &str) -> Result<Look, Error> {
    let any = Pin::default();
    let (source, destination) = tokio::join!(sides.source.head(key, &any), sides.destination.head(key, &any));
    let seen = |info: Result<ObjectInfo, Error>| match info {
        Ok(info) => Ok(Some(Seen::from(&info))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    Ok(Look { source: seen(source)?, destination: seen(destination)? })
}

/// Compares what was seen.
async fn at(sides: &VerifiedStores, key: &str, seen: &Look) -> Result<PairVerdict, Error> {
    let (ours, theirs) = match (&seen.source, &seen.destination) {
        (Some(ours), Some(theirs)) => (ours, theirs),
        (Some(_), None) => return Ok(PairVerdict::one(DifferenceKind::Missing, "missing at the destination")),
        (None, Some(_)) => return Ok(PairVerdict::one(DifferenceKind::Extra, "missing at the source")),
        (None, None) => return Ok(PairVerdict::default()),
    };
    let mut verdict = PairVerdict::default();
    if ours.size != theirs.size {
        let what = format!("size: {} at the source, {} at the destination", ours.size, theirs.size);
        verdict = PairVerdict { means: Some(Means::Size), ..PairVerdict::one(DifferenceKind::Size, what) };
    }
    let both = Both {
        source: Version { store: &sides.source, key, pin: &ours.pin, size: ours.size },
        destination: Version { store: &sides.destination, key, pin: &theirs.pin, size: theirs.size },
    };
    if sides.effort == Effort::Quick && verdict.differences.is_empty() && both.has_equal_tags() {
        return Ok(PairVerdict { means: Some(Means::Etag), ..PairVerdict::default() });
    }
    let infos = tokio::try_join!(sides.source.head(key, &ours.pin), sides.destination.head(key, &theirs.pin))?;
    if verdict.differences.is_empty() {
        let (means, same) = content::compare(both, (&infos.0, &infos.1), sides.effort).await?;
        verdict.means = Some(means);
        if !same {
            let what = if means == Means::Bytes { "the bytes differ".to_owned() } else { format!("{means} differs") };
            verdict.differences.push(PairDifference { kind: DifferenceKind::Content, what });
        }
    }
    if let Some(describer) = &sides.describer {
        let found = describer.differences(key, &infos.0, &infos.1).await?;
        verdict
            .differences
            .extend(found.iter().map(|d| PairDifference { kind: DifferenceKind::Metadata, what: d.to_string() }));
    }
    Ok(verdict)
}

#[cfg(test)]
mod tests;
