//! HTTP/1.1 as small services of the tests speak it: whole answers, and requests passed on one by one.

use std::io;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A server on a free port. It lives on the runtime it was started on, and ends when dropped, with its connections.
#[derive(Debug)]
pub(crate) struct Server {
    /// Base URL, `http://127.0.0.1:PORT`.
    pub endpoint: String,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Starts a server that answers each request so. An error ends the request's connection.
    pub async fn start<F, A>(answer: F) -> Server
    where
        F: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
        A: Future<Output = io::Result<Response<Full<Bytes>>>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("the port is known");
        let accepting = tokio::spawn(accept(listener, answer));
        Server { endpoint: format!("http://{address}"), accepting }
    }
}

impl Drop for Server {
    // Aborting drops the set of connections, and with it their tasks.
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept<F, A>(listener: TcpListener, answer: F)
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
    A: Future<Output = io::Result<Response<Full<Bytes>>>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                let server = hyper::server::conn::http1::Builder::new();
                connections.spawn(server.serve_connection(TokioIo::new(stream), service_fn(answer.clone())));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Passes a request on to `HOST:PORT`, by a connection of its own, and reads the answer.
pub(crate) async fn pass_on(upstream: &str, request: Request<Full<Bytes>>) -> io::Result<Response<Bytes>> {
    let stream = TcpStream::connect(upstream).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // Ends when the sender is dropped.
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await.map_err(io::Error::other)?.into_parts();
    Ok(Response::from_parts(head, whole(body).await?))
}

/// The whole of a body.
pub(crate) async fn whole(body: Incoming) -> io::Result<Bytes> {
    body.collect().await.map(|body| body.to_bytes()).map_err(io::Error::other)
}
