//! One suite per port; every adapter runs it.

pub mod fleet;
pub mod ledger;
pub mod queue;
pub mod store;
