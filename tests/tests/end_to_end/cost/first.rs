//! The first copy of a long listing: the store answers so many pages, and no other before an object is written.

use std::time::{Duration, Instant};

use flotilla_tests::binaries::{self, Process};
use flotilla_tests::emulators::{credentials_file, fresh_folder};
use flotilla_tests::simulator::Simulator;
use flotilla_tests::stage::until;

use super::*;

/// Of 10,000 pages: those of the ranges that are listed at the same time, and of the probes.
const PAGES: u64 = 64;

const NO_ENV: [(&str, String); 0] = [];

const LIMIT: Duration = Duration::from_secs(120);

/// A store with ten million objects.
async fn store() -> Simulator {
    let settings = SimulatorSettings::default();
    settings.set("lists-before-put", PAGES);
    Simulator::start(0, settings).await.expect("a port is free")
}

fn puts(simulator: &Simulator) -> u64 {
    simulator.counters()["requests"]["PutObject"].as_u64().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_copies_before_the_listing_has_gone_far() {
    let simulator = store().await;
    let keys = format!("file:{}", credentials_file(ACCESS_KEY, SECRET_KEY).display());
    let state = fresh_folder("first").display().to_string();
    let arguments = [
        "sync",
        "s3://flat-10000000x1024",
        "s3://sink",
        "--no-server-side-copy",
        "--state",
        &state,
        "--source-endpoint-url",
        &simulator.endpoint,
        "--destination-endpoint-url",
        &simulator.endpoint,
        "--source-region",
        "us-east-1",
        "--destination-region",
        "us-east-1",
        "--source-credentials",
        &keys,
        "--destination-credentials",
        &keys,
    ];
    let mut process = Process::start(&binaries::flotilla(), arguments, NO_ENV);
    let began = Instant::now();
    while puts(&simulator) == 0 {
        assert!(process.is_running() && began.elapsed() < LIMIT, "{}\n{}", simulator.counters(), process.stderr());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    process.terminate();
    process.wait(LIMIT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_copies_before_the_listing_has_gone_far() {
    let mut bench = Bench::new("flat-10000000x1024", "empty", None).await;
    bench.find = Find::default();
    bench.simulators = [store().await, store().await];
    for (side, simulator) in bench.sides.iter_mut().zip(&bench.simulators) {
        side.connection.endpoint_url = Some(simulator.endpoint.clone());
    }
    let first = tokio::time::timeout(LIMIT, async {
        tokio::select! {
            _ = bench.run() => {}
            () = until(async || puts(&bench.simulators[1]) > 0) => {}
        }
    });
    assert!(first.await.is_ok(), "{:?}", bench.simulators.each_ref().map(Simulator::counters));
}
