//! Promises of the embedded adapters beyond their ports: crashes, sharing, faults of the disk.

#![allow(clippy::unwrap_used, reason = "tests")]

mod crash;
mod sharing;
mod trouble;
