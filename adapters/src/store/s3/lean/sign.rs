//! Signature Version 4 of requests (AWS Signature Version 4, "Create a signed AWS API request").
//!
//! Amazon's `aws-sigv4` makes the key. A key is valid for one day and one pair of credentials, so it is kept: of the
//! five HMACs of a signature four are saved. Every request is signed, so texts are built in one buffer each, and
//! `ring` hashes them by the processor's own instructions.

pub(super) mod example;

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::sign::v4::generate_signing_key;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use ring::{digest, hmac};

use super::call::Call;
use super::endpoint::BucketEndpoint;
use crate::store::s3::encoding::{append_path, append_query};
use shared::digest::to_hex;
use shared::object::Timestamp;
use shared::sync::lock;

/// The SHA-256 of no bytes.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Stands for the hash of a body that is not known before it is sent.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

const USER_AGENT: &str = concat!("flotilla/", env!("CARGO_PKG_VERSION"));

/// Room for a canonical request and for a URL of usual length, bytes: they grow beyond it.
const USUAL_REQUEST_BYTES: usize = 1024;
const USUAL_URL_BYTES: usize = 256;

/// Signs the requests of one bucket.
#[derive(Debug)]
pub(super) struct Signer {
    region: String,
    service: String,
    key: Mutex<Option<Arc<Key>>>,
    /// The last time in whole seconds since 1970, and its text. Of two calls at once the last one stays.
    stamp: Mutex<Option<(i64, Arc<str>)>>,
}

/// A signing key, and what it was made from.
struct Key {
    day: String,
    credentials: Credentials,
    hmac: hmac::Key,
    /// Day, region and service, as the signature names them.
    scope: String,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("day", &self.day).finish_non_exhaustive()
    }
}

/// What a signature covers of a request besides its headers.
struct Covered<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    has_body: bool,
}

impl Signer {
    pub fn new(region: String, service: String) -> Signer {
        Signer { region, service, key: Mutex::default(), stamp: Mutex::default() }
    }

    /// The request of a call, signed if there are credentials. Time by the store's clock.
    pub fn request(
        &self,
        endpoint: &BucketEndpoint,
        call: Call<'_>,
        credentials: Option<&Credentials>,
        now: Timestamp,
    ) -> Result<HttpRequest, BoxError> {
        let Call { method, key, query, mut headers, body, length, .. } = call;
        let mut url = String::with_capacity(USUAL_URL_BYTES);
        url.push_str(&endpoint.origin);
        let path_at = url.len();
        url.push_str(&endpoint.path);
        url.push('/');
        append_path(&mut url, key.unwrap_or_default());
        let path_end = url.len();
        append_parameters(&mut url, &query);
        headers.push(("host".into(), Cow::Borrowed(&endpoint.host)));
        if let Some(credentials) = credentials {
            let query = url[path_end..].strip_prefix('?').unwrap_or_default();
            let covered = Covered { method, path: &url[path_at..path_end], query, has_body: length > 0 };
            self.sign(&covered, &mut headers, credentials, now)?;
        }
        let mut request = HttpRequest::new(body);
        request.set_method(method)?;
        request.set_uri(url)?;
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
    fn sign(
        &self,
        covered: &Covered<'_>,
        headers: &mut Vec<(Cow<'static, str>, Cow<'_, str>)>,
        credentials: &Credentials,
        now: Timestamp,
    ) -> Result<(), BoxError> {
        let stamp = self.stamp(now)?;
        let payload = if covered.has_body { UNSIGNED } else { EMPTY };
        headers.push(("x-amz-date".into(), Cow::Owned(stamp.to_string())));
        headers.push(("x-amz-content-sha256".into(), payload.into()));
        if let Some(token) = credentials.session_token() {
            headers.push(("x-amz-security-token".into(), Cow::Owned(token.to_owned())));
        }
        headers.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut canonical = String::with_capacity(USUAL_REQUEST_BYTES);
        append(&mut canonical, &[covered.method, "\n", covered.path, "\n", covered.query, "\n"]);
        let mut names = String::with_capacity(USUAL_URL_BYTES);
        for (name, value) in headers.iter() {
            append(&mut canonical, &[name, ":", &without_runs(value), "\n"]);
            let separator = if names.is_empty() { "" } else { ";" };
            append(&mut names, &[separator, name]);
        }
        append(&mut canonical, &["\n", &names, "\n", payload]);
        let hash = to_hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        let key = self.key(&stamp[..8], now, credentials)?;
        let text = ["AWS4-HMAC-SHA256\n", &stamp, "\n", &key.scope, "\n", &hash].concat();
        let signature = to_hex(hmac::sign(&key.hmac, text.as_bytes()).as_ref());
        let (id, scope) = (credentials.access_key_id(), key.scope.as_str());
        let parts = ["AWS4-HMAC-SHA256 Credential=", id, "/", scope, ", SignedHeaders=", &names, ", Signature="];
        headers.push(("authorization".into(), Cow::Owned(parts.concat() + &signature)));
        Ok(())
    }

    /// The key of a day. Two calls at once may both make it, and make the same.
    fn key(&self, day: &str, now: Timestamp, credentials: &Credentials) -> Result<Arc<Key>, BoxError> {
        let is_same = |key: &Arc<Key>| {
            key.day == day
                && key.credentials.access_key_id() == credentials.access_key_id()
                && key.credentials.secret_access_key() == credentials.secret_access_key()
        };
        if let Some(key) = lock(&self.key).clone().filter(is_same) {
            return Ok(key);
        }
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(now.0.try_into()?);
        let bytes = generate_signing_key(credentials.secret_access_key(), time, &self.region, &self.service);
        let scope = [day, "/", &self.region, "/", &self.service, "/aws4_request"].concat();
        let hmac = hmac::Key::new(hmac::HMAC_SHA256, bytes.as_ref());
        let key = Arc::new(Key { day: day.to_owned(), credentials: credentials.clone(), hmac, scope });
        *lock(&self.key) = Some(key.clone());
        Ok(key)
    }

    /// A time as `20150830T123600Z`.
    fn stamp(&self, time: Timestamp) -> Result<Arc<str>, BoxError> {
        let seconds = time.as_secs();
        if let Some((_, stamp)) = lock(&self.stamp).as_ref().filter(|(last, _)| *last == seconds) {
            return Ok(stamp.clone());
        }
        let text = DateTime::from_secs(seconds).fmt(Format::DateTime)?;
        let stamp: String = text.chars().filter(|c| !matches!(c, '-' | ':')).collect();
        let stamp = Arc::<str>::from(stamp);
        *lock(&self.stamp) = Some((seconds, stamp.clone()));
        Ok(stamp)
    }
}

/// Appends texts.
fn append(text: &mut String, parts: &[&str]) {
    parts.iter().for_each(|part| text.push_str(part));
}

/// Appends the parameters as a query, which is also their canonical form: they come in the order of their names.
fn append_parameters(url: &mut String, parameters: &[(&'static str, Cow<'_, str>)]) {
    debug_assert!(parameters.is_sorted_by_key(|(name, _)| *name));
    let mut separator = "?";
    for (name, value) in parameters {
        append(url, &[separator, name, "="]);
        append_query(url, value);
        separator = "&";
    }
}

/// A header's value without spaces at its ends, and with one space for several.
fn without_runs(value: &str) -> Cow<'_, str> {
    let value = value.trim_matches(' ');
    if !value.as_bytes().windows(2).any(|pair| pair == b"  ") {
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
        let key = |day, credentials| signer.key(day, Timestamp(0), credentials).unwrap();
        let first = key("19700101", &credentials);
        assert!(Arc::ptr_eq(&first, &key("19700101", &credentials)));
        assert!(!Arc::ptr_eq(&first, &key("19700102", &credentials)));
        let other = Credentials::from_keys("id", "other", None);
        let signed = |key: &Key| hmac::sign(&key.hmac, b"text").as_ref().to_vec();
        assert_ne!(signed(&first), signed(&key("19700101", &other)));
    }

    #[test]
    fn the_time_of_a_signature_is_its_own_second() {
        let signer = Signer::new("us-east-1".into(), "s3".into());
        for (ms, stamp) in [
            (1_440_938_160_000, "20150830T123600Z"),
            (1_440_938_160_999, "20150830T123600Z"),
            (1_440_938_161_000, "20150830T123601Z"),
            (1_440_938_160_000, "20150830T123600Z"),
            (0, "19700101T000000Z"),
        ] {
            assert_eq!(&*signer.stamp(Timestamp(ms)).unwrap(), stamp);
        }
    }

    #[test]
    fn values_are_signed_without_runs_of_spaces() {
        for (value, expected) in [("a", "a"), (" a  b ", "a b"), ("a b", "a b"), ("", "")] {
            assert_eq!(without_runs(value), expected);
        }
    }
}
