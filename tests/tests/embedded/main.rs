//! What the embedded adapters promise beyond their ports: crashes, sharing, and trouble with the disk.

#![allow(clippy::unwrap_used, reason = "tests")]

mod crash;
mod sharing;
mod trouble;
