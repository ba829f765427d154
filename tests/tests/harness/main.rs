//! The harness itself: emulators that start, serve and end, processes, and the proxy.

mod binaries;
mod cloud;
mod documents;
mod emulators;
mod proxy;
