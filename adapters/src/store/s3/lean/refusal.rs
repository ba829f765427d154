//! The error of an answer, as the SDK would have it.

use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::events::{self, Reader};

/// An error that the service reports, with its code and message as far as it names them.
#[derive(Debug, thiserror::Error)]
#[error("{}", meta.message().unwrap_or("refused"))]
pub(in crate::store::s3) struct Refusal {
    meta: ErrorMetadata,
}

impl ProvideErrorMetadata for Refusal {
    fn meta(&self) -> &ErrorMetadata {
        &self.meta
    }
}

impl Refusal {
    /// Reads `<Error><Code>…</Code><Message>…</Message></Error>`. A body that is none has neither.
    pub fn of(status: u16, body: &[u8]) -> Refusal {
        let (code, message) = match body {
            // The answer to a HEAD has no body.
            [] => ((status == 404).then(|| "NotFound".to_owned()), None),
            body => events::read::<Document>(body).map(|error| (error.code, error.message)).unwrap_or_default(),
        };
        let mut meta = ErrorMetadata::builder();
        if let Some(code) = code {
            meta = meta.code(code);
        }
        if let Some(message) = message {
            meta = meta.message(message);
        }
        Refusal { meta: meta.build() }
    }

    /// Whether the server or a proxy failed, so that another connection may help. A store that throttles works. The SDK
    /// classifies errors in the same way (`HttpStatusCodeClassifier`, `AwsErrorCodeClassifier`).
    pub fn is_transient(&self, status: u16) -> bool {
        match self.meta.code() {
            Some("RequestTimeout" | "RequestTimeoutException") => true,
            Some(code) if ["SlowDown", "Throttl", "LimitExceeded"].iter().any(|part| code.contains(part)) => false,
            _ => matches!(status, 500 | 502 | 503 | 504),
        }
    }
}

/// An error's document, as far as it was read.
#[derive(Debug, Default)]
struct Document {
    depth: u32,
    is_error: bool,
    code: Option<String>,
    message: Option<String>,
}

impl Reader for Document {
    fn open(&mut self, name: &str) -> Result<(), String> {
        self.depth += 1;
        if self.depth == 1 {
            self.is_error = name == "Error";
        }
        Ok(())
    }

    fn leaf(&mut self, name: &str, text: &str) -> Result<(), String> {
        match (self.depth, self.is_error, name) {
            (1, true, "Code") if !text.is_empty() => self.code = Some(text.to_owned()),
            (1, true, "Message") if !text.is_empty() => self.message = Some(text.to_owned()),
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        self.depth -= 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_message_are_read_from_an_error_alone() {
        let error = "<?xml version=\"1.0\"?>\n<Error><Code>SlowDown</Code><Message>a &amp; b</Message><X/></Error>";
        for (status, body, code, message) in [
            (503, error, Some("SlowDown"), Some("a & b")),
            (404, "", Some("NotFound"), None),
            (403, "", None, None),
            (500, "<html>no</html>", None, None),
            (500, "<Error><Code>cut", None, None),
            (500, "no", None, None),
        ] {
            let refusal = Refusal::of(status, body.as_bytes());
            assert_eq!((refusal.meta.code(), refusal.meta.message()), (code, message), "{body}");
        }
    }

    #[test]
    fn errors_of_a_failed_server_are_transient() {
        for (status, code, is_transient) in [
            (500, "InternalError", true),
            (502, "", true),
            (503, "ServiceUnavailable", true),
            (503, "", true),
            (504, "", true),
            (400, "RequestTimeout", true),
            (503, "SlowDown", false),
            (503, "RequestThrottled", false),
            (501, "NotImplemented", false),
            (403, "AccessDenied", false),
            (404, "NoSuchKey", false),
        ] {
            let refusal = Refusal::of(status, format!("<Error><Code>{code}</Code></Error>").as_bytes());
            assert_eq!(refusal.is_transient(status), is_transient, "{status} {code}");
        }
    }
}
