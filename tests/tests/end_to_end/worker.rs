//! A worker in this process, on an embedded queue and ledger, between buckets whose requests are
//! counted and broken.

mod close;
mod jobs;
mod stage;
mod uploads;
