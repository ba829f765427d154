//! A reverse proxy before SQS and DynamoDB that counts requests, and the units that Amazon bills for them.
//!
//! Units of writes are computed from items: of a put the item that is sent; of an update or delete the larger item of
//! before and after, which the meter reads itself. So it needs an emulator that checks no signatures.

mod sizes;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::{Value, json};
use shared::sync::lock;

use crate::server::{Server, pass_on, whole};
use sizes::{Write, blocks, item_bytes, items_bytes, payload_bytes, writes_of};

/// A payload counts once for each so many bytes (Amazon SQS pricing).
const QUEUE_UNIT: usize = 64 << 10;

/// An item counts once for each so many bytes when it is written, and when it is read (Amazon DynamoDB pricing).
const WRITE_UNIT: usize = 1 << 10;
const READ_UNIT: usize = 4 << 10;

/// What went by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    /// Requests by action, as `DynamoDB.PutItem`, and the units that they wrote.
    pub requests: BTreeMap<String, (u64, u64)>,
    /// Units of SQS.
    pub queue: u64,
    /// Write units of DynamoDB.
    pub writes: u64,
    /// Those of them that a condition refused: they are billed too.
    pub refused: u64,
    /// Half read units of DynamoDB: an eventually consistent read costs one of each block.
    pub half_reads: u64,
}

/// A meter before one emulator of both services. It ends when dropped.
#[derive(Debug)]
pub struct Meter {
    /// Base URL, `http://127.0.0.1:PORT`.
    pub endpoint: String,
    counted: Arc<Mutex<Counted>>,
    _server: Server,
}

impl Meter {
    /// Starts a meter before the emulator at `http://HOST:PORT`.
    pub async fn start(upstream: &str) -> Meter {
        let upstream: Arc<str> = upstream.trim_start_matches("http://").trim_end_matches('/').into();
        let counted = Arc::new(Mutex::new(Counted::default()));
        let counting = counted.clone();
        let server = Server::start(move |request| pass(request, upstream.clone(), counting.clone())).await;
        Meter { endpoint: server.endpoint.clone(), counted, _server: server }
    }

    /// All that went by since the last call.
    pub fn take(&self) -> Counted {
        std::mem::take(&mut *lock(&self.counted))
    }
}

async fn pass(
    request: Request<Incoming>,
    upstream: Arc<str>,
    counted: Arc<Mutex<Counted>>,
) -> io::Result<Response<Full<Bytes>>> {
    let (parts, body) = request.into_parts();
    let body = whole(body).await?;
    let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let action = target.rsplit('.').next().unwrap_or_default().to_owned();
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let is_queue = target.starts_with("AmazonSQS");
    let writes = if is_queue { Vec::new() } else { writes_of(&action, &asked) };
    let before = stored(&upstream, &parts, &writes).await?;
    let response = pass_on(&upstream, Request::from_parts(parts.clone(), Full::new(body))).await?;
    let (head, body) = response.into_parts();
    let answered: Value = serde_json::from_slice(&body).unwrap_or_default();
    let after = stored(&upstream, &parts, &writes).await?;
    let mut counted = lock(&counted);
    let service = if is_queue { "SQS" } else { "DynamoDB" };
    let written = counted.writes;
    if is_queue {
        counted.queue += blocks(payload_bytes(&asked) + payload_bytes(&answered), QUEUE_UNIT);
    } else {
        let factor = if action == "TransactWriteItems" { 2 } else { 1 };
        for ((write, before), after) in writes.iter().zip(before).zip(after) {
            let bytes = write.item.as_ref().map_or(before.max(after), item_bytes);
            counted.writes += factor * blocks(bytes, WRITE_UNIT);
        }
        if let Some(bytes) = items_bytes(&action, &answered) {
            let halves = if is_consistent(&asked) { 2 } else { 1 };
            counted.half_reads += halves * blocks(bytes, READ_UNIT);
        }
    }
    let written = counted.writes - written;
    let error = answered["__type"].as_str().unwrap_or_default();
    if error.ends_with("ConditionalCheckFailedException") {
        counted.refused += written;
    }
    let of_action = counted.requests.entry(format!("{service}.{action}")).or_default();
    *of_action = (of_action.0 + 1, of_action.1 + written);
    Ok(Response::from_parts(head, Full::new(body)))
}

/// Whether a read is strongly consistent. A batch says so for each of its tables.
fn is_consistent(asked: &Value) -> bool {
    let tables = asked["RequestItems"].as_object().into_iter().flat_map(|tables| tables.values());
    std::iter::once(asked).chain(tables).any(|read| read["ConsistentRead"] == json!(true))
}

/// The sizes of the items that the writes name by their keys, as they are stored now.
async fn stored(upstream: &str, parts: &http::request::Parts, writes: &[Write]) -> io::Result<Vec<usize>> {
    let mut sizes = Vec::with_capacity(writes.len());
    for write in writes {
        let Some(key) = &write.key else {
            sizes.push(0);
            continue;
        };
        let body = json!({"TableName": write.table, "Key": key, "ConsistentRead": true}).to_string();
        let mut parts = parts.clone();
        parts.headers.remove("content-length");
        let target = http::HeaderValue::from_static("DynamoDB_20120810.GetItem");
        parts.headers.insert("x-amz-target", target);
        let response = pass_on(upstream, Request::from_parts(parts, Full::new(Bytes::from(body)))).await?;
        let answer: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        sizes.push(item_bytes(&answer["Item"]));
    }
    Ok(sizes)
}
