//! Limits that all transfers of a process share, and all requests to an endpoint.

pub mod bandwidth;
pub mod concurrency;
mod fair_shares;
mod live;
mod live_rate;
mod range_buffers;
pub mod rate;
mod share;

pub use bandwidth::Bandwidth;
pub use concurrency::{ConcurrencyLimiter, Lane, Permit, Working};
pub use fair_shares::FairShares;
pub use live::{LimitedTransfer, LiveLimits, LiveRates};
pub use live_rate::{Allowance, LiveRate};
pub use range_buffers::{RANGE_BYTES, RangeBuffer, RangeBuffers, ranges_of};
pub use share::{BEAT, Shares};

/// Memory of a process besides its transfers, bytes: code, TLS, the ledger's and the queue's clients,
/// leased jobs, and the finder's pages (two sides × 2 pages × 1,000 entries × 16 ranges, some 200 bytes each).
pub const BASE_BYTES: u64 = 64 << 20;

/// Most memory of one transfer, bytes: the HTTP client's read and write buffers (400 KiB each at most: hyper's
/// `DEFAULT_MAX_BUFFER_SIZE`), and the TLS records on their way; besides either the same of a part whose permit is given
/// back already ([`Permit::sent`]), or the file store's 1 MiB writes.
pub const TRANSFER_BYTES: u64 = 2 << 20;

/// The number of transfers that fit into a memory limit, at least one.
pub fn transfers_within(memory_limit_bytes: u64) -> usize {
    usize::try_from(memory_limit_bytes.saturating_sub(BASE_BYTES) / TRANSFER_BYTES).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_memory_suffices_for_the_default_concurrency() {
        let machine = crate::config::MachineSettings::default();
        assert!(transfers_within(machine.memory_limit) >= machine.concurrency);
        assert_eq!(transfers_within(0), 1);
    }
}
