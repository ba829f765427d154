//! The jobs that the finder makes of objects to copy, by the default options.

use criterion::{BatchSize, Criterion, Throughput};
use finder::objects::pack::Pack;
use finder::run::context::RunRef;
use shared::config::Find;
use shared::ledger::Checkpoint;
use shared::object::Entry;

use crate::sample;

const OBJECTS: usize = 10_000;

/// From entries to the bodies of jobs.
pub fn jobs(c: &mut Criterion) {
    let entries: Vec<Entry> = (0..OBJECTS).map(sample::entry).collect();
    let names = RunRef { task: "task".into(), run: "01997b5c-0000-7000-8000-000000000000".into(), definition: 1 };
    let mut group = c.benchmark_group("pack");
    group.throughput(Throughput::Elements(OBJECTS as u64));
    group.bench_function("jobs", |b| {
        b.iter_batched(|| entries.clone(), |entries| pack(entries, &names), BatchSize::PerIteration);
    });
    group.finish();
}

/// The bytes of all bodies.
fn pack(entries: Vec<Entry>, names: &RunRef) -> usize {
    let mut pack = Pack::new(&Find::default());
    let mut checkpoint = Checkpoint::default();
    let mut bytes = 0;
    let mut seal = |pack: &mut Pack| {
        pack.seal(names, &mut checkpoint);
        bytes += checkpoint.outbox.drain(..).map(|body| body.len()).sum::<usize>();
    };
    for entry in entries {
        if !pack.has_room_for(&entry) {
            seal(&mut pack);
        }
        pack.copy(entry, false);
        if pack.is_full() {
            seal(&mut pack);
        }
    }
    seal(&mut pack);
    bytes
}
