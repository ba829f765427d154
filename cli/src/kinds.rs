//! The kinds of data that these programs replicate.

use worker::{Objects, Worker};

/// The worker with every kind that it executes: one line each.
pub fn with_kinds(worker: Worker, objects: Objects) -> Worker {
    worker.with(objects.executor())
}
