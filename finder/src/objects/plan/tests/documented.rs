//! The costs that the documents name, against plans of such objects.

use shared::digest::{Algorithm, Hasher};
use shared::location::Scheme;
use shared::object::{ETag, Entry};
use shared::provider::ProviderProfile;
use shared::terminal;

use super::*;
use crate::objects::price;

/// Objects of a plan. Another has twice as many: the two differ by what objects cost, without the run's own records.
const OBJECTS: u64 = 10_000;

/// Keys of a page of a listing.
const PAGE: usize = 1_000;

/// An object's share of a page, US dollars.
const PAGE_USD: f64 = price::S3_WRITE_USD / PAGE as f64;

const TIB: u64 = 1 << 40;

/// How far a figure may be from the plan, as a share of it: it is rounded, and keys compress well or badly.
const TOLERANCE: f64 = 0.1;

/// An object's entity tag: digits that do not compress, and the number of parts if it was put in parts.
fn tag(number: u64, parts: u64) -> ETag {
    let mut hasher = Hasher::new(Algorithm::Md5).unwrap();
    hasher.update(&number.to_be_bytes());
    let digits = hasher.finish().to_hex();
    ETag::new(&if parts > 1 { format!("{digits}-{parts}") } else { digits })
}

pub(super) fn at_amazon(entries: Vec<Entry>) -> Shelf {
    let capabilities = ProviderProfile::of(Scheme::S3, None, None).capabilities();
    Shelf { capabilities, page: PAGE, ..Shelf::new(entries) }
}

/// An object of this number, with a time of its own.
pub(super) fn object(key: &str, number: u64, size: u64, parts: u64) -> Entry {
    let seconds = 1_700_000_000 + (number * 7_919 % 1_000_003) as i64;
    Entry { etag: Some(tag(number, parts)), ..entry(key, size, seconds) }
}

/// The options of a fleet. One range: how often a listing is split is not the same each time.
pub(super) fn of_a_fleet() -> (Find, Work) {
    let work = Work { look_again: Some(true), ..Work::default() };
    (Find { list_concurrency: 1, ..Find::default() }, work)
}

/// What a fleet pays for the requests of one object of this size. The destination has none, so its pages do not count.
async fn usd_of_one(size: u64, parts: u64) -> f64 {
    let object = |number: u64| object(&format!("photos/{number:08}.jpg"), number, size, parts);
    let (options, work) = of_a_fleet();
    let usd = async |objects: u64| {
        let source = at_amazon((0..objects).map(object).collect());
        plan_by(source, at_amazon(Vec::new()), &options, &work).await.cost.usd_requests
    };
    (usd(2 * OBJECTS).await - usd(OBJECTS).await) / OBJECTS as f64
}

/// The least for one object: a GET and a PUT of each part, two requests around the parts, and its share of a page.
pub(super) fn least_usd(parts: u64) -> f64 {
    let puts = if parts > 1 { parts + 2 } else { parts };
    parts as f64 * price::S3_READ_USD + puts as f64 * price::S3_WRITE_USD + PAGE_USD
}

/// The cells of a row after its first ones.
fn cells<'a>(document: &'a str, first: &str) -> Vec<&'a str> {
    let row = document.lines().find_map(|line| line.strip_prefix(first));
    row.unwrap_or_else(|| panic!("no row {first}")).trim_end_matches(" |").split(" | ").collect()
}

fn assert_near(cell: &str, usd: f64, row: &str) {
    let documented: f64 = cell.trim_start_matches('$').parse().unwrap_or(f64::NAN);
    assert!((documented - usd).abs() <= TOLERANCE * usd, "{row}{cell}: ${usd:.4} by the plan");
}

#[tokio::test]
async fn the_documented_cost_of_a_tebibyte_is_the_plans() {
    let document = include_str!("../../../../../docs/deployment.md");
    let small = [("10 KiB", 10 << 10, 1), ("1 MiB", 1 << 20, 1)];
    let large = [("100 MiB", 100 << 20, 1), ("1 GiB, in 64 parts", 1 << 30, 64)];
    for (name, size, parts) in small.into_iter().chain(large) {
        let objects = (TIB as f64 / size as f64).round();
        let row = format!("| {name} | {} | ", terminal::count(objects as u64));
        let cells = cells(document, &row);
        let (least, all) = (least_usd(parts), usd_of_one(size, parts).await);
        // Both sides are listed.
        assert_near(cells[0], objects * (least + PAGE_USD), &row);
        assert_near(cells[1], objects * (all - least), &row);
    }
    let egress = format!("${:.0} a TiB", TIB as f64 * price::EGRESS_USD);
    assert!(document.contains(&egress), "{egress}");
}

#[tokio::test]
async fn the_documented_cost_of_a_million_objects_is_the_plans() {
    let document = include_str!("../../../../../docs/operations.md");
    let (least, all) = (least_usd(1), usd_of_one(10 << 10, 1).await);
    let (own, sum) = ((all - least) * 1e6, (all + PAGE_USD) * 1e6);
    let cells = cells(document, "| **sum** | of which Flotilla's own ");
    let own_cell = cells[0].trim_end_matches(", with the LISTs after writes");
    let sum_cell = cells[1].trim_matches('*');
    // The document adds up rounded figures: a cent more or less in Flotilla's own, two in the sum.
    for (cell, usd, tolerance) in [(own_cell, own, 1.0), (sum_cell, sum, 2.0)] {
        let documented: f64 = cell.parse().unwrap_or(f64::NAN);
        let cents = (documented * 100.0).round() - (usd * 100.0).round();
        assert!(cents.abs() <= tolerance, "{cell}: ${usd:.4} by the plan");
    }
}
