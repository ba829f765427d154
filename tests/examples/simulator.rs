//! A simulated S3 store, or a relay between two of them, for `tests/bench/run`; or a long path, for `tests/bench/wan`.
//!
//! ```text
//! simulator [address=127.0.0.1] [latency-us=20000] [bandwidth=25000000] [rate=1000] [opaque=1] [checksums=1]
//! simulator relay SOURCE BUCKET DESTINATION BUCKET CONNECTIONS
//! simulator link DELAY_MS LOSS RATE_MBPS QUEUE_MS
//! ```
//!
//! A store prints its address, and ends with its parent. Addresses are `HOST:PORT`. A link joins the tun devices that
//! it has as its standard input and output, and ends with its parent or with a device.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use flotilla_tests::simulator::link::{self, LinkSettings};
use flotilla_tests::simulator::settings::SimulatorSettings;
use flotilla_tests::simulator::{Simulator, relay};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["relay", source, from, destination, to, connections] = words[..] {
        let connections = connections.parse().expect("the number of connections is a number");
        return relay::copy(source, from, destination, to, connections).await.expect("all objects are copied");
    }
    if let ["link", words @ ..] = words.as_slice() {
        if let Err(why) = join(words) {
            eprintln!("simulator link: {why}");
            std::process::exit(1);
        }
        return;
    }
    let settings = SimulatorSettings::default();
    let mut address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    for pair in words {
        match pair.strip_prefix("address=") {
            Some(text) => address = text.parse().expect("the address is one"),
            None => assert!(settings.set_pair(pair), "no such setting: {pair}"),
        }
    }
    let parent = rustix::process::getppid();
    let simulator = Simulator::start_at((address, 0).into(), settings).await.expect("a port is free");
    println!("{}", simulator.endpoint);
    while rustix::process::getppid() == parent {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Joins the devices of standard input and output until the parent ends.
fn join(words: &[&str]) -> Result<(), String> {
    let settings = LinkSettings::parse(words)?;
    let devices = link::devices().map_err(|error| format!("no device: {error}"))?;
    let parent = rustix::process::getppid();
    let is_wanted = || rustix::process::getppid() == parent;
    link::join(settings, devices, is_wanted).map_err(|error| format!("a device gives no more packets: {error}"))
}
