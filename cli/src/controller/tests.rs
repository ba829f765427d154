//! Passes over the embedded queues and ledger, with a group and a receiver of notices that tests look into.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod deletion;
mod events;
mod faults;
mod kills;
mod machines;
mod metrics;
mod notices;
mod runs;
mod stage;
mod waiting;
