//! Large objects in flight, as `status` and the metrics show them before anything is settled.

use std::path::Path;
use std::time::{Duration, Instant};

use flotilla_tests::binaries::{self, Process};
use flotilla_tests::emulators::fresh_folder;
use serde_json::Value;
use shared::ledger::{Ledger, TransferReports};

use crate::fleet_of_folders::{Folders, stop};
use crate::support::{MIB, scrape, try_scrape, write_files};

/// For a machine with many more programs than cores.
const LIMIT: Duration = Duration::from_secs(120);

/// One giant in parts, one large object in one request, small ones.
fn files() -> Vec<(String, usize)> {
    vec![("giant".into(), 60 * MIB), ("large".into(), 24 * MIB), ("a".into(), 5), ("b".into(), 7)]
}

const WORK: &str =
    "lease = \"20s\"\ngiant-threshold = \"32MiB\"\nmultipart-threshold = \"30MiB\"\npart-size = \"5MiB\"\n";

async fn status(task: &Folders, more: &[&str]) -> String {
    let mut arguments = vec!["status".to_owned(), "--config".to_owned(), task.path("task.toml").display().to_string()];
    arguments.extend(more.iter().map(|word| (*word).to_owned()));
    let env = [("FLOTILLA_TEST", String::new())];
    let ended = binaries::Process::start(&binaries::flotilla(), arguments, env).wait(LIMIT).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stdout
}

async fn status_json(task: &Folders) -> Value {
    let text = status(task, &["--json"]).await;
    serde_json::from_str(text.lines().last().expect("a run")).expect("a line is JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_status_shows_large_objects_before_they_settle() {
    let task = Folders::new(&files(), &format!("{WORK}bandwidth-limit = \"4MiB\"\n")).await;
    assert_eq!(task.find().await.code, Some(0));
    let mut workers = [task.worker(&["--metrics-addr", "127.0.0.1:0"])];
    let shown = async || {
        let run = status_json(&task).await;
        let in_flight = &run["in_flight"];
        (in_flight["objects"] == 2 && in_flight["bytes_per_second"] != 0).then_some(run)
    };
    task.until("both are shown", &mut workers, async || shown().await.is_some()).await;
    let run = status_json(&task).await;
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let all: usize = files().iter().map(|(_, size)| size).sum();
    let (settled, in_flight) = (number(&run["settled"]["bytes"]), number(&run["in_flight"]["bytes"]));
    assert!(in_flight > MIB as u64 && settled + in_flight <= all as u64, "{run}");
    assert!(run["rate"]["bytes"].as_f64().is_some_and(|rate| rate > 0.0), "{run}");
    assert!(run["seconds_left"].as_u64().is_some(), "{run}");
    let text = status(&task, &[]).await;
    assert!(text.contains("large objects in flight at 1 worker (") && text.contains(" left"), "{text}");
    let metrics = scrape(&workers[0]).await;
    let gauge = metrics.lines().find_map(|line| line.strip_prefix("flotilla_in_flight_bytes "));
    assert!(gauge.and_then(|bytes| bytes.parse().ok()).is_some_and(|bytes: f64| bytes > MIB as f64), "{metrics}");

    // Killed: what it reported is valid for some seconds more, and is nothing that a run which is done still shows.
    workers[0].kill();
    workers[0].wait(LIMIT).await;
    let config = std::fs::read_to_string(task.path("task.toml")).expect("a config");
    std::fs::write(task.path("task.toml"), config.replace("bandwidth-limit = \"4MiB\"\n", "")).expect("a config");
    let mut workers = [task.worker(&[])];
    let run = task.until_done(&mut workers).await;
    stop(&mut workers[0]).await;
    task.assert_copied(&run, &files());
    let run = status_json(&task).await;
    assert!(run.get("in_flight").is_none() && run["done"] == true, "{run}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stops_withdraws_what_it_reported() {
    let task =
        Folders::new(&[("large".into(), 24 * MIB)], &format!("{WORK}drain = \"1s\"\nbandwidth-limit = \"1MiB\"\n"))
            .await;
    assert_eq!(task.find().await.code, Some(0));
    let run = task.run().await.expect("a run").start.id;
    let mut workers = [task.worker(&[])];
    let reports = async || task.ledger.transfers(&run).await.expect("the ledger answers");
    task.until("it is reported", &mut workers, async || reports().await.len() == 1).await;
    stop(&mut workers[0]).await;
    assert_eq!(reports().await, [], "it is not left to its time");
    assert!(!task.ledger.run(&run).await.expect("answers").expect("a run").is_done());
}

/// The bytes of the object that a line of progress shows, if the object is not settled: `0 of 1 object, 6.00 MiB of …`.
fn mib_within_the_object(line: &str) -> Option<f64> {
    line.strip_prefix("0 of 1 object, ")?.split_once(" MiB of 24.0 MiB")?.0.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_local_sync_shows_bytes_within_an_object() {
    // In one request, and in parts.
    let syncs = ["1GiB", "8MiB"].map(async |threshold| {
        let (source, destination, state) = (fresh_folder("source"), fresh_folder("destination"), fresh_folder("state"));
        write_files(&source, &[("large".to_owned(), 24 * MIB)]);
        let path = |folder: &Path| folder.to_str().expect("UTF-8").to_owned();
        let mut arguments = vec!["sync".to_owned(), path(&source), path(&destination)];
        arguments.extend(["--state".to_owned(), path(&state), "--multipart-threshold".to_owned()]);
        arguments.extend([threshold, "--bandwidth-limit", "2MiB", "--metrics-addr", "127.0.0.1:0"].map(str::to_owned));
        let mut sync = Process::start(&binaries::flotilla(), arguments, [("RUST_LOG", "info".to_owned())]);
        let (began, mut gauges) = (Instant::now(), Vec::new());
        while sync.is_running() && began.elapsed() < LIMIT {
            let is_open = sync.stderr().contains("(address ");
            let metrics = if is_open { try_scrape(&sync).await.unwrap_or_default() } else { String::new() };
            let gauge = metrics.lines().find_map(|line| line.strip_prefix("flotilla_in_flight_bytes "));
            gauges.extend(gauge.and_then(|bytes| bytes.parse::<f64>().ok()));
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let ended = sync.wait(LIMIT).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let within: Vec<f64> = ended.stderr.lines().filter_map(mib_within_the_object).collect();
        let is_within = |mib: f64| mib > 0.0 && mib < 24.0;
        assert!(within.iter().any(|mib| is_within(*mib)), "{threshold}: {}", ended.stderr);
        assert!(within.is_sorted(), "{threshold}: {}", ended.stderr);
        assert!(gauges.iter().any(|bytes| is_within(bytes / MIB as f64)), "{threshold}: {gauges:?}");
    });
    futures::future::join_all(syncs).await;
}
