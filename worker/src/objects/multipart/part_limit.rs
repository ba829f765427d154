//! The most parts that the destination takes of one upload, where it takes fewer than its kind is known for.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Each S3 service takes as many parts. Some take no more (Scaleway, "Multipart uploads"), most take 10,000.
pub(crate) const COMMON_PARTS: u32 = 1_000;

/// The limit that refusals have shown. Learned anew by each worker: that costs one refused part.
#[derive(Debug)]
pub(crate) struct PartLimit(AtomicU32);

impl Default for PartLimit {
    fn default() -> Self {
        PartLimit(AtomicU32::new(u32::MAX))
    }
}

impl PartLimit {
    /// The limit of a store that is known to take `known` parts.
    pub fn within(&self, known: u32) -> u32 {
        known.min(self.0.load(Relaxed))
    }

    /// An upload of `count` parts was refused because of their number. Each refusal lowers the limit below `count`, so
    /// an object that is cut anew has fewer parts.
    pub fn learn(&self, count: u32) {
        let limit = if count > COMMON_PARTS { COMMON_PARTS } else { (count / 2).max(1) };
        let before = self.0.fetch_min(limit, Relaxed);
        if limit < before {
            tracing::warn!(
                "the destination refuses uploads of {count} parts: using at most {limit} parts; for larger parts give --part-size"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_lowers_the_limit_of_parts() {
        let limit = PartLimit::default();
        assert_eq!(limit.within(10_000), 10_000);
        for (refused, left) in [(5_000, 1_000), (7_000, 1_000), (1_000, 500), (3, 1), (1, 1)] {
            limit.learn(refused);
            assert_eq!(limit.within(10_000), left);
        }
    }
}
