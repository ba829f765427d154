//! The head of a request, as far as the simulator reads it.

use std::borrow::Cow;
use std::ops::Range;

use crate::cloud::url;

/// A request without its body.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub method: String,
    /// Empty for a request about the service.
    pub bucket: String,
    /// Decoded; empty for a request about the bucket.
    pub key: String,
    query: String,
    /// Bytes of the body on the wire.
    pub length: u64,
    /// Whether the body is in frames.
    pub is_framed: bool,
    /// Whether the client waits for `100 Continue`.
    pub expects_continue: bool,
    /// `Range`, with its end exclusive.
    pub range: Option<Range<u64>>,
    /// Whether the request copies another object.
    pub copies: bool,
}

impl Request {
    /// Reads a head; `None` if it is invalid.
    pub fn parse(head: &[u8]) -> Option<Request> {
        let mut lines = std::str::from_utf8(head).ok()?.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = path.strip_prefix('/')?;
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let key = url::decode_text(key)?;
        let (bucket, query) = (bucket.to_owned(), query.to_owned());
        let mut request = Request { method, bucket, key, query, ..Request::default() };
        for line in lines {
            let (name, value) = line.split_once(':').unwrap_or_default();
            request.take_header(name, value.trim());
        }
        Some(request)
    }

    fn take_header(&mut self, name: &str, value: &str) {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        if is("content-length") {
            self.length = value.parse().unwrap_or(0);
        } else if is("x-amz-decoded-content-length") {
            self.is_framed = true;
        } else if is("expect") {
            self.expects_continue = true;
        } else if is("range") {
            self.range = range(value);
        } else if is("x-amz-copy-source") {
            self.copies = true;
        }
    }

    /// A parameter of the query, decoded; empty if it has no value.
    pub fn parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        let value = self.query.split('&').find_map(|pair| match pair.split_once('=') {
            Some((found, value)) => (found == name).then_some(value),
            None => (pair == name).then_some(""),
        })?;
        match value.contains(['%', '+']) {
            true => url::decode_text(&value.replace('+', "%20")).map(Cow::Owned),
            false => Some(Cow::Borrowed(value)),
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.parameter(name).is_some()
    }

    /// All parameters, in their order.
    pub fn pairs(&self) -> impl Iterator<Item = &str> {
        self.query.split('&').filter(|pair| !pair.is_empty())
    }

    /// The operation's name in Amazon's reference, by method and parameters.
    pub fn operation(&self) -> &'static str {
        let (is_service, is_bucket) = (self.bucket.is_empty(), self.key.is_empty());
        match self.method.as_str() {
            "GET" if is_service => "ListBuckets",
            "GET" if is_bucket => self.bucket_read(),
            "GET" if self.has("uploadId") => "ListParts",
            "GET" if self.has("tagging") => "GetObjectTagging",
            "GET" if self.has("acl") => "GetObjectAcl",
            "GET" => "GetObject",
            "HEAD" if is_bucket => "HeadBucket",
            "HEAD" => "HeadObject",
            "PUT" if is_bucket => "CreateBucket",
            "PUT" if self.has("partNumber") && self.copies => "UploadPartCopy",
            "PUT" if self.has("partNumber") => "UploadPart",
            "PUT" if self.copies => "CopyObject",
            "PUT" => "PutObject",
            "POST" if self.has("uploads") => "CreateMultipartUpload",
            "POST" if self.has("uploadId") => "CompleteMultipartUpload",
            "POST" if self.has("delete") => "DeleteObjects",
            "DELETE" if self.has("uploadId") => "AbortMultipartUpload",
            "DELETE" => "DeleteObject",
            _ => "other",
        }
    }

    fn bucket_read(&self) -> &'static str {
        let table = [
            ("location", "GetBucketLocation"),
            ("versioning", "GetBucketVersioning"),
            ("uploads", "ListMultipartUploads"),
            ("acl", "GetBucketAcl"),
            ("object-lock", "GetObjectLockConfiguration"),
            ("versions", "ListObjectVersions"),
        ];
        let named = table.iter().find(|(parameter, _)| self.has(parameter)).map(|(_, operation)| *operation);
        let is_v2 = || self.parameter("list-type").as_deref() == Some("2");
        named.unwrap_or_else(|| if is_v2() { "ListObjectsV2" } else { "ListObjects" })
    }
}

/// `bytes=FIRST-LAST` (RFC 9110 §14.1.2). A range without its last byte ends where the object does.
fn range(value: &str) -> Option<Range<u64>> {
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    let first = first.parse().ok()?;
    let end = if last.is_empty() { u64::MAX } else { last.parse::<u64>().ok()?.checked_add(1)? };
    (first < end).then_some(first..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read() {
        let head = b"GET /b/a%20b/c?x-id=GetObject HTTP/1.1\r\nHost: h\r\nrange: bytes=5-9\r\nContent-Length: 3";
        let request = Request::parse(head).unwrap();
        assert_eq!((request.bucket.as_str(), request.key.as_str()), ("b", "a b/c"));
        assert_eq!((request.range.clone(), request.length, request.operation()), (Some(5..10), 3, "GetObject"));
        let list = Request::parse(b"GET /b?list-type=2&prefix=a%2Fb+c HTTP/1.1").unwrap();
        assert_eq!((list.operation(), list.parameter("prefix").as_deref()), ("ListObjectsV2", Some("a/b c")));
        assert!(Request::parse(b"nonsense").is_none());
    }
}
