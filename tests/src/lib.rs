//! What Flotilla's tests share: real components started on free ports, an object store in this process
//! that takes on vendors' limits, the built programs, a proxy that counts and breaks requests, and the
//! conformance suites.

pub mod binaries;
pub mod cloud;
pub mod conformance;
pub mod emulators;
pub mod group;
pub mod keys;
pub mod metadata;
pub mod meter;
pub mod probe;
pub mod proxy;
pub mod scale;
mod server;
pub mod short_delays;
pub mod simulator;
pub mod sources;
pub mod stage;
pub mod tls;
