//! A lean client for the calls that a run makes for each page and each object: list, head, get,
//! tags, put, upload part.
//!
//! The SDK builds each request through some dozen interceptors, boxed parts and configuration layers, and reads XML
//! twice. This client makes the same request in one step. Below it is the transport that the SDK's own client uses
//! (`aws::http_feedback`, then the SDK's HTTP connector): proxies, certificates, timeouts to connect, the rate limit, and
//! the feedback about clock and credentials are the same. The SDK's rules resolve the endpoint, once for each store: so
//! FIPS, dual stack, path style and virtual hosts are the same too.
//!
//! It sends a request once. `shared::retry` repeats it, with the reasons at each verb. All other calls, and buckets whose
//! requests need another signature than SigV4 (S3 Express, multi-region access points), stay with the SDK.

mod call;
mod components;
mod endpoint;
mod events;
mod headers;
mod list;
mod objects;
mod refusal;
mod sign;
mod signing_clock;
mod tags;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connection::CaptureSmithyConnection;
use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt as _, Limited};
use tokio::time::Instant;

use super::answer::{MAX_ANSWER_BYTES, check};
use super::clock::{Clock, http_date};
use super::latency::Latency;
use super::provider::Provider;
use crate::aws::Waited;
use call::Call;
use endpoint::BucketEndpoint;
pub(super) use list::PageCall;
use refusal::Refusal;
use shared::object::Timestamp;
use sign::{Signer, example};
use signing_clock::SigningClock;

/// The result of a call, with errors as the SDK's.
type Answered<T> = Result<T, SdkError<Refusal, HttpResponse>>;

/// Whether this program signs the example that Amazon publishes as Amazon does.
pub(crate) fn signs_as_published() -> bool {
    let signed = example::signed(example::get_object());
    signed.is_ok_and(|request| {
        let header = request.headers().get("authorization");
        header.is_some_and(|header| header.ends_with(&format!("Signature={}", example::GET_OBJECT_SIGNATURE)))
    })
}

/// The client of one bucket.
#[derive(Debug)]
pub(super) struct LeanClient {
    connector: SharedHttpConnector,
    /// `None` if requests are unsigned.
    credentials: Option<SharedCredentialsProvider>,
    endpoint: BucketEndpoint,
    signer: Signer,
    provider: Provider,
    /// The store's clock, for all calls of the store.
    clock: Clock,
    /// The store's clock, for signatures.
    signing_clock: SigningClock,
    latency: Latency,
    /// Whether the requester pays.
    is_requester: bool,
}

impl LeanClient {
    /// A client for a bucket; `None` where only the SDK can make its requests.
    pub fn open(
        config: &SdkConfig,
        bucket: &str,
        path_style: bool,
        is_requester: bool,
        provider: &Provider,
        clock: &Clock,
    ) -> Option<LeanClient> {
        let endpoint = BucketEndpoint::resolve(config, bucket, path_style)?;
        Some(LeanClient {
            connector: components::connector(config)?,
            credentials: config.credentials_provider(),
            signer: Signer::new(endpoint.region.clone(), endpoint.service.clone()),
            endpoint,
            provider: provider.clone(),
            clock: clock.clone(),
            signing_clock: SigningClock::default(),
            latency: Latency::default(),
            is_requester,
        })
    }

    /// As [`ObjectStore::latency`](shared::store::ObjectStore::latency).
    pub fn latency(&self) -> Option<Duration> {
        self.latency.least()
    }

    /// Sends a request, and returns its successful answer with an unread body.
    async fn send(&self, mut call: Call<'_>) -> Answered<HttpResponse> {
        if self.is_requester {
            call.headers.push(("x-amz-request-payer".into(), "requester".into()));
        }
        let encoding = self.provider.profile().accept_encoding.filter(|_| call.reads_object);
        let sends_body = call.length > 0;
        let mut request = self.signed(call).await?;
        if let Some(encoding) = encoding {
            // The signature must not cover it.
            request.headers_mut().insert("accept-encoding", encoding);
        }
        let connection = CaptureSmithyConnection::new();
        request.add_extension(connection.clone());
        let (sent, began) = (Timestamp::now(), Instant::now());
        let mut answer = match self.connector.call(request).await {
            Ok(answer) => answer,
            Err(error) => {
                close(&connection);
                return Err(SdkError::dispatch_failure(error));
            }
        };
        self.observe(&answer, sent);
        if answer.status().is_success() {
            if !sends_body {
                self.note_latency(&answer, began);
            }
            return match self.provider.translate_checksum(answer.headers_mut()) {
                Ok(()) => Ok(answer),
                Err(error) => Err(SdkError::response_error(error, answer)),
            };
        }
        let (answer, body) = self.whole(answer).await?;
        // An error says more than the fault of its text, except for a key that XML cannot represent.
        if let Err(fault) = check(&body)
            && fault.is_character
        {
            return Err(SdkError::response_error(fault, answer));
        }
        let refusal = Refusal::of(answer.status().as_u16(), &body);
        if refusal.is_transient(answer.status().as_u16()) {
            close(&connection);
        }
        Err(SdkError::service_error(refusal, answer))
    }

    async fn signed(&self, call: Call<'_>) -> Answered<HttpRequest> {
        let failed = |error: BoxError| SdkError::construction_failure(error);
        let credentials = match &self.credentials {
            Some(provider) => Some(provider.provide_credentials().await.map_err(|error| failed(error.into()))?),
            None => None,
        };
        self.signer.request(&self.endpoint, call, credentials.as_ref(), self.signing_clock.now()).map_err(failed)
    }

    /// Notes what every answer says of the store.
    fn observe(&self, answer: &HttpResponse, sent: Timestamp) {
        if let Some(date) = answer.headers().get("date").and_then(http_date) {
            let received = Timestamp::now();
            self.clock.note(date, received);
            self.signing_clock.observe(answer.headers(), date, sent, received);
        }
        self.provider.see(answer);
    }

    /// Notes how long an answer took, without its request's wait for its turn.
    fn note_latency(&self, answer: &HttpResponse, began: Instant) {
        let waited = answer.extension::<Waited>().map_or(Duration::ZERO, |waited| waited.0);
        let now = Instant::now();
        self.latency.note(now, now.duration_since(began).saturating_sub(waited));
    }

    /// Reads the body of an answer that is kept in memory. The answer has it too.
    async fn whole(&self, mut answer: HttpResponse) -> Answered<(HttpResponse, bytes::Bytes)> {
        let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
        match Limited::new(body, MAX_ANSWER_BYTES).collect().await {
            Ok(body) => {
                let body = body.to_bytes();
                *answer.body_mut() = SdkBody::from(body.clone());
                Ok((answer, body))
            }
            // Cut off, or too long.
            Err(error) => Err(SdkError::response_error(error, answer)),
        }
    }

    /// Reads the answer to a write: it has no document. A proxy's page would pass for an empty answer.
    async fn without_document(&self, answer: HttpResponse) -> Answered<HttpResponse> {
        let (answer, body) = self.whole(answer).await?;
        if body.trim_ascii_start().starts_with(b"<") {
            return Err(SdkError::response_error("a document where S3 answers without one", answer));
        }
        Ok(answer)
    }
}

/// Keeps a connection out of the pool: the next attempt may reach a server that works. The SDK's client does the same
/// (`ConnectionPoisoningInterceptor`). A connection is unknown before it is open, and is not closed
/// then; one that is cut off within a body closes itself.
fn close(connection: &CaptureSmithyConnection) {
    if let Some(connection) = connection.get() {
        connection.poison();
    }
}
