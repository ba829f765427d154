//! Answers of stores, from a server that gives prepared ones.

use std::sync::Mutex;

use aws_smithy_runtime_api::client::http::{HttpClient, SharedHttpClient};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::aws::sdk_config_over;
use shared::config::Connection;

mod clients;
mod delete_many;
mod faults;
mod in_memory;
mod incomplete;
mod latency;
mod lean;
mod providers;

/// A server that gives one canned answer a connection, in order; the last one stays.
struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Server {
    /// An answer that ends with `HOLD` is left unfinished, with its connection open.
    async fn start(answers: Vec<impl Into<Vec<u8>>>) -> Server {
        let answers: Vec<Vec<u8>> = answers.into_iter().map(Into::into).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        tokio::spawn(async move {
            for n in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let answer = answers[n.min(answers.len() - 1)].clone();
                tokio::spawn(serve(stream, answer, seen.clone()));
            }
        });
        Server { port, requests }
    }

    async fn store(&self) -> S3Store {
        store_at(self.port).await
    }

    fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    /// What was asked, in lower case.
    fn asked(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|text| String::from_utf8_lossy(text).to_lowercase()).collect()
    }
}

/// A bucket at a service in memory, at an endpoint of its own.
async fn store_over(
    service: impl HttpClient + 'static,
    host: &str,
    credentials: &str,
    client: FrequentCalls,
) -> S3Store {
    let connection = Connection {
        endpoint_url: Some(format!("http://{host}.test")),
        region: Some("us-east-1".into()),
        credentials: Some(credentials.into()),
    };
    let config = sdk_config_over(&connection, SharedHttpClient::new(service)).await.unwrap();
    let location = Location::bucket_at(Scheme::S3, "bucket", "");
    let side =
        Side { location, connection: connection.clone(), addressing_style: Addressing::Path, requester_pays: false };
    S3Store::configured(&side, &connection, &config, client)
}

async fn serve(mut stream: TcpStream, answer: Vec<u8>, seen: Arc<Mutex<Vec<Vec<u8>>>>) {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    let complete = |request: &[u8]| {
        let text = String::from_utf8_lossy(request);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        body.len() >= length.unwrap_or(0)
    };
    while !complete(&request) {
        match stream.read(&mut buffer).await {
            Ok(n) if n > 0 => request.extend_from_slice(&buffer[..n]),
            _ => break,
        }
    }
    seen.lock().unwrap().push(request);
    let (answer, hold) = answer.strip_suffix(b"HOLD").map_or((&*answer, false), |answer| (answer, true));
    let _ = stream.write_all(answer).await;
    if hold {
        std::future::pending::<()>().await;
    }
}

async fn store_at(port: u16) -> S3Store {
    store_of(Scheme::S3, port).await
}

async fn store_of(scheme: Scheme, port: u16) -> S3Store {
    let connection = Connection {
        endpoint_url: Some(format!("http://127.0.0.1:{port}")),
        region: Some("us-east-1".into()),
        credentials: Some("anonymous".into()),
    };
    let location = Location::bucket_at(scheme, "bucket", "");
    S3Store::open(&Side { location, connection, addressing_style: Addressing::Auto, requester_pays: false })
        .await
        .unwrap()
}

/// An answer with its length, after which the connection ends.
fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

const TIME: &str = "last-modified: Wed, 21 Oct 2015 07:28:00 GMT\r\netag: \"e\"\r\n";

fn error(status: &str, code: &str) -> String {
    answer(status, "", &format!("<Error><Code>{code}</Code><Message>no</Message></Error>"))
}

fn page(keys: &[&str], token: Option<&str>) -> String {
    let contents: String = keys
        .iter()
        .map(|key| {
            format!(
                "<Contents><Key>{key}</Key><Size>1</Size><LastModified>2015-10-21T07:28:00Z</LastModified></Contents>"
            )
        })
        .collect();
    let next = token.map_or("<IsTruncated>false</IsTruncated>".to_owned(), |token| {
        format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>")
    });
    let count = keys.len();
    answer("200 OK", "", &format!("<ListBucketResult><KeyCount>{count}</KeyCount>{next}{contents}</ListBucketResult>"))
}

async fn list_all(store: &S3Store, range: KeyRange) -> Result<Vec<String>> {
    let mut listing = store.list(range);
    let mut keys = Vec::new();
    while let Some(page) = listing.next_page().await? {
        keys.extend(page.into_iter().map(|listed| listed.position().to_owned()));
    }
    Ok(keys)
}

async fn read(store: &S3Store, range: Option<Range<u64>>) -> Result<Vec<u8>> {
    let object = store.get("key", &Read { range, pin: Pin::default() }).await?;
    Ok(object.body.try_collect::<Vec<Bytes>>().await?.concat())
}

fn body(chunks: &[&'static str]) -> Body {
    let chunks: Vec<_> = chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes()))).collect();
    Body::stream(stream::iter(chunks))
}

fn sized(size: u64) -> Write {
    Write { size, ..Write::default() }
}

fn kind<T>(result: Result<T>) -> ErrorKind {
    result.err().expect("an error was expected").kind()
}

#[tokio::test]
async fn a_body_that_is_cut_short_ends_in_an_error() {
    let server = Server::start(vec![format!("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n{TIME}\r\n12345")]).await;
    let error = read(&server.store().await, None).await.unwrap_err();
    assert_eq!(error.to_string(), "get s3://bucket/key: the answer was cut off after 5 of 10 bytes");
    assert_eq!(error.kind(), ErrorKind::Connection);
}

#[tokio::test]
async fn a_body_that_stalls_ends_in_a_timeout() {
    let server = Server::start(vec![format!("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n{TIME}\r\n12345HOLD")]).await;
    let store = server.store().await.with_stall(Duration::from_millis(100));
    assert_eq!(kind(read(&store, None).await), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_store_that_ignores_the_range_is_not_believed() {
    let whole = answer("200 OK", TIME, "0123456789");
    let other = answer("206 Partial Content", &format!("{TIME}content-range: bytes 0-3/10\r\n"), "0123");
    for (reply, expected) in [(whole, ErrorKind::RangeIgnored), (other, ErrorKind::Corrupt)] {
        let server = Server::start(vec![reply]).await;
        assert_eq!(kind(read(&server.store().await, Some(2..6)).await), expected);
    }
}

#[tokio::test]
async fn the_range_asked_for_is_read() {
    let part = answer("206 Partial Content", &format!("{TIME}content-range: bytes 2-5/10\r\n"), "2345");
    let server = Server::start(vec![part]).await;
    let store = server.store().await;
    let read = Read { range: Some(2..6), pin: Pin::default() };
    assert_eq!(store.get("key", &read).await.unwrap().info.size, 10);
    let sent = String::from_utf8(server.requests.lock().unwrap()[0].clone()).unwrap();
    assert!(sent.to_lowercase().contains("range: bytes=2-5"), "{sent}");
}

#[tokio::test]
async fn another_version_is_noticed_although_if_match_is_ignored() {
    let store = Server::start(vec![answer("200 OK", TIME, "x")]).await.store().await;
    let pin = Pin { etag: Some(shared::object::ETag::new("other")), version: None };
    assert_eq!(kind(store.get("key", &Read { range: None, pin }).await), ErrorKind::PreconditionFailed);
}

#[tokio::test]
async fn a_throttled_listing_is_asked_for_again() {
    let server = Server::start(vec![error("503 Slow Down", "SlowDown"), page(&["a", "b"], None)]).await;
    assert_eq!(list_all(&server.store().await, KeyRange::default()).await.unwrap(), ["a", "b"]);
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn a_denied_listing_is_asked_for_once() {
    let server = Server::start(vec![error("403 Forbidden", "AccessDenied")]).await;
    let error = list_all(&server.store().await, KeyRange::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "list s3://bucket/: AccessDenied: no (HTTP 403); allow s3:ListBucket");
    assert_eq!((error.kind(), server.count()), (ErrorKind::Denied, 1));
}

#[tokio::test]
async fn a_missing_bucket_is_named_whatever_the_code() {
    let server = Server::start(vec![answer("404 Not Found", "", "")]).await;
    assert_eq!(kind(server.store().await.probe().await), ErrorKind::NoSuchContainer);
}

#[tokio::test(start_paused = true)]
async fn garbage_instead_of_a_listing_is_corrupt() {
    let server = Server::start(vec![answer("200 OK", "", "<html>welcome to the wifi")]).await;
    assert_eq!(kind(list_all(&server.store().await, KeyRange::default()).await), ErrorKind::Corrupt);
}

#[tokio::test(start_paused = true)]
async fn regression_a_404_of_a_web_server_is_no_answer_of_a_store() {
    let page = answer("404 Not Found", "", "<!DOCTYPE HTML>\n<html><title>File not found</title></html>");
    let server = Server::start(vec![page]).await;
    let store = server.store().await;
    let whole = Read { range: None, pin: Pin::default() };
    for error in [store.probe().await.unwrap_err(), store.get("key", &whole).await.map(drop).unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.message().contains("with a web page"), "{error}");
    }
}

#[tokio::test]
async fn a_repeated_token_ends_the_listing_in_an_error() {
    let server = Server::start(vec![page(&["a"], Some("t")), page(&["b"], Some("t"))]).await;
    let store = server.store().await;
    let mut listing = store.list(KeyRange::default());
    assert_eq!(listing.next_page().await.unwrap().unwrap().len(), 1);
    assert_eq!(kind(listing.next_page().await), ErrorKind::Corrupt);
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn a_listing_out_of_order_or_out_of_range_is_corrupt() {
    let range = |prefix: &str, after: Option<&str>| KeyRange {
        prefix: prefix.into(),
        after: after.map(Into::into),
        until: None,
    };
    for (keys, range) in [
        (["b", "a"], range("", None)),
        (["a", "a"], range("", None)),
        (["x/a", "y/a"], range("x/", None)),
        (["a", "c"], range("", Some("b"))),
    ] {
        let store = Server::start(vec![page(&keys, None)]).await.store().await;
        assert_eq!(kind(list_all(&store, range.clone()).await), ErrorKind::Corrupt, "{keys:?} in {range:?}");
    }
}

#[tokio::test]
async fn a_key_is_decoded_only_if_the_store_says_that_it_is_encoded() {
    let encoded = page(&["a%2Fb+c"], None).replace("content-length", "x-length");
    let encoded = encoded.replace("<ListBucketResult>", "<ListBucketResult><EncodingType>url</EncodingType>");
    for (reply, key) in [(encoded, "a/b c"), (page(&["a%2Fb+c"], None), "a%2Fb+c")] {
        let store = Server::start(vec![reply]).await.store().await;
        assert_eq!(list_all(&store, KeyRange::default()).await.unwrap(), [key]);
    }
}

#[tokio::test]
async fn an_error_in_a_200_is_an_error_and_a_late_answer_is_none() {
    let inside = answer("200 OK", "", "\n\n<Error><Code>NoSuchUpload</Code><Message>gone</Message></Error>");
    let late =
        answer("200 OK", "", "   \n<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>");
    let upload = Upload { key: "key".into(), id: "id".into() };
    let parts =
        [Part { number: 1, size: 3, etag: shared::object::ETag::new("p"), etag_is_opaque: false, checksum: None }];
    let store = Server::start(vec![inside]).await.store().await;
    assert_eq!(kind(store.complete_upload(&upload, &parts, &sized(3)).await), ErrorKind::NoSuchUpload);
    let store = Server::start(vec![late]).await.store().await;
    assert_eq!(store.complete_upload(&upload, &parts, &sized(3)).await.unwrap().etag.unwrap().as_str(), "e");
}

#[tokio::test]
async fn a_refused_connection_names_the_host_and_repeats_no_body() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = store_at(port).await.put("key", &sized(1), body(&["x"])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}: Connection refused")), "{error}");
}

#[tokio::test]
async fn a_put_sends_its_length_plainly_and_its_bytes_once() {
    let server = Server::start(vec![answer("200 OK", TIME, "")]).await;
    let written = server.store().await.put("a b", &sized(6), body(&["foo", "", "bar"])).await.unwrap();
    assert_eq!(written.etag.unwrap().as_str(), "e");
    let sent = String::from_utf8(server.requests.lock().unwrap()[0].clone()).unwrap().to_lowercase();
    assert!(sent.starts_with("put /bucket/a%20b?") && sent.ends_with("\r\n\r\nfoobar"), "{sent}");
    assert!(sent.contains("content-length: 6"), "{sent}");
    assert!(!sent.contains("aws-chunked") && !sent.contains("x-amz-checksum") && !sent.contains("trailer"), "{sent}");
}

#[tokio::test]
async fn the_store_never_sees_the_end_of_a_body_that_is_wrong() {
    let garbled = stream::iter([Err(Error::new(ErrorKind::Corrupt, "get", "the source", "garbled"))]);
    let broken = Body::stream(body(&["foo"]).chain(garbled));
    let after = body(&["foobar"]).chain(stream::iter([Err(Error::new(ErrorKind::Timeout, "get", "the source", "x"))]));
    for (body, expected) in [
        (broken, ErrorKind::Corrupt),
        (Body::stream(after), ErrorKind::Timeout),
        (body(&["foo"]), ErrorKind::Invalid),
        (body(&["foobarbaz"]), ErrorKind::Invalid),
        (body(&["foobar", "baz"]), ErrorKind::Invalid),
    ] {
        let server = Server::start(vec![answer("200 OK", TIME, "")]).await;
        let error = server.store().await.put("key", &sized(6), body).await.unwrap_err();
        assert_eq!(error.kind(), expected, "{error}");
        let whole = server.requests.lock().unwrap().iter().any(|request| request.ends_with(b"foobar"));
        assert!(!whole, "after {error}");
    }
}

#[tokio::test]
async fn a_put_that_nobody_takes_ends_in_a_timeout() {
    let server = Server::start(vec!["HOLD".to_owned()]).await;
    let store = server.store().await.with_stall(Duration::from_millis(100));
    assert_eq!(kind(store.put("key", &sized(3), body(&["foo"])).await), ErrorKind::Timeout);
    let store = server.store().await.with_stall(Duration::from_millis(100));
    assert_eq!(kind(store.put("key", &sized(3), Body::stream(stream::pending())).await), ErrorKind::Timeout);
    assert_eq!(kind(store.put("key", &sized(0), Body::stream(stream::pending())).await), ErrorKind::Timeout);
}

#[tokio::test]
async fn no_request_is_ever_made_without_a_key() {
    let server = Server::start(vec![answer("200 OK", TIME, "")]).await;
    let store = server.store().await;
    assert_eq!(kind(store.delete("").await), ErrorKind::Unrepresentable);
    assert_eq!(kind(store.put("", &sized(0), body(&[])).await), ErrorKind::Unrepresentable);
    assert_eq!(kind(store.head(&"k".repeat(1025), &Pin::default()).await), ErrorKind::Unrepresentable);
    assert_eq!(server.count(), 0);
}

/// Cut at a tag's end the text is still one that a reader of tags gets along with.
#[tokio::test]
async fn regression_a_listing_that_is_cut_short_is_an_error() {
    let whole = "<ListBucketResult><IsTruncated>false</IsTruncated><KeyCount>2</KeyCount>\
        <Contents><Key>a</Key><Size>1</Size><LastModified>2015-10-21T07:28:00Z</LastModified></Contents>\
        <Contents><Key>b</Key><Size>1</Size><LastModified>2015-10-21T07:28:00Z</LastModified></Contents>\
        </ListBucketResult>";
    let server = Server::start((0..whole.len()).map(|cut| answer("200 OK", "", &whole[..cut])).collect()).await;
    let bucket = server.store().await.0;
    for cut in 0..whole.len() {
        let listed = bucket.list_once(&page::PageRequest::default(), 1000).await;
        assert!(listed.is_err(), "cut at {cut}: {listed:?}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_refused_and_not_buffered() {
    let endless = format!("<ListBucketResult>{}</ListBucketResult>", " ".repeat(17 << 20));
    let bucket = Server::start(vec![answer("200 OK", "", &endless)]).await.store().await.0;
    let error = bucket.list_once(&page::PageRequest::default(), 1000).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
}

#[tokio::test]
async fn regression_a_token_continues_a_listing_not_marked_truncated() {
    let first = page(&["a"], Some("t")).replace("<IsTruncated>true</IsTruncated>", "");
    // Its length is the answer's no more.
    let first = first.replacen("content-length", "x-was", 1);
    let server = Server::start(vec![first, page(&["b"], None)]).await;
    assert_eq!(list_all(&server.store().await, KeyRange::default()).await.unwrap(), ["a", "b"]);
}

#[tokio::test]
async fn regression_a_page_of_a_proxys_is_no_answer_to_a_delete() {
    let page = answer("200 OK", "", "<html>signed out</html>");
    let server = Server::start(vec![page, answer("204 No Content", "", "")]).await;
    let store = server.store().await;
    store.delete("key").await.unwrap();
    assert_eq!(server.count(), 2, "it is asked again");
}
