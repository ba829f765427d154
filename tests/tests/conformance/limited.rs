//! The limit of requests a second of a task's stores, counted at the store in this process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use adapters::store::s3::S3Store;
use bytes::Bytes;
use flotilla_tests::cloud::{Cloud, Profile};
use flotilla_tests::proxy::{Fault, Kind, Proxy, Rule};
use shared::limits::{LiveLimits, LiveRates};
use shared::object::Pin;
use shared::store::{Body, CopySource, KeyRange, PartWrite, Read, Store, Write};

/// Requests a second.
const RATE: f64 = 40.0;

fn body(bytes: &'static [u8]) -> Body {
    Bytes::from_static(bytes).into()
}

fn sized(size: usize) -> Write {
    Write { size: size as u64, ..Write::default() }
}

async fn work(store: &Store, bucket: &str) {
    let pin = Pin::default();
    for _ in 0..20 {
        store.put("a", &sized(5), body(b"12345")).await.expect("a PUT");
        store.head("a", &pin).await.expect("a HEAD");
    }
    store.get("a", &Read::default()).await.expect("a GET");
    store.tags("a", &pin).await.expect("tags");
    let mut listing = store.list(KeyRange::default());
    while listing.next_page().await.expect("a page").is_some() {}
    let upload = store.create_upload("b", &sized(3)).await.expect("an upload");
    let part = PartWrite { number: 1, offset: 0, size: 3, checksum: None };
    let part = store.upload_part(&upload, &part, body(b"123")).await.expect("a part");
    store.list_uploads("b").await.expect("uploads");
    store.list_parts(&upload).await.expect("parts");
    store.complete_upload(&upload, &[part], &sized(3)).await.expect("an object");
    let source = CopySource { bucket: bucket.to_owned(), key: "a".into(), requester_pays: false };
    store.copy(&source, &pin, "c", &sized(5)).await.expect("a copy");
    store.delete("a").await.expect("a delete");
    store.abort_upload(&upload).await.expect("an abort");
}

#[tokio::test]
async fn every_request_and_every_repetition_waits_for_its_turn() {
    let cloud = Cloud::start(Profile::AMAZON).await;
    let proxy = Proxy::start(&cloud.endpoint).await;
    proxy.inject(Rule::on(Kind::Head, Fault::Respond(503, String::new())).times(3));
    let bucket = cloud.create_bucket("limited");
    let mut side = cloud.side(&bucket, "");
    side.connection.endpoint_url = Some(proxy.endpoint.clone());
    let opened: Store = Arc::new(S3Store::open(&side).await.expect("a store"));
    let limits = LiveLimits::default();
    let (store, other) = limits.stores(opened.clone(), opened.clone());
    limits.set(&LiveRates { requests: Some(RATE), ..LiveRates::default() });
    let began = Instant::now();
    work(&store, &bucket).await;
    let (seconds, requests) = (began.elapsed().as_secs_f64(), proxy.seen().len());
    // A tenth of a second's worth may come at once.
    assert!(requests > 50 && seconds >= (requests as f64 - RATE / 10.0 - 1.0) / RATE, "{requests} in {seconds}");
    assert!(seconds < requests as f64 / RATE + 10.0, "{requests} in {seconds}");
    // Each store has a limit of its own, and 0 lets nothing pass.
    limits.set(&LiveRates { requests: Some(0.0), ..LiveRates::default() });
    let waits = tokio::time::timeout(Duration::from_millis(300), other.head("b", &Pin::default())).await;
    assert!(waits.is_err() && proxy.seen().len() == requests, "a request was sent");
}
