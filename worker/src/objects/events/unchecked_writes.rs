//! Keys that a job has written, until the source was looked at again.

use std::collections::HashSet;
use std::sync::Mutex;

use shared::sync::lock;

/// The keys of one job that were written and wait for the look after the write: no more than the job has.
#[derive(Debug, Default)]
pub(crate) struct UncheckedWrites(Mutex<HashSet<String>>);

impl UncheckedWrites {
    /// The key was written.
    pub fn add(&self, key: &str) {
        lock(&self.0).insert(key.to_owned());
    }

    /// The source was looked at after the last write to the key, and the destination has what it shows.
    pub fn remove(&self, key: &str) {
        lock(&self.0).remove(key);
    }

    /// Whether the key waits for its look.
    pub fn contains(&self, key: &str) -> bool {
        lock(&self.0).contains(key)
    }
}
