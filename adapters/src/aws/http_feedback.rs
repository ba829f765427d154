//! Feedback from the answers of every service: the request rate, a wrong clock, and credentials that are no longer
//! valid.
//!
//! It works below the SDK, where every request of every client passes. An answer with feedback carries a
//! [`RetryHint`]: the next attempt is signed differently and may succeed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::date_time::Format;
use http_body_util::{BodyExt as _, Limited};

use super::renewed::{Renewed, Signer};
use shared::limits::rate::{self, RateLimiter};

/// Longest body of a refusal that is read, bytes. Usual bodies have some hundred.
const MAX_REFUSAL_BYTES: usize = 64 << 10;

/// Services refuse a signature that is 15 minutes off (S3, "RequestTimeTooSkewed"), some of them 5. A smaller
/// difference than this one is no reason for a refusal; the SDKs use the same bound.
const SKEWED_SECONDS: u64 = 4 * 60;

/// Codes that may mean a wrong clock. The answer to a HEAD has none.
const CLOCK: &[&str] = &["", "SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure"];

/// Codes about the credentials themselves, not about their rights. The answer to a HEAD has none.
const CREDENTIALS: &[&str] = &[
    "",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "InvalidSecurityToken",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
];

/// The feedback of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RetryHint {
    /// A wrong clock signed the request. The SDK keeps the difference to each answer's `Date`, and signs the next
    /// request by it (`ServiceClockSkewInterceptor` of aws-runtime).
    Clock,
    /// The credentials are no longer valid, or others have replaced them.
    Credentials,
}

/// How long a request waited for its turn before it was sent. Answers whose requests did not wait are without it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waited(pub Duration);

/// The headers of a request's signature. Only a refusal reads them, and every request has them: so they stay text
/// until then.
struct Signature {
    authorization: String,
    token: Option<String>,
    date: Option<String>,
}

impl Signature {
    /// `None` for an unsigned request.
    fn of(request: &HttpRequest) -> Option<Signature> {
        let header = |name| request.headers().get(name).map(str::to_owned);
        let authorization = header("authorization")?;
        Some(Signature { authorization, token: header("x-amz-security-token"), date: header("x-amz-date") })
    }
}

/// The state of a connection that answers change.
#[derive(Debug, Clone, Default)]
pub(super) struct ConnectionState {
    /// Credentials that sign requests; `None` if requests are unsigned.
    pub credentials: Option<Renewed>,
    /// Whether requests obey the request rate of their endpoint.
    pub is_rate_limited: bool,
    /// Whether a signed request has ever succeeded.
    pub was_trusted: Arc<AtomicBool>,
}

/// Wraps `inner`: its answers change `connection_state`.
pub(super) fn client(inner: &SharedHttpClient, connection_state: ConnectionState) -> SharedHttpClient {
    SharedHttpClient::new(FeedbackClient { inner: inner.clone(), connection_state })
}

#[derive(Debug, Clone)]
struct FeedbackClient<T> {
    inner: T,
    connection_state: ConnectionState,
}

impl HttpClient for FeedbackClient<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(FeedbackClient { inner, connection_state: self.connection_state.clone() })
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.inner.connector_metadata()
    }
}

impl HttpConnector for FeedbackClient<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let FeedbackClient { inner, connection_state } = self.clone();
        HttpConnectorFuture::new(async move {
            let limiter = connection_state.is_rate_limited.then(|| rate::of(request.uri()));
            let signature = Signature::of(&request);
            let waited = match &limiter {
                Some(limiter) => limiter.turn().await,
                None => Duration::ZERO,
            };
            let mut answer = inner.call(request).await?;
            if !waited.is_zero() {
                answer.add_extension(Waited(waited));
            }
            if let Some(limiter) = &limiter {
                keep(limiter, &answer);
            }
            let Some(signature) = signature else { return Ok(answer) };
            if answer.status().is_success() {
                connection_state.was_trusted.store(true, Ordering::Relaxed);
            } else if matches!(answer.status().as_u16(), 400 | 401 | 403)
                && let Some(hint) = connection_state.observe(&mut answer, &signature).await?
            {
                answer.add_extension(hint);
            }
            Ok(answer)
        })
    }
}

fn keep(limiter: &RateLimiter, answer: &HttpResponse) {
    // Some stores answer 509 at a limit of bandwidth.
    let throttled = matches!(answer.status().as_u16(), 429 | 503 | 509);
    let retry_after = answer.headers().get("retry-after").filter(|_| throttled).and_then(wait_of);
    limiter.answered(throttled, retry_after);
}

/// `Retry-After` (RFC 9110 §10.2.3): seconds, or a date.
fn wait_of(text: &str) -> Option<Duration> {
    let at = || SystemTime::try_from(DateTime::from_str(text, Format::HttpDate).ok()?).ok();
    let seconds = text.trim().parse().ok().map(Duration::from_secs);
    seconds.or_else(|| at()?.duration_since(SystemTime::now()).ok())
}

impl ConnectionState {
    async fn observe(
        &self,
        answer: &mut HttpResponse,
        signature: &Signature,
    ) -> Result<Option<RetryHint>, ConnectorError> {
        let code = code_of(answer).await?;
        let signed = signature.date.as_deref().and_then(signing_time);
        let of = |codes: &[&str]| codes.contains(&code.as_str());
        let date = answer.headers().get("date").and_then(|text| DateTime::from_str(text, Format::HttpDate).ok());
        let is_skewed = |(ours, theirs): (DateTime, DateTime)| ours.secs().abs_diff(theirs.secs()) >= SKEWED_SECONDS;
        if of(CLOCK) && signed.zip(date).is_some_and(is_skewed) {
            return Ok(Some(RetryHint::Clock));
        }
        let Some(credentials) = self.credentials.as_ref().filter(|_| of(CREDENTIALS)) else { return Ok(None) };
        let Some(signer) = Signer::of(&signature.authorization, signature.token.as_deref()) else { return Ok(None) };
        // A key that the store encodes differently may look like a wrong signature; a HEAD has no code at all.
        let is_clear = !code.is_empty() && code != "SignatureDoesNotMatch";
        let have_gone_bad = is_clear && self.was_trusted.load(Ordering::Relaxed);
        let renewed = credentials.has_others_than(&signer, is_clear).await;
        Ok((renewed || have_gone_bad).then_some(RetryHint::Credentials))
    }
}

/// `x-amz-date`, as `20150830T123600Z` (AWS Signature Version 4, "Date").
fn signing_time(text: &str) -> Option<DateTime> {
    let part = |from: usize, to: usize| text.get(from..to);
    let (date, time) = ((part(0, 4)?, part(4, 6)?, part(6, 8)?), (part(9, 11)?, part(11, 13)?, part(13, 15)?));
    let text = format!("{}-{}-{}T{}:{}:{}Z", date.0, date.1, date.2, time.0, time.1, time.2);
    DateTime::from_str(&text, Format::DateTime).ok()
}

/// The code of a refusal, in XML, JSON or a header; empty if there is none. Does not change the answer.
async fn code_of(answer: &mut HttpResponse) -> Result<String, ConnectorError> {
    let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
    let body = Limited::new(body, MAX_REFUSAL_BYTES).collect().await.map_err(ConnectorError::io)?.to_bytes();
    *answer.body_mut() = SdkBody::from(body.clone());
    if let Some(code) = answer.headers().get("x-amzn-errortype") {
        return Ok(last_word(code.split(':').next().unwrap_or_default()));
    }
    let text = String::from_utf8_lossy(&body);
    let between = |before: &str, after: &str| Some(text.split_once(before)?.1.split_once(after)?.0.trim().to_owned());
    let in_json =
        || between("\"__type\"", "\"").and_then(|_| between("\"__type\"", ",").or(between("\"__type\"", "}")));
    Ok(between("<Code>", "</Code>").or_else(in_json).map(|code| last_word(&code)).unwrap_or_default())
}

/// The name in a qualified code, such as `com.amazonaws.dynamodb.v20120810#ExpiredTokenException`.
fn last_word(code: &str) -> String {
    let mut words = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_');
    words.rfind(|word| !word.is_empty()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_runtime_api::http::StatusCode;

    #[tokio::test]
    async fn an_error_code_is_found_and_the_answer_stays_unchanged() {
        for (header, body, code) in [
            (None, "<Error><Code>ExpiredToken</Code><Message>no</Message></Error>", "ExpiredToken"),
            (
                None,
                r#"{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"no"}"#,
                "ExpiredTokenException",
            ),
            (None, r#"{"message":"no","__type": "UnrecognizedClientException"}"#, "UnrecognizedClientException"),
            (Some("InvalidToken:http://x"), "", "InvalidToken"),
            (None, "", ""),
            (None, "<html>no</html>", ""),
        ] {
            let mut answer = HttpResponse::new(StatusCode::try_from(400).unwrap(), SdkBody::from(body));
            if let Some(header) = header {
                answer.headers_mut().insert("x-amzn-errortype", header);
            }
            assert_eq!(code_of(&mut answer).await.unwrap(), code, "{body}");
            assert_eq!(answer.body().bytes(), Some(body.as_bytes()));
        }
    }

    #[test]
    fn the_time_of_signing_is_read() {
        assert_eq!(signing_time("20150830T123600Z"), Some(DateTime::from_secs(1_440_938_160)));
        for nonsense in ["", "2015", "20150830T1236", "yesterday, at noon"] {
            assert_eq!(signing_time(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(wait_of("120"), Some(Duration::from_secs(120)));
        let later = DateTime::from(SystemTime::now() + Duration::from_secs(100)).fmt(Format::HttpDate).unwrap();
        assert!((98..=100).contains(&wait_of(&later).unwrap().as_secs()));
        assert_eq!((wait_of("Wed, 21 Oct 2015 07:28:00 GMT"), wait_of("soon")), (None, None));
    }
}
