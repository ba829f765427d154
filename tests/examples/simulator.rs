//! A simulated S3 store, or a relay between two of them, for `tests/bench/run`.
//!
//! ```text
//! simulator [address=127.0.0.1] [latency-us=20000] [bandwidth=25000000] [rate=1000] [opaque=1] [checksums=1]
//! simulator relay SOURCE BUCKET DESTINATION BUCKET CONNECTIONS
//! ```
//!
//! A store prints its address, and ends with its parent. Addresses are `HOST:PORT`.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

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
