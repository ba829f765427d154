//! The key space cut into ranges that are listed at once, and cut further while they are.
//!
//! One flat prefix of a billion keys lists as fast as a deep tree: a lister that has nothing to do
//! takes the tail of the range that seems to have most left. Where the keys lie is unknown, so the
//! cut is a guess; a wrong one costs one empty page a side, and the next guess starts from there.
//!
//! Every key belongs to exactly one range, whatever the cuts: a range's end only ever shrinks, to a
//! key not before its cursor, and [`Tiling::advance`] moves the cursor never beyond the end. Both
//! happen under the one lock around the [`Tiling`].
//!
//! Architecture invariant: no I/O here.

pub mod middle;

use std::collections::BTreeMap;

use shared::ledger::Checkpoint;
use shared::store::KeyRange;

use crate::objects::diff::ListingSide;
use middle::{beyond, middle, share_left};

/// Most ranges that cuts may lead to in one run: bounds the checkpoints that a resumed run reads.
pub const MAX_RANGES: usize = 1_000;

/// A range that seems to have fewer keys than this is not cut: two pages, which is no more than the
/// cut itself costs.
const MIN_KEYS: f64 = 2_000.0;

/// Cuts of one range between two of its pages. Some, so that a guess can be mended while the page is
/// on its way; few, so that the last range of a run does not end in a swarm of empty ones.
const CUTS_PER_PAGE: u32 = 4;

/// One cut for so many keys that were met. A cut in a wrong place costs an empty page of each side, so at most some
/// percent of all pages are empty; a listing of a few thousand keys has no cut.
const KEYS_PER_CUT: u64 = 4_000;

#[cfg(test)]
thread_local! {
    /// Whether this thread's tests cut listings of some dozen keys too.
    pub static CUTS_SHORT_LISTINGS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// [`KEYS_PER_CUT`] and [`MIN_KEYS`].
fn limits() -> (u64, f64) {
    #[cfg(test)]
    if CUTS_SHORT_LISTINGS.get() {
        return (1, 2.0);
    }
    (KEYS_PER_CUT, MIN_KEYS)
}

/// The ranges of a run.
#[derive(Debug, Default)]
pub struct Tiling {
    open: BTreeMap<u32, Tile>,
    next_id: u32,
    /// Keys that were met, and cuts.
    keys: u64,
    cuts: u64,
}

/// A range that is being listed.
#[derive(Debug)]
struct Tile {
    prefix: String,
    /// The last key of the range, inclusive; `None`: to the prefix's end.
    end: Option<String>,
    /// All keys up to here are taken.
    cursor: Option<String>,
    /// The first key that was met, and how many since: together with the cursor, how dense they lie.
    first: String,
    keys: u64,
    pages: u32,
    cuts: u32,
    exhausted: Option<ListingSide>,
}

/// A range to be listed: where it stands, and where it ends at present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// Its number, beginning, cursor and counters.
    pub checkpoint: Checkpoint,
    /// Its last key, inclusive; `None`: to the prefix's end.
    pub end: Option<String>,
    /// A side that has no key in the range: the listing of the range that this one was cut from has ended there. A
    /// resumed run lists both sides.
    pub exhausted: Option<ListingSide>,
}

impl Start {
    /// The keys of the range that are not listed yet.
    pub fn remaining(&self) -> KeyRange {
        let range = &self.checkpoint.range;
        KeyRange {
            prefix: range.prefix.clone(),
            after: self.checkpoint.cursor.clone().or_else(|| range.after.clone()),
            // The string that follows `end` in byte order.
            until: self.end.as_ref().map(|end| format!("{end}\0")),
        }
    }
}

impl Tiling {
    /// The ranges that are left to list: one for each prefix in a new run; in a resumed one what its
    /// checkpoints leave. A range ends where the next begins, so a cut whose range never got its first
    /// checkpoint was never made. `prefixes` are sorted, none inside another.
    pub fn resume(prefixes: &[String], checkpoints: Vec<Checkpoint>) -> (Tiling, Vec<Start>) {
        let last_id = checkpoints.iter().map(|c| c.id + 1).max().unwrap_or(0);
        let next_id = last_id.max(prefixes.len() as u32);
        let mut by_prefix: BTreeMap<String, BTreeMap<Option<String>, Checkpoint>> = BTreeMap::new();
        for checkpoint in checkpoints {
            let KeyRange { prefix, after, .. } = checkpoint.range.clone();
            by_prefix.entry(prefix).or_default().insert(after, checkpoint);
        }
        let mut starts = Vec::new();
        for (id, prefix) in (0..).zip(prefixes) {
            let mut ranges = by_prefix.remove(prefix).unwrap_or_default();
            let range = KeyRange { prefix: prefix.clone(), ..KeyRange::default() };
            ranges.entry(None).or_insert_with(|| Checkpoint { id, range, ..Checkpoint::default() });
            let ends: Vec<_> = ranges.keys().skip(1).cloned().chain([None]).collect();
            starts.extend(ranges.into_values().zip(ends).map(|(checkpoint, end)| Start {
                checkpoint,
                end,
                exhausted: None,
            }));
        }
        starts.retain(|start| !start.checkpoint.done);
        (Tiling { next_id, ..Tiling::default() }, starts)
    }

    /// A range's listing begins.
    pub fn open(&mut self, start: &Start) {
        let tile = Tile {
            prefix: start.checkpoint.range.prefix.clone(),
            end: start.end.clone(),
            cursor: start.checkpoint.cursor.clone(),
            first: String::new(),
            keys: 0,
            pages: 0,
            cuts: 0,
            exhausted: start.exhausted,
        };
        self.open.insert(start.checkpoint.id, tile);
    }

    /// A range's listing has ended.
    pub fn close(&mut self, id: u32) {
        self.open.remove(&id);
    }

    /// Takes all keys up to `frontier` for the range, but none beyond its end, which is returned.
    pub fn advance(&mut self, id: u32, frontier: &str) -> Option<String> {
        let tile = self.open.get_mut(&id)?;
        let within = tile.end.as_deref().map_or(frontier, |end| end.min(frontier));
        tile.cursor = Some(within.to_owned());
        tile.cuts = 0;
        tile.end.clone()
    }

    /// So many keys were met, of which this one came first. `exhausted`: a side that has no key beyond them.
    pub fn met(&mut self, id: u32, first: &str, keys: usize, exhausted: Option<ListingSide>) {
        self.keys += keys as u64;
        if let Some(tile) = self.open.get_mut(&id) {
            if tile.keys == 0 {
                first.clone_into(&mut tile.first);
            }
            tile.keys += keys as u64;
            tile.pages += 1;
            tile.exhausted = tile.exhausted.or(exhausted);
        }
    }

    /// Cuts the range that seems to have most left. The tail becomes a new range, not yet open; it must
    /// be recorded before it is listed, and before the range it was cut from is recorded as done.
    pub fn cut(&mut self) -> Option<Start> {
        let (keys_per_cut, min_keys) = limits();
        if self.next_id as usize >= MAX_RANGES || self.cuts * keys_per_cut >= self.keys {
            return None;
        }
        let mut candidates: Vec<(f64, u32)> = self
            .open
            .iter()
            .filter(|(_, tile)| tile.cuts < CUTS_PER_PAGE)
            .map(|(id, tile)| (tile.keys_left(), *id))
            .filter(|(keys, _)| *keys >= min_keys)
            .collect();
        candidates.sort_by(|a, b| b.0.total_cmp(&a.0));
        candidates.into_iter().find_map(|(_, id)| self.cut_one(id))
    }

    fn cut_one(&mut self, id: u32) -> Option<Start> {
        let tile = self.open.get_mut(&id)?;
        let cursor = tile.cursor.as_deref()?;
        let at = match &tile.end {
            None => beyond(&tile.prefix, &tile.first, cursor).or_else(|| middle(&tile.prefix, cursor, None)),
            end => middle(&tile.prefix, cursor, end.as_deref()),
        }?;
        debug_assert!(cursor < at.as_str() && tile.end.as_deref().is_none_or(|end| at.as_str() < end));
        let range = KeyRange { prefix: tile.prefix.clone(), after: Some(at.clone()), until: None };
        let end = tile.end.replace(at);
        tile.cuts += 1;
        let checkpoint = Checkpoint { id: self.next_id, version: 1, range, ..Checkpoint::default() };
        let exhausted = tile.exhausted;
        self.next_id += 1;
        self.cuts += 1;
        Some(Start { checkpoint, end, exhausted })
    }
}

impl Tile {
    /// An estimate of the number of keys that are left, from the density of the keys so far. 0 for a range that has
    /// met at most one page: most of these ranges are at their end.
    fn keys_left(&self) -> f64 {
        match &self.cursor {
            Some(cursor) if self.pages > 1 => {
                self.keys as f64 * share_left(&self.prefix, &self.first, cursor, self.end.as_deref())
            }
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests;
