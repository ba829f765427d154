//! Answers, and how their headers are set.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use shared::object::Timestamp;

use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};

/// What goes back to a client.
pub(super) type Answer = Response<Full<Bytes>>;

/// What a call comes to.
pub(super) type Outcome = Result<Answer, super::refusal::Refusal>;

pub(super) fn body_of(bytes: impl Into<Bytes>) -> Full<Bytes> {
    Full::new(bytes.into())
}

/// An answer without a body.
pub(super) fn empty(status: u16) -> Answer {
    let mut answer = Response::new(body_of(""));
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
    answer
}

/// An answer of XML.
pub(super) fn xml(text: String) -> Answer {
    let mut answer = Response::new(body_of(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}")));
    answer.headers_mut().insert("content-type", HeaderValue::from_static("application/xml"));
    answer
}

/// Sets headers one after another.
pub(super) trait With: Sized {
    fn with(self, name: &str, value: impl AsRef<[u8]>) -> Self;
    fn with_some(self, name: &str, value: Option<impl AsRef<[u8]>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

impl With for Answer {
    fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        let value = HeaderValue::from_bytes(value.as_ref()).expect("a header's value");
        self.headers_mut().insert(name, value);
        self
    }
}

/// A time as headers have it.
pub(super) fn http_date(time: Timestamp) -> String {
    format(time, DateTimeFormat::HttpDate)
}

/// A time as listings have it, cut to seconds as Amazon's are.
pub(super) fn iso_date(time: Timestamp) -> String {
    format(time, DateTimeFormat::DateTime).replace('Z', ".000Z")
}

fn format(time: Timestamp, format: DateTimeFormat) -> String {
    DateTime::from_secs(time.as_secs()).fmt(format).expect("a time of our days")
}
