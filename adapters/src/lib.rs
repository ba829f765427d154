//! Adapters to services: object stores, queues, ledgers, tasks, fleets; and [`open`], the only module that makes ports
//! from a configuration.
//!
//! Each module implements a port of `shared` for one service; the port's documentation is its contract. SDK
//! types never leave this crate.

pub mod aws;
pub mod event_rule;
pub mod fleet;
pub mod ledger;
pub mod notify;
pub mod open;
pub mod queue;
pub mod self_test;
pub mod sqlite;
pub mod store;
pub mod tasks;
pub mod web;
