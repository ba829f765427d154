//! Notices by POST to a URL.
//!
//! The URL may be a secret: errors name only the part of the definition that refers to it.

use std::path::Path;

use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::interceptors::context::{Error as ServiceError, Output};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::ser_de::DeserializeResponse;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::timeout::TimeoutConfig;
use http::Uri;

use super::body;
use crate::aws;
use shared::notify::Notice;
use shared::{Error, ErrorKind, Result, retry};

/// Largest file with a URL, bytes.
const MAX_FILE_BYTES: u64 = 8 << 10;

/// Sends a notice.
pub(super) async fn post(target: &str, notice: &Notice) -> Result<()> {
    let url = resolve(target).await?;
    let url = parse(&url)
        .ok_or_else(|| failed(ErrorKind::Invalid, "notify.webhook is not a URL of http or https without a user"))?;
    // Slow, cut off or done with its answer lost: sent again, under the same id.
    retry::run(&retry::NOTIFY, "webhook", || post_once(&url, notice)).await
}

/// Where a URL is.
#[derive(Debug)]
struct Url {
    /// Scheme and authority.
    host: String,
    /// Path and query.
    path: String,
}

fn parse(url: &str) -> Option<Url> {
    let uri: Uri = url.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    if !matches!(scheme, "http" | "https") || authority.as_str().contains('@') {
        return None;
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Some(Url { host: format!("{scheme}://{authority}"), path: path.to_owned() })
}

/// The URL that a definition names.
async fn resolve(target: &str) -> Result<String> {
    let read = match target.split_once(':') {
        Some(("env", name)) => std::env::var(name).map_err(|_| format!("environment variable {name} is not set")),
        Some(("file", path)) => read_file(Path::new(path)).await,
        _ => Ok(target.to_owned()),
    };
    read.map(|url| url.trim().to_owned()).map_err(|why| failed(ErrorKind::Invalid, &format!("no URL: {why}")))
}

async fn read_file(path: &Path) -> Result<String, String> {
    let why = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let bytes = tokio::fs::metadata(path).await.map_err(why)?.len();
    if bytes > MAX_FILE_BYTES {
        return Err(format!("{} has {bytes} bytes, at most {MAX_FILE_BYTES}", path.display()));
    }
    tokio::fs::read_to_string(path).await.map_err(why)
}

async fn post_once(url: &Url, notice: &Notice) -> Result<()> {
    let operation = Operation::builder()
        .service_name("webhook")
        .operation_name("notify")
        .http_client(aws::http_client())
        .endpoint_url(&url.host)
        .no_auth()
        .no_retry()
        .timeout_config(TimeoutConfig::disabled())
        .serializer(|(path, body): (String, String)| {
            let mut request = HttpRequest::new(SdkBody::from(body));
            request.set_method("POST")?;
            request.set_uri(path)?;
            request.headers_mut().insert("content-type", "application/json");
            request.headers_mut().insert("user-agent", concat!("flotilla/", env!("CARGO_PKG_VERSION")));
            Ok(request)
        })
        .deserializer_impl::<u16, std::convert::Infallible>(StatusAlone)
        .build();
    match operation.invoke((url.path.clone(), body(notice))).await {
        Ok(200..=299) => Ok(()),
        // A redirect is not followed: the body would go to another receiver than the definition names.
        Ok(status) => Err(failed(kind_of(status), &format!("the webhook answered {status}"))),
        Err(SdkError::TimeoutError(_)) => Err(failed(ErrorKind::Timeout, "the webhook did not answer in time")),
        Err(_) => Err(failed(
            ErrorKind::Connection,
            "the webhook cannot be reached: check its host, its certificate and the network",
        )),
    }
}

fn kind_of(status: u16) -> ErrorKind {
    match status {
        401 | 403 => ErrorKind::Denied,
        404 | 410 => ErrorKind::NotFound,
        408 => ErrorKind::Timeout,
        429 => ErrorKind::Throttled,
        500.. => ErrorKind::Unavailable,
        _ => ErrorKind::Invalid,
    }
}

fn failed(kind: ErrorKind, message: &str) -> Error {
    Error::new(kind, retry::NOTIFY.verb, "webhook", message)
}

/// Reads the status of an answer, and none of its body, which has no bound.
#[derive(Debug)]
struct StatusAlone;

impl DeserializeResponse for StatusAlone {
    fn deserialize_streaming(
        &self,
        response: &mut HttpResponse,
    ) -> Option<std::result::Result<Output, OrchestratorError<ServiceError>>> {
        Some(Ok(Output::erase(response.status().as_u16())))
    }

    fn deserialize_nonstreaming(
        &self,
        response: &HttpResponse,
    ) -> std::result::Result<Output, OrchestratorError<ServiceError>> {
        Ok(Output::erase(response.status().as_u16()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_parted_into_host_and_path() {
        let url = parse("https://hooks.example/services/T1?sig=a%2Fb").unwrap();
        assert_eq!((url.host.as_str(), url.path.as_str()), ("https://hooks.example", "/services/T1?sig=a%2Fb"));
        assert_eq!(parse("http://10.0.0.1:8080").unwrap().path, "/");
        for other in ["", "hooks.example", "/path", "ftp://h/", "https://user:secret@h/", "secret value"] {
            assert!(parse(other).is_none(), "{other}");
        }
    }

    #[tokio::test]
    async fn a_url_comes_from_the_definition_a_variable_or_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("url");
        std::fs::write(&path, "https://h/secret\n").unwrap();
        assert_eq!(resolve(&format!("file:{}", path.display())).await.unwrap(), "https://h/secret");
        assert_eq!(resolve("https://h/x").await.unwrap(), "https://h/x");
        let error = resolve("env:FLOTILLA_TEST_NOT_SET").await.unwrap_err();
        assert!(error.to_string().contains("FLOTILLA_TEST_NOT_SET"), "{error}");
        assert!(resolve("file:/no/such/file").await.is_err());
    }
}
