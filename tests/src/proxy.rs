//! A reverse proxy before an HTTP/1.1 service that counts its requests and lets some go wrong.
//!
//! Requests pass unchanged, `Host` included: clients sign for the proxy's address, and the service
//! checks signatures against the `Host` it is sent. Bodies stream both ways. Each connection from a
//! client has one connection to the service.

mod body;
mod fault;
mod kind;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use shared::sync::lock;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use body::{Bend, Passing};
pub use fault::{Fault, Rule};
pub use kind::Kind;

/// Requests remembered one by one; later ones are only counted.
const MOST_SEEN: usize = 100_000;

/// A request that came by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The operation.
    pub kind: Kind,
    /// Its method.
    pub method: Method,
    /// Path and query as sent, with the `x-amz-target` after a space where there is one.
    pub target: String,
    /// Its headers, with which it was signed.
    pub headers: HeaderMap,
}

/// A proxy before one service. It lives on the runtime it was started on, and ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    /// Base URL, `http://127.0.0.1:PORT`.
    pub endpoint: String,
    state: Arc<State>,
    accepting: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    upstream: String,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    counts: BTreeMap<Kind, u64>,
    seen: Vec<Seen>,
    rules: Vec<Rule>,
    delayed: u64,
}

impl Proxy {
    /// Starts a proxy before the service at `http://HOST:PORT`.
    pub async fn start(upstream: &str) -> Proxy {
        let upstream = upstream.strip_prefix("http://").expect("the proxy speaks plain HTTP").trim_end_matches('/');
        let state = Arc::new(State { upstream: upstream.to_owned(), ..State::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("the port is known");
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state)));
        Proxy { endpoint: format!("http://{address}"), state, accepting }
    }

    /// Has something go wrong from now on.
    pub fn inject(&self, rule: Rule) {
        self.state.lock().rules.push(rule);
    }

    /// Lets nothing go wrong any more.
    pub fn heal(&self) {
        self.state.lock().rules.clear();
    }

    /// Requests of one kind so far, whatever became of them.
    pub fn count(&self, kind: Kind) -> u64 {
        self.state.lock().counts.get(&kind).copied().unwrap_or(0)
    }

    /// Requests so far that are never answered: those of [`Fault::Stall`] once they have come, those of
    /// [`Fault::StallAfter`] and [`Fault::Late`] once they have taken effect.
    pub fn delayed(&self) -> u64 {
        self.state.lock().delayed
    }

    /// Requests by kind so far.
    pub fn counts(&self) -> BTreeMap<Kind, u64> {
        self.state.lock().counts.clone()
    }

    /// Requests so far that change something in the store.
    pub fn writes(&self) -> u64 {
        Kind::WRITES.into_iter().map(|kind| self.count(kind)).sum()
    }

    /// The first 100,000 requests in the order they came.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.lock().seen.clone()
    }

    /// Forgets all requests.
    pub fn reset(&self) {
        let mut inner = self.state.lock();
        inner.delayed = 0;
        inner.counts.clear();
        inner.seen.clear();
    }
}

impl Drop for Proxy {
    // Aborting drops the set of connections, and with it their tasks.
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    // Never answers a request.
    async fn hold(&self) {
        self.lock().delayed += 1;
        std::future::pending().await
    }

    // Counts the request, and says what goes wrong with it.
    fn note(&self, request: &Request<Incoming>) -> Option<Fault> {
        let kind = Kind::of(request.method(), request.uri(), request.headers());
        let action = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
        let target = action.map_or_else(|| request.uri().to_string(), |action| format!("{} {action}", request.uri()));
        let seen = Seen { kind, method: request.method().clone(), target, headers: request.headers().clone() };
        let mut inner = self.lock();
        *inner.counts.entry(kind).or_default() += 1;
        let fault = inner.rules.iter_mut().find_map(|rule| rule.take(&seen));
        if inner.seen.len() < MOST_SEEN {
            inner.seen.push(seen);
        }
        fault
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(serve(stream, Arc::clone(&state)));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

// An error of the connection, or one made by a fault, ends the connection: that is all that is to be done.
async fn serve(stream: TcpStream, state: Arc<State>) {
    let upstream = Arc::new(tokio::sync::Mutex::new(None));
    let service = service_fn(move |request| pass(request, Arc::clone(&state), Arc::clone(&upstream)));
    let _ = stream.set_nodelay(true);
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

// HTTP/1.1 has one request at a time on a connection, so the lock is never waited for.
type Upstream = Arc<tokio::sync::Mutex<Option<SendRequest<Passing>>>>;

async fn pass(request: Request<Incoming>, state: Arc<State>, upstream: Upstream) -> io::Result<Response<Passing>> {
    let fault = state.note(&request);
    match &fault {
        Some(Fault::CloseBefore) => return Err(io::Error::other("closed by a fault")),
        Some(Fault::Stall) => state.hold().await,
        Some(Fault::Delay(time)) => tokio::time::sleep(*time).await,
        Some(Fault::Late(time)) => {
            let (head, body) = request.into_parts();
            drain(body).await?;
            tokio::spawn(pass_late(Request::from_parts(head, Passing::Made(Full::default())), *time, state));
            return std::future::pending().await;
        }
        Some(Fault::Respond(status, text)) => {
            // The client sends its whole body before it reads, so it must be taken.
            drain(request.into_body()).await?;
            return made(*status, text);
        }
        Some(Fault::RespondWith(status, headers, text)) => {
            drain(request.into_body()).await?;
            let mut response = made(*status, text)?;
            for (name, value) in *headers {
                response.headers_mut().insert(*name, HeaderValue::from_static(value));
            }
            return Ok(response);
        }
        _ => {}
    }
    let bend = match fault {
        Some(Fault::FlipRequest(at)) => Bend::Flip(at),
        _ => Bend::None,
    };
    let mut connection = upstream.lock().await;
    let mut sender = match usable(connection.take()).await {
        Some(sender) => sender,
        None => connect(&state.upstream).await?,
    };
    let response =
        sender.send_request(request.map(|body| Passing::through(body, bend))).await.map_err(io::Error::other)?;
    *connection = Some(sender);
    if matches!(fault, Some(Fault::StallAfter)) {
        state.hold().await;
    }
    answer(response, fault).await
}

async fn pass_late(request: Request<Passing>, time: Duration, state: Arc<State>) -> io::Result<()> {
    tokio::time::sleep(time).await;
    let mut sender = connect(&state.upstream).await?;
    let response = sender.send_request(request).await.map_err(io::Error::other)?;
    drain(response.into_body()).await?;
    state.lock().delayed += 1;
    Ok(())
}

async fn answer(mut response: Response<Incoming>, fault: Option<Fault>) -> io::Result<Response<Passing>> {
    let bend = match fault {
        Some(Fault::RespondAfter(status, text)) => {
            drain(response.into_body()).await?;
            return made(status, &text);
        }
        Some(Fault::CloseAfter) => {
            drain(response.into_body()).await?;
            return Err(io::Error::other("closed by a fault"));
        }
        Some(Fault::Header(name, value)) => {
            response.headers_mut().remove(name);
            if let Some(value) = value {
                response.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            Bend::None
        }
        Some(Fault::CutResponse(at)) => Bend::Cut(at),
        Some(Fault::StallResponse(at)) => Bend::Stall(at),
        Some(Fault::FlipResponse(at)) => Bend::Flip(at),
        _ => Bend::None,
    };
    Ok(response.map(|body| Passing::through(body, bend)))
}

// The service may have closed the connection since its last answer.
async fn usable(sender: Option<SendRequest<Passing>>) -> Option<SendRequest<Passing>> {
    let mut sender = sender?;
    sender.ready().await.is_ok().then_some(sender)
}

async fn connect(upstream: &str) -> io::Result<SendRequest<Passing>> {
    let stream = TcpStream::connect(upstream).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // Ends when the sender is dropped or the service closes.
    tokio::spawn(connection);
    Ok(sender)
}

async fn drain(mut body: Incoming) -> io::Result<()> {
    while let Some(frame) = body.frame().await {
        frame.map_err(io::Error::other)?;
    }
    Ok(())
}

fn made(status: u16, text: &str) -> io::Result<Response<Passing>> {
    let mut response = Response::new(Passing::Made(Full::new(Bytes::from(text.to_owned()))));
    *response.status_mut() = StatusCode::from_u16(status).map_err(io::Error::other)?;
    Ok(response)
}
