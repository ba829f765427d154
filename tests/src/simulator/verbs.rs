//! The operations.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use serde_json::json;

use super::Shared;
use super::answer::Answer;
use super::bucket::Arithmetic;
use super::listing;
use super::pattern::{self, Body};
use super::request::Request;
use super::sink::Written;
use super::wire::Connection;
use crate::cloud::xml;

/// `Last-Modified` of every object.
const MODIFIED: &str = "Mon, 01 Jan 2024 00:00:00 GMT";

/// The largest object with an MD5 for its ETag; a larger one was written in parts. It takes ten seconds to compute.
const MAX_MD5: u64 = 8 << 30;

/// The path of the simulator's own requests.
const ADMIN: &str = "-";

/// Answers one request.
pub(super) async fn answer(shared: &Shared, connection: &mut Connection, request: &Request) -> io::Result<()> {
    if request.bucket == ADMIN {
        return admin(shared, connection, request).await;
    }
    let operation = request.operation();
    shared.counters.request(operation);
    if !shared.rate.admits(shared.settings.rate()) {
        return throttled(shared, connection, request).await;
    }
    let bandwidth = shared.settings.bandwidth();
    let answer = match operation {
        "PutObject" | "UploadPart" => received(shared, connection, request).await?,
        "DeleteObjects" => delete_all(shared, request, &connection.document(request).await?),
        _ => {
            connection.body(request, bandwidth, |_| {}).await?;
            Answer::new("200 OK")
        }
    };
    if operation.starts_with("ListObjects") {
        shared.list_gate.pass(shared.settings.lists_before_put()).await;
    }
    let latency = shared.settings.latency();
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    match operation {
        "PutObject" | "UploadPart" | "DeleteObjects" => send(connection, request, answer).await,
        "GetObject" | "HeadObject" => object(shared, connection, request).await,
        _ => send(connection, request, other(shared, operation, request)).await,
    }
}

async fn throttled(shared: &Shared, connection: &mut Connection, request: &Request) -> io::Result<()> {
    shared.counters.throttled.fetch_add(1, Relaxed);
    let answer = Answer::error("503 Slow Down", "SlowDown");
    if request.expects_continue {
        // The client keeps the body. Whether it still sends it is its choice, so the connection ends.
        send(connection, request, answer.header("connection", "close")).await?;
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    connection.body(request, 0, |_| {}).await?;
    send(connection, request, answer).await
}

async fn send(connection: &mut Connection, request: &Request, answer: Answer) -> io::Result<()> {
    let head = answer.head(answer.body.len() as u64);
    let body = if request.method == "HEAD" { &[] } else { answer.body.as_bytes() };
    connection.send(&head, body).await
}

fn other(shared: &Shared, operation: &str, request: &Request) -> Answer {
    match operation {
        "ListObjects" | "ListObjectsV2" => listing::answer(shared, request),
        "ListParts" => shared.sink.list_parts(request),
        "ListMultipartUploads" => shared.sink.list_uploads(request),
        "CreateMultipartUpload" => shared.sink.create_upload(request),
        "CompleteMultipartUpload" => shared.sink.complete_upload(request),
        "AbortMultipartUpload" => shared.sink.abort_upload(request),
        "DeleteObject" => {
            shared.sink.delete(&request.bucket, &request.key);
            Answer::new("204 No Content")
        }
        "GetObjectTagging" => Answer::document("<Tagging><TagSet></TagSet></Tagging>".to_owned()),
        "GetBucketLocation" => Answer::document("<LocationConstraint></LocationConstraint>".to_owned()),
        "GetBucketVersioning" => Answer::document("<VersioningConfiguration></VersioningConfiguration>".to_owned()),
        "ListBuckets" => Answer::document("<ListAllMyBucketsResult></ListAllMyBucketsResult>".to_owned()),
        "HeadBucket" | "CreateBucket" => Answer::new("200 OK"),
        _ => Answer::error("501 Not Implemented", "NotImplemented"),
    }
}

/// Reads a body, and keeps what an object or a part of it would be.
async fn received(shared: &Shared, connection: &mut Connection, request: &Request) -> io::Result<Answer> {
    let mut body = Body::default();
    let take = |bytes: &[u8]| {
        shared.counters.arrived.fetch_add(bytes.len() as u64, Relaxed);
        body.add(bytes);
    };
    connection.body(request, shared.settings.bandwidth(), take).await?;
    let (size, etag, is_foreign) = body.finish();
    shared.counters.received.fetch_add(size, Relaxed);
    shared.counters.foreign.fetch_add(u64::from(is_foreign), Relaxed);
    let etag = if shared.settings.is_opaque() { opaque(&etag) } else { etag };
    if request.has("partNumber") {
        return Ok(shared.sink.put_part(request, Written { size, etag }));
    }
    shared.list_gate.open();
    // Bytes of a source are taken for those of this key.
    let is_distinct = shared.settings.has_distinct_etags() && !is_foreign;
    let etag = if is_distinct { pattern::distinct(&request.key, size) } else { etag };
    let answer = Answer::new("200 OK").header("etag", &format!("\"{etag}\""));
    shared.sink.put(&request.bucket, &request.key, Written { size, etag });
    Ok(answer)
}

/// An ETag that is no hash, of the same length.
fn opaque(etag: &str) -> Arc<str> {
    etag.chars().map(|c| if c == '-' { c } else { 'x' }).collect::<String>().into()
}

/// The ETag of a computed object, without quotes.
pub(super) fn source_etag(shared: &Shared, key: &str, size: u64) -> Arc<str> {
    if shared.settings.has_distinct_etags() {
        return pattern::distinct(key, size);
    }
    let etag = if size <= MAX_MD5 { pattern::md5(size) } else { format!("{}-2", pattern::md5(1)).into() };
    if shared.settings.is_opaque() { opaque(&etag) } else { etag }
}

/// Computes the ETag of a bucket's objects, which is kept.
pub(super) fn prepare(shared: &Shared, bucket: &str) {
    if let Some(bucket) = Arithmetic::of(bucket) {
        source_etag(shared, "", bucket.size);
    }
}

/// Answers GetObject and HeadObject.
async fn object(shared: &Shared, connection: &mut Connection, request: &Request) -> io::Result<()> {
    let computed = Arithmetic::of(&request.bucket).filter(|bucket| bucket.has(&request.key));
    let found = match computed {
        Some(bucket) => Some(Written { size: bucket.size, etag: source_etag(shared, &request.key, bucket.size) }),
        None => shared.sink.get(&request.bucket, &request.key),
    };
    let Some(Written { size, etag }) = found else { return send(connection, request, Answer::not_found()).await };
    let range = request.range.as_ref().map(|range| range.start..range.end.min(size));
    if range.as_ref().is_some_and(Range::is_empty) {
        return send(connection, request, Answer::error("416 Range Not Satisfiable", "InvalidRange")).await;
    }
    let mut answer = match &range {
        None => Answer::new("200 OK"),
        Some(range) => Answer::new("206 Partial Content")
            .header("content-range", &format!("bytes {}-{}/{size}", range.start, range.end - 1)),
    };
    answer = answer.header("etag", &format!("\"{etag}\"")).header("last-modified", MODIFIED);
    answer = answer.header("accept-ranges", "bytes").header("content-type", "application/octet-stream");
    if shared.settings.has_checksums() {
        answer = answer.header("x-amz-checksum-crc64nvme", &pattern::crc64(size));
        answer = answer.header("x-amz-checksum-type", "FULL_OBJECT");
    }
    let range = range.unwrap_or(0..size);
    let head = answer.head(range.end - range.start);
    if request.method == "HEAD" {
        return connection.send(&head, &[]).await;
    }
    shared.counters.sent.fetch_add(range.end - range.start, Relaxed);
    connection.send_object(&head, range, shared.settings.bandwidth()).await
}

fn delete_all(shared: &Shared, request: &Request, document: &str) -> Answer {
    let mut results = String::new();
    for key in xml::elements(document, "Key") {
        shared.sink.delete(&request.bucket, &xml::unescape(key));
        // As it came, escaped.
        results.extend(["<Deleted><Key>", key, "</Key></Deleted>"]);
    }
    Answer::document(format!("<DeleteResult>{results}</DeleteResult>"))
}

/// `GET /-/counters`, `DELETE /-/counters`, `GET /-/total?BUCKET`, `PUT /-/settings?NAME=VALUE`.
async fn admin(shared: &Shared, connection: &mut Connection, request: &Request) -> io::Result<()> {
    connection.body(request, 0, |_| {}).await?;
    let mut answer = Answer::new("200 OK");
    match (request.method.as_str(), request.key.as_str()) {
        ("GET", "counters") => answer.body = shared.counters.json().to_string(),
        ("DELETE", "counters") => shared.counters.reset(),
        ("GET", "total") => {
            let name = request.pairs().next().unwrap_or_default();
            let (objects, bytes) = match Arithmetic::of(name) {
                Some(bucket) => {
                    prepare(shared, name);
                    (bucket.count, bucket.count * bucket.size)
                }
                None => {
                    let (objects, bytes) = shared.sink.total(name);
                    (objects as u64, bytes)
                }
            };
            answer.body = json!({"objects": objects, "bytes": bytes}).to_string();
        }
        ("PUT", "settings") if request.pairs().all(|pair| shared.settings.set_pair(pair)) => {}
        _ => answer = Answer::error("400 Bad Request", "InvalidArgument"),
    }
    send(connection, request, answer).await
}
