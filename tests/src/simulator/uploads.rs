//! Multipart uploads.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use shared::sync::lock;

use super::answer::Answer;
use super::request::Request;
use super::sink::{Sink, Written};

/// Parts on a page of their listing.
const PAGE: usize = 1000;

/// An open upload.
#[derive(Debug)]
pub(super) struct Upload {
    bucket: String,
    key: String,
    parts: BTreeMap<u32, Written>,
}

impl Sink {
    pub fn create_upload(&self, request: &Request) -> Answer {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // As long as those of Amazon S3: the ledger is paid for by the KiB.
        let id = format!("upload-{:0>121}", NEXT.fetch_add(1, Relaxed));
        let (bucket, key) = (request.bucket.clone(), request.key.clone());
        lock(&self.uploads).insert(id.clone(), Upload { bucket, key, parts: BTreeMap::new() });
        Answer::document(format!(
            "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
        ))
    }

    pub fn put_part(&self, request: &Request, part: Written) -> Answer {
        let (etag, number) = (format!("\"{}\"", part.etag), request.parameter("partNumber"));
        let number = number.and_then(|number| number.parse().ok());
        let mut uploads = lock(&self.uploads);
        match (uploads.get_mut(&*request.parameter("uploadId").unwrap_or_default()), number) {
            (Some(upload), Some(number)) => {
                upload.parts.insert(number, part);
                Answer::new("200 OK").header("etag", &etag)
            }
            _ => no_such_upload(),
        }
    }

    pub fn list_parts(&self, request: &Request) -> Answer {
        let uploads = lock(&self.uploads);
        let id = request.parameter("uploadId").unwrap_or_default();
        let Some(upload) = uploads.get(&*id) else { return no_such_upload() };
        let marker = request.parameter("part-number-marker").and_then(|marker| marker.parse().ok()).unwrap_or(0);
        let mut xml = format!("<ListPartsResult><UploadId>{id}</UploadId>");
        let mut parts = upload.parts.range(marker + 1..);
        let mut last = marker;
        for (number, Written { size, etag }) in parts.by_ref().take(PAGE) {
            last = *number;
            let _ = write!(
                xml,
                "<Part><PartNumber>{number}</PartNumber><ETag>&quot;{etag}&quot;</ETag><Size>{size}</Size>\
                 <LastModified>2024-01-01T00:00:00.000Z</LastModified></Part>"
            );
        }
        let is_truncated = parts.next().is_some();
        let _ = write!(
            xml,
            "<NextPartNumberMarker>{last}</NextPartNumberMarker><IsTruncated>{is_truncated}</IsTruncated></ListPartsResult>"
        );
        Answer::document(xml)
    }

    /// Completes with all parts that came; the request's list is not read.
    pub fn complete_upload(&self, request: &Request) -> Answer {
        let upload = lock(&self.uploads).remove(&*request.parameter("uploadId").unwrap_or_default());
        let Some(Upload { bucket, key, parts }) = upload else { return no_such_upload() };
        let size = parts.values().map(|part| part.size).sum();
        let etag: Arc<str> = composite(parts.values().map(|part| &*part.etag)).into();
        self.put(&bucket, &key, Written { size, etag: etag.clone() });
        Answer::document(format!(
            "<CompleteMultipartUploadResult><ETag>&quot;{etag}&quot;</ETag></CompleteMultipartUploadResult>"
        ))
    }

    pub fn abort_upload(&self, request: &Request) -> Answer {
        match lock(&self.uploads).remove(&*request.parameter("uploadId").unwrap_or_default()) {
            Some(_) => Answer::new("204 No Content"),
            None => no_such_upload(),
        }
    }

    pub fn list_uploads(&self, request: &Request) -> Answer {
        let prefix = request.parameter("prefix").unwrap_or_default();
        let mut xml = "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>".to_owned();
        for (id, upload) in lock(&self.uploads).iter() {
            if upload.bucket == request.bucket && upload.key.starts_with(&*prefix) {
                let _ = write!(
                    xml,
                    "<Upload><Key>{}</Key><UploadId>{id}</UploadId><Initiated>2024-01-01T00:00:00.000Z</Initiated></Upload>",
                    upload.key
                );
            }
        }
        Answer::document(xml + "</ListMultipartUploadsResult>")
    }
}

fn no_such_upload() -> Answer {
    Answer::error("404 Not Found", "NoSuchUpload")
}

/// The ETag of an object in parts: the MD5 of the parts' MD5s, and their number.
fn composite<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let (mut hash, mut count) = (md5::Context::new(), 0);
    for etag in parts {
        let digit = |at: usize| etag.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        (0..32).step_by(2).filter_map(digit).for_each(|byte| hash.consume([byte]));
        count += 1;
    }
    format!("{:x}-{count}", hash.finalize())
}
