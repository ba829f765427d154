//! The harness itself: emulators that start, serve and end, processes, and the proxy.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod architecture;
mod binaries;
mod cloud;
mod codes;
mod documents;
mod emulators;
mod modules;
mod proxy;
mod simulator;
mod sources;
mod words;
