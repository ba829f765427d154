//! Bodies of jobs and blocks of outcomes, of 1,000 objects each.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use shared::job::Origin;
use shared::ledger::{Outcome, State};
use shared::object::Timestamp;
use shared::objects::ObjectDetail;
use shared::objects::job::{JobObject, ObjectJob, ObjectWork};
use shared::zlib;

use crate::sample::{self, OBJECTS, SIZE, WRITTEN};

/// Most bytes of a block's JSON.
const MOST_BYTES: usize = 1 << 20;

/// A job's body: written and read as a message, compressed and inflated as a ledger stores it.
pub fn jobs(c: &mut Criterion) {
    let objects = (0..).zip((0..OBJECTS).map(sample::entry));
    let objects = objects.map(|(index, entry)| JobObject::new(index, entry)).collect();
    let origin = Origin { id: "c0-0".to_owned(), items: OBJECTS as u32 };
    let job = ObjectJob::new("task", "run", origin, ObjectWork::Copy { objects });
    let body = job.to_body();
    let packed = zlib::deflate(body.as_bytes());
    let mut group = c.benchmark_group("job");
    group.throughput(Throughput::Elements(OBJECTS as u64));
    group.bench_function("write", |b| b.iter(|| black_box(&job).to_body()));
    group.bench_function("read", |b| {
        b.iter(|| ObjectJob::parse(black_box(body.as_str())).expect("the body is valid"));
    });
    group.bench_function("deflate", |b| b.iter(|| zlib::deflate(black_box(body.as_bytes()))));
    group.bench_function("inflate", |b| {
        b.iter(|| zlib::inflate(black_box(packed.as_slice()), body.len()).expect("the bytes are compressed"));
    });
    group.finish();
}

/// A block of outcomes: a ledger writes one for a job, and reads it to find one key.
pub fn blocks(c: &mut Criterion) {
    let outcomes: Vec<Outcome> = (0..OBJECTS).map(outcome).collect();
    let block = write(&outcomes);
    assert_eq!(read(&block), outcomes);
    let mut group = c.benchmark_group("block");
    group.throughput(Throughput::Elements(OBJECTS as u64));
    group.bench_function("write", |b| b.iter(|| write(black_box(outcomes.as_slice()))));
    group.bench_function("read", |b| b.iter(|| read(black_box(block.as_slice()))));
    group.finish();
}

/// The outcome of an object that was copied.
fn outcome(number: usize) -> Outcome {
    let entry = sample::entry(number);
    let of_source = ObjectDetail::of_source(entry.pin());
    let detail = ObjectDetail { etag: entry.etag, verified: Some("etag".to_owned()), ..of_source };
    // Each object begins and ends at its own time.
    let started = Timestamp(WRITTEN.0 + 7 * number as i64);
    let finished = Timestamp(started.0 + 31);
    let worker = "worker-1".to_owned();
    Outcome { size: SIZE, detail: detail.into(), worker, started, finished, ..Outcome::new(entry.key, State::Copied) }
}

/// A block as the ledger in DynamoDB stores it: JSON, compressed.
fn write(outcomes: &[Outcome]) -> Vec<u8> {
    zlib::deflate(&serde_json::to_vec(outcomes).expect("outcomes are representable as JSON"))
}

fn read(block: &[u8]) -> Vec<Outcome> {
    let json = zlib::inflate(block, MOST_BYTES).expect("the block is compressed");
    serde_json::from_slice(&json).expect("the block has outcomes")
}
