//! Makes a minute's delay of messages short, so that a test waits for none.
//!
//! A relay before SQS. A message that a program sends through it with a delay of a minute has one of six seconds. The
//! number gets a space before it, so that no length changes.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// The relay. It lives on the runtime it was started on, and ends when dropped.
#[derive(Debug)]
pub struct ShortDelays {
    /// Base URL, `http://127.0.0.1:PORT`.
    pub endpoint: String,
    accepting: JoinHandle<()>,
}

impl ShortDelays {
    /// Starts a relay before the emulator of SQS at `http://HOST:PORT`, which checks no signatures.
    pub async fn start(upstream: &str) -> ShortDelays {
        let upstream = upstream.strip_prefix("http://").expect("the relay speaks plain HTTP").trim_end_matches('/');
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("the port is known");
        let accepting = tokio::spawn(accept(listener, Arc::from(upstream)));
        ShortDelays { endpoint: format!("http://{address}"), accepting }
    }
}

impl Drop for ShortDelays {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, upstream: Arc<str>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                let upstream = Arc::clone(&upstream);
                let service = service_fn(move |request| {
                    let upstream = Arc::clone(&upstream);
                    async move { Ok::<_, Infallible>(answer(request, &upstream).await) }
                });
                let server = hyper::server::conn::http1::Builder::new();
                connections.spawn(server.serve_connection(TokioIo::new(stream), service));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn answer(request: Request<Incoming>, upstream: &str) -> Response<Full<Bytes>> {
    pass(request, upstream).await.unwrap_or_else(|_| {
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        answer
    })
}

/// One connection to the service for each request: few are made.
async fn pass(request: Request<Incoming>, upstream: &str) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let stream = TcpStream::connect(upstream).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(connection);
    let request = Request::from_parts(head, Full::new(shortened(&body)));
    let (head, body) = sender.send_request(request).await.map_err(io::Error::other)?.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    Ok(Response::from_parts(head, Full::new(body)))
}

fn shortened(body: &[u8]) -> Bytes {
    Bytes::from(String::from_utf8_lossy(body).replace("\"DelaySeconds\":60", "\"DelaySeconds\": 6"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_shortened_and_no_length_changes() {
        let body = br#"{"QueueUrl":"q","MessageBody":"{\"DelaySeconds\":60}","DelaySeconds":60}"#;
        let expected = br#"{"QueueUrl":"q","MessageBody":"{\"DelaySeconds\":60}","DelaySeconds": 6}"#;
        assert_eq!(&shortened(body)[..], &expected[..]);
    }
}
