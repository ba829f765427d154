//! Counts of a run beside those of its plan.

use std::collections::BTreeMap;
use std::fmt;

use finder::Plan;
use flotilla_tests::meter::Counted;
use serde_json::Value;

/// What queue and ledger may cost for a million deletes, US dollars.
pub const DELETES_USD: f64 = 0.10;

/// What Flotilla may add to the stores' floor.
const OVERHEAD: f64 = 0.03;

/// How far a plan may be from the truth, for the ledger and for other services.
const TOLERANCE: (f64, f64) = (0.04, 0.02);

/// Writes for each object that a plan may be off besides: keys and ETags of simulated objects are as alike as can be, and
/// compress better than a plan expects.
const ALIKE: f64 = 0.02;

/// Requests that do not grow with the objects and that no plan knows: polls, splits of a listing.
const FIXED: f64 = 8.0;

/// US dollars of a GET, and of a PUT or LIST.
const READ: f64 = 0.4e-6;
const WRITE: f64 = 5e-6;

/// Service, operation, count.
type Key = (String, String);

/// Requests, and billed units of queue and ledger, by service and operation.
#[derive(Debug, Default)]
pub struct Counts {
    counts: BTreeMap<Key, f64>,
    requests: BTreeMap<String, u64>,
}

impl Counts {
    /// Those of two stores between two readings, source first, and those of the meter.
    pub fn between(before: [&Value; 2], after: [&Value; 2], metered: Counted) -> Counts {
        let mut counts = Counts { requests: metered.requests, ..Counts::default() };
        for (service, (before, after)) in ["source", "destination"].iter().zip(before.into_iter().zip(after)) {
            for (verb, count) in after["requests"].as_object().into_iter().flatten() {
                let more = count.as_u64().unwrap_or(0) - before["requests"][verb].as_u64().unwrap_or(0);
                let key = ((*service).to_owned(), operation(verb).to_owned());
                *counts.counts.entry(key).or_default() += more as f64;
            }
        }
        let mut add = |service: &str, operation: &str, count| {
            counts.counts.insert((service.into(), operation.into()), count);
        };
        add("queue", "request", metered.queue as f64);
        add("ledger", "write", metered.writes as f64);
        add("ledger", "read", metered.half_reads as f64 / 2.0);
        counts
    }
}

/// A verb as plans name it.
fn operation(verb: &str) -> &'static str {
    match verb {
        "ListObjects" | "ListObjectsV2" | "ListParts" | "ListMultipartUploads" => "list",
        "HeadObject" => "head",
        "GetObject" => "get",
        "GetObjectTagging" => "tags",
        "DeleteObject" | "AbortMultipartUpload" => "delete",
        "DeleteObjects" => "delete-many",
        _ => "put",
    }
}

fn usd(service: &str, operation: &str) -> f64 {
    match (service, operation) {
        ("queue", _) => 0.4e-6,
        ("ledger", "write") => 0.625e-6,
        ("ledger", _) => 0.125e-6,
        (_, "list" | "put" | "delete-many") => WRITE,
        (_, "delete") => 0.0,
        _ => READ,
    }
}

/// What was planned and what was counted.
#[derive(Debug)]
pub struct Table {
    case: String,
    rows: BTreeMap<Key, (f64, f64)>,
    requests: BTreeMap<String, u64>,
}

impl Table {
    pub fn new(case: &str, plan: &Plan, counts: Counts) -> Table {
        let mut rows: BTreeMap<Key, (f64, f64)> = BTreeMap::new();
        for planned in &plan.cost.requests {
            rows.entry((planned.service.to_string(), planned.operation.to_string())).or_default().0 +=
                planned.count as f64;
        }
        for (key, count) in counts.counts {
            rows.entry(key).or_default().1 += count;
        }
        Table { case: case.to_owned(), rows, requests: counts.requests }
    }

    /// The counted number of one operation.
    pub fn counted(&self, service: &str, operation: &str) -> u64 {
        self.rows.get(&(service.to_owned(), operation.to_owned())).map_or(0, |(_, counted)| *counted as u64)
    }

    /// All counted requests to the stores.
    pub fn store_requests(&self) -> u64 {
        let stores = self.rows.iter().filter(|((service, _), _)| matches!(service.as_str(), "source" | "destination"));
        stores.map(|(_, (_, counted))| *counted as u64).sum()
    }

    /// What the counted requests to some services cost, US dollars.
    pub fn usd_of(&self, services: &[&str]) -> f64 {
        let rows = self.rows.iter().filter(|((service, _), _)| services.contains(&service.as_str()));
        rows.map(|((service, operation), (_, counted))| counted * usd(service, operation)).sum()
    }

    fn total(&self) -> f64 {
        self.usd_of(&["source", "destination", "queue", "ledger"])
    }

    /// Each class that costs a percent of the whole is as the plan says, but for what does not grow with the objects.
    pub fn assert_planned(&self, objects: u64) {
        for ((service, operation), (planned, counted)) in &self.rows {
            if counted * usd(service, operation) < 0.01 * self.total() {
                continue;
            }
            let off = (planned - counted).abs();
            let tolerance = if service == "ledger" { TOLERANCE.0 } else { TOLERANCE.1 };
            let alike = if service == "ledger" { ALIKE * objects as f64 } else { 0.0 };
            assert!(off <= tolerance * counted + FIXED + alike, "{service} {operation}\n{self}");
        }
    }

    /// All that is beyond a GET, a PUT and their share of a page is little.
    pub fn assert_overhead(&self, objects: u64) {
        let floor = objects as f64 * (READ + WRITE * (1.0 + 1.0 / 1_000.0));
        assert!(self.total() - floor <= OVERHEAD * floor, "{self}");
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: ${:.6}", self.case, self.total())?;
        for ((service, operation), (planned, counted)) in &self.rows {
            let cost = counted * usd(service, operation);
            writeln!(f, "  {service:<12} {operation:<12} planned {planned:>9.0} counted {counted:>9.1} ${cost:.6}")?;
        }
        write!(f, "  {:?}", self.requests)
    }
}
