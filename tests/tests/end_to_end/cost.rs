//! The requests of runs in fleet mode, by service and verb, against the plan and against what Flotilla may add.
//!
//! Stores are simulated and count by verb; SQS and DynamoDB are emulated behind a meter that computes the billed units.

mod first;
mod giants;
mod table;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use adapters::ledger::dynamodb::DynamoDbLedger;
use adapters::queue::sqs::SqsQueue;
use adapters::store::s3::S3Store;
use finder::{Finder, ObjectsPlanner, Plan};
use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, connection, ministack, unique_name};
use flotilla_tests::meter::Meter;
use flotilla_tests::scale::scale;
use flotilla_tests::simulator::Simulator;
use flotilla_tests::simulator::settings::SimulatorSettings;
use flotilla_tests::stage::{Running, TASK, worker};
use shared::config::{Find, LedgerConfig, MachineSettings, QueueConfig, Side, Work};
use shared::ledger::{Ledger, Run};
use shared::store::Store;
use tokio_util::sync::CancellationToken;

use table::{Counts, DELETES_USD, GROUP, SETTLEMENT, SPLIT, Table};

/// Objects of a run of `tests/run --long`.
const MILLION: u64 = 1_000_000;

/// How often a run is looked at: each look asks the emulator that the run works with.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// As real objects have: ETags that do not compress.
const DISTINCT: Option<&str> = Some("distinct");

/// Two stores with consistent listings, a queue and a table, all of which count.
struct Bench {
    simulators: [Simulator; 2],
    sides: [Side; 2],
    meter: Meter,
    queue: Arc<SqsQueue>,
    ledger: Arc<DynamoDbLedger>,
    /// The ledger past the meter.
    seen: DynamoDbLedger,
    find: Find,
    work: Work,
    machine: MachineSettings,
    workers: usize,
}

impl Bench {
    async fn new(source: &str, destination: &str, setting: Option<&str>) -> Bench {
        let started = async || {
            let settings = SimulatorSettings::default();
            setting.into_iter().for_each(|name| assert!(settings.set(name, 1), "{name}"));
            Simulator::start(0, settings).await.expect("a port is free")
        };
        let simulators = [started().await, started().await];
        simulators[0].prepare(source);
        // The scheme names a provider with consistent listings before its first answer.
        let side = |simulator: &Simulator, bucket: &str| Side {
            location: format!("r2://{bucket}").parse().expect("a location"),
            connection: connection(&simulator.endpoint, ACCESS_KEY, SECRET_KEY),
            ..flotilla_tests::emulators::side(&simulator.endpoint, bucket, "")
        };
        let sides = [side(&simulators[0], source), side(&simulators[1], destination)];
        let (services, name) = (ministack(), unique_name("cost"));
        let meter = Meter::start(&services.endpoint).await;
        let metered = connection(&meter.endpoint, ACCESS_KEY, SECRET_KEY);
        let queue = QueueConfig { name: name.clone(), dead_letter: None, connection: metered.clone() };
        SqsQueue::create(&queue).await.expect("the queue is made");
        let queue = Arc::new(SqsQueue::open(&queue).await.expect("the queue opens"));
        let table = LedgerConfig::new(name, metered);
        DynamoDbLedger::create(&table).await.expect("the table is made");
        let ledger = Arc::new(DynamoDbLedger::open(&table).await.expect("the table opens"));
        let seen = LedgerConfig { connection: connection(&services.endpoint, ACCESS_KEY, SECRET_KEY), ..table };
        let seen = DynamoDbLedger::open(&seen).await.expect("the table opens");
        let work = Work { look_again: Some(true), ..Work::default() };
        // One range: a listing is split as its pages come, which is not the same each time.
        let find = Find { list_concurrency: 1, ..Find::default() };
        let machine = MachineSettings::default();
        Bench { simulators, sides, meter, queue, ledger, seen, find, work, machine, workers: 1 }
    }

    async fn stores(&self) -> (Store, Store) {
        let open = async |side| Arc::new(S3Store::open(side).await.expect("the store opens"));
        let (source, destination): (Store, Store) = (open(&self.sides[0]).await, open(&self.sides[1]).await);
        source.probe().await.expect("the source answers");
        destination.probe().await.expect("the destination answers");
        (source, destination)
    }

    async fn plan(&self) -> Plan {
        let (source, destination) = self.stores().await;
        let stop = CancellationToken::new();
        finder::plan(source, destination, &self.find, &self.work, stop, Default::default()).await.expect("a plan")
    }

    async fn last_run(&self) -> Option<Run> {
        self.seen.runs(TASK, 1).await.expect("the ledger answers").pop()
    }

    /// Makes one run, and counts its requests.
    async fn run(&self) -> (Run, Counts) {
        let before = self.simulators.each_ref().map(Simulator::counters);
        let (source, destination) = self.stores().await;
        self.meter.take();
        let start = |_| {
            let stores = (source.clone(), destination.clone());
            let settings = (&self.machine, &self.work);
            let mut worker = worker(stores, self.queue.clone(), self.ledger.clone(), settings);
            worker.objects.follow.look_again = true;
            Running::start(worker.build())
        };
        let working: Vec<Running> = (0..self.workers).map(start).collect();
        let finder = Finder {
            task: TASK.into(),
            queue: self.queue.clone(),
            ledger: self.ledger.clone(),
            owner: "finder".into(),
            force: false,
            look_every: Duration::from_secs(1),
            run: None,
        };
        let planner = ObjectsPlanner::new(source, destination, &self.find, &self.work, self.ledger.clone());
        let planner = planner.expect("the filters are valid");
        finder.run(&planner, CancellationToken::new(), Arc::default()).await.expect("the finder ends well");
        let is_done = async {
            while !self.last_run().await.is_some_and(|run| run.is_done()) {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        // Far longer than it takes.
        let limit = Duration::from_secs(scale(300, 3_600));
        tokio::time::timeout(limit, is_done).await.expect("the run ends in time");
        // All drain at the same time.
        working.iter().for_each(|worker| worker.stop.drain.cancel());
        for worker in working {
            worker.stop().await.expect("the worker ends well");
        }
        let after = self.simulators.each_ref().map(Simulator::counters);
        let counts = Counts::between([&before[0], &before[1]], [&after[0], &after[1]], self.meter.take());
        (self.last_run().await.expect("it is recorded"), counts)
    }

    async fn measured(&self, case: &str) -> (Run, Table) {
        let plan = self.plan().await;
        let (run, counts) = self.run().await;
        let table = Table::new(case, &plan, counts);
        println!("{table}");
        (run, table)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_cost_what_the_plan_says() {
    let objects = scale(10_000, MILLION);
    let mut bench = Bench::new("empty", &format!("real-{objects}x10"), DISTINCT).await;
    bench.find = Find { delete: true, max_delete: Some(objects), ..bench.find };
    let (run, table) = bench.measured(&format!("{objects} deletes")).await;
    assert_eq!(run.settled.deleted, objects);
    table.assert_planned(&[]);
    // A LIST before, the deletes, and a LIST after, for each job of up to 1,000 keys.
    let listings = table.counted("destination", "list");
    assert!(table.store_requests() <= listings + 3 * objects / 1_000 + 4, "{table}");
    assert_eq!(table.counted("destination", "delete"), 0, "{table}");
    let of_a_million = table.usd_of(&["queue", "ledger"]) * (MILLION / objects) as f64;
    assert!(of_a_million <= DELETES_USD, "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_cost_what_the_plan_says() {
    // A program that is not optimised takes several times as long.
    let many = if cfg!(debug_assertions) { 100_000 } else { MILLION };
    let objects = scale(10_000, many);
    let bench = Bench::new(&format!("real-{objects}x10240"), "empty", DISTINCT).await;
    let (run, table) = bench.measured(&format!("{objects} copies")).await;
    assert_eq!(run.settled.copied, objects);
    table.assert_planned(&[]);
    table.assert_overhead(objects, 1, 0);
}

/// 64 parts each, as objects of 1 GiB have: the number of requests does not depend on the size of a part.
#[tokio::test(flavor = "multi_thread")]
async fn large_objects_cost_what_the_plan_says() {
    const OBJECTS: u64 = 2;
    const PART: u64 = 5 << 20;
    let mut bench = Bench::new(&format!("real-{OBJECTS}x{}", 64 * PART), "empty", None).await;
    bench.work = Work { part_size: Some(PART), multipart_threshold: Some(PART), ..bench.work };
    let (run, table) = bench.measured("2 objects of 64 parts").await;
    assert_eq!(run.settled.copied, OBJECTS);
    let again = table.assert_parts();
    // Two checkpoints, and a group of parts for each object: more groups where 64 parts take over 2 s.
    let groups = table.asked("DynamoDB.PutItem").saturating_sub(2 + OBJECTS);
    table.assert_planned(&[
        ("source", "get", again),
        ("destination", "put", again),
        ("ledger", "write", GROUP * groups),
        ("ledger", "read", groups),
        ("queue", "request", table.waits()),
    ]);
    table.assert_overhead(OBJECTS, 64 + again.div_ceil(OBJECTS), GROUP * groups);
}

/// Larger than what goes whole however far the stores are: of each, an open upload is looked for.
#[tokio::test(flavor = "multi_thread")]
async fn whole_objects_above_32_mib_cost_what_the_plan_says() {
    const OBJECTS: u64 = 32;
    const BYTES: u64 = 33 << 20;
    /// Of at most 512 MiB each.
    const JOBS: u64 = 3;
    let bench = Bench::new(&format!("real-{OBJECTS}x{BYTES}"), "empty", None).await;
    let (run, table) = bench.measured("32 objects of 33 MiB").await;
    assert_eq!(run.settled.copied, OBJECTS);
    assert_eq!(table.counted("destination", "put"), OBJECTS, "each goes whole\n{table}");
    assert!(table.asked("DynamoDB.BatchGetItem") >= OBJECTS, "{table}");
    // The run's start, its first checkpoint, and each job: more where a job takes over 10 s.
    let settlements = table.asked("DynamoDB.TransactWriteItems").saturating_sub(2 + JOBS);
    table.assert_planned(&[
        ("ledger", "write", SETTLEMENT * settlements),
        // What is settled of a job in part reads the rest of it.
        ("ledger", "read", settlements + JOBS),
        ("queue", "request", table.waits()),
    ]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_do_costs_its_listings() {
    // A million as they are listed by default: in how many ranges is not the same each time.
    let (objects, list_concurrency, splits, own) = scale((50_000, 1, 0, 0.000_1), (MILLION, 16, 16, 0.0));
    let mut bench = Bench::new(&format!("real-{objects}x10"), &format!("real-{objects}x10-b"), DISTINCT).await;
    bench.find.list_concurrency = list_concurrency;
    let (run, table) = bench.measured("nothing to do").await;
    assert_eq!(run.found.enqueued, 0);
    let more = SPLIT * splits;
    let lists = [("source", "list", more), ("destination", "list", more)];
    table.assert_planned(&[lists[0], lists[1], ("ledger", "write", more), ("ledger", "read", more)]);
    // A run's own records: of these 50,000 they are a part that one can see.
    assert!(table.usd_of(&["queue", "ledger"]) <= 0.03 * table.usd_of(&["source", "destination"]) + own, "{table}");
}
