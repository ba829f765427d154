//! The settings of a measurement: latency, bandwidth, rate limit, kind of ETags, pages before the first write.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The settings of a store; each may change while it runs.
#[derive(Debug, Default)]
pub struct SimulatorSettings {
    /// Time from the end of a request to the begin of its answer, µs.
    latency_us: AtomicU64,
    /// Bandwidth of each connection and direction, bytes/s; 0 is unlimited.
    bandwidth: AtomicU64,
    /// Requests a second that are served; the others get a 503. 0 is unlimited.
    rate: AtomicU64,
    /// 1 if no ETag is an MD5.
    opaque: AtomicU64,
    /// 1 if a HEAD and a GET return the object's CRC-64/NVME.
    checksums: AtomicU64,
    /// 1 if whole objects of one size have different ETags, as objects with different bytes have.
    distinct: AtomicU64,
    /// Pages of listings that are answered before the first object is written; the others wait for it. 0 is unlimited.
    lists_before_put: AtomicU64,
}

impl SimulatorSettings {
    /// Sets `name`: `latency-us`, `bandwidth`, `rate`, `opaque`, `checksums`, `distinct` or `lists-before-put`. Returns
    /// whether there is such a setting.
    pub fn set(&self, name: &str, value: u64) -> bool {
        let setting = match name {
            "latency-us" => &self.latency_us,
            "bandwidth" => &self.bandwidth,
            "rate" => &self.rate,
            "opaque" => &self.opaque,
            "checksums" => &self.checksums,
            "distinct" => &self.distinct,
            "lists-before-put" => &self.lists_before_put,
            _ => return false,
        };
        setting.store(value, Relaxed);
        true
    }

    /// As [`set`](Self::set), for a text such as `rate=500`.
    pub fn set_pair(&self, pair: &str) -> bool {
        let parsed = pair.split_once('=').and_then(|(name, value)| Some((name, value.parse().ok()?)));
        parsed.is_some_and(|(name, value)| self.set(name, value))
    }

    pub(super) fn latency(&self) -> Duration {
        Duration::from_micros(self.latency_us.load(Relaxed))
    }

    pub(super) fn bandwidth(&self) -> u64 {
        self.bandwidth.load(Relaxed)
    }

    pub(super) fn rate(&self) -> u64 {
        self.rate.load(Relaxed)
    }

    pub(super) fn is_opaque(&self) -> bool {
        self.opaque.load(Relaxed) != 0
    }

    pub(super) fn has_checksums(&self) -> bool {
        self.checksums.load(Relaxed) != 0
    }

    pub(super) fn has_distinct_etags(&self) -> bool {
        self.distinct.load(Relaxed) != 0
    }

    pub(super) fn lists_before_put(&self) -> u64 {
        self.lists_before_put.load(Relaxed)
    }
}
