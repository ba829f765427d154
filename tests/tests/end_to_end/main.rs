//! The real programs on real components, from the command line to the last byte.

mod fleet;
mod functions;
mod local;
mod subscription;
mod support;
mod worker;
