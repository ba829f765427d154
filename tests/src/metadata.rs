//! A fake of EC2's instance metadata service, version 2: tokens are required.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use shared::sync::lock;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

type Values = Arc<Mutex<HashMap<String, String>>>;

const TOKEN: &str = "a-token";

/// The service. It lives on the runtime it was started on, and ends when dropped.
#[derive(Debug)]
pub struct Metadata {
    /// Base URL, `http://127.0.0.1:PORT`.
    pub endpoint: String,
    values: Values,
    accepting: JoinHandle<()>,
}

impl Metadata {
    /// Starts the service of the instance with this id.
    pub async fn start(instance: &str) -> Metadata {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("the port is known");
        let values = Values::default();
        let accepting = tokio::spawn(accept(listener, Arc::clone(&values)));
        let metadata = Metadata { endpoint: format!("http://{address}"), values, accepting };
        metadata.set("instance-id", instance);
        metadata
    }

    /// Sets what `latest/meta-data/PATH` answers; what was never set answers 404.
    pub fn set(&self, path: &str, value: &str) {
        let mut values = lock(&self.values);
        values.insert(format!("/latest/meta-data/{path}"), value.to_owned());
    }
}

impl Drop for Metadata {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, values: Values) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                let values = Arc::clone(&values);
                let service = service_fn(move |request| {
                    let answer = answer(&request, &values);
                    async { Ok::<_, Infallible>(answer) }
                });
                let server = hyper::server::conn::http1::Builder::new();
                connections.spawn(server.serve_connection(TokioIo::new(stream), service));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

fn answer(request: &Request<Incoming>, values: &Values) -> Response<Full<Bytes>> {
    let header = |name: &str| request.headers().get(name).map(http::HeaderValue::as_bytes);
    let value = lock(values).get(request.uri().path()).cloned();
    let (status, text) = match *request.method() {
        Method::PUT if request.uri().path() == "/latest/api/token" => (200, TOKEN.to_owned()),
        Method::GET if header("x-aws-ec2-metadata-token") != Some(TOKEN.as_bytes()) => (401, String::new()),
        Method::GET => value.map_or((404, String::new()), |value| (200, value)),
        _ => (405, String::new()),
    };
    let response = Response::builder().status(status).header("x-aws-ec2-metadata-token-ttl-seconds", "21600");
    response.body(Full::new(Bytes::from(text))).expect("the status and header are valid")
}
