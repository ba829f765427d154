//! The error type of all ports, by meaning.

use std::fmt;

/// The meaning of a failed call for its caller.
///
/// Rule for adding a variant: add one only if some caller acts differently on it. The cause
/// (status, code, errno) belongs in the message, not in a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The object (or run, or upload record) does not exist.
    NotFound,
    /// The bucket, folder, table or queue itself does not exist.
    NoSuchContainer,
    /// The multipart upload is gone: completed, aborted, or expired.
    NoSuchUpload,
    /// A pinned read or conditional write found another version than the one named.
    PreconditionFailed,
    /// The service asks for fewer requests.
    Throttled,
    /// The credentials are missing, wrong, or lack the right.
    Denied,
    /// The credentials have expired; their provider may give new ones.
    ExpiredCredentials,
    /// The bytes that arrived are not the bytes that were sent.
    BadDigest,
    /// The destination cannot store an object of this name, size or kind.
    Unrepresentable,
    /// The store allows fewer parts than this upload has: cut the object into larger parts.
    TooManyParts,
    /// The store ignores the range and sends the whole object.
    RangeIgnored,
    /// The store requires a checksum with the bytes.
    ChecksumRequired,
    /// The object is archived and must be restored before it can be read.
    Archived,
    /// The service does not offer the operation or the option.
    Unsupported,
    /// No answer, or no progress, in the time allowed. The effect is unknown.
    Timeout,
    /// The connection could not be made or was lost. The effect is unknown.
    Connection,
    /// The service failed (5xx). The effect is unknown.
    Unavailable,
    /// This machine's clock differs too much from the service's.
    ClockSkew,
    /// The lease is no longer ours: another worker may have the job.
    LeaseLost,
    /// Another caller changed the record first; read it again and decide again.
    Conflict,
    /// The answer is invalid: garbled, unordered, a repeated token, a size that differs.
    Corrupt,
    /// No room: full disk, quota, or a limit of the service.
    Exhausted,
    /// The request is wrong; repeating it is useless.
    Invalid,
    /// This process cancelled the work.
    Cancelled,
    /// The call was not sent, because the circuit breaker of its store is open; or a transfer was ended, because the
    /// task's bandwidth limit lets nothing pass.
    Suspended,
    /// The store does not serve the entry of this key (a link that leads to no file in the folder): the key
    /// is neither present nor absent, and is left unchanged.
    PassedOver,
}

impl ErrorKind {
    /// Whether the effect of the request is unknown: done, not done, or still to come.
    pub fn is_unclear(self) -> bool {
        use ErrorKind::*;
        matches!(self, Timeout | Connection | Unavailable | Corrupt)
    }

    /// Whether the same request may succeed if it is sent again later.
    pub fn is_retryable(self) -> bool {
        use ErrorKind::*;
        matches!(
            self,
            Throttled | Timeout | Connection | Unavailable | ClockSkew | ExpiredCredentials | BadDigest | Corrupt
        )
    }

    /// The kind as a stable, bounded word, for metrics and records.
    pub const fn as_str(self) -> &'static str {
        use ErrorKind::*;
        match self {
            NotFound => "not-found",
            NoSuchContainer => "no-such-container",
            NoSuchUpload => "no-such-upload",
            PreconditionFailed => "precondition-failed",
            Throttled => "throttled",
            Denied => "denied",
            ExpiredCredentials => "expired-credentials",
            BadDigest => "bad-digest",
            Unrepresentable => "unrepresentable",
            TooManyParts => "too-many-parts",
            RangeIgnored => "range-ignored",
            ChecksumRequired => "checksum-required",
            Archived => "archived",
            Unsupported => "unsupported",
            Timeout => "timeout",
            Connection => "connection",
            Unavailable => "unavailable",
            ClockSkew => "clock-skew",
            LeaseLost => "lease-lost",
            Conflict => "conflict",
            Corrupt => "corrupt",
            Exhausted => "exhausted",
            Invalid => "invalid",
            Cancelled => "cancelled",
            Suspended => "suspended",
            PassedOver => "passed-over",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failed call: its meaning, its operation and subject, and the cause.
///
/// Displays as one line, `operation subject: message`, with control characters escaped; contains no
/// secret and no signed URL.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    operation: &'static str,
    subject: String,
    message: String,
    of_backend: bool,
    leaves_wrong_bytes: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The result of a port's call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind` met while doing `operation` (a verb, as in metrics) to `subject` (a
    /// location, key or table), with a message that says why and, where it can, what to do.
    pub fn new(
        kind: ErrorKind,
        operation: &'static str,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let (subject, message) = (subject.into(), message.into());
        Error { kind, operation, subject, message, of_backend: false, leaves_wrong_bytes: false, source: None }
    }

    /// The same error with the error that caused it.
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same error, from the queue or the ledger. It does not concern the object of the work, unless it is about the
    /// requested record itself.
    pub fn met_at_backend(mut self) -> Self {
        use ErrorKind::*;
        self.of_backend = !matches!(self.kind, NotFound | Conflict | LeaseLost | PreconditionFailed | Invalid);
        self
    }

    /// Whether queue or ledger failed, and not a store: the work must be repeated when they work again.
    pub fn is_backend(&self) -> bool {
        self.of_backend
    }

    /// The same error, after which the destination may have wrong bytes under the key.
    pub fn leaving_wrong_bytes(mut self) -> Self {
        self.leaves_wrong_bytes = true;
        self
    }

    /// Whether the destination may have wrong bytes under the key: written, and neither verified nor removed.
    pub fn leaves_wrong_bytes(&self) -> bool {
        self.leaves_wrong_bytes
    }

    /// The same error with a remedy, or another fact, behind its message.
    pub fn and(mut self, more: &str) -> Self {
        self.message = format!("{}; {more}", self.message);
        self
    }

    /// The meaning.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The verb that failed.
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// The cause, without verb and subject.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// See [`ErrorKind::is_retryable`].
    pub fn is_retryable(&self) -> bool {
        self.kind.is_retryable()
    }

    /// Whether a write failed because a file or a link stands where the key needs a folder, or a folder where it needs
    /// a file.
    pub fn is_blocked(&self) -> bool {
        use std::io::{self, ErrorKind::*};
        let source = self.source.as_ref().and_then(|source| source.downcast_ref::<io::Error>());
        self.kind == ErrorKind::Unrepresentable
            && source.is_some_and(|source| matches!(source.kind(), NotADirectory | IsADirectory))
    }

    /// Whether the effect of the request is unknown: done, not done, or still to come.
    pub fn is_unclear(&self) -> bool {
        self.kind.is_unclear()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = format!("{} {}: {}", self.operation, self.subject, self.message);
        for c in line.chars() {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { fmt::Write::write_char(f, c)? }
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|s| &**s as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_prints_as_one_line_whatever_the_key() {
        let error = Error::new(ErrorKind::NotFound, "get", "s3://b/a\nb\u{1b}[2J", "no such object");
        assert_eq!(error.to_string(), "get s3://b/a\\nb\\u{1b}[2J: no such object");
    }

    #[test]
    fn what_the_caller_got_wrong_is_not_retried() {
        assert!(!ErrorKind::Denied.is_retryable());
        assert!(!ErrorKind::Invalid.is_retryable());
        assert!(ErrorKind::Throttled.is_retryable());
    }
}
