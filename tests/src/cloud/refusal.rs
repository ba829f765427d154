//! Answers that say no, as Amazon S3's "Error responses" spells them.

use http::{Response, StatusCode};

use super::answer::{Answer, body_of};
use super::xml;

/// Why a request is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
}

impl Refusal {
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { status, code, message: message.into() }
    }

    pub fn no_such_key() -> Refusal {
        Refusal::new(404, "NoSuchKey", "The specified key does not exist.")
    }

    pub fn no_such_upload() -> Refusal {
        Refusal::new(404, "NoSuchUpload", "The specified upload does not exist.")
    }

    pub fn precondition() -> Refusal {
        Refusal::new(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
    }

    pub fn not_implemented(what: &str) -> Refusal {
        let message = format!("A header or query you provided implies functionality that is not implemented: {what}");
        Refusal::new(501, "NotImplemented", message)
    }

    pub fn invalid(message: impl Into<String>) -> Refusal {
        Refusal::new(400, "InvalidRequest", message)
    }

    pub fn argument(message: impl Into<String>) -> Refusal {
        Refusal::new(400, "InvalidArgument", message)
    }

    pub fn bad_digest(message: impl Into<String>) -> Refusal {
        Refusal::new(400, "BadDigest", message)
    }

    /// The answer; that to a HEAD has no body.
    pub fn answer(&self, resource: &str, is_head: bool) -> Answer {
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>\
             <Resource>{}</Resource><RequestId>4442587FB7D0A2F9</RequestId></Error>",
            self.code,
            xml::escape(&self.message, super::Control::Referenced),
            xml::escape(resource, super::Control::Referenced),
        );
        let mut answer = Response::new(body_of(if is_head { String::new() } else { text }));
        *answer.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        answer.headers_mut().insert("content-type", http::HeaderValue::from_static("application/xml"));
        answer
    }
}
