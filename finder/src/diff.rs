//! The merge-join of two ordered listings, as steps over pages.
//!
//! Architecture invariant: no I/O here, and no more in memory than the pages it was given.

use std::collections::VecDeque;

use shared::filter::{Filter, Verdict};
use shared::object::Entry;
use shared::store::KeyRange;
use shared::{Error, ErrorKind, Result};

/// What both sides have under one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pair {
    /// Only the source has it.
    Source(Entry),
    /// Only the destination has it.
    Destination(Entry),
    /// Both have it: the source's, the destination's.
    Both(Entry, Entry),
}

/// What a filter makes of a pair.
pub fn judge(filter: &Filter, pair: &Pair) -> Verdict {
    filter.judge(pair.key(), pair.source().map(|source| (source.size, source.modified)))
}

impl Pair {
    /// The key.
    pub fn key(&self) -> &str {
        match self {
            Pair::Source(entry) | Pair::Destination(entry) | Pair::Both(entry, _) => &entry.key,
        }
    }

    /// The source's entry.
    pub fn source(&self) -> Option<&Entry> {
        match self {
            Pair::Source(entry) | Pair::Both(entry, _) => Some(entry),
            Pair::Destination(_) => None,
        }
    }

    /// The destination's entry.
    pub fn destination(&self) -> Option<&Entry> {
        match self {
            Pair::Destination(entry) | Pair::Both(_, entry) => Some(entry),
            Pair::Source(_) => None,
        }
    }
}

/// One of the two listings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Where objects come from.
    Source,
    /// Where they go.
    Destination,
}

impl Side {
    /// The side as metrics and messages name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Side::Source => "source",
            Side::Destination => "destination",
        }
    }
}

/// How far the pairs at hand are known to be complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frontier {
    /// A side must be given its next page first.
    Hungry(Side),
    /// All pairs up to and including this key are at hand.
    Key(String),
    /// Both listings have ended and everything was taken.
    End,
}

/// The join of the listings of one key range.
///
/// It does not trust them: a key that is out of order, repeated, or outside of the range ends it in
/// `Corrupt`, for a pair formed on such a listing could copy or delete what is in sync.
#[derive(Debug)]
pub struct Merge {
    range: KeyRange,
    source: Input,
    destination: Input,
}

#[derive(Debug, Default)]
struct Input {
    entries: VecDeque<Entry>,
    last: Option<String>,
    ended: bool,
    /// [`Capabilities::has_folders`](shared::store::Capabilities).
    has_folders: bool,
}

impl Input {
    /// Whether a folder marker of the other side is held here without being listed: something below it is,
    /// and it comes next.
    fn implies(&self, marker: &Entry) -> bool {
        let next = self.entries.front();
        self.has_folders && is_marker(marker) && next.is_some_and(|next| next.key.starts_with(&marker.key))
    }
}

/// Whether an object stands for a folder and for nothing else.
fn is_marker(entry: &Entry) -> bool {
    entry.key.ends_with('/') && entry.size == 0
}

impl Merge {
    /// A join of two listings of `range` that have not begun.
    pub fn new(range: KeyRange) -> Self {
        Merge { range, source: Input::default(), destination: Input::default() }
    }

    /// With what is known of a side: whether it [has folders](shared::store::Capabilities::has_folders).
    pub fn with_folders(mut self, side: Side, has_folders: bool) -> Self {
        match side {
            Side::Source => self.source.has_folders = has_folders,
            Side::Destination => self.destination.has_folders = has_folders,
        }
        self
    }

    /// Takes a side's next page, or its end.
    pub fn give(&mut self, side: Side, page: Option<Vec<Entry>>) -> Result<()> {
        let input = match side {
            Side::Source => &mut self.source,
            Side::Destination => &mut self.destination,
        };
        let Some(page) = page else {
            input.ended = true;
            return Ok(());
        };
        for entry in &page {
            if let Some(last) = input.last.as_deref().filter(|last| *last >= entry.key.as_str()) {
                return Err(corrupt(side, &format!("key {:?} came after {last:?}: not in byte order", entry.key)));
            }
            if !self.range.contains(&entry.key) {
                return Err(corrupt(side, &format!("key {:?} lies outside of {:?}", entry.key, self.range)));
            }
            input.last = Some(entry.key.clone());
        }
        input.entries.extend(page);
        Ok(())
    }

    /// How far the pairs at hand are known to be complete.
    pub fn frontier(&self) -> Frontier {
        for (side, input) in [(Side::Source, &self.source), (Side::Destination, &self.destination)] {
            if input.entries.is_empty() && !input.ended {
                return Frontier::Hungry(side);
            }
        }
        let (source, destination) = (self.source.entries.back(), self.destination.entries.back());
        // A side that has ended sets no bound; where both have, everything at hand is complete.
        let bounds = [(source, self.source.ended), (destination, self.destination.ended)];
        let open = bounds.iter().filter(|(_, ended)| !ended).filter_map(|(last, _)| *last).map(|e| &e.key).min();
        let all = source.into_iter().chain(destination).map(|e| &e.key).max();
        open.or(all).map_or(Frontier::End, |key| Frontier::Key(key.clone()))
    }

    /// Whether both listings have ended: what is at hand is all that is left.
    pub fn has_ended(&self) -> bool {
        self.source.ended && self.destination.ended
    }

    /// Takes the pairs with keys up to and including `up_to`, which is not beyond the frontier.
    pub fn take(&mut self, up_to: &str) -> Vec<Pair> {
        let mut pairs = Vec::with_capacity(self.source.entries.len().max(self.destination.entries.len()));
        loop {
            let key = |input: &Input| input.entries.front().map(|e| e.key.as_str() <= up_to);
            let source = key(&self.source) == Some(true);
            let destination = key(&self.destination) == Some(true);
            let order = match (source, destination) {
                (false, false) => return pairs,
                (true, false) => std::cmp::Ordering::Less,
                (false, true) => std::cmp::Ordering::Greater,
                (true, true) => self.source.entries[0].key.cmp(&self.destination.entries[0].key),
            };
            let source = if order.is_le() { self.source.entries.pop_front() } else { None };
            let destination = if order.is_ge() { self.destination.entries.pop_front() } else { None };
            pairs.extend(match (source, destination) {
                (Some(source), Some(destination)) => Some(self.both(source, destination)),
                (Some(source), None) if self.destination.implies(&source) => Some(Pair::Both(source.clone(), source)),
                (Some(source), None) => Some(Pair::Source(source)),
                (None, Some(marker)) if self.source.implies(&marker) => Some(Pair::Both(marker.clone(), marker)),
                (None, destination) => destination.map(Pair::Destination),
            });
        }
    }
}

impl Merge {
    /// Both sides' entries. A folder's time is not its marker's, so of two markers of which one is a
    /// folder neither is newer.
    fn both(&self, source: Entry, mut destination: Entry) -> Pair {
        let is_folder = self.source.has_folders || self.destination.has_folders;
        if is_folder && is_marker(&source) && is_marker(&destination) {
            destination.modified = source.modified;
        }
        Pair::Both(source, destination)
    }
}

fn corrupt(side: Side, message: &str) -> Error {
    Error::new(ErrorKind::Corrupt, "list", side.as_str(), format!("the listing cannot be trusted: {message}"))
}

#[cfg(test)]
mod tests;
