//! Makes a minute's delay of messages short, so that a test waits for none.
//!
//! A relay before SQS. A message that a program sends through it with a delay of a minute has one of six seconds. The
//! number gets a space before it, so that no length changes.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;

use crate::server::{Server, pass_on, whole};

/// The relay. It lives on the runtime it was started on, and ends when dropped.
#[derive(Debug)]
pub struct ShortDelays {
    /// Base URL, `http://127.0.0.1:PORT`.
    pub endpoint: String,
    _server: Server,
}

impl ShortDelays {
    /// Starts a relay before the emulator of SQS at `http://HOST:PORT`, which checks no signatures.
    pub async fn start(upstream: &str) -> ShortDelays {
        let upstream = upstream.strip_prefix("http://").expect("the relay speaks plain HTTP").trim_end_matches('/');
        let upstream: Arc<str> = Arc::from(upstream);
        let server = Server::start(move |request| answer(request, Arc::clone(&upstream))).await;
        ShortDelays { endpoint: server.endpoint.clone(), _server: server }
    }
}

async fn answer(request: Request<Incoming>, upstream: Arc<str>) -> io::Result<Response<Full<Bytes>>> {
    Ok(pass(request, &upstream).await.unwrap_or_else(|_| {
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        answer
    }))
}

/// One connection to the service for each request: few are made.
async fn pass(request: Request<Incoming>, upstream: &str) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = shortened(&whole(body).await?);
    Ok(pass_on(upstream, Request::from_parts(head, Full::new(body))).await?.map(Full::new))
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
