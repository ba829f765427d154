//! A fake of EC2's instance metadata service, version 2: tokens are required.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use shared::sync::lock;

use crate::server::Server;

type Values = Arc<Mutex<HashMap<String, String>>>;

const TOKEN: &str = "a-token";

/// The service. It lives on the runtime it was started on, and ends when dropped.
#[derive(Debug)]
pub struct Metadata {
    /// Base URL, `http://127.0.0.1:PORT`.
    pub endpoint: String,
    values: Values,
    _server: Server,
}

impl Metadata {
    /// Starts the service of the instance with this id.
    pub async fn start(instance: &str) -> Metadata {
        let values = Values::default();
        let shown = Arc::clone(&values);
        let server = Server::start(move |request| std::future::ready(Ok(answer(&request, &shown)))).await;
        let metadata = Metadata { endpoint: server.endpoint.clone(), values, _server: server };
        metadata.set("instance-id", instance);
        metadata
    }

    /// Sets what `latest/meta-data/PATH` answers; what was never set answers 404.
    pub fn set(&self, path: &str, value: &str) {
        let mut values = lock(&self.values);
        values.insert(format!("/latest/meta-data/{path}"), value.to_owned());
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
