//! Counts of a run beside those of its plan.

use std::collections::BTreeMap;
use std::fmt;

use finder::Plan;
use flotilla_tests::meter::Counted;
use serde_json::Value;

/// What queue and ledger may cost for a million deletes, US dollars.
pub const DELETES_USD: f64 = 0.10;

/// What Flotilla may add to the stores' floor, for objects that go whole.
const OVERHEAD: f64 = 0.03;

/// The same for objects of 64 parts. The floor of one is $355.6e-6: 64 GETs, 66 PUTs, a share of a page. More are:
///
/// | | 1e-6 USD | share |
/// |---|---|---|
/// | LIST of the parts, before they become the object | 5.0 | 1.41 % |
/// | counting it once: a transaction of 2 items, which counts as 4 writes | 2.5 | 0.70 % |
/// | its upload: announced, recorded, the set of its parts, deleted: 4 writes | 2.5 | 0.70 % |
/// | its outcome: 1 write | 0.6 | 0.18 % |
/// | tags and checksums of its parts, 24 bytes each: 2 KiB, written and deleted: 4 writes | 2.5 | 0.70 % |
/// | HEADs of the source before and after the parts, and after the write | 1.2 | 0.34 % |
/// | its message: sent, received, acknowledged | 1.2 | 0.34 % |
/// | 5 reads of the ledger | 0.6 | 0.18 % |
/// | sum | 16.1 | 4.54 % |
///
/// 3 % is out of reach: the first four lines make 2.99 %. Without one of them an upload stays open, an object counts
/// twice or has no outcome, or a part of another worker passes for ours.
const OVERHEAD_OF_PARTS: f64 = 0.046;

/// Writes for one group of parts more: its item, written and deleted, and the set of parts.
pub const GROUP: u64 = 3;

/// Writes for one settlement more: a transaction of two items, which count twice, and a block of outcomes.
pub const SETTLEMENT: u64 = 5;

/// What a run costs whatever it does, US dollars: probes, its own records, polls. The whole of a plan may be off by this
/// much besides its tolerance.
const RUN_USD: f64 = 0.000_05;

/// How far a plan may be from the truth.
const TOLERANCE: f64 = 0.02;

/// Requests that do not grow with the objects and that no plan knows: polls.
const FIXED: f64 = 8.0;

/// Requests, and units of writes, for one range more.
pub const SPLIT: u64 = 5;

/// US dollars of a GET, and of a PUT or LIST.
const READ: f64 = 0.4e-6;
const WRITE: f64 = 5e-6;

/// US dollars of a unit of writes to the ledger.
const LEDGER_WRITE: f64 = 0.625e-6;

/// Service and operation.
type Key = (String, String);

/// Requests, and billed units of queue and ledger, by service and operation.
#[derive(Debug, Default)]
pub struct Counts {
    counts: BTreeMap<Key, f64>,
    requests: BTreeMap<String, (u64, u64)>,
    refused: u64,
}

impl Counts {
    /// Those of two stores between two readings, source first, and those of the meter.
    pub fn between(before: [&Value; 2], after: [&Value; 2], metered: Counted) -> Counts {
        let mut counts = Counts { requests: metered.requests, refused: metered.refused, ..Counts::default() };
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
        ("ledger", "write") => LEDGER_WRITE,
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
    /// Requests by action, and the units that they wrote.
    requests: BTreeMap<String, (u64, u64)>,
    refused: u64,
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
        Table { case: case.to_owned(), rows, requests: counts.requests, refused: counts.refused }
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

    /// The requests of an action of queue or ledger, as `DynamoDB.PutItem`.
    pub fn asked(&self, action: &str) -> u64 {
        self.requests.get(action).map_or(0, |(requests, _)| *requests)
    }

    /// Units of writes that a condition refused.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// The requests of one operation are as many as planned.
    pub fn assert_exact(&self, service: &str, operation: &str) {
        let row = self.rows.get(&(service.to_owned(), operation.to_owned()));
        let (planned, counted) = row.map_or((0, 0), |(planned, counted)| (*planned as u64, *counted as u64));
        assert_eq!(planned, counted, "{service} {operation}\n{self}");
    }

    /// The requests to both stores are as many as planned, but for parts that were slow on this machine and were sent a
    /// second time, a few at most; returns their number.
    pub fn assert_parts(&self) -> u64 {
        for (service, operation) in
            [("source", "list"), ("source", "head"), ("destination", "list"), ("destination", "head")]
        {
            self.assert_exact(service, operation);
        }
        self.assert_exact("destination", "get");
        let more = |service: &str, operation: &str| {
            let row = self.rows.get(&(service.to_owned(), operation.to_owned()));
            row.map_or(0, |(planned, counted)| *counted as i64 - *planned as i64)
        };
        let again = more("destination", "put");
        // What is in memory is not read again.
        let are_few = (0..=8).contains(&again) && (0..=again).contains(&more("source", "get"));
        assert!(are_few, "{again} parts more\n{self}");
        again as u64
    }

    /// Requests to the queue whose number depends on how long the run takes.
    pub fn waits(&self) -> u64 {
        ["SQS.ReceiveMessage", "SQS.GetQueueAttributes", "SQS.ChangeMessageVisibility"]
            .iter()
            .map(|action| self.asked(action))
            .sum()
    }

    /// Each class that costs a percent of the whole is as the plan says, but for what does not grow with the objects, and
    /// for the `slack` of its service and operation: requests, or units of reads or writes. So is the cost of all classes
    /// together.
    pub fn assert_planned(&self, slack: &[(&str, &str, u64)]) {
        for ((service, operation), (planned, counted)) in &self.rows {
            if counted * usd(service, operation) >= 0.01 * self.total() {
                let off = (planned - counted).abs();
                let of_class = slack.iter().filter(|(of, what, _)| of == service && what == operation);
                let fixed = FIXED + of_class.map(|(_, _, count)| *count as f64).sum::<f64>();
                assert!(off <= TOLERANCE * counted + fixed, "{service} {operation}\n{self}");
            }
        }
        let planned: f64 = self.rows.iter().map(|((of, what), (planned, _))| planned * usd(of, what)).sum();
        let fixed = RUN_USD + slack.iter().map(|(of, what, count)| *count as f64 * usd(of, what)).sum::<f64>();
        let off = (planned - self.total()).abs();
        assert!(off <= TOLERANCE * self.total() + fixed, "planned: ${planned:.6}\n{self}");
    }

    /// All that is beyond the least is little: for each object a GET and a PUT of each part, a request before the parts and
    /// one after them, and a share of a page. So many `writes` of the ledger are the slow machine's.
    pub fn assert_overhead(&self, objects: u64, parts: u64, writes: u64) {
        let around = if parts > 1 { 2 } else { 0 };
        let each = parts as f64 * READ + (parts + around) as f64 * WRITE + WRITE / 1_000.0;
        let floor = objects as f64 * each;
        let share = if parts > 1 { OVERHEAD_OF_PARTS } else { OVERHEAD };
        let fixed = RUN_USD + writes as f64 * LEDGER_WRITE;
        assert!(self.total() - fixed - floor <= share * floor, "{self}");
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: ${:.6}", self.case, self.total())?;
        for ((service, operation), (planned, counted)) in &self.rows {
            let cost = counted * usd(service, operation);
            writeln!(f, "  {service:<12} {operation:<12} planned {planned:>9.0} counted {counted:>9.1} ${cost:.6}")?;
        }
        write!(f, "  {:?}, {} units refused", self.requests, self.refused)
    }
}
