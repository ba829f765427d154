//! What to do about errors whose own text does not say it.

/// Said of an answer that is no S3 service's.
pub(super) const OTHER_DOCUMENT: &str =
    "the endpoint did not answer as an S3 service, but with a web page or another document: check endpoint-url";

const NEEDS_TLS: &str = "the port expects TLS: give https:// instead of http:// in endpoint-url";

/// What an error without code and message is, if its body is somebody else's than the service's.
pub(super) fn foreign(body: &str) -> Option<&'static str> {
    let start: String = body.chars().take(1024).collect::<String>().to_ascii_lowercase();
    // Of Go's servers, and of nginx.
    if start.contains("http request to an https server") || start.contains("plain http request was sent to https port")
    {
        return Some(NEEDS_TLS);
    }
    is_page(body).then_some(OTHER_DOCUMENT)
}

/// Whether a body is a web page.
pub(super) fn is_page(body: &str) -> bool {
    let start: String = body.trim_start().chars().take(16).collect::<String>().to_ascii_lowercase();
    ["<!doctype html", "<html"].iter().any(|begin| start.starts_with(begin))
}

/// What to do about a call that was denied. Many stores do not say which right it needs.
pub(super) fn of_denial(verb: &str, code: &str, message: &str) -> String {
    let names_it = message.contains("not authorized to perform");
    match (code, right(verb)) {
        // A HEAD has no code: the credentials may be wrong, or lack the right.
        ("", Some(right)) => format!("; check the credentials, and allow {right}"),
        ("", None) => "; check the permissions of these credentials".to_owned(),
        ("AccessDenied" | "AccessDeniedException", Some(right)) if !names_it => format!("; allow {right}"),
        _ => String::new(),
    }
}

/// The right that a call needs, where one verb has one right.
fn right(verb: &str) -> Option<&'static str> {
    Some(match verb {
        "list" => "s3:ListBucket",
        "head" | "get" => "s3:GetObject",
        "put" | "part" | "create" | "complete" => "s3:PutObject",
        "copy" => "s3:GetObject at the source and s3:PutObject at the destination",
        "delete" => "s3:DeleteObject",
        "abort" => "s3:AbortMultipartUpload",
        "list-parts" => "s3:ListMultipartUploadParts",
        "list-uploads" => "s3:ListBucketMultipartUploads",
        "restore" => "s3:RestoreObject",
        "send" => "sqs:SendMessage",
        "receive" => "sqs:ReceiveMessage",
        "extend" => "sqs:ChangeMessageVisibility",
        "acknowledge" => "sqs:DeleteMessage",
        _ => return None,
    })
}

/// What to do about a connection that broke before the first answer.
pub(super) fn of_handshake(cause: &str) -> &'static str {
    // What rustls says of an answer that is no TLS record.
    if cause.contains("InvalidContentType") {
        return "; the port does not answer in TLS: give http:// instead of https:// in endpoint-url";
    }
    if cause.contains("invalid peer certificate") {
        return "; this machine does not trust the endpoint's certificate";
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_a_denial_names_the_right_that_is_missing() {
        assert_eq!(of_denial("put", "AccessDenied", "Access Denied"), "; allow s3:PutObject");
        assert_eq!(of_denial("head", "", ""), "; check the credentials, and allow s3:GetObject");
        assert_eq!(of_denial("ledger", "", ""), "; check the permissions of these credentials");
        // The answer names it, or the credentials are wrong.
        assert_eq!(of_denial("put", "AccessDenied", "user x is not authorized to perform: s3:PutObject"), "");
        assert_eq!(of_denial("put", "SignatureDoesNotMatch", ""), "");
    }

    #[test]
    fn regression_an_answer_of_another_server_is_recognised() {
        assert_eq!(foreign("<!DOCTYPE HTML>\n<html><title>404</title>"), Some(OTHER_DOCUMENT));
        assert_eq!(foreign("Client sent an HTTP request to an HTTPS server.\n"), Some(NEEDS_TLS));
        assert_eq!(foreign("<html><h1>400</h1>The plain HTTP request was sent to HTTPS port"), Some(NEEDS_TLS));
        assert_eq!(foreign("<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>"), None);
        assert_eq!(foreign(""), None);
    }

    #[test]
    fn regression_a_port_without_tls_is_named() {
        assert!(of_handshake("received corrupt message of type InvalidContentType").contains("http://"));
        assert!(of_handshake("invalid peer certificate: UnknownIssuer").contains("trust"));
        assert_eq!(of_handshake("Connection refused (os error 111)"), "");
    }
}
