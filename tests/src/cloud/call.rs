//! A request, read: which bucket and key, and the bytes that came.

use std::io;

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderMap, Method};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use sha2::Digest as _;

use super::Profile;
use super::checksum::{self, Sum};
use super::profile::Checksums;
use super::refusal::Refusal;
use super::sign::hex;
use super::url::{decode_text, pairs};
use crate::proxy::Kind;

/// A request to do something.
#[derive(Debug)]
pub(super) struct Call {
    pub kind: Kind,
    pub method: Method,
    pub bucket: String,
    /// The exact key; empty if the request is about the bucket.
    pub key: String,
    /// The query's pairs, decoded.
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    /// The object's bytes, or a document.
    pub body: Bytes,
    /// The checksum that came before or behind the body, verified where the store verifies.
    pub checksum: Option<Sum>,
}

/// Longest key, bytes (Amazon S3, "Naming Amazon S3 objects").
const MAX_KEY_BYTES: usize = 1024;

/// Where in a request the bucket stands, and the rest: the key, still encoded.
pub(super) fn address(parts: &Parts) -> (Option<&str>, &str) {
    let path = parts.uri.path();
    let host = parts.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let path = path.strip_prefix('/').unwrap_or(path);
    match name.strip_suffix(".localhost") {
        Some(bucket) => (Some(bucket), path),
        None => (None, path),
    }
}

impl Call {
    /// Reads what stands before the body.
    pub fn open(parts: &Parts, profile: &Profile) -> Result<Call, Refusal> {
        let malformed = || Refusal::new(400, "InvalidURI", "Couldn't parse the specified URI.");
        let (bucket, path) = address(parts);
        if bucket.is_none() && profile.virtual_host_only {
            let message = "Please use virtual hosted style to access.";
            return Err(Refusal::new(403, "SecondLevelDomainForbidden", message));
        }
        let (bucket, raw) = match bucket {
            Some(bucket) => (bucket, path),
            None => path.split_once('/').unwrap_or((path, "")),
        };
        let key = decode_text(raw).ok_or_else(malformed)?;
        let query = parts.uri.query().unwrap_or_default();
        let call = Call {
            kind: Kind::on(&parts.method, raw, query, &parts.headers),
            method: parts.method.clone(),
            bucket: decode_text(bucket).ok_or_else(malformed)?,
            // A plus in a query is a space to every S3, and clients escape theirs.
            query: pairs(query).ok_or_else(malformed)?,
            headers: parts.headers.clone(),
            body: Bytes::new(),
            checksum: None,
            key,
        };
        if call.key.len() > MAX_KEY_BYTES {
            return Err(Refusal::new(400, "KeyTooLongError", "Your key is too long"));
        }
        let names = || call.key.split('/');
        let is_refused = names().any(|name| matches!(name, "." | "..")) || call.key.contains("//");
        if profile.has_folders && (is_refused || call.key.starts_with('/')) {
            return Err(Refusal::new(400, "XMinioInvalidObjectName", "Object name contains unsupported characters."));
        }
        Ok(call)
    }

    /// The value of a query's parameter; empty if it has none.
    pub fn asks(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A header's value, if it is ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Takes the body that has come: out of its chunks, and checked against all that was said of it.
    pub fn take(&mut self, raw: Bytes, profile: &Profile) -> Result<(), Refusal> {
        let hash = self.header("x-amz-content-sha256").unwrap_or_default().to_owned();
        let mut trailers = HeaderMap::new();
        let is_chunked = hash.starts_with("STREAMING-")
            || self.header("content-encoding").is_some_and(|encoding| encoding.contains("aws-chunked"));
        self.body = match is_chunked {
            true if !profile.takes_aws_chunked => return Err(Refusal::not_implemented("aws-chunked")),
            true => unchunk(&raw, &mut trailers).ok_or_else(|| Refusal::invalid("The chunks are malformed"))?,
            false => raw,
        };
        let announced = self.header("x-amz-decoded-content-length").filter(|_| is_chunked);
        if announced.is_some_and(|length| length.parse() != Ok(self.body.len())) {
            let message = "You did not provide the number of bytes specified by the Content-Length HTTP header";
            return Err(Refusal::new(400, "IncompleteBody", message));
        }
        if hash.len() == 64 && hash != hex(&sha2::Sha256::digest(&self.body)) {
            let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
            return Err(Refusal::new(400, "XAmzContentSHA256Mismatch", message));
        }
        checksum::check_md5(&self.headers, &self.body)?;
        let sums = [checksum::given(&self.headers), checksum::given(&trailers)].into_iter().flatten().next();
        if self.kind == Kind::Complete {
            // It is of the object, not of this body.
            self.checksum = sums;
            return Ok(());
        }
        let named = self.headers.keys().any(|name| {
            let name = name.as_str();
            name.starts_with("x-amz-checksum-") && name != "x-amz-checksum-mode"
                || name == "x-amz-sdk-checksum-algorithm"
        });
        match profile.checksums {
            Checksums::Refused(status, code) if named || sums.is_some() => {
                Err(Refusal::new(status, code, "Unsupported header x-amz-checksum"))
            }
            Checksums::Support => self.verify(sums),
            _ => Ok(()),
        }
    }

    fn verify(&mut self, given: Option<Sum>) -> Result<(), Refusal> {
        if let Some(sum) = given {
            if Sum::of(sum.algorithm, &self.body) != sum {
                let message =
                    format!("The {} you specified did not match the calculated checksum.", sum.algorithm.name());
                return Err(Refusal::bad_digest(message));
            }
            self.checksum = Some(sum);
        }
        Ok(())
    }
}

/// Reads a body to its end, and reports every byte as it comes; one that is cut off is an error.
pub(super) async fn collect(mut body: Incoming, mut count: impl FnMut(u64)) -> io::Result<Bytes> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
            count(data.len() as u64);
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes.freeze())
}

/// `aws-chunked` without its frames (AWS, "Transferring payload in multiple chunks"): chunks as
/// `HEX[;extension]\r\nBYTES\r\n`, an empty one at the end, and trailers behind it.
fn unchunk(raw: &[u8], trailers: &mut HeaderMap) -> Option<Bytes> {
    let line = |from: usize| {
        let end = raw.get(from..)?.windows(2).position(|pair| pair == b"\r\n")? + from;
        Some((std::str::from_utf8(&raw[from..end]).ok()?, end + 2))
    };
    let (mut bytes, mut at) = (BytesMut::new(), 0);
    loop {
        let (head, start) = line(at)?;
        let size = usize::from_str_radix(head.split(';').next()?, 16).ok()?;
        if size == 0 {
            at = start;
            break;
        }
        bytes.extend_from_slice(raw.get(start..start + size)?);
        at = start + size + 2;
    }
    while let Some((trailer, next)) = line(at).filter(|(text, _)| !text.is_empty()) {
        let (name, value) = trailer.split_once(':')?;
        let name = http::HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
        trailers.insert(name, value.trim().parse().ok()?);
        at = next;
    }
    Some(bytes.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_and_trailers_are_read() {
        let mut trailers = HeaderMap::new();
        let raw = b"3;chunk-signature=x\r\nfoo\r\n3\r\nbar\r\n0\r\nx-amz-checksum-crc32:abc=\r\n\r\n";
        assert_eq!(unchunk(raw, &mut trailers).as_deref(), Some(&b"foobar"[..]));
        assert_eq!(trailers["x-amz-checksum-crc32"], "abc=");
        assert_eq!(unchunk(b"9\r\nfoo", &mut trailers), None);
    }
}
