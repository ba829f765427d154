//! Every adapter of every port against the port's contract.

mod ledger;
mod queue;
mod store;
