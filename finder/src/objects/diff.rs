//! The merge-join of two ordered listings, as steps over pages.
//!
//! Architecture invariant: no I/O here, and no more in memory than the pages it was given.

mod blocking;

use std::cmp::Ordering;
use std::collections::VecDeque;

use shared::filter::{Filter, FilterVerdict};
use shared::object::Entry;
use shared::store::{KeyRange, Listed, Span, Unlisted};
use shared::{Error, ErrorKind, Result};

/// What both sides have under one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pair {
    /// Only the source has it.
    Source(Entry),
    /// Only the destination has it.
    Destination(Entry),
    /// Only the destination has it, and a key of the source may need its place: it is a file where that needs a folder,
    /// or the reverse.
    Blocking(Entry),
    /// Both have it: the source's, the destination's.
    Both(Entry, Entry),
    /// This side has it; whether the other has it is unknown: neither copied nor deleted.
    Unjudged(ListingSide, Entry),
    /// This side cannot list which of these keys it has. Comes once for each span, in the range in
    /// which the span begins.
    Unlisted(ListingSide, Unlisted),
}

/// What a filter makes of a pair.
pub fn judge(filter: &Filter, pair: &Pair) -> FilterVerdict {
    match pair {
        // The store has applied the rules; a folder's key says nothing of the keys below it.
        Pair::Unlisted(..) => FilterVerdict::Taken,
        _ => filter.judge(pair.key(), pair.source().map(|source| (source.size, source.modified))),
    }
}

impl Pair {
    /// The key.
    pub fn key(&self) -> &str {
        match self {
            Pair::Source(entry)
            | Pair::Destination(entry)
            | Pair::Blocking(entry)
            | Pair::Both(entry, _)
            | Pair::Unjudged(_, entry) => &entry.key,
            Pair::Unlisted(_, unlisted) => unlisted.position(),
        }
    }

    /// The source's entry.
    pub fn source(&self) -> Option<&Entry> {
        match self {
            Pair::Source(entry) | Pair::Both(entry, _) | Pair::Unjudged(ListingSide::Source, entry) => Some(entry),
            Pair::Destination(_) | Pair::Blocking(_) | Pair::Unjudged(..) | Pair::Unlisted(..) => None,
        }
    }

    /// The destination's entry.
    pub fn destination(&self) -> Option<&Entry> {
        match self {
            Pair::Destination(entry)
            | Pair::Blocking(entry)
            | Pair::Both(_, entry)
            | Pair::Unjudged(ListingSide::Destination, entry) => Some(entry),
            Pair::Source(_) | Pair::Unjudged(..) | Pair::Unlisted(..) => None,
        }
    }
}

/// One of the two listings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListingSide {
    /// Where objects come from.
    Source,
    /// Where they go.
    Destination,
}

impl ListingSide {
    /// The side as metrics and messages name it.
    pub fn as_str(self) -> &'static str {
        match self {
            ListingSide::Source => "source",
            ListingSide::Destination => "destination",
        }
    }
}

/// How far the pairs at hand are known to be complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frontier {
    /// A side must be given its next page first.
    NeedsPage(ListingSide),
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
    /// Of the source's keys that were taken, those that begin the last one, ascending: each begins the next.
    begun: Vec<String>,
}

#[derive(Debug, Default)]
struct Input {
    items: VecDeque<Item>,
    /// The position of the last item of the pages that were given, and whether it is an object.
    last_position: String,
    last_is_object: bool,
    /// The span that was given last: no object may lie in it.
    last_span: Option<Span>,
    /// The span that was taken last: the other side's keys in it cannot be judged.
    unknown: Option<Span>,
    ended: bool,
    /// [`Capabilities::has_folders`](shared::store::Capabilities).
    has_folders: bool,
}

/// An item of a listing.
#[derive(Debug)]
struct Item {
    /// The position of a span within the range: it may begin before the range.
    clamped: Option<String>,
    listed: Listed,
}

impl Item {
    fn position(&self) -> &str {
        self.clamped.as_deref().unwrap_or_else(|| self.listed.position())
    }
}

impl Input {
    fn next_position(&self) -> Option<&str> {
        self.items.front().map(Item::position)
    }

    fn next_is_span(&self) -> bool {
        self.items.front().is_some_and(|item| matches!(item.listed, Listed::Unlisted(_)))
    }

    fn take_object(&mut self) -> Option<Entry> {
        match self.items.pop_front()?.listed {
            Listed::Object(entry) => Some(entry),
            Listed::Unlisted(_) => None,
        }
    }

    fn is_unknown(&self, key: &str) -> bool {
        self.unknown.as_ref().is_some_and(|span| span.covers(key))
    }

    /// Whether a folder marker of the other side is here without being listed: something below it is,
    /// and it comes next.
    fn implies(&self, marker: &Entry) -> bool {
        let next = self.next_position();
        self.has_folders && is_marker(marker) && next.is_some_and(|next| next.starts_with(&marker.key))
    }
}

/// Whether an object stands for a folder and for nothing else.
fn is_marker(entry: &Entry) -> bool {
    entry.key.ends_with('/') && entry.size == 0
}

impl Merge {
    /// A join of two listings of `range` that have not begun.
    pub fn new(range: KeyRange) -> Self {
        Merge { range, source: Input::default(), destination: Input::default(), begun: Vec::new() }
    }

    /// With a property of a side: whether it [has folders](shared::store::Capabilities::has_folders).
    pub fn with_folders(mut self, side: ListingSide, has_folders: bool) -> Self {
        match side {
            ListingSide::Source => self.source.has_folders = has_folders,
            ListingSide::Destination => self.destination.has_folders = has_folders,
        }
        self
    }

    /// Takes a side's next page, or its end.
    pub fn give(&mut self, side: ListingSide, page: Option<Vec<Listed>>) -> Result<()> {
        let input = match side {
            ListingSide::Source => &mut self.source,
            ListingSide::Destination => &mut self.destination,
        };
        let Some(page) = page else {
            input.ended = true;
            return Ok(());
        };
        if let Some(key) = self.range.outside(keys(&page)) {
            return Err(corrupt(side, &format!("key {key:?} lies outside of {:?}", self.range)));
        }
        for listed in page {
            input.add(side, &self.range, listed)?;
        }
        if let Some(last) = input.items.back() {
            input.last_position = last.position().to_owned();
            input.last_is_object = matches!(last.listed, Listed::Object(_));
        }
        Ok(())
    }

    /// How far the pairs at hand are known to be complete.
    pub fn frontier(&self) -> Frontier {
        for (side, input) in [(ListingSide::Source, &self.source), (ListingSide::Destination, &self.destination)] {
            if input.items.is_empty() && !input.ended {
                return Frontier::NeedsPage(side);
            }
        }
        let (source, destination) = (self.source.items.back(), self.destination.items.back());
        // A side that has ended sets no bound; where both have, everything at hand is complete.
        let bounds = [(source, self.source.ended), (destination, self.destination.ended)];
        let open = bounds.iter().filter(|(_, ended)| !ended).filter_map(|(last, _)| *last).map(Item::position).min();
        let all = source.into_iter().chain(destination).map(Item::position).max();
        open.or(all).map_or(Frontier::End, |key| Frontier::Key(key.to_owned()))
    }

    /// Whether both listings have ended: no page is missing.
    pub fn has_ended(&self) -> bool {
        self.source.ended && self.destination.ended
    }

    /// A side that has no key beyond those that were taken.
    pub fn exhausted(&self) -> Option<ListingSide> {
        let is_exhausted = |input: &Input| input.ended && input.items.is_empty() && input.unknown.is_none();
        let sides = [(ListingSide::Source, &self.source), (ListingSide::Destination, &self.destination)];
        sides.into_iter().find(|(_, input)| is_exhausted(input)).map(|(side, _)| side)
    }

    /// Takes the pairs with keys up to and including `up_to`, which is not beyond the frontier.
    pub fn take(&mut self, up_to: &str) -> Vec<Pair> {
        let mut pairs = Vec::with_capacity(self.source.items.len().max(self.destination.items.len()));
        loop {
            let (order, next) = match (self.source.next_position(), self.destination.next_position()) {
                (None, None) => return pairs,
                (Some(source), None) => (Ordering::Less, source),
                (None, Some(destination)) => (Ordering::Greater, destination),
                (Some(source), Some(destination)) => match source.cmp(destination) {
                    Ordering::Greater => (Ordering::Greater, destination),
                    order => (order, source),
                },
            };
            if next > up_to {
                return pairs;
            }
            // A span comes before the keys at its position, which may lie in it.
            if order.is_le() && self.source.next_is_span() {
                pairs.extend(self.take_span(ListingSide::Source));
            } else if order.is_ge() && self.destination.next_is_span() {
                pairs.extend(self.take_span(ListingSide::Destination));
            } else {
                let source = if order.is_le() { self.source.take_object() } else { None };
                let destination = if order.is_ge() { self.destination.take_object() } else { None };
                if let Some(entry) = &source {
                    self.note_begun(&entry.key);
                }
                pairs.extend(self.pair(source, destination));
            }
        }
    }

    /// Takes a side's next item, a span. No pair if the span begins before the range: the range in which
    /// it begins has it.
    fn take_span(&mut self, side: ListingSide) -> Option<Pair> {
        let input = match side {
            ListingSide::Source => &mut self.source,
            ListingSide::Destination => &mut self.destination,
        };
        let Some(Item { listed: Listed::Unlisted(unlisted), .. }) = input.items.pop_front() else { return None };
        // A link or the like at the destination is in nobody's way: a copy replaces it, or fails by name.
        let hides = side == ListingSide::Source || unlisted.is_failure;
        input.unknown = hides.then(|| unlisted.keys.clone());
        let begins_here = self.range.after.as_deref().is_none_or(|after| after < unlisted.position());
        begins_here.then_some(Pair::Unlisted(side, unlisted))
    }

    fn pair(&self, source: Option<Entry>, destination: Option<Entry>) -> Option<Pair> {
        Some(match (source, destination) {
            (Some(source), Some(destination)) => self.both(source, destination),
            (Some(source), None) if self.destination.is_unknown(&source.key) => {
                Pair::Unjudged(ListingSide::Source, source)
            }
            (Some(source), None) if self.destination.implies(&source) => Pair::Both(source.clone(), source),
            (Some(source), None) => Pair::Source(source),
            (None, Some(entry)) if self.source.is_unknown(&entry.key) => {
                Pair::Unjudged(ListingSide::Destination, entry)
            }
            (None, Some(marker)) if self.source.implies(&marker) => Pair::Both(marker.clone(), marker),
            (None, Some(entry)) if self.may_block(&entry.key) => Pair::Blocking(entry),
            (None, destination) => Pair::Destination(destination?),
        })
    }
}

impl Input {
    /// Adds the next item of the listing.
    fn add(&mut self, side: ListingSide, range: &KeyRange, listed: Listed) -> Result<()> {
        let clamped = match &listed {
            Listed::Object(entry) => {
                self.check(side, &entry.key)?;
                None
            }
            Listed::Unlisted(unlisted) => {
                let begin = range.after.as_deref().unwrap_or_default().max(&range.prefix);
                let position = unlisted.position().max(begin);
                if position < self.last().0 {
                    let message = format!("{position:?} came after {:?}: not in byte order", self.last().0);
                    return Err(corrupt(side, &message));
                }
                self.last_span = Some(unlisted.keys.clone());
                Some(position.to_owned())
            }
        };
        self.items.push_back(Item { clamped, listed });
        Ok(())
    }

    /// The position of the last item, and whether it is an object.
    fn last(&self) -> (&str, bool) {
        match self.items.back() {
            Some(item) => (item.position(), matches!(item.listed, Listed::Object(_))),
            None => (&self.last_position, self.last_is_object),
        }
    }

    /// Whether an object may come next: in order, and in no span.
    fn check(&self, side: ListingSide, key: &str) -> Result<()> {
        let (last, is_object) = self.last();
        match key.cmp(last) {
            Ordering::Less => {
                return Err(corrupt(side, &format!("key {key:?} came after {last:?}: not in byte order")));
            }
            Ordering::Equal if is_object => return Err(corrupt(side, &format!("key {key:?} is listed twice"))),
            _ => {}
        }
        if self.last_span.as_ref().is_some_and(|span| span.covers(key)) {
            return Err(corrupt(side, &format!("key {key:?} lies in a folder that could not be read")));
        }
        Ok(())
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

/// The keys of a page's objects.
fn keys(page: &[Listed]) -> impl DoubleEndedIterator<Item = &str> {
    page.iter().filter_map(|listed| match listed {
        Listed::Object(entry) => Some(entry.key.as_str()),
        Listed::Unlisted(_) => None,
    })
}

fn corrupt(side: ListingSide, message: &str) -> Error {
    Error::new(ErrorKind::Corrupt, "list", side.as_str(), format!("the listing cannot be trusted: {message}"))
}

#[cfg(test)]
mod tests;
