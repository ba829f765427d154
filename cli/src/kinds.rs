//! The kinds of data that these programs replicate: the one place that chooses planner and executor by a task's kind.

use finder::{FindError, ObjectsPlanner, Planner};
use shared::config::{Config, Kind};
use shared::object::Timestamp;
use shared::objects::SharedSuspectKeys;
use shared::store::Store;
use worker::{Executors, Objects, Worker};

/// The planner of a run of this task that begins now.
pub fn planner(
    config: &Config,
    sides: (Store, Store),
    suspects: SharedSuspectKeys,
) -> Result<Box<dyn Planner>, FindError> {
    planner_of_run(config, sides, suspects, Timestamp::now())
}

/// The planner of a run of this task that began at this time, and may be resumed.
pub fn planner_of_run(
    config: &Config,
    (source, destination): (Store, Store),
    suspects: SharedSuspectKeys,
    began: Timestamp,
) -> Result<Box<dyn Planner>, FindError> {
    match config.kind {
        Kind::Objects => {
            let options = (&config.objects.find, &config.objects.work);
            Ok(Box::new(ObjectsPlanner::of_run(source, destination, options, suspects, began)?))
        }
    }
}

/// Adds the executor of a version of a task's definition.
pub fn add_executor(executors: &Executors, version: u32, kind: Kind, objects: Objects) {
    match kind {
        Kind::Objects => executors.add(version, objects.executor()),
    }
}

/// The worker with the executor of its task's kind.
pub fn with_executor(worker: Worker, kind: Kind, objects: Objects) -> Worker {
    match kind {
        Kind::Objects => worker.with(objects.executor()),
    }
}
