//! The real programs on real components, from the command line to the last byte.

mod fidelity;
mod fleet;
mod local;
mod support;
mod worker;
