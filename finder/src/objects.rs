//! The kind `objects`: the jobs that make one object store's keys equal to another's.
//!
//! ```text
//! listing → diff → filter, policy → pack → journal (checkpoint, then send)
//! ```
//!
//! [`diff`], [`shared::filter`], [`policy`], [`pack`] and [`ranges`] are functions over values, without I/O.
//! [`walk`] drives them over both stores, several key ranges at once, and gives the jobs to a journal. A run's journal
//! writes to ledger and queue. [`plan`]'s journal only counts: a dry run takes the same path as a run. [`pairs`] is the
//! joined listing alone.

pub mod compare;
pub mod deletes;
pub mod diff;
pub mod listing;
pub mod pack;
pub mod pairs;
pub mod plan;
pub mod planner;
pub mod policy;
pub mod price;
pub mod ranges;
pub mod retry;
pub mod walk;
