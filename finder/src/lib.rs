//! The finder: lists both sides, joins them, decides what differs, and enqueues it as jobs.
//!
//! ```text
//! listing → diff → filter, policy → pack → journal (checkpoint, then send)
//! ```
//!
//! [`diff`], [`shared::filter`], [`policy`], [`pack`] and [`ranges`] are functions over values, without I/O.
//! [`walk`] drives them over both stores, several key ranges at once; what it makes goes to a
//! [`journal`]. [`Finder::run`] gives it one that writes to ledger and queue, [`plan()`] one that only
//! counts: a dry run takes the very path that a run takes. [`pairs()`] is the joined listing alone.
//!
//! Invariants: memory is bounded by pages in flight, never by the number of objects; nothing is
//! deleted unless both listings ended well; this crate knows no vendor and no adapter.

pub mod claim;
pub mod compare;
pub mod diff;
pub mod error;
pub mod journal;
pub mod listing;
pub mod pack;
pub mod pairs;
pub mod plan;
pub mod policy;
pub mod price;
pub mod progress;
pub mod ranges;
pub mod run;
pub mod walk;

#[cfg(test)]
mod fakes;

pub use diff::Pair;
pub use error::FindError;
pub use pairs::pairs;
pub use plan::{Plan, plan};
pub use progress::Progress;
pub use run::Finder;
