//! Bodies in memory: answers that are read whole, and bytes that are sent at once.

use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use aws_sdk_s3::primitives::SdkBody;
use futures::channel::mpsc;
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::time::sleep;

use super::super::body::{outgoing, whole};
use super::faults::service::{Reply, Service};
use super::*;
use shared::store::WHOLE_BYTES;

const STALL: Duration = Duration::from_secs(30);

fn data(text: &'static str) -> io::Result<Frame<Bytes>> {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

fn foo() -> Body {
    Bytes::from_static(b"foo").into()
}

/// Reads a small answer of these chunks that announced so many bytes.
async fn read_whole(size: u64, chunks: Vec<io::Result<Frame<Bytes>>>) -> Result<Bytes, (ErrorKind, String)> {
    let body = SdkBody::from_body_1_x(StreamBody::new(stream::iter(chunks)));
    whole("k", size, body, STALL).await.map_err(|error| (error.kind(), error.message().to_owned()))
}

#[tokio::test]
async fn a_small_answer_is_read_whole_or_ends_in_its_error() {
    let abcde = Ok(Bytes::from_static(b"abcde"));
    assert_eq!(read_whole(5, vec![data("abcde")]).await, abcde);
    assert_eq!(read_whole(5, vec![data(""), data("abc"), data(""), data("de"), data("")]).await, abcde);
    assert_eq!(read_whole(0, vec![]).await, Ok(Bytes::new()));
    let cut_off = |bytes: u64| Err((ErrorKind::Connection, format!("the answer was cut off after {bytes} of 5 bytes")));
    let lost = || Err(io::Error::other("the connection was lost"));
    assert_eq!(read_whole(5, vec![data("ab"), data("c")]).await, cut_off(3));
    assert_eq!(read_whole(5, vec![data("ab"), lost()]).await, cut_off(2));
    assert_eq!(read_whole(5, vec![lost()]).await, cut_off(0));
    for (size, chunks) in [(5, vec![data("abcde"), data("f")]), (5, vec![data("abcdef")]), (0, vec![data("a")])] {
        let message = format!("the answer has more than the announced {size} bytes");
        assert_eq!(read_whole(size, chunks).await, Err((ErrorKind::Corrupt, message)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_small_answer_may_come_slowly_but_must_not_stall() {
    for (pause, expected) in [(STALL / 2, Ok(Bytes::from_static(b"abcde"))), (2 * STALL, Err(ErrorKind::Timeout))] {
        let (sender, chunks) = mpsc::unbounded();
        let body = SdkBody::from_body_1_x(StreamBody::new(chunks));
        let send = async move {
            for text in ["ab", "c", "de"] {
                sleep(pause).await;
                // Nobody receives it after the timeout.
                let _ = sender.unbounded_send(data(text));
            }
        };
        let (read, ()) = tokio::join!(whole("k", 5, body, STALL), send);
        assert_eq!(read.map_err(|error| error.kind()), expected, "a chunk every {pause:?}");
    }
}

#[tokio::test]
async fn only_a_small_answer_is_read_before_get_returns() {
    let cut = |size: u64| Server::start(vec![format!("HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n{TIME}\r\n12345")]);
    let server = cut(WHOLE_BYTES).await;
    let error = server.store().await.get("key", &Read::default()).await.map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
    assert_eq!(server.count(), 1, "a body that was cut off is not requested again here");
    let server = cut(WHOLE_BYTES + 1).await;
    let object = server.store().await.get("key", &Read::default()).await.unwrap();
    assert!(!object.body.is_whole());
    let server = Server::start(vec![answer("200 OK", TIME, "foo")]).await;
    let object = server.store().await.get("key", &Read::default()).await.unwrap();
    let mut whole = object.body.into_whole().ok().expect("it is in memory");
    assert_eq!((object.info.size, whole.take()), (3, Bytes::from_static(b"foo")));
}

#[tokio::test]
async fn bytes_in_memory_are_sent_once_with_their_length() {
    let server = Server::start(vec![answer("200 OK", TIME, "")]).await;
    server.store().await.put("key", &sized(3), foo()).await.unwrap();
    server.store().await.put("empty", &sized(0), Bytes::new().into()).await.unwrap();
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked[0].contains("content-length: 3\r\n") && asked[0].ends_with("\r\n\r\nfoo"), "{}", asked[0]);
    assert!(asked[1].ends_with("\r\n\r\n"), "{}", asked[1]);
}

#[tokio::test]
async fn bytes_in_memory_of_another_length_are_not_sent() {
    let server = Server::start(vec![answer("200 OK", TIME, "")]).await;
    let store = server.store().await;
    let part = PartWrite { number: 1, offset: 0, size: 4, checksum: None };
    let upload = Upload { key: "key".into(), id: "id".into() };
    for size in [0, 2, 4] {
        assert_eq!(kind(store.put("key", &sized(size), foo()).await), ErrorKind::Invalid, "{size} bytes");
    }
    assert_eq!(kind(store.put("key", &sized(3), Bytes::new().into()).await), ErrorKind::Invalid);
    assert_eq!(kind(store.upload_part(&upload, &part, foo()).await), ErrorKind::Invalid);
    assert_eq!(server.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn bytes_in_memory_that_nobody_takes_end_in_a_timeout() {
    let service = Service::new(|_, _| Reply::Stall);
    let store = service.store("anonymous").await;
    assert_eq!(kind(store.put("key", &sized(3), foo()).await), ErrorKind::Timeout);
    assert_eq!(service.count(), 1);
}

#[tokio::test]
async fn bytes_in_memory_are_not_taken_once_their_caller_has_gone() {
    for (is_gone, count) in [(false, 3), (true, 0)] {
        let taken = Arc::new(AtomicU64::new(0));
        let sent = outgoing("put", "k".into(), 3, foo().counted(taken.clone()), STALL).await.unwrap();
        assert_eq!(taken.load(Relaxed), 0, "the client has taken nothing yet");
        let watch = Some(sent.watch).filter(|_| !is_gone);
        let bytes = sent.stream.collect().await.ok().map(|bytes| bytes.into_bytes());
        assert_eq!(bytes, (!is_gone).then(|| Bytes::from_static(b"foo")));
        assert_eq!(taken.load(Relaxed), count);
        drop(watch);
    }
}
