//! Every adapter of every port against the port's contract.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod backends;
mod cloud;
mod creation;
mod event_rule;
mod event_run;
mod events_claim;
mod fleet;
mod gateway;
mod group;
mod ledger;
mod limited;
mod notices;
mod packed_outcomes;
mod queue;
mod store;
mod task_events;
mod task_queues;
mod task_records;
mod tasks;
mod upload_log;
