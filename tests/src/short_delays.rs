//! Makes long delays of messages short, and long polls, so that a test waits for none.
//!
//! A relay before SQS. A message that a program sends through it with one of some delays has a shorter one, and a poll
//! that would wait for one of some times waits for a shorter one. The number gets spaces before it, so that no length
//! changes.

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
    /// Starts a relay before the emulator of SQS at `http://HOST:PORT`, which checks no signatures. Each pair is a
    /// delay of messages, or the time that a poll waits, in seconds, and the one that it becomes.
    pub async fn start(upstream: &str, delays_s: &[(u32, u32)], polls_s: &[(u32, u32)]) -> ShortDelays {
        let upstream = upstream.strip_prefix("http://").expect("the relay speaks plain HTTP").trim_end_matches('/');
        let delays = delays_s.iter().map(|(long, short)| ("DelaySeconds", *long, *short));
        let polls = polls_s.iter().map(|(long, short)| ("WaitTimeSeconds", *long, *short));
        let relay = Arc::new(Relay { upstream: upstream.to_owned(), times_s: delays.chain(polls).collect() });
        let server = Server::start(move |request| answer(request, Arc::clone(&relay))).await;
        ShortDelays { endpoint: server.endpoint.clone(), _server: server }
    }
}

/// What the relay needs to answer a request.
struct Relay {
    /// `HOST:PORT`.
    upstream: String,
    /// Fields with their long times and the short ones.
    times_s: Vec<(&'static str, u32, u32)>,
}

async fn answer(request: Request<Incoming>, relay: Arc<Relay>) -> io::Result<Response<Full<Bytes>>> {
    Ok(relay.pass(request).await.unwrap_or_else(|_| {
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        answer
    }))
}

impl Relay {
    /// One connection to the service for each request: few are made.
    async fn pass(&self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        let body = self.shortened(&whole(body).await?);
        Ok(pass_on(&self.upstream, Request::from_parts(head, Full::new(body))).await?.map(Full::new))
    }

    fn shortened(&self, body: &[u8]) -> Bytes {
        let mut text = String::from_utf8_lossy(body).into_owned();
        for (name, long_s, short_s) in &self.times_s {
            let long = long_s.to_string();
            let short = format!("{short_s:>width$}", width = long.len());
            for end in [',', '}'] {
                text = text.replace(&field(name, &long, end), &field(name, &short, end));
            }
        }
        Bytes::from(text)
    }
}

/// The field as the SDK writes it, with the character after it.
fn field(name: &str, seconds: &str, end: char) -> String {
    format!("\"{name}\":{seconds}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_times_are_shortened_and_no_length_changes() {
        let times_s = vec![("DelaySeconds", 60, 6), ("DelaySeconds", 8, 2), ("WaitTimeSeconds", 20, 1)];
        let relay = Relay { upstream: String::new(), times_s };
        let body = br#"{"QueueUrl":"q","MessageBody":"{\"DelaySeconds\":60}","DelaySeconds":60}"#;
        let expected = br#"{"QueueUrl":"q","MessageBody":"{\"DelaySeconds\":60}","DelaySeconds": 6}"#;
        assert_eq!(&relay.shortened(body)[..], &expected[..]);
        let many = br#"[{"DelaySeconds":8,"Id":"0"},{"DelaySeconds":600,"Id":"1"}]"#;
        assert_eq!(&relay.shortened(many)[..], br#"[{"DelaySeconds":2,"Id":"0"},{"DelaySeconds":600,"Id":"1"}]"#);
        let poll = br#"{"VisibilityTimeout":20,"WaitTimeSeconds":20}"#;
        assert_eq!(&relay.shortened(poll)[..], br#"{"VisibilityTimeout":20,"WaitTimeSeconds": 1}"#);
    }
}
