//! Digests of the bytes that a copy passes on.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use shared::digest::{Algorithm, Hasher};

/// Bytes of each digest: they stay in the processor's cache, as a piece of a body does.
const BYTES: usize = 256 << 10;

/// Each algorithm that is computed for stores of today.
pub fn digests(c: &mut Criterion) {
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(BYTES).collect();
    let mut group = c.benchmark_group("digest");
    group.throughput(Throughput::Bytes(BYTES as u64));
    for algorithm in [Algorithm::Crc64Nvme, Algorithm::Crc32c, Algorithm::Md5, Algorithm::Sha256] {
        group.bench_function(algorithm.as_str(), |b| {
            b.iter(|| {
                let mut hasher = Hasher::new(algorithm).expect("the algorithm is computed");
                hasher.update(black_box(&bytes));
                hasher.finish()
            });
        });
    }
    group.finish();
}
