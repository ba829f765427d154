//! A worker in this process, and the records that it works by.

use std::sync::Arc;

use shared::config::Work;
use shared::fleet::solo::Solo;
use shared::ledger::{Ledger, RunOptions, RunStart};
use shared::object::Timestamp;
use shared::objects::UploadLog;
use shared::queue::Queue;
use shared::store::Store;
use shared::telemetry::endpoint::Health;
use worker::{Follow, Worker};

/// The task of all tests of one worker.
pub const TASK: &str = "task";

/// Its run.
pub const RUN: &str = "run";

/// A worker of [`TASK`] on a machine of its own that follows no events and never gives up. Tests change its fields.
pub fn worker(
    (source, destination): (Store, Store),
    queue: Queue,
    ledger: Arc<impl Ledger + UploadLog>,
    options: Work,
) -> Worker {
    Worker {
        task: TASK.into(),
        name: "worker".into(),
        source,
        destination,
        queue,
        events: None,
        upload_log: ledger.clone(),
        ledger,
        fleet: Arc::new(Solo),
        options,
        follow: Follow::alone(),
        report: None,
        moved: Arc::default(),
        health: Health::default(),
        outage_limit: None,
    }
}

/// A run of [`TASK`] that deletes, and begins now.
pub fn run_start(id: &str) -> RunStart {
    RunStart {
        id: id.into(),
        task: TASK.into(),
        source: "s".into(),
        destination: "d".into(),
        options: RunOptions { delete: true, ..RunOptions::default() },
        started: Timestamp::now(),
    }
}
