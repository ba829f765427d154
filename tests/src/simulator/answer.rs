//! Answers: a status, headers, and a document.

use std::fmt::Write as _;
use std::time::SystemTime;

/// An answer whose body is in memory.
#[derive(Debug)]
pub(super) struct Answer {
    status: &'static str,
    headers: String,
    pub body: String,
}

impl Answer {
    pub fn new(status: &'static str) -> Answer {
        Answer { status, headers: String::new(), body: String::new() }
    }

    /// A successful answer with a document.
    pub fn document(body: String) -> Answer {
        Answer { body, ..Answer::new("200 OK") }.header("content-type", "application/xml")
    }

    pub fn error(status: &'static str, code: &str) -> Answer {
        let message = "an answer of the simulator";
        let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>");
        Answer { body, ..Answer::new(status) }.header("content-type", "application/xml")
    }

    pub fn not_found() -> Answer {
        Answer::error("404 Not Found", "NoSuchKey")
    }

    pub fn header(mut self, name: &str, value: &str) -> Answer {
        let _ = write!(self.headers, "{name}: {value}\r\n");
        self
    }

    /// The head, of an answer whose body has `length` bytes.
    pub fn head(&self, length: u64) -> String {
        let date = httpdate::fmt_http_date(SystemTime::now());
        let Answer { status, headers, .. } = self;
        format!(
            "HTTP/1.1 {status}\r\nserver: simulator\r\ndate: {date}\r\nx-amz-request-id: simulated\r\n\
             content-length: {length}\r\n{headers}\r\n"
        )
    }
}
