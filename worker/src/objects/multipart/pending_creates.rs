//! Creates of uploads, until their answer is known.

use std::sync::Mutex;

use shared::object::Timestamp;
use shared::sync::lock;

/// A create that was announced in the upload log.
#[derive(Debug)]
pub(crate) struct Announced {
    pub run: String,
    pub key: String,
    /// A time before the create, by the destination's clock.
    pub before: Timestamp,
}

/// Creates whose answers nobody waited for: no more than there are objects of jobs in flight.
#[derive(Debug, Default)]
pub(crate) struct PendingCreates(Mutex<Vec<Announced>>);

impl PendingCreates {
    /// A create that may take effect from now on.
    pub fn begin<'a>(&'a self, run: &'a str, key: &'a str, before: Timestamp) -> PendingCreate<'a> {
        PendingCreate { creates: self, run, key, before, has_ended: false }
    }

    /// Removes and returns all creates in doubt.
    pub fn take(&self) -> Vec<Announced> {
        std::mem::take(&mut *lock(&self.0))
    }
}

/// A create in flight. Dropped before its answer, it is in doubt.
pub(crate) struct PendingCreate<'a> {
    creates: &'a PendingCreates,
    run: &'a str,
    key: &'a str,
    before: Timestamp,
    has_ended: bool,
}

impl PendingCreate<'_> {
    /// It was answered.
    pub fn ended(mut self) {
        self.has_ended = true;
    }
}

impl Drop for PendingCreate<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            let announced = Announced { run: self.run.to_owned(), key: self.key.to_owned(), before: self.before };
            lock(&self.creates.0).push(announced);
        }
    }
}
