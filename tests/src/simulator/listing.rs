//! Pages of listings. A page costs its own keys, wherever it begins.

use std::fmt::Write as _;

use super::Shared;
use super::answer::Answer;
use super::bucket::Arithmetic;
use super::request::Request;
use super::verbs::source_etag;
use crate::cloud::url;

/// Most keys of a page.
const PAGE: usize = 1000;

/// When each object was written.
pub(super) const WRITTEN: &str = "2024-01-01T00:00:00.000Z";

/// A page that is being written.
struct Page<'a> {
    xml: String,
    prefix: &'a str,
    delimiter: &'a str,
    is_encoded: bool,
    /// Keys and folders so far.
    entries: usize,
    most: usize,
    last: String,
    is_truncated: bool,
}

/// Answers ListObjects and ListObjectsV2.
pub(super) fn answer(shared: &Shared, request: &Request) -> Answer {
    let text = |name| request.parameter(name).unwrap_or_default();
    let is_v2 = request.operation() == "ListObjectsV2";
    // A token is the last key, encoded.
    let token = url::decode_text(&text("continuation-token")).unwrap_or_default();
    let start = if is_v2 { text("start-after") } else { text("marker") };
    let after = if token.is_empty() { &*start } else { &*token };
    let (prefix, delimiter) = (text("prefix"), text("delimiter"));
    let most = request.parameter("max-keys").and_then(|keys| keys.parse().ok()).unwrap_or(PAGE).min(PAGE);
    let mut page = Page {
        xml: String::with_capacity(320 * most + 512),
        prefix: &prefix,
        delimiter: &delimiter,
        is_encoded: text("encoding-type") == "url",
        entries: 0,
        most,
        last: String::new(),
        is_truncated: false,
    };
    page.xml.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    page.xml.push_str("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    match Arithmetic::of(&request.bucket) {
        Some(bucket) => page.fill_computed(shared, bucket, after),
        None => page.fill_written(shared, &request.bucket, after),
    }
    page.end(is_v2)
}

impl Page<'_> {
    /// Where the listing begins, and whether a key that is equal is left out.
    fn begin<'b>(&'b self, after: &'b str) -> (String, bool) {
        // A folder was listed: all its keys are passed over.
        if !self.delimiter.is_empty() && after.ends_with(self.delimiter) && after.len() > self.prefix.len() {
            return (format!("{after}\u{10ffff}"), false);
        }
        if after >= self.prefix { (after.to_owned(), true) } else { (self.prefix.to_owned(), false) }
    }

    fn fill_computed(&mut self, shared: &Shared, bucket: Arithmetic, after: &str) {
        let (bound, is_excluded) = self.begin(after);
        let mut number = bucket.lower_bound(&bound, is_excluded);
        let mut key = String::new();
        while number < bucket.count {
            bucket.key(number, &mut key);
            if !key.starts_with(self.prefix) {
                return;
            }
            match self.folder(&key) {
                Some(folder) => {
                    let beyond = format!("{folder}\u{10ffff}");
                    if self.is_full() {
                        return;
                    }
                    self.add_folder(&folder);
                    number = bucket.lower_bound(&beyond, false);
                }
                None if self.is_full() => return,
                None => {
                    self.add(&key, bucket.size, &source_etag(shared, &key, bucket.size));
                    number += 1;
                }
            }
        }
    }

    fn fill_written(&mut self, shared: &Shared, bucket: &str, after: &str) {
        let (mut bound, mut is_excluded) = self.begin(after);
        loop {
            let found = shared.sink.from(bucket, &bound, is_excluded, PAGE + 1);
            if found.is_empty() {
                return;
            }
            let mut skipped = None;
            for (key, written) in &found {
                if !key.starts_with(self.prefix) || self.is_full() {
                    return;
                }
                if let Some(folder) = self.folder(key) {
                    skipped = Some(format!("{folder}\u{10ffff}"));
                    self.add_folder(&folder);
                    break;
                }
                self.add(key, written.size, &written.etag);
            }
            is_excluded = skipped.is_none();
            bound = skipped.unwrap_or_else(|| self.last.clone());
        }
    }

    /// Whether the page has all its entries; then there is one more.
    fn is_full(&mut self) -> bool {
        self.is_truncated = self.entries >= self.most;
        self.is_truncated
    }

    /// The folder that stands for the key in this listing.
    fn folder(&self, key: &str) -> Option<String> {
        if self.delimiter.is_empty() {
            return None;
        }
        let at = key[self.prefix.len()..].find(self.delimiter)?;
        Some(key[..self.prefix.len() + at + self.delimiter.len()].to_owned())
    }

    fn add(&mut self, key: &str, size: u64, etag: &str) {
        self.xml.push_str("<Contents><Key>");
        self.push_key(key);
        let _ = write!(
            self.xml,
            "</Key><LastModified>{WRITTEN}</LastModified><ETag>&quot;{etag}&quot;</ETag><Size>{size}</Size>\
             <StorageClass>STANDARD</StorageClass></Contents>"
        );
        self.entries += 1;
        key.clone_into(&mut self.last);
    }

    fn add_folder(&mut self, folder: &str) {
        self.xml.push_str("<CommonPrefixes><Prefix>");
        self.push_key(folder);
        self.xml.push_str("</Prefix></CommonPrefixes>");
        self.entries += 1;
        folder.clone_into(&mut self.last);
    }

    fn push_key(&mut self, key: &str) {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/".contains(&byte);
        if key.bytes().all(is_plain) {
            self.xml.push_str(key);
        } else if self.is_encoded {
            self.xml.push_str(&url::encode_listed(key));
        } else {
            self.xml.push_str(&key.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
        }
    }

    fn end(mut self, is_v2: bool) -> Answer {
        let (is_truncated, entries) = (self.is_truncated, self.entries);
        let _ = write!(self.xml, "<IsTruncated>{is_truncated}</IsTruncated><MaxKeys>{}</MaxKeys>", self.most);
        if is_v2 {
            let _ = write!(self.xml, "<KeyCount>{entries}</KeyCount>");
        }
        if self.is_encoded {
            self.xml.push_str("<EncodingType>url</EncodingType>");
        }
        let last = std::mem::take(&mut self.last);
        if is_truncated && is_v2 {
            let token = url::encode(last.as_bytes(), true);
            let _ = write!(self.xml, "<NextContinuationToken>{token}</NextContinuationToken>");
        } else if is_truncated {
            self.xml.push_str("<NextMarker>");
            self.push_key(&last);
            self.xml.push_str("</NextMarker>");
        }
        self.xml.push_str("</ListBucketResult>");
        Answer::document(self.xml)
    }
}
