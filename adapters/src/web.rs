//! Short exchanges with a web service that the configuration names and trusts: an OpenID provider. Redirects are not
//! followed. A time limit, and the provider, bound the answers; a long one is refused.

use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::client::interceptors::context::{Error as ServiceError, Output};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::ser_de::DeserializeResponse;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::timeout::TimeoutConfig;
use http::Uri;
use std::time::Duration;

use crate::aws;
use shared::{Error, ErrorKind, Result};

/// Largest answer, bytes.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// The longest that an exchange takes.
const LIMIT: Duration = Duration::from_secs(10);

const VERB: &str = "ask";

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Vec<u8>,
}

/// A request.
struct Ask {
    path: String,
    /// Credentials, and the form that is sent; `None`: a GET.
    form: Option<(Option<String>, String)>,
}

impl std::fmt::Debug for Ask {
    /// Its form and credentials are secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ask")
    }
}

/// Reads a URL.
pub async fn get(url: &str) -> Result<Answer> {
    exchange(url, None).await
}

/// Sends a form to a URL, with this `Authorization`.
pub async fn post_form(url: &str, form: String, authorization: Option<String>) -> Result<Answer> {
    exchange(url, Some((authorization, form))).await
}

/// One exchange. It is not repeated: a code that was answered, and whose answer is lost, is spent.
async fn exchange(url: &str, form: Option<(Option<String>, String)>) -> Result<Answer> {
    let uri: Uri = url.parse().map_err(|_| failed(ErrorKind::Invalid, url, "not a URL"))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(failed(ErrorKind::Invalid, url, "not a URL with a host"));
    };
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let operation = Operation::builder()
        .service_name("web")
        .operation_name(VERB)
        .http_client(aws::http_client())
        .endpoint_url(&format!("{scheme}://{authority}"))
        .no_auth()
        .no_retry()
        .timeout_config(TimeoutConfig::disabled())
        .serializer(serialize)
        .deserializer_impl::<Answer, std::convert::Infallible>(Bounded)
        .build();
    let sent = tokio::time::timeout(LIMIT, operation.invoke(Ask { path, form })).await;
    match sent {
        Ok(Ok(answer)) if answer.body.len() > MAX_ANSWER_BYTES => {
            Err(failed(ErrorKind::Corrupt, url, "the answer is too long"))
        }
        Ok(Ok(answer)) => Ok(answer),
        Err(_) | Ok(Err(SdkError::TimeoutError(_))) => Err(failed(ErrorKind::Timeout, url, "no answer in time")),
        Ok(Err(_)) => {
            Err(failed(ErrorKind::Connection, url, "it cannot be reached: check host, certificate and network"))
        }
    }
}

fn serialize(ask: Ask) -> std::result::Result<HttpRequest, aws_smithy_runtime_api::box_error::BoxError> {
    let mut request = match &ask.form {
        Some((_, form)) => HttpRequest::new(SdkBody::from(form.clone())),
        None => HttpRequest::empty(),
    };
    request.set_uri(ask.path)?;
    let headers = request.headers_mut();
    headers.insert("accept", "application/json");
    headers.insert("user-agent", concat!("flotilla/", env!("CARGO_PKG_VERSION")));
    if let Some((authorization, _)) = ask.form {
        headers.insert("content-type", "application/x-www-form-urlencoded");
        if let Some(authorization) = authorization {
            headers.insert("authorization", authorization);
        }
        request.set_method("POST")?;
    }
    Ok(request)
}

fn failed(kind: ErrorKind, url: &str, message: &str) -> Error {
    Error::new(kind, VERB, url.split('?').next().unwrap_or_default(), message)
}

/// Takes status and body of an answer, whatever they are.
#[derive(Debug)]
struct Bounded;

impl DeserializeResponse for Bounded {
    fn deserialize_nonstreaming(
        &self,
        response: &HttpResponse,
    ) -> std::result::Result<Output, OrchestratorError<ServiceError>> {
        let body = response.body().bytes().unwrap_or_default().to_vec();
        Ok(Output::erase(Answer { status: response.status().as_u16(), body }))
    }
}
