//! The finder: makes runs. A run compares the two locations of a task and enqueues the differences as jobs.
//!
//! [`run`] is the protocol of a run: claim, checkpoints, outbox, deletes that wait for the end of the listing. It knows
//! no kind of data. [`objects`] finds the differences between two object stores.
//!
//! Invariants: memory is bounded by pages in flight, never by the number of objects; nothing is
//! deleted unless both listings ended well; this crate knows no vendor and no adapter.

pub mod error;
pub mod objects;
pub mod planner;
pub mod run;

#[cfg(test)]
mod fakes;

pub use error::FindError;
pub use objects::diff::Pair;
pub use objects::pairs::pairs;
pub use objects::plan::{Plan, PlanProgress, go_on, plan};
pub use objects::planner::ObjectsPlanner;
pub use objects::price;
pub use objects::retry::RetryPlanner;
pub use planner::{Planned, Planner};
pub use run::progress::Progress;
pub use run::{Finder, RunRequest};
