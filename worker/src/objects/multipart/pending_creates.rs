//! Creates of uploads, until their answer is known.

use std::sync::Mutex;

use shared::object::Timestamp;
use shared::sync::lock;

/// Creates whose answers nobody waited for, each with its key and the time before it: no more than there are objects of
/// jobs in flight.
#[derive(Debug, Default)]
pub(crate) struct PendingCreates(Mutex<Vec<(String, Timestamp)>>);

impl PendingCreates {
    /// A create that may take effect from now on.
    pub fn begin<'a>(&'a self, key: &'a str, before: Timestamp) -> PendingCreate<'a> {
        PendingCreate { creates: self, key, before, has_ended: false }
    }

    /// Removes and returns all creates in doubt.
    pub fn take(&self) -> Vec<(String, Timestamp)> {
        std::mem::take(&mut *lock(&self.0))
    }
}

/// A create in flight. Dropped before its answer, it is in doubt.
pub(crate) struct PendingCreate<'a> {
    creates: &'a PendingCreates,
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
            lock(&self.creates.0).push((self.key.to_owned(), self.before));
        }
    }
}
