//! Requests of a fleet without work, counted at a proxy, and their price in the documents.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use finder::price;
use flotilla_tests::binaries::{self, Ended, Process};
use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, credentials_file, fresh_folder, ministack, unique_name};
use flotilla_tests::proxy::Proxy;
use futures::future::join_all;

const TASKS: u64 = 20;

const MINUTES_A_MONTH: u64 = 43_200;

/// What an idle fleet uses besides queues and table: Amazon's list prices, us-east-1, 2026-11. Without free tiers.
mod prices {
    /// One call of a function ($0.20 per million).
    pub const CALL_USD: f64 = 0.20 / 1e6;
    /// A GB of a function's memory for one second, arm64.
    pub const GB_SECOND_USD: f64 = 0.0000133334;
    /// A custom metric for a month.
    pub const METRIC_USD: f64 = 0.30;
    /// A GB of logs, ingested.
    pub const LOG_GB_USD: f64 = 0.50;
}

/// Memory of the controller's function (terraform/modules/controller).
const FUNCTION_GB: f64 = 0.25;

/// Seconds that are billed for a pass: more than the release program takes for one, with a start of the function.
const PASS_SECONDS: f64 = 1.0;

/// Bytes that a function's call adds to its log: START, END and REPORT.
const LOG_BYTES_OF_CALL: usize = 350;

/// A fleet of idle tasks between folders, whose services stand behind a proxy.
struct Fleet {
    proxy: Proxy,
    root: PathBuf,
}

impl Fleet {
    async fn new() -> Fleet {
        let (proxy, root) = (Proxy::start(&ministack().endpoint).await, fresh_folder("idle"));
        // Up to 20 characters.
        let name: String = unique_name("f").chars().rev().filter(char::is_ascii_alphanumeric).take(12).collect();
        let name = format!("f{}", name.to_lowercase());
        let keys = credentials_file(ACCESS_KEY, SECRET_KEY);
        let service = format!(
            "endpoint-url = {:?}\nregion = \"us-east-1\"\ncredentials = \"file:{}\"\n",
            proxy.endpoint,
            keys.display()
        );
        let text = format!("name = \"{name}\"\n[queue]\n{service}[ledger]\ntable = \"{name}\"\n{service}");
        std::fs::write(root.join("fleet.toml"), text).expect("a file");
        std::fs::create_dir(root.join("source")).expect("a folder");
        let fleet = Fleet { proxy, root };
        let from = fleet.root.join("source").display().to_string();
        fleet.command(&["init"]).await;
        for tasks in (0..TASKS).collect::<Vec<_>>().chunks(5) {
            let create = tasks.iter().map(|task| {
                let (name, to) = (format!("t{task}"), fleet.root.join(format!("to-{task}")).display().to_string());
                let (fleet, from) = (&fleet, &from);
                async move { drop(fleet.command(&["task", "create", &name, from, &to]).await) }
            });
            join_all(create).await;
        }
        fleet
    }

    fn start(&self, program: PathBuf, words: &[&str]) -> Process {
        let file = self.root.join("fleet.toml").display().to_string();
        let words = words.iter().map(|word| (*word).to_owned()).chain(["--fleet".to_owned(), file]);
        Process::start(&program, words.collect::<Vec<_>>(), [("USER", "ada".to_owned())])
    }

    async fn command(&self, words: &[&str]) -> Ended {
        let ended = self.start(binaries::flotilla(), words).wait(Duration::from_secs(180)).await;
        assert_eq!(ended.code, Some(0), "{words:?}: {}", ended.stderr);
        ended
    }

    /// Requests since the proxy has seen so many, by service and call.
    fn asked_since(&self, seen: usize) -> BTreeMap<String, u64> {
        let mut asked = BTreeMap::new();
        for request in self.proxy.seen().iter().skip(seen) {
            let call = request.target.split_whitespace().nth(1).unwrap_or(&request.target);
            // `DynamoDB_20120810.Query`, `AmazonSQS.ReceiveMessage`
            let call = call.rsplit('.').next().unwrap_or(call);
            *asked.entry(call.to_owned()).or_default() += 1;
        }
        asked
    }
}

fn document() -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace");
    let text = std::fs::read_to_string(root.join("docs/operations.md")).expect("a document");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The month of a fleet that has no worker: its controller is a function that makes a pass each minute, with these reads
/// and this log. Checks its price in the document.
fn assert_month(document: &str, reads: u64, log: &Ended) {
    let written: serde_json::Value = serde_json::from_str(&log.stdout).expect("the pass prints its metrics");
    let metrics = written["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().expect("metrics").len();
    let log_bytes = log.stdout.len() + log.stderr.len() + LOG_BYTES_OF_CALL;
    let passes = MINUTES_A_MONTH as f64;
    let parts = [
        passes * (prices::CALL_USD + PASS_SECONDS * FUNCTION_GB * prices::GB_SECOND_USD),
        passes * reads as f64 * price::DYNAMODB_READ_USD,
        metrics as f64 * prices::METRIC_USD,
        passes * log_bytes as f64 / 1e9 * prices::LOG_GB_USD,
    ];
    let sum: f64 = parts.iter().sum();
    let day = sum / 30.0;
    println!("an idle day: {day:.4} USD, a month {sum:.2}; {parts:.3?}; {log_bytes} bytes of log a pass");
    assert!(sum < 1.0, "{parts:?}");
    let [function, table, metrics, logs] = parts;
    let line = format!(
        "${function:.2} for the function, ${table:.2} for the table, ${metrics:.2} for metrics, ${logs:.2} for logs: \
         ${sum:.2} a month"
    );
    assert!(document.contains(&line), "{line}");
}

/// The price of a month in which each minute has so many requests. A read of the ledger counts as `reads` units.
fn usd(queue: u64, reads: u64, writes: u64) -> String {
    let a_minute = queue as f64 * price::SQS_USD
        + reads as f64 * price::DYNAMODB_READ_USD
        + writes as f64 * price::DYNAMODB_WRITE_USD;
    format!("${:.2}", a_minute * MINUTES_A_MONTH as f64)
}

/// The requests of a pass but for those to queues: the dead letters of each idle task are counted once an hour, in a
/// minute that follows from its id.
fn without_dead_letters(mut pass: BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    // Two queues and their dead letters are found, and their tags read; three counts.
    let [urls, tags, counts] =
        ["GetQueueUrl", "ListQueueTags", "GetQueueAttributes"].map(|call| pass.remove(call).unwrap_or(0));
    assert!(urls == tags && counts <= urls && urls.is_multiple_of(4) && urls <= 4 * TASKS, "{urls} {tags} {counts}");
    pass
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_fleet_costs_what_is_documented() {
    let fleet = Fleet::new().await;
    let document = document();

    // The first pass may record what it remembers.
    fleet.command(&["controller", "--once"]).await;
    let seen = fleet.proxy.seen().len();
    fleet.command(&["controller", "--once"]).await;
    let pass = without_dead_letters(fleet.asked_since(seen));
    let expected = [("DescribeTable", 1), ("GetItem", 1), ("Query", 5)];
    assert_eq!(pass, expected.map(|(call, count)| (call.to_owned(), count)).into());
    let seen = fleet.proxy.seen().len();
    let log = fleet.command(&["controller", "--once", "--emf", "--log", "json"]).await;
    assert_eq!(without_dead_letters(fleet.asked_since(seen)), pass, "each pass makes the same requests");
    // The tasks, the workers, and the open operations of three classes. 20 summaries of less than 1 KB in a query; each
    // other read is one unit.
    let reads = TASKS.div_ceil(4) + 5;
    let line = format!("5 queries and 1 read, {reads} read units: {} a month", usd(0, reads, 0));
    assert!(document.contains(&line), "{line}");
    assert_month(&document, reads, &log);

    let mut worker = fleet.start(binaries::worker(), &[]);
    let served = |worker: &Process| worker.stderr().matches("receiving the task's jobs").count() as u64;
    while served(&worker) < TASKS {
        assert!(worker.is_running(), "{}", worker.stderr());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Each task was polled when it was opened.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let seen = fleet.proxy.seen().len();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let minute = fleet.asked_since(seen);
    worker.terminate();
    worker.wait(Duration::from_secs(60)).await;
    // A heartbeat and three queries (tasks, operations, heartbeats) each 5 s. Two queues a task, and the fleet's own, are
    // polled once. The clock of the test is not the worker's: one more of each.
    let count = |call: &str| minute.get(call).copied().unwrap_or(0);
    let documented = 2 * TASKS + 1;
    let bounds = [
        ("PutItem", 12 - 1, 12 + 1),
        ("Query", 3 * (12 - 1), 3 * (12 + 1)),
        ("ReceiveMessage", documented - TASKS / 2, documented + TASKS / 2),
    ];
    for (call, least, most) in bounds {
        assert!((least..=most).contains(&count(call)), "{call}: {minute:?}");
    }
    let known: u64 = bounds.iter().map(|(call, ..)| count(call)).sum();
    assert_eq!(minute.values().sum::<u64>(), known, "other calls: {minute:?}");
    let (polls, reads) = (documented, 12 * (TASKS.div_ceil(4) + 2));
    let line = format!(
        "{polls} polls, 36 queries ({reads} read units) and 12 writes a minute: {} a month",
        usd(polls, reads, 12)
    );
    assert!(document.contains(&line), "{line}");
}
