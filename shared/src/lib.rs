//! Flotilla's terms, its job format, and the ports (store, queue, ledger, tasks, fleet).
//!
//! `finder` and `worker` both build on this crate and never on each other: the [job] format is
//! their only contract, with the bodies of each kind ([objects]). The crate `adapters`, which also builds on this
//! one, talks to services.
//!
//! Reading order: [location] and [object] (the data), [job] (the messages on the queue), [store], [queue],
//! [ledger], [tasks], [fleet] (the ports), [retry] and [error] (the meaning of failures), then [config].

pub mod acl;
pub mod config;
pub mod controller;
pub mod describe;
pub mod digest;
pub mod error;
pub mod event;
pub mod filter;
pub mod finding;
pub mod fleet;
pub mod job;
pub mod ledger;
pub mod limits;
pub mod location;
pub mod metadata;
pub mod metrics;
pub mod notify;
pub mod object;
pub mod objects;
pub mod provider;
pub mod queue;
pub mod report;
pub mod retry;
pub mod rfc2047;
pub mod schedule;
pub mod signals;
pub mod store;
pub mod sync;
pub mod tasks;
pub mod telemetry;
pub mod terminal;
pub mod zlib;

pub use error::{Error, ErrorKind, Result};

/// Version, commit (of release builds, where git or the packager names it) and target, as `--version` prints them.
pub const VERSION: &str = env!("FLOTILLA_VERSION");
