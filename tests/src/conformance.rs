//! One suite per port; every adapter runs it.

pub mod ledger;
pub mod queue;
pub mod store;
