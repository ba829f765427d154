//! Signature Version 4 of requests (AWS Signature Version 4, "Create a signed AWS API request").
//!
//! The key and its HMACs are those of Amazon's `aws-sigv4`. A key is valid for one day and one pair of credentials, so
//! it is kept: of the five HMACs of a signature four are saved.

pub(super) mod example;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use sha2::{Digest as _, Sha256};

use super::call::Call;
use super::endpoint::BucketEndpoint;
use crate::store::s3::encoding::{encode_path, encode_query};
use shared::object::Timestamp;
use shared::sync::lock;

/// The SHA-256 of no bytes.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Stands for the hash of a body that is not known before it is sent.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

const USER_AGENT: &str = concat!("flotilla/", env!("CARGO_PKG_VERSION"));

/// Signs the requests of one bucket.
#[derive(Debug)]
pub(super) struct Signer {
    region: String,
    service: String,
    key: Mutex<Option<Arc<Key>>>,
}

/// A signing key, and what it was made from.
struct Key {
    day: String,
    credentials: Credentials,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("day", &self.day).finish_non_exhaustive()
    }
}

impl Signer {
    pub fn new(region: String, service: String) -> Signer {
        Signer { region, service, key: Mutex::default() }
    }

    /// The request of a call, signed if there are credentials. Time by the store's clock.
    pub fn request(
        &self,
        endpoint: &BucketEndpoint,
        call: Call<'_>,
        credentials: Option<&Credentials>,
        now: Timestamp,
    ) -> Result<HttpRequest, BoxError> {
        let key = call.key.map(encode_path).unwrap_or_default();
        let path = format!("{}/{key}", endpoint.path);
        let query = query(&call.query);
        let Call { method, mut headers, body, length, .. } = call;
        headers.push(("host".into(), Cow::Owned(endpoint.host.clone())));
        if let Some(credentials) = credentials {
            self.sign(method, &path, &query, &mut headers, length, credentials, now)?;
        }
        let mut request = HttpRequest::new(body);
        request.set_method(method)?;
        let separator = if query.is_empty() { "" } else { "?" };
        request.set_uri(format!("{}{path}{separator}{query}", endpoint.origin))?;
        for (name, value) in headers {
            request.headers_mut().try_insert(name, value.into_owned())?;
        }
        request.headers_mut().insert("user-agent", USER_AGENT);
        if length > 0 || method == "PUT" {
            request.headers_mut().try_insert("content-length", length.to_string())?;
        }
        Ok(request)
    }

    /// Adds the headers of a signature that covers all headers so far.
    #[allow(clippy::too_many_arguments, reason = "the parts of a request, which has no other form yet")]
    fn sign(
        &self,
        method: &str,
        path: &str,
        query: &str,
        headers: &mut Vec<(Cow<'static, str>, Cow<'_, str>)>,
        length: u64,
        credentials: &Credentials,
        now: Timestamp,
    ) -> Result<(), BoxError> {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(now.0.try_into()?);
        let stamp = stamp(time)?;
        let payload = if length > 0 { UNSIGNED } else { EMPTY };
        headers.push(("x-amz-date".into(), Cow::Owned(stamp.clone())));
        headers.push(("x-amz-content-sha256".into(), payload.into()));
        if let Some(token) = credentials.session_token() {
            headers.push(("x-amz-security-token".into(), Cow::Owned(token.to_owned())));
        }
        headers.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut canonical = format!("{method}\n{path}\n{query}\n");
        let mut names = String::new();
        for (name, value) in headers.iter() {
            let _ = writeln!(canonical, "{name}:{}", without_runs(value));
            names.push_str(if names.is_empty() { "" } else { ";" });
            names.push_str(name);
        }
        let _ = write!(canonical, "\n{names}\n{payload}");
        let day = &stamp[..8];
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let mut text = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n");
        Sha256::digest(canonical).iter().for_each(|byte| {
            let _ = write!(text, "{byte:02x}");
        });
        let key = self.key(day, time, credentials);
        let signature = calculate_signature(&key.bytes, text.as_bytes());
        let id = credentials.access_key_id();
        let value = format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
        headers.push(("authorization".into(), Cow::Owned(value)));
        Ok(())
    }

    /// The key of a day. Two calls at once may both make it, and make the same.
    fn key(&self, day: &str, time: SystemTime, credentials: &Credentials) -> Arc<Key> {
        let is_same = |key: &Arc<Key>| {
            key.day == day
                && key.credentials.access_key_id() == credentials.access_key_id()
                && key.credentials.secret_access_key() == credentials.secret_access_key()
        };
        if let Some(key) = lock(&self.key).clone().filter(is_same) {
            return key;
        }
        let bytes = generate_signing_key(credentials.secret_access_key(), time, &self.region, &self.service);
        let (day, bytes) = (day.to_owned(), bytes.as_ref().to_vec());
        let key = Arc::new(Key { day, credentials: credentials.clone(), bytes });
        *lock(&self.key) = Some(key.clone());
        key
    }
}

/// The parameters as a query, which is also their canonical form: they come in the order of their names.
fn query(parameters: &[(&'static str, Cow<'_, str>)]) -> String {
    debug_assert!(parameters.is_sorted_by_key(|(name, _)| *name));
    parameters.iter().fold(String::new(), |mut query, (name, value)| {
        let separator = if query.is_empty() { "" } else { "&" };
        let _ = write!(query, "{separator}{name}={}", encode_query(value));
        query
    })
}

/// A time as `20150830T123600Z`.
fn stamp(time: SystemTime) -> Result<String, BoxError> {
    let text = DateTime::from_secs(DateTime::from(time).secs()).fmt(Format::DateTime)?;
    Ok(text.chars().filter(|c| !matches!(c, '-' | ':')).collect())
}

/// A header's value without spaces at its ends, and with one space for several.
fn without_runs(value: &str) -> Cow<'_, str> {
    let value = value.trim_matches(' ');
    if !value.contains("  ") {
        return Cow::Borrowed(value);
    }
    let words: Vec<&str> = value.split(' ').filter(|word| !word.is_empty()).collect();
    Cow::Owned(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Amazon S3 "Examples: Signature calculations", GET Object and GET Bucket (List Objects).
    #[test]
    fn signatures_are_those_of_amazons_examples() {
        for (call, signature) in [
            (example::get_object(), example::GET_OBJECT_SIGNATURE),
            (
                Call::new("GET", None).parameter("max-keys", Some("2")).parameter("prefix", Some("J")),
                "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
            ),
        ] {
            let request = example::signed(call).unwrap();
            let header = request.headers().get("authorization").unwrap();
            assert!(header.ends_with(&format!("Signature={signature}")), "{header}");
        }
    }

    #[test]
    fn a_key_is_made_once_a_day() {
        let signer = Signer::new("us-east-1".into(), "s3".into());
        let credentials = Credentials::from_keys("id", "secret", None);
        let key = |day, credentials| signer.key(day, SystemTime::UNIX_EPOCH, credentials);
        let first = key("19700101", &credentials);
        assert!(Arc::ptr_eq(&first, &key("19700101", &credentials)));
        assert!(!Arc::ptr_eq(&first, &key("19700102", &credentials)));
        let other = Credentials::from_keys("id", "other", None);
        assert_ne!(first.bytes, key("19700101", &other).bytes);
    }

    #[test]
    fn values_are_signed_without_runs_of_spaces() {
        for (value, expected) in [("a", "a"), (" a  b ", "a b"), ("a b", "a b"), ("", "")] {
            assert_eq!(without_runs(value), expected);
        }
    }
}
