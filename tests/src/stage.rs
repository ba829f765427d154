//! The stage of all tests of one worker: queue and ledger ([`Embedded`]), the worker ([`ObjectsWorker`]), and the worker
//! while it runs beside the test ([`Running`]). Stages of test programs add only stores.

mod content;
mod embedded;
mod running;

pub use content::{content, numbered_content};
pub use embedded::{Embedded, copy_job};
pub use running::{Running, until};

use std::sync::Arc;

use shared::config::{MachineSettings, Work};
use shared::ledger::{Ledger, RunOptions, RunStart};
use shared::object::Timestamp;
use shared::objects::UploadLog;
use shared::queue::Queue;
use shared::store::Store;
use shared::telemetry::endpoint::Health;
use worker::{Follow, LiveLimits, Objects, Worker};

/// The task of all tests of one worker.
pub const TASK: &str = "task";

/// Its run.
pub const RUN: &str = "run";

/// A worker for objects, and what it is made of: tests change the fields before they build it.
pub struct ObjectsWorker {
    /// All but the kind.
    pub worker: Worker,
    /// The kind.
    pub objects: Objects,
}

/// A worker of [`TASK`] on a machine of its own that follows no events and never gives up.
pub fn worker(
    (source, destination): (Store, Store),
    queue: Queue,
    ledger: Arc<impl Ledger + UploadLog + 'static>,
    (machine, options): (&MachineSettings, &Work),
) -> ObjectsWorker {
    let worker = Worker::new(TASK, "worker", queue, ledger.clone(), machine.clone());
    let (follow, health, outage_limit) = (Follow::alone(), Health::default(), None);
    let (upload_log, limits) = (ledger, LiveLimits::of(machine));
    ObjectsWorker {
        worker,
        objects: Objects {
            source,
            destination,
            upload_log,
            options: options.clone(),
            follow,
            health,
            outage_limit,
            limits,
        },
    }
}

impl ObjectsWorker {
    /// The worker.
    pub fn build(self) -> Worker {
        self.worker.with(self.objects.executor())
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
