//! How many requests a command costs, counted by the simulated store.

use flotilla_tests::binaries;
use flotilla_tests::emulators;
use flotilla_tests::simulator::Simulator;
use flotilla_tests::simulator::settings::SimulatorSettings;
use serde_json::{Value, json};

use crate::sandbox::{LIMIT, Sandbox};

/// The requests of `flotilla sync` between two buckets of a simulator.
async fn requests_of_sync(source: &str, destination: &str) -> Value {
    let sandbox = Sandbox::new();
    let simulator = Simulator::start(0, SimulatorSettings::default()).await.expect("a port is free");
    let keys = emulators::credentials_file(emulators::ACCESS_KEY, emulators::SECRET_KEY);
    let (keys, state) = (format!("file:{}", keys.display()), sandbox.path("state").display().to_string());
    let endpoint = simulator.endpoint.as_str();
    let (from, to) = (format!("s3://{source}"), format!("s3://{destination}"));
    let mut args = vec!["sync", &from, &to, "--state", &state, "--no-server-side-copy", "--no-tags"];
    for side in ["source", "destination"] {
        let option = |name: &str| &*format!("--{side}-{name}").leak();
        args.extend([option("endpoint-url"), endpoint, option("region"), "us-east-1", option("credentials"), &keys]);
    }
    let mut sync = binaries::Process::start(&binaries::flotilla(), args, []);
    let ended = sync.wait(LIMIT).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(simulator.counters()["foreign"], 0, "the bytes are those of the source");
    simulator.counters()["requests"].clone()
}

#[tokio::test]
async fn a_sync_with_nothing_to_do_costs_its_pages() {
    let requests = requests_of_sync("flat-1200x10-a", "flat-1200x10-b").await;
    assert_eq!(requests, json!({"ListObjectsV2": 4}));
    let requests = requests_of_sync("deep-1000x10-a", "deep-1000x10-b").await;
    assert_eq!(requests, json!({"ListObjectsV2": 2}));
}

#[tokio::test]
async fn a_long_listing_is_split_by_few_more_requests() {
    let requests = requests_of_sync("flat-10000x10-a", "flat-10000x10-b").await;
    let pages = requests["ListObjectsV2"].as_u64().expect("a number");
    assert!((20..=28).contains(&pages), "{requests}");
}

#[tokio::test]
async fn an_empty_destination_is_listed_once() {
    let requests = requests_of_sync("flat-1100x10-a", "empty").await;
    assert_eq!(requests, json!({"ListObjectsV2": 2 + 1, "GetObject": 1100, "PutObject": 1100}));
}
