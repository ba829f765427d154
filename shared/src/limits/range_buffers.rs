//! Memory for ranges and parts of objects that are read before their turn.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{BASE_BYTES, TRANSFER_BYTES};

/// Bytes of a range: they take a third of a second on a connection of 25 MB/s, far longer than a request's round trip.
pub const RANGE_BYTES: u64 = 8 << 20;

/// The ranges in which a remote object of this size is read again: one if it is not large, because with two ranges it
/// would hardly be faster.
pub fn ranges_of(size: u64) -> u64 {
    if size > 2 * RANGE_BYTES { size.div_ceil(RANGE_BYTES) } else { 1 }
}

/// Most buffers of a process, 128 MiB together: from 16 connections of 25 MB/s bytes come nearly as fast as a core
/// computes their MD5.
const MOST: usize = 16;

/// Memory is shared out in units of so many bytes.
const UNIT_BYTES: u64 = 1 << 20;

/// The units of a range.
const RANGE_UNITS: u32 = (RANGE_BYTES / UNIT_BYTES) as u32;

/// The buffers of a process, each for one range. Clones share them. Parts that are smaller than a range share them too:
/// more of them fit into the same memory.
#[derive(Debug, Clone)]
pub struct RangeBuffers {
    free: Arc<Semaphore>,
    total: usize,
}

/// The right to have one range or part in memory; returned when dropped.
pub type RangeBuffer = OwnedSemaphorePermit;

/// The units that a part of so many bytes takes; a larger one than a range does not fit.
fn units(part_bytes: u64) -> u32 {
    u32::try_from(part_bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX).clamp(1, RANGE_UNITS)
}

impl RangeBuffers {
    /// As many as fit into a memory limit beside so many transfers, perhaps none.
    pub fn beside(transfers: usize, memory_limit_bytes: u64) -> Self {
        let of_transfers = (transfers as u64).saturating_mul(TRANSFER_BYTES);
        let left = memory_limit_bytes.saturating_sub(BASE_BYTES).saturating_sub(of_transfers);
        let total = usize::try_from(left / RANGE_BYTES).unwrap_or(MOST).min(MOST);
        RangeBuffers { free: Arc::new(Semaphore::new(total * RANGE_UNITS as usize)), total }
    }

    /// The number of buffers, free or not.
    pub fn total(&self) -> usize {
        self.total
    }

    /// The number of parts of so many bytes, at most [`RANGE_BYTES`], that fit at once.
    pub fn parts(&self, part_bytes: u64) -> usize {
        self.total * RANGE_UNITS as usize / units(part_bytes) as usize
    }

    /// A buffer for a range, if one is free that nobody waits for.
    pub fn take(&self) -> Option<RangeBuffer> {
        self.free.clone().try_acquire_many_owned(RANGE_UNITS).ok()
    }

    /// Waits for a buffer for a part of so many bytes, at most [`RANGE_BYTES`], in order of arrival. Without any buffer
    /// this never ends: see [`total`](Self::total).
    ///
    /// # Panics
    /// Never: the semaphore is not closed.
    pub async fn acquire(&self, part_bytes: u64) -> RangeBuffer {
        self.free.clone().acquire_many_owned(units(part_bytes)).await.expect("the semaphore is not closed")
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn only_a_large_object_has_several_ranges() {
        let sizes = [0, RANGE_BYTES, 2 * RANGE_BYTES, 2 * RANGE_BYTES + 1, 3 * RANGE_BYTES, 8 << 30];
        assert_eq!(sizes.map(ranges_of), [1, 1, 1, 3, 3, 1024]);
    }

    #[test]
    fn buffers_fit_beside_the_transfers() {
        let total = |transfers, mib: u64| RangeBuffers::beside(transfers, mib << 20).total();
        assert_eq!((total(32, 256), total(48, 256), total(16, 128)), (16, 12, 4));
        assert_eq!((total(32, 128), total(1, 64), total(usize::MAX, 1 << 20), total(1, u64::MAX >> 20)), (0, 0, 0, 16));
    }

    #[tokio::test]
    async fn more_parts_than_ranges_fit_if_they_are_smaller() {
        let buffers = RangeBuffers::beside(0, BASE_BYTES + 16 * RANGE_BYTES);
        assert_eq!([1, 1 << 20, 5 << 20, RANGE_BYTES].map(|bytes| buffers.parts(bytes)), [128, 128, 25, 16]);
        let mut parts = Vec::new();
        for _ in 0..25 {
            parts.push(buffers.acquire(5 << 20).now_or_never().expect("it fits"));
        }
        assert!(buffers.acquire(5 << 20).now_or_never().is_none() && buffers.take().is_none());
        parts.truncate(23);
        assert!(buffers.take().is_some());
    }

    #[tokio::test]
    async fn a_returned_buffer_is_for_those_who_wait() {
        let buffers = RangeBuffers::beside(0, BASE_BYTES + RANGE_BYTES);
        let only = buffers.take().expect("a buffer");
        let mut waiting = Box::pin(buffers.acquire(RANGE_BYTES));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(only);
        assert!(buffers.take().is_none());
        assert!(waiting.now_or_never().is_some());
    }
}
