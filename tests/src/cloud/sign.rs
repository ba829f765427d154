//! Signature Version 4 in the `Authorization` header (AWS, "Create a signed AWS API request").

use http::{HeaderMap, Method};
use sha2::{Digest as _, Sha256};
use shared::object::Timestamp;

use super::refusal::Refusal;
use super::url::{decode, encode};
use super::{Profile, READ_ONLY_KEY, READ_ONLY_SECRET};
use crate::emulators::{ACCESS_KEY, SECRET_KEY};

/// How far apart the clocks may be, seconds (Amazon S3, "RequestTimeTooSkewed").
const SKEW_S: i64 = 15 * 60;

/// Who signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signer {
    All,
    ReadOnly,
}

/// What of a request is signed.
pub(super) struct Signed<'a> {
    pub method: &'a Method,
    /// As sent.
    pub path: &'a str,
    /// As sent, without `?`.
    pub query: &'a str,
    pub headers: &'a HeaderMap,
}

/// Refuses a request that is not signed by one of the keys, for this clock and region.
pub(super) fn verify(request: &Signed<'_>, profile: &Profile, now: Timestamp) -> Result<Signer, Refusal> {
    let denied = |message: &str| Refusal::new(403, "AccessDenied", message);
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let Some(text) = header("authorization") else { return Err(denied("Access Denied")) };
    let malformed = || Refusal::new(400, "AuthorizationHeaderMalformed", "The authorization header is malformed");
    let fields = text.strip_prefix("AWS4-HMAC-SHA256 ").ok_or_else(malformed)?;
    let field = |name: &str| {
        fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('=')).ok_or_else(malformed)
    };
    let (credential, names, signature) = (field("Credential")?, field("SignedHeaders")?, field("Signature")?);
    let (key, scope) = credential.split_once('/').ok_or_else(malformed)?;
    let [day, region, service, "aws4_request"] = scope.split('/').collect::<Vec<_>>()[..] else {
        return Err(malformed());
    };
    let (signer, secret) = match key {
        ACCESS_KEY => (Signer::All, SECRET_KEY),
        READ_ONLY_KEY => (Signer::ReadOnly, READ_ONLY_SECRET),
        _ => return Err(Refusal::new(403, "InvalidAccessKeyId", "The access key Id you provided does not exist")),
    };
    if let Some(expected) = profile.region.filter(|expected| *expected != region) {
        let message = format!("The region '{region}' is wrong; expecting '{expected}'");
        return Err(Refusal::new(400, "AuthorizationHeaderMalformed", message));
    }
    let time = header("x-amz-date").ok_or_else(|| denied("AWS authentication requires a valid Date header"))?;
    let age = now.as_secs() - seconds(time).ok_or_else(|| denied("x-amz-date is no date"))?;
    if age.abs() > SKEW_S {
        let message = "The difference between the request time and the current time is too large.";
        return Err(Refusal::new(403, "RequestTimeTooSkewed", message));
    }
    let names: Vec<&str> = names.split(';').collect();
    let unsigned = request.headers.keys().map(|name| name.as_str());
    if let Some(name) = unsigned.filter(|name| must_be_signed(name)).find(|name| !names.contains(name)) {
        return Err(denied(&format!("There were headers present in the request which were not signed: {name}")));
    }
    if !profile.takes_signed_accept_encoding && names.contains(&"accept-encoding") {
        return Err(mismatch());
    }
    let hash = header("x-amz-content-sha256")
        .ok_or_else(|| Refusal::invalid("Missing required header for this request: x-amz-content-sha256"))?;
    let canonical = canonical(request, &names, hash);
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(&canonical)));
    let mut signing = hmac(format!("AWS4{secret}").as_bytes(), day.as_bytes());
    for step in [region, service, "aws4_request"] {
        signing = hmac(&signing, step.as_bytes());
    }
    match hex(&hmac(&signing, to_sign.as_bytes())) == signature && time.starts_with(day) {
        true => Ok(signer),
        false => Err(mismatch()),
    }
}

fn mismatch() -> Refusal {
    let message = "The request signature we calculated does not match the signature you provided.";
    Refusal::new(403, "SignatureDoesNotMatch", message)
}

fn must_be_signed(name: &str) -> bool {
    name == "host" || name == "content-md5" || name.starts_with("x-amz-")
}

/// The canonical request: a path is encoded once, dots and double slashes are left as they are.
fn canonical(request: &Signed<'_>, names: &[&str], hash: &str) -> Vec<u8> {
    let path = encode(&decode(request.path).unwrap_or_default(), true);
    let mut pairs: Vec<(String, String)> = request
        .query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| {
            let again = |text: &str| encode(&decode(text).unwrap_or_default(), false);
            (again(name), again(value))
        })
        .collect();
    pairs.sort_unstable();
    let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut text = format!("{}\n{path}\n{}\n", request.method, query.join("&")).into_bytes();
    for name in names {
        text.extend_from_slice(name.as_bytes());
        text.push(b':');
        let values: Vec<Vec<u8>> = request.headers.get_all(*name).iter().map(|v| collapse(v.as_bytes())).collect();
        text.extend(values.join(&b','));
        text.push(b'\n');
    }
    text.extend_from_slice(format!("\n{}\n{hash}", names.join(";")).as_bytes());
    text
}

/// Trimmed, each run of spaces one space.
fn collapse(value: &[u8]) -> Vec<u8> {
    let mut collapsed = value.trim_ascii().to_vec();
    collapsed.dedup_by(|a, b| *a == b' ' && *b == b' ');
    collapsed
}

/// `20130524T000000Z` in seconds since 1970.
fn seconds(time: &str) -> Option<i64> {
    let digits = |range: std::ops::Range<usize>| time.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (digits(0..4)?, digits(4..6)?, digits(6..8)?);
    let (hour, minute, second) = (digits(9..11)?, digits(11..13)?, digits(13..15)?);
    // Days since 0000-03-01 (Hinnant, "chrono-compatible low-level date algorithms").
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = years * 365 + years / 4 - years / 100 + years / 400 + (153 * months + 2) / 5 + day - 1 - 719_468;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

/// HMAC-SHA-256 (RFC 2104).
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    match key.len() > block.len() {
        true => block[..32].copy_from_slice(&Sha256::digest(key)),
        false => block[..key.len()].copy_from_slice(key),
    }
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().to_vec()
}

/// In lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_seconds() {
        assert_eq!(seconds("19700101T000000Z"), Some(0));
        assert_eq!(seconds("20240229T123456Z"), Some(1_709_210_096));
        assert_eq!(seconds("2024"), None);
    }

    #[test]
    fn the_mac_is_that_of_rfc_4231() {
        let mac = hmac(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(hex(&mac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
