//! Faults of stores, for each remote call, and the end of a sync that meets them.

mod bulk_deletes;
mod early_tags;
mod integrity;
mod judging;
mod matrix;
mod one_object;
mod outage;
mod parts;
mod planned;
mod redelivered;
mod reported_twice;
mod rotation;
mod stage;
mod throttling;
mod two_workers;
