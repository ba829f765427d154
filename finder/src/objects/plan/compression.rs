//! Sizes of compressed records: measured of some, estimated of the others.

use serde::{Deserialize, Serialize};
use shared::zlib;

/// The first so many records of a kind are compressed: their ratio stands for what follows.
const FIRST: u64 = 32;

/// Of the others, one in so many is compressed: it follows a bucket whose keys change, and costs a plan little.
const ONE_IN: u64 = 16;

/// What compression leaves of the records of one kind.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Compression {
    records: u64,
    /// Bytes of the records that were compressed, before and after.
    plain: u64,
    packed: u64,
}

impl Compression {
    /// The bytes of a record that has about `plain` bytes, compressed. `content` makes the record.
    pub(super) fn bytes(&mut self, plain: usize, content: impl FnOnce() -> Vec<u8>) -> u64 {
        self.records += 1;
        let plain = plain.max(1) as u64;
        if self.records > FIRST && !self.records.is_multiple_of(ONE_IN) {
            return (plain as f64 * self.packed as f64 / self.plain as f64).round() as u64;
        }
        let packed = zlib::deflate(&content()).len() as u64;
        (self.plain, self.packed) = (self.plain + plain, self.packed + packed);
        packed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_records_are_compressed_and_stand_for_the_others() {
        let (mut compression, mut made) = (Compression::default(), 0);
        let text = b"a text that repeats itself, ".repeat(100);
        let sizes: Vec<u64> = (0..1_000)
            .map(|_| {
                compression.bytes(text.len(), || {
                    made += 1;
                    text.clone()
                })
            })
            .collect();
        let exact = zlib::deflate(&text).len() as u64;
        assert!(sizes.iter().all(|size| *size == exact), "{sizes:?}");
        assert_eq!(made, FIRST + (1_000 - FIRST).div_ceil(ONE_IN) - 1);
    }
}
