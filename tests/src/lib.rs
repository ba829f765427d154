//! What Flotilla's tests share: real components started on free ports, and the conformance suites.

pub mod conformance;
pub mod emulators;
