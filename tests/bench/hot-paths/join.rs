//! The join of two listings, with filter and decision for each pair, as the finder takes them from pages.

use criterion::{BatchSize, Criterion, Throughput};
use finder::objects::diff::{Frontier, ListingSide, Merge, judge};
use finder::objects::policy::{Decision, Policy};
use shared::config::{Compare, Find};
use shared::filter::{Filter, FilterVerdict};
use shared::object::Timestamp;
use shared::store::{EtagMeaning, KeyRange, Listed};

use crate::sample;

/// Objects of the source.
const OBJECTS: usize = 100_000;

/// The pages of a listing.
type Pages = Vec<Vec<Listed>>;

/// A destination that has all objects, and one that has every second object.
pub fn listings(c: &mut Criterion) {
    let source = pages(1);
    let mut group = c.benchmark_group("join");
    group.sample_size(20).throughput(Throughput::Elements(OBJECTS as u64));
    for (name, step, copies) in [("in-sync", 1, 0), ("half-missing", 2, OBJECTS / 2)] {
        let destination = pages(step);
        group.bench_function(name, |b| {
            let listings = || (source.clone(), destination.clone());
            let join = |(source, destination)| assert_eq!(count_copies(source, destination), copies);
            b.iter_batched(listings, join, BatchSize::PerIteration);
        });
    }
    group.finish();
}

/// A listing of each `step`th object.
fn pages(step: usize) -> Pages {
    let objects: Vec<Listed> = (0..OBJECTS).step_by(step).map(|number| sample::entry(number).into()).collect();
    objects.chunks(sample::OBJECTS).map(<[Listed]>::to_vec).collect()
}

/// The number of objects that are to be copied.
fn count_copies(source: Pages, destination: Pages) -> usize {
    let filter = Filter::load(&Find::default(), Some(Timestamp::now())).expect("the default options are valid");
    let (compare, tags) = (Compare::Auto, EtagMeaning::Md5AndParts);
    let policy = Policy { compare, delete: false, source: tags, destination: tags };
    let (mut source, mut destination) = (source.into_iter(), destination.into_iter());
    let mut merge = Merge::new(KeyRange::default());
    let mut copies = 0;
    loop {
        match merge.frontier() {
            Frontier::NeedsPage(side) => {
                let page = match side {
                    ListingSide::Source => source.next(),
                    ListingSide::Destination => destination.next(),
                };
                merge.give(side, page).expect("keys ascend");
            }
            Frontier::Key(key) => {
                let mut pairs = merge.take(&key);
                pairs.retain(|pair| judge(&filter, pair) == FilterVerdict::Taken);
                copies += pairs.iter().filter(|pair| matches!(policy.decide(pair), Decision::Copy(_))).count();
            }
            Frontier::End => return copies,
        }
    }
}
