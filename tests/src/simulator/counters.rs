//! Counts requests by operation.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde_json::{Value, json};
use shared::sync::lock;

/// What a store was asked, and what it moved.
#[derive(Debug, Default)]
pub(super) struct Counters {
    requests: Mutex<BTreeMap<&'static str, u64>>,
    /// Requests that were answered with a 503.
    pub throttled: AtomicU64,
    /// Bytes of bodies so far, also of bodies that are still on their way or are cut off.
    pub arrived: AtomicU64,
    /// Bytes of bodies received.
    pub received: AtomicU64,
    /// Bytes of bodies sent.
    pub sent: AtomicU64,
    /// Bodies whose bytes were not those of a source.
    pub foreign: AtomicU64,
}

impl Counters {
    /// Counts a request.
    pub fn request(&self, operation: &'static str) {
        *lock(&self.requests).entry(operation).or_default() += 1;
    }

    /// All counters.
    pub fn json(&self) -> Value {
        json!({
            "requests": *lock(&self.requests),
            "throttled": self.throttled.load(Relaxed),
            "arrived": self.arrived.load(Relaxed),
            "received": self.received.load(Relaxed),
            "sent": self.sent.load(Relaxed),
            "foreign": self.foreign.load(Relaxed),
        })
    }

    /// Begins again at zero.
    pub fn reset(&self) {
        lock(&self.requests).clear();
        let counts = [&self.throttled, &self.arrived, &self.received, &self.sent, &self.foreign];
        counts.iter().for_each(|count| count.store(0, Relaxed));
    }
}
