//! What Flotilla adds to the requests that each copy needs, and what deletes cost, by the plan's arithmetic.

use shared::object::Entry;

use super::documented::{at_amazon, least_usd, object, of_a_fleet};
use super::*;

/// Small objects for each large one: 100 million objects of 10 KiB, and 100,000 of 1 GiB.
const SMALL: u64 = 1_000;

/// Objects that are copied.
const COPIES: u64 = 100_000_000;

/// Parts of a large object.
const PARTS: u64 = 64;

/// Large objects of a plan. Another plan has twice as many objects: from the two follows a plan of any number.
const LARGE: u64 = 10;

/// The most that Flotilla may add, as a share of the least.
const ADDED: f64 = 0.03;

/// The most that a million deletes may cost, US dollars.
const DELETES_USD: f64 = 0.10;

/// A key that does not compress, as programs make them.
fn key(number: u64) -> String {
    let mixed = (number ^ number << 31).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16;
    format!("data/{:06}/{number:09}-{mixed:012x}.json", number / 1_000)
}

/// So many large objects, and the small ones for them.
fn mixed(large: u64) -> Vec<Entry> {
    let small = (0..large * SMALL).map(|number| object(&key(number), number, 10 << 10, 1));
    let large = (0..large).map(|number| object(&format!("video/{number:09}.mp4"), number, 1 << 30, PARTS));
    small.chain(large).collect()
}

/// The cost of `wanted` times what costs `one`, if twice as much costs `two`: a run costs something whatever it does.
fn scaled(one: f64, two: f64, wanted: f64) -> f64 {
    one + (two - one) * (wanted - 1.0)
}

#[tokio::test]
async fn flotilla_adds_at_most_three_percent_to_a_mixed_bucket() {
    let (options, work) = of_a_fleet();
    let usd = async |large: u64| {
        let (source, destination) = (at_amazon(mixed(large)), at_amazon(Vec::new()));
        let plan = plan_by(source, destination, &options, &work).await;
        assert_eq!(plan.copies, large * (SMALL + 1));
        plan.cost.usd_requests
    };
    let large = COPIES / SMALL;
    let all = scaled(usd(LARGE).await, usd(2 * LARGE).await, (large / LARGE) as f64);
    let least = COPIES as f64 * least_usd(1) + large as f64 * least_usd(PARTS);
    let added = all - least;
    assert!(added > 0.0 && added <= ADDED * least, "${added:.2} beside ${least:.2}: {:.2} %", 100.0 * added / least);
}

#[tokio::test]
async fn a_million_deletes_cost_at_most_ten_cents() {
    const MILLION: u64 = 1_000_000;
    const OBJECTS: u64 = 10_000;
    let (options, work) = of_a_fleet();
    let options = Find { delete: true, max_delete: Some(MILLION), ..options };
    let usd = async |objects: u64| {
        let stale = at_amazon((0..objects).map(|number| object(&key(number), number, 10, 1)).collect());
        let plan = plan_by(at_amazon(Vec::new()), stale, &options, &work).await;
        assert_eq!((plan.deletes, plan.deletes_refused), (objects, None));
        plan.cost.usd_requests
    };
    let all = scaled(usd(OBJECTS).await, usd(2 * OBJECTS).await, (MILLION / OBJECTS) as f64);
    assert!(all > 0.0 && all <= DELETES_USD, "${all:.4}");
}
