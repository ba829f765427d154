//! Remedies for errors whose own text does not name one.

use shared::store::{Right, RightNames};
use shared::{Error, ErrorKind};

/// The message for an answer that is a web page.
pub(super) const WEB_PAGE: &str =
    "the endpoint did not answer as an S3 service, but with a web page: check endpoint-url";

const NEEDS_TLS: &str = "the port expects TLS: give https:// instead of http:// in endpoint-url";

/// The message for an error without code and message whose body does not come from the service.
pub(super) fn foreign(body: &str) -> Option<&'static str> {
    let start: String = body.chars().take(1024).collect::<String>().to_ascii_lowercase();
    // The texts of Go's servers and of nginx.
    if start.contains("http request to an https server") || start.contains("plain http request was sent to https port")
    {
        return Some(NEEDS_TLS);
    }
    is_page(body).then_some(WEB_PAGE)
}

/// The message for a successful answer whose document is not the one that answers the request. moto answers
/// ListParts so.
pub(super) fn other_document(body: &str) -> String {
    match root_element(body) {
        _ if is_page(body) => WEB_PAGE.to_owned(),
        Some(root) => format!(
            "the endpoint answered with the document <{root}>, which does not answer this request: check endpoint-url, \
             or report this to the vendor"
        ),
        None => {
            "the endpoint answered with a document that does not answer this request: check endpoint-url".to_owned()
        }
    }
}

/// The name of an XML document's outermost element, if it is short and plain enough to be shown.
fn root_element(body: &str) -> Option<&str> {
    let mut tags = body.split('<').skip(1).filter(|tag| !tag.starts_with(['?', '!']));
    let name = tags.next()?.split([' ', '\t', '\r', '\n', '/', '>']).next()?;
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.'));
    (is_plain && (1..=64).contains(&name.len())).then_some(name)
}

/// Whether a body is a web page.
pub(super) fn is_page(body: &str) -> bool {
    let start: String = body.trim_start().chars().take(16).collect::<String>().to_ascii_lowercase();
    ["<!doctype html", "<html"].iter().any(|begin| start.starts_with(begin))
}

/// The remedy for a denied call. Many stores do not say which right the call needs.
pub(super) fn of_denial(names: RightNames, verb: &str, code: &str, message: &str) -> String {
    let names_it = message.contains("not authorized to perform");
    if let Some(remedy) = of_credentials(code) {
        return format!("; {remedy}");
    }
    match (code, right(names, verb)) {
        // A HEAD has no code: the credentials may be wrong, or may lack the right.
        ("", Some(right)) => format!("; check the credentials, and allow {right}"),
        ("", None) => "; check the permissions of these credentials".to_owned(),
        ("AccessDenied" | "AccessDeniedException", Some(right)) if !names_it => format!("; allow {right}"),
        _ => String::new(),
    }
}

/// The remedy for credentials that the service does not accept, which no right mends.
fn of_credentials(code: &str) -> Option<&'static str> {
    Some(match code {
        "SignatureDoesNotMatch" => "check the secret access key: it is not the one of this access key id",
        "InvalidAccessKeyId" | "InvalidClientTokenId" => "check the access key id: the service does not know it",
        "InvalidToken" | "UnrecognizedClientException" => "check the credentials: the service does not know them",
        _ => return None,
    })
}

/// Adds the right that a denied call needs, unless the answer names it.
pub(crate) fn allow(right: &'static str) -> impl Fn(Error) -> Error {
    move |error| {
        let names_it = error.message().contains("not authorized to perform");
        if error.kind() == ErrorKind::Denied && !names_it { error.and(&format!("allow {right}")) } else { error }
    }
}

/// The right that a verb needs, if it is one.
fn right(names: RightNames, verb: &str) -> Option<String> {
    if let Some(right) = Right::of_verb(verb) {
        return Some(names.name(right).to_owned());
    }
    let name = match verb {
        "copy" => {
            return Some(format!(
                "{} at the source and {} at the destination",
                names.name(Right::Get),
                names.name(Right::Put)
            ));
        }
        "send" => "sqs:SendMessage",
        "receive" => "sqs:ReceiveMessage",
        "extend" => "sqs:ChangeMessageVisibility",
        "acknowledge" => "sqs:DeleteMessage",
        _ => return None,
    };
    Some(name.to_owned())
}

/// The remedy for a connection that broke before the first answer.
pub(super) fn of_handshake(cause: &str) -> &'static str {
    // The error of rustls for an answer that is no TLS record.
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
        let of_denial = |verb, code, message| of_denial(RightNames::Amazon, verb, code, message);
        assert_eq!(of_denial("put", "AccessDenied", "Access Denied"), "; allow s3:PutObject");
        assert_eq!(of_denial("head", "", ""), "; check the credentials, and allow s3:GetObject");
        assert_eq!(of_denial("ledger", "", ""), "; check the permissions of these credentials");
        // The answer names the right.
        assert_eq!(of_denial("put", "AccessDenied", "user x is not authorized to perform: s3:PutObject"), "");
        // The credentials are wrong.
        assert!(of_denial("put", "SignatureDoesNotMatch", "").starts_with("; check the secret access key"));
        assert!(of_denial("list", "InvalidAccessKeyId", "").starts_with("; check the access key id"));
    }

    #[test]
    fn regression_a_denial_names_the_right_in_the_providers_words() {
        let oss = of_denial(RightNames::Oss, "list", "AccessDenied", "You have no right to access this object");
        assert_eq!(oss, "; allow oss:ListObjects");
        let cos = of_denial(RightNames::Cos, "create", "AccessDenied", "Access Denied.");
        assert_eq!(cos, "; allow name/cos:InitiateMultipartUpload");
        let cos = of_denial(RightNames::Cos, "copy", "AccessDenied", "Access Denied.");
        assert_eq!(cos, "; allow name/cos:GetObject at the source and name/cos:PutObject at the destination");
    }

    #[test]
    fn regression_an_answer_of_another_server_is_recognised() {
        assert_eq!(foreign("<!DOCTYPE HTML>\n<html><title>404</title>"), Some(WEB_PAGE));
        assert_eq!(foreign("Client sent an HTTP request to an HTTPS server.\n"), Some(NEEDS_TLS));
        assert_eq!(foreign("<html><h1>400</h1>The plain HTTP request was sent to HTTPS port"), Some(NEEDS_TLS));
        assert_eq!(foreign("<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>"), None);
        assert_eq!(foreign(""), None);
    }

    #[test]
    fn regression_another_document_than_a_page_is_named_by_its_root() {
        assert_eq!(other_document("\n<html><body>hello"), WEB_PAGE);
        let other = other_document("<?xml version=\"1.0\"?>\n<!-- x --><ListPartsOutput xmlns=\"u\"><Part/>");
        assert!(other.contains("<ListPartsOutput>") && !other.contains("web page"), "{other}");
        for body in ["", "OK", "<", "<\u{1b}[2J>"] {
            assert!(other_document(body).contains("with a document that"), "{body:?}");
        }
    }

    #[test]
    fn regression_a_port_without_tls_is_named() {
        assert!(of_handshake("received corrupt message of type InvalidContentType").contains("http://"));
        assert!(of_handshake("invalid peer certificate: UnknownIssuer").contains("trust"));
        assert_eq!(of_handshake("Connection refused (os error 111)"), "");
    }
}
