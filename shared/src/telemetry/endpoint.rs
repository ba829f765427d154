//! Metrics and health over HTTP: `/metrics`, `/healthz`, `/readyz`.
//!
//! Meant for a scraper and a load balancer on a trusted network: plain HTTP, no secrets in any answer,
//! and bounded in connections and in the time each may take.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::sync::Semaphore;
use tokio::time::{interval, sleep, timeout};

use crate::sync::lock;

/// Most connections at once; a scraper and a load balancer need two.
const MAX_CONNECTIONS: usize = 64;

/// A request's headers must be there after this long.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest life of a connection, so that a silent peer frees it.
const CONNECTION_LIFE: Duration = Duration::from_secs(300);

/// What a program says that is to be started anew.
const SILENT: &str = "silent: no poll and no settlement has ended for some minutes\n";

/// Histograms' samples are folded into buckets this often, scraped or not, so they do not pile up.
const UPKEEP: Duration = Duration::from_secs(5);

/// Bucket bounds of all histograms, seconds: from a small object's copy to the age of a job that
/// waited an hour, in steps of about three.
const BUCKETS_SECONDS: [f64; 13] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3600.0, 14400.0];

/// Whether the program takes work; clones share it. Ready only after the first
/// [`set_ready`](Health::set_ready).
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Conditions>);

#[derive(Default)]
struct Conditions {
    is_up: AtomicBool,
    failing_stores: Mutex<Vec<FailingStore>>,
    is_alive: OnceLock<Box<dyn Fn() -> bool + Send + Sync>>,
}

/// A store to which all requests fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingStore {
    /// `source` or `destination`.
    pub side: &'static str,
    /// The last error.
    pub error: String,
}

impl std::fmt::Debug for Conditions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conditions").field("is_up", &self.is_up).finish_non_exhaustive()
    }
}

impl Health {
    /// The program is up (`true`), or drains and takes no more work (`false`).
    pub fn set_ready(&self, ready: bool) {
        self.0.is_up.store(ready, Ordering::Relaxed);
    }

    /// From now on all requests to the store of this side fail, the last one with this error.
    pub fn store_fails(&self, side: &'static str, error: &str) {
        lock(&self.0.failing_stores).push(FailingStore { side, error: error.to_owned() });
    }

    /// A store of this side, of which [`store_fails`](Self::store_fails) was called, works again or is closed.
    pub fn store_works(&self, side: &'static str) {
        let mut failing = lock(&self.0.failing_stores);
        if let Some(at) = failing.iter().position(|store| store.side == side) {
            failing.remove(at);
        }
    }

    /// A store to which all requests fail.
    pub fn failing_store(&self) -> Option<FailingStore> {
        lock(&self.0.failing_stores).first().cloned()
    }

    /// From now on `is_alive` says whether the program is at work, or has nothing to do. Only the first one counts.
    pub fn judge_alive(&self, is_alive: impl Fn() -> bool + Send + Sync + 'static) {
        let _ = self.0.is_alive.set(Box::new(is_alive));
    }

    /// Whether the program is at work, or has nothing to do. A program that was not asked to judge that is alive.
    pub fn is_alive(&self) -> bool {
        self.0.is_alive.get().is_none_or(|is_alive| is_alive())
    }

    /// Whether the program is up, and does not drain.
    pub fn is_up(&self) -> bool {
        self.0.is_up.load(Ordering::Relaxed)
    }

    /// Whether the program is up and none of its stores fails.
    pub fn is_ready(&self) -> bool {
        self.is_up() && lock(&self.0.failing_stores).is_empty()
    }
}

/// Why the endpoint cannot be opened; one line.
#[derive(Debug, thiserror::Error)]
#[error("metrics-addr: cannot listen on {address}: {why}; give HOST:PORT with a free port")]
pub struct EndpointError {
    address: String,
    why: String,
}

/// Starts to record metrics and to serve them at `address` (`HOST:PORT`; port 0: any), until the
/// process ends. Without an address nothing is recorded. Returns the address that was bound.
pub async fn serve(address: Option<&str>, health: &Health) -> Result<Option<SocketAddr>, EndpointError> {
    let Some(address) = address else { return Ok(None) };
    let refused = |why: String| EndpointError { address: address.to_owned(), why };
    let candidates: Vec<SocketAddr> = lookup_host(address).await.map_err(|e| refused(e.to_string()))?.collect();
    let listener = TcpListener::bind(&*candidates).await.map_err(|e| refused(e.to_string()))?;
    let bound = listener.local_addr().map_err(|e| refused(e.to_string()))?;
    let recorder = record().map_err(refused)?;
    tokio::spawn(keep_up(recorder.clone()));
    tokio::spawn(accept(listener, recorder, health.clone()));
    tracing::info!(address = %bound, "serving metrics and health");
    Ok(Some(bound))
}

fn record() -> Result<PrometheusHandle, String> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &BUCKETS_SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|e| e.to_string())?;
    crate::metrics::describe();
    Ok(handle)
}

async fn keep_up(recorder: PrometheusHandle) {
    let mut tick = interval(UPKEEP);
    loop {
        tick.tick().await;
        recorder.run_upkeep();
    }
}

async fn accept(listener: TcpListener, recorder: PrometheusHandle, health: Health) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let answer = converse(stream, recorder.clone(), health.clone());
                tokio::spawn(async move {
                    answer.await;
                    drop(permit);
                });
            }
            // Probably out of file descriptors: some will be closed.
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection to the metrics port");
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, recorder: PrometheusHandle, health: Health) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = respond(request.method(), request.uri().path(), &recorder, &health);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    // A scraper that closed the connection, or sent no HTTP, is ignored.
    let _ = timeout(CONNECTION_LIFE, connection).await;
}

fn respond(method: &Method, path: &str, recorder: &PrometheusHandle, health: &Health) -> Response<String> {
    let (status, body) = match (method, path) {
        (&Method::GET | &Method::HEAD, "/metrics") => {
            (StatusCode::OK, recorder.render() + &crate::metrics::tasks::render())
        }
        (&Method::GET | &Method::HEAD, "/healthz") if health.is_alive() => (StatusCode::OK, "ok\n".to_owned()),
        (&Method::GET | &Method::HEAD, "/healthz") => (StatusCode::SERVICE_UNAVAILABLE, SILENT.to_owned()),
        (&Method::GET | &Method::HEAD, "/readyz") if health.is_ready() => (StatusCode::OK, "ready\n".to_owned()),
        (&Method::GET | &Method::HEAD, "/readyz") => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n".to_owned()),
        (_, "/metrics" | "/healthz" | "/readyz") => (StatusCode::METHOD_NOT_ALLOWED, "use GET\n".to_owned()),
        _ => (StatusCode::NOT_FOUND, "try /metrics, /healthz or /readyz\n".to_owned()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    // Prometheus' text format ("Exposition formats").
    let kind = http::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    async fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn the_endpoint_serves_metrics_health_and_readiness() {
        let health = Health::default();
        let address = serve(Some("127.0.0.1:0"), &health).await.unwrap().unwrap();
        assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 503"));
        health.set_ready(true);
        assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 200"));
        assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200"));
        let is_alive = Arc::new(AtomicBool::new(true));
        let asked = is_alive.clone();
        health.judge_alive(move || asked.load(Ordering::Relaxed));
        assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200"));
        is_alive.store(false, Ordering::Relaxed);
        let silent = get(address, "/healthz").await;
        assert!(silent.starts_with("HTTP/1.1 503") && silent.contains("no poll"), "{silent}");
        assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 200"), "readiness says something else");
        assert!(get(address, "/else").await.starts_with("HTTP/1.1 404"));
        crate::metrics::throttled("get");
        let metrics = get(address, "/metrics").await;
        assert!(metrics.contains("# HELP flotilla_throttles_total Requests that were throttled"), "{metrics}");
        assert!(metrics.contains("flotilla_throttles_total{operation=\"get\"} 1"), "{metrics}");

        let taken = serve(Some(&address.to_string()), &health).await.unwrap_err().to_string();
        assert!(taken.contains("cannot listen on 127.0.0.1") && taken.contains("free"), "{taken}");
        let nonsense = serve(Some("nonsense"), &health).await.unwrap_err().to_string();
        assert!(nonsense.contains("HOST:PORT"), "{nonsense}");
    }
}
