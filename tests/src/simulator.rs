//! A simulated S3 store for measurements: so light that the client is measured.
//!
//! Buckets need no set-up: a bucket's name describes its objects (`bucket.rs`), and a page of a listing is computed from
//! numbers. Bodies come from one block of memory. What is written is compared with that block and dropped; only sizes
//! and ETags are kept, so the memory grows with the number of *written* objects alone.
//!
//! Latency, bandwidth and a rate limit are settings (`settings.rs`), which `PUT /-/settings` changes while the store
//! runs. `GET /-/counters` returns the requests by operation. Signatures are not verified: tests of correctness use
//! [`cloud`](crate::cloud).

mod answer;
mod bucket;
mod chunked;
mod counters;
pub mod link;
mod list_gate;
mod listing;
mod pattern;
pub mod relay;
mod request;
mod sink;
mod traffic;
mod uploads;
mod verbs;
mod wire;

pub mod settings;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use counters::Counters;
use list_gate::ListGate;
use settings::SimulatorSettings;
use sink::Sink;
use traffic::RateLimit;

/// A store on the runtime that started it. It ends when dropped.
#[derive(Debug)]
pub struct Simulator {
    /// Base URL, such as `http://127.0.0.1:PORT`.
    pub endpoint: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    settings: SimulatorSettings,
    counters: Counters,
    rate: RateLimit,
    list_gate: ListGate,
    sink: Sink,
}

impl Simulator {
    /// Starts a store at a loopback port; 0 chooses a free one.
    pub async fn start(port: u16, settings: SimulatorSettings) -> io::Result<Simulator> {
        Simulator::start_at((Ipv4Addr::LOCALHOST, port).into(), settings).await
    }

    /// Starts a store at an address of this machine. A port of 0 chooses a free one.
    pub async fn start_at(address: SocketAddr, settings: SimulatorSettings) -> io::Result<Simulator> {
        let listener = TcpListener::bind(address).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            settings,
            counters: Counters::default(),
            rate: RateLimit::default(),
            list_gate: ListGate::default(),
            sink: Sink::default(),
        });
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Ok(Simulator { endpoint, shared, accepting })
    }

    /// Computes what the first listing of a bucket would wait for: the MD5 of a large object takes seconds.
    pub fn prepare(&self, bucket: &str) {
        verbs::prepare(&self.shared, bucket);
    }

    /// Requests so far, by operation, with `throttled`, `objects` and bytes, as `/-/counters` returns them.
    pub fn counters(&self) -> serde_json::Value {
        self.shared.counters.json()
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                connections.spawn(serve(stream, shared.clone()));
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

/// Serves one connection until the client closes it. A client's fault ends only its own connection.
async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let mut connection = wire::Connection::new(stream);
    while let Ok(Some(request)) = connection.request().await {
        if verbs::answer(&shared, &mut connection, &request).await.is_err() {
            return;
        }
    }
}
