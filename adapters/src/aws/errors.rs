//! The meaning of the services' errors: one table for S3, SQS, DynamoDB, STS and Auto Scaling.

mod advice;
mod codes;

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

pub(crate) use self::advice::allow;
use self::codes::CODES;
use super::http::Unanswered;
use super::http_feedback::RetryHint;
use shared::ErrorKind::{self, *};
use shared::error::Error;
use shared::store::RightNames;

/// The meaning of an answer, by its HTTP status, code and message.
fn kind_of(status: u16, code: &str, message: &str) -> ErrorKind {
    // The newer services report a wrong clock only in the message.
    let late = message.starts_with("Signature expired") || message.starts_with("Signature not yet current");
    if code == "InvalidSignatureException" && late {
        return ClockSkew;
    }
    // The answer of SQS for a handle whose message has timed out too often.
    if code == "InvalidParameterValue" && message.to_ascii_lowercase().contains("receipt handle") {
        return LeaseLost;
    }
    if is_checksum_required(message) {
        return ChecksumRequired;
    }
    if is_part_number_refused(code, message) {
        return TooManyParts;
    }
    let known = CODES.iter().find(|(_, codes)| codes.contains(&code));
    known.map_or_else(|| kind_of_status(status, code), |(kind, _)| *kind)
}

/// Whether a refusal asks for a checksum. Amazon answers `InvalidRequest` for buckets with object lock, others have
/// codes of their own.
fn is_checksum_required(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    let asks = message.contains("required header") || message.contains("header is required");
    asks && (message.contains("content-md5") || message.contains("x-amz-checksum"))
}

/// Whether the part's number is above the store's limit. Amazon answers `InvalidArgument` ("Part number must be an
/// integer between 1 and 10000, inclusive").
fn is_part_number_refused(code: &str, message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    let names_it = ["part number", "partnumber", "too many parts"].iter().any(|words| message.contains(words));
    names_it && matches!(code, "InvalidArgument" | "InvalidRequest" | "InvalidPartNumber")
}

/// The meaning of a status without a known code. A HEAD has only a status.
fn kind_of_status(status: u16, code: &str) -> ErrorKind {
    match status {
        401 | 403 => Denied,
        404 => NotFound,
        405 | 501 => Unsupported,
        408 => Timeout,
        409 => Conflict,
        412 | 416 => PreconditionFailed,
        413 => Unrepresentable,
        429 => Throttled,
        // S3 throttles a HEAD with this status.
        503 if code.is_empty() => Throttled,
        507 => Exhausted,
        // An error inside of a successful answer: the service failed on the way.
        200..=299 | 500.. => Unavailable,
        _ => Invalid,
    }
}

/// The meaning of an SDK call's error. `subject`: the object or resource of the call.
pub fn error_from<E>(verb: &'static str, subject: &str, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    error_at(RightNames::Amazon, verb, subject, error)
}

/// As [`error_from`], of a service that spells rights so.
pub fn error_at<E>(names: RightNames, verb: &'static str, subject: &str, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let (kind, message) = match &error {
        SdkError::ServiceError(context) => {
            let meta = context.err().meta();
            match (meta.code(), meta.message()) {
                // Not an error of the service: the SDK could not read the answer.
                (None, None) if context.raw().status().is_success() => unreadable(context.raw(), &error),
                (code, message) => {
                    let said = (code.unwrap_or_default(), message.unwrap_or_default());
                    answered(names, verb, context.raw(), said)
                }
            }
        }
        SdkError::ResponseError(context) => unreadable(context.raw(), &error),
        SdkError::TimeoutError(_) => (Timeout, format!("timed out: {}", root_cause(&error))),
        SdkError::DispatchFailure(failure) => {
            let kind = if failure.is_timeout() { Timeout } else { Connection };
            unsent(kind, &error)
        }
        _ => unsent(Invalid, &error),
    };
    Error::new(kind, verb, subject, message).with_source(error)
}

/// The error of one key in a successful answer about many.
pub(crate) fn error_of_key(
    names: RightNames,
    verb: &'static str,
    subject: &str,
    (code, message): (&str, &str),
) -> Error {
    // No status comes with it: one that a known code does not explain is the service's fault, and worth another try.
    let kind = kind_of(200, code, message);
    let mut line = match message {
        "" => code.to_owned(),
        message => format!("{code}: {}", message.trim_end_matches('.')),
    };
    if kind == Denied {
        line.push_str(&advice::of_denial(names, verb, code, message));
    }
    Error::new(kind, verb, subject, line)
}

/// An error that the service itself reports.
fn answered(names: RightNames, verb: &str, raw: &HttpResponse, (code, message): (&str, &str)) -> (ErrorKind, String) {
    let status = raw.status().as_u16();
    let headers = raw.headers();
    let body = raw.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
    let foreign = advice::foreign(&body).filter(|_| status < 500 && code.is_empty() && message.is_empty());
    let mut line = match (code, message) {
        ("", "") if foreign.is_some() => foreign.unwrap_or_default().to_owned(),
        ("", "") => String::from(match status {
            504 => "a gateway before the service timed out",
            502 => "a gateway before the service got no answer from it",
            500.. => "the service failed",
            _ => "refused",
        }),
        ("", message) => message.to_owned(),
        (code, "") => code.to_owned(),
        (code, message) => format!("{code}: {}", message.trim_end_matches('.')),
    };
    line.push_str(&format!(" (HTTP {status}"));
    if let Some(id) = headers.get("x-amzn-requestid").or(headers.get("x-amz-request-id")) {
        line.push_str(&format!(", request {id}"));
    }
    line.push(')');
    // The object was deleted. Some stores answer 405 if the request names no version (Amazon S3 "Working with
    // delete markers").
    let is_deleted = matches!(status, 404 | 405) && headers.get("x-amz-delete-marker") == Some("true");
    // With a hint the next attempt is signed differently.
    let kind = match raw.extension::<RetryHint>() {
        Some(RetryHint::Clock) => ClockSkew,
        Some(RetryHint::Credentials) => ExpiredCredentials,
        None if is_deleted => NotFound,
        // A 404 that does not come from the service does not say that the object is missing.
        None if foreign.is_some() && status == 404 => Corrupt,
        None => kind_of(status, code, message),
    };
    match elsewhere(status, code, message, headers.get("x-amz-bucket-region"), &body) {
        Some(place) => line.push_str(&place),
        None if kind == Denied && foreign.is_none() => line.push_str(&advice::of_denial(names, verb, code, message)),
        None => {}
    }
    (kind, line)
}

/// Where the bucket is, if the answer says that it is elsewhere: in a header, in the error's `Region` or
/// message (Amazon S3 "Error responses", `AuthorizationHeaderMalformed`) or in its `Endpoint`
/// (`PermanentRedirect`; at Aliyun OSS `AccessDenied`).
fn elsewhere(status: u16, code: &str, message: &str, region: Option<&str>, body: &str) -> Option<String> {
    // Only plain names: the message shows them.
    let between = |text: &str, before: &str, after: &str| {
        let text = text.split_once(before)?.1.split_once(after)?.0.trim().to_owned();
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        (!text.is_empty() && text.len() <= 255 && text.chars().all(legal)).then_some(text)
    };
    let element = |name: &str| between(body, &format!("<{name}>"), &format!("</{name}>"));
    let by_header = region.map(str::to_owned);
    let region = match (status, code) {
        (400, "AuthorizationHeaderMalformed") => {
            element("Region").or(by_header).or_else(|| between(message, "expecting '", "'"))
        }
        (301 | 307 | 400, _) => by_header,
        _ => None,
    };
    let endpoint = match (status, code) {
        (301 | 307, _) | (403, "AccessDenied") => element("Endpoint"),
        _ => None,
    };
    match (region, endpoint) {
        (Some(region), _) => Some(format!("; the bucket is in region {region}: give that as this side's region")),
        (None, Some(endpoint)) => {
            Some(format!("; the bucket is at {endpoint}: give that endpoint as this side's endpoint-url"))
        }
        (None, None) => None,
    }
}

/// An answer that could not be read: it was cut off, or it does not follow the service's protocol.
fn unreadable(raw: &HttpResponse, error: &(dyn StdError + 'static)) -> (ErrorKind, String) {
    let status = raw.status().as_u16();
    let cut_off = causes(error).any(|cause| cause.is::<hyper::Error>() || cause.is::<std::io::Error>());
    let kind = match status {
        _ if cut_off => Connection,
        200..=299 => Corrupt,
        _ => kind_of_status(status, ""),
    };
    let cause = root_cause(error);
    let body = raw.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
    let is_other = cause.contains("invalid XML root") || advice::is_page(&body);
    if !cut_off && (200..=299).contains(&status) && is_other {
        return (kind, format!("{} (HTTP {status})", advice::other_document(&body)));
    }
    if !cut_off && let Some(header) = undecodable(&cause, raw) {
        return (Unrepresentable, header);
    }
    let what = if cut_off { "the answer was cut off" } else { "the answer is invalid" };
    (kind, format!("{what}: {} (HTTP {status})", cause))
}

/// The most bytes of a header's value that a message shows.
const MAX_SHOWN_BYTES: usize = 64;

/// The header that the SDK could not read because its value is not UTF-8. Nothing names its charset, and the same bytes
/// are another text in Latin-1 and in GBK, so the value is not guessed. A new attempt gets the same answer.
fn undecodable(cause: &str, raw: &HttpResponse) -> Option<String> {
    const METADATA: &str = "x-amz-meta-";
    let cause = cause.to_ascii_lowercase();
    let is_meant =
        |name: &str| cause.contains(&format!("`{name}`")) || name.starts_with(METADATA) && cause.contains(METADATA);
    let mut headers = raw.headers().iter_bytes();
    let (name, value) = headers.find(|(name, value)| is_meant(name) && std::str::from_utf8(value).is_err())?;
    let shown = &value[..value.len().min(MAX_SHOWN_BYTES)];
    let more = if shown.len() < value.len() { "…" } else { "" };
    Some(format!(
        "the object's header {name} is not UTF-8: \"{}{more}\": write the object's metadata again as UTF-8",
        shown.escape_ascii()
    ))
}

/// The message if the default chain of credentials found none.
pub(crate) const NO_CREDENTIALS: &str = "no AWS credentials found (environment, profile, container, instance)";

/// A request without an answer. `kind` applies if no cause is more precise.
fn unsent(kind: ErrorKind, error: &(dyn StdError + 'static)) -> (ErrorKind, String) {
    let cause = root_cause(error);
    if let Some(ours) = causes(error).find_map(|cause| cause.downcast_ref::<Error>()) {
        return (ours.kind(), ours.to_string());
    }
    if let Some(credentials) = causes(error).find_map(|cause| cause.downcast_ref::<CredentialsError>()) {
        let kind = match credentials {
            CredentialsError::ProviderTimedOut(_) => Timeout,
            CredentialsError::ProviderError(_) if !refused(error) => Unavailable,
            _ => Denied,
        };
        // The default chain ends at the machine's metadata service. Its failure only says that no other source had any.
        let is_chain = cause.contains("IMDS") || cause.contains("no providers in chain");
        return (kind, if is_chain { NO_CREDENTIALS.to_owned() } else { format!("no credentials: {cause}") });
    }
    match causes(error).find_map(|cause| cause.downcast_ref::<Unanswered>()) {
        Some(unanswered) => {
            (kind, format!("no answer from {}: {cause}{}", unanswered.host, advice::of_handshake(&cause)))
        }
        None => (kind, cause),
    }
}

/// Whether the service refused to give credentials, so that another request is useless.
fn refused(error: &(dyn StdError + 'static)) -> bool {
    causes(error).any(|cause| {
        let text = cause.to_string();
        CODES.iter().filter(|(kind, _)| *kind == Denied).any(|(_, codes)| codes.iter().any(|code| text.contains(code)))
    })
}

/// The error and its causes, outermost first.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (**error).source())
}

/// The text of the innermost cause.
pub(super) fn root_cause(error: &(dyn StdError + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_has_one_meaning() {
        for (status, code, message, kind) in [
            (503, "SlowDown", "", Throttled),
            (400, "ThrottlingException", "", Throttled),
            (400, "ProvisionedThroughputExceededException", "", Throttled),
            (429, "", "", Throttled),
            (503, "", "", Throttled),
            (503, "ServiceUnavailable", "", Unavailable),
            (403, "RequestTimeTooSkewed", "", ClockSkew),
            (400, "InvalidSignatureException", "Signature expired: 2020 is now earlier than", ClockSkew),
            (400, "InvalidSignatureException", "The request signature we calculated", Denied),
            (400, "ExpiredToken", "", ExpiredCredentials),
            (403, "AccessDenied", "", Denied),
            (403, "InvalidAccessKeyId", "", Denied),
            (403, "", "", Denied),
            (404, "NoSuchKey", "", NotFound),
            (404, "", "", NotFound),
            (404, "NoSuchBucket", "", NoSuchContainer),
            (400, "QueueDoesNotExist", "", NoSuchContainer),
            (400, "ResourceNotFoundException", "", NoSuchContainer),
            (404, "NoSuchUpload", "", NoSuchUpload),
            (412, "", "", PreconditionFailed),
            (416, "InvalidRange", "", PreconditionFailed),
            (400, "BadDigest", "", BadDigest),
            (400, "InvalidRequest", "Content-MD5 OR x-amz-checksum- HTTP header is required for", ChecksumRequired),
            (400, "MissingContentMD5", "Missing required header for this request: Content-Md5.", ChecksumRequired),
            (400, "XAmzContentSHA256Mismatch", "", BadDigest),
            (403, "InvalidObjectState", "", Archived),
            (501, "NotImplemented", "", Unsupported),
            (501, "", "", Unsupported),
            (400, "InvalidStorageClass", "", Unsupported),
            (400, "InvalidArgument", "", Invalid),
            (400, "", "", Invalid),
            (301, "PermanentRedirect", "", Invalid),
            (400, "RequestTimeout", "", Timeout),
            (500, "InternalError", "", Unavailable),
            (200, "InternalError", "", Unavailable),
            (502, "", "", Unavailable),
            (400, "ConditionalCheckFailedException", "", Conflict),
            (400, "TransactionConflictException", "", Conflict),
            (400, "ReceiptHandleIsInvalid", "", LeaseLost),
            (400, "MessageNotInflight", "", LeaseLost),
            (400, "InvalidParameterValue", "Reason: The receipt handle has expired.", LeaseLost),
            (400, "KeyTooLongError", "", Unrepresentable),
            (507, "", "", Exhausted),
        ] {
            assert_eq!(kind_of(status, code, message), kind, "{status} {code} {message}");
        }
    }

    #[test]
    fn a_bucket_that_is_elsewhere_is_said_to_be_there() {
        let body = |name: &str, text: &str| format!("<Error><Code>C</Code><{name}>{text}</{name}></Error>");
        let region = Some("; the bucket is in region eu-west-1: give that as this side's region".to_owned());
        let endpoint =
            |host: &str| Some(format!("; the bucket is at {host}: give that endpoint as this side's endpoint-url"));
        let message = "The region 'us-east-1' is wrong; expecting 'eu-west-1'";
        assert_eq!(elsewhere(400, "AuthorizationHeaderMalformed", message, None, ""), region);
        for (status, code, header, body, said) in [
            (400, "AuthorizationHeaderMalformed", None, body("Region", "eu-west-1"), region.clone()),
            (301, "PermanentRedirect", Some("eu-west-1"), body("Endpoint", "b.s3.test"), region.clone()),
            (301, "", Some("eu-west-1"), String::new(), region.clone()),
            (400, "", Some("eu-west-1"), String::new(), region),
            (301, "PermanentRedirect", None, body("Endpoint", "b.s3.test"), endpoint("b.s3.test")),
            (
                403,
                "AccessDenied",
                None,
                body("Endpoint", "oss-cn-beijing.aliyuncs.com"),
                endpoint("oss-cn-beijing.aliyuncs.com"),
            ),
            // Garage names its region in every error, Amazon the bucket's in many answers.
            (400, "InvalidRequest", None, body("Region", "garage"), None),
            (403, "AccessDenied", Some("eu-west-1"), String::new(), None),
            (301, "PermanentRedirect", None, body("Endpoint", "\u{1b}[2J"), None),
        ] {
            assert_eq!(elsewhere(status, code, "", header, &body), said, "{status} {code} {body}");
        }
    }

    #[test]
    fn no_code_stands_twice_in_the_table() {
        let mut all: Vec<_> = CODES.iter().flat_map(|(_, codes)| *codes).collect();
        let before = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), before);
    }
}
