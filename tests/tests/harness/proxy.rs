//! The proxy counts requests, passes them unchanged, and injects the given faults.

use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use flotilla_tests::emulators::weed;
use flotilla_tests::proxy::{Fault, Kind, Proxy, Rule};

const KEY: &str = "odd key/ü+%?#";
const BODY: &[u8] = &[7; 300_000];

struct Scene {
    proxy: Proxy,
    client: aws_sdk_s3::Client,
    bucket: String,
}

impl Scene {
    async fn new() -> Scene {
        let bucket = weed().create_bucket("proxy").await;
        let proxy = Proxy::start(&weed().endpoint).await;
        // No retries: each call is one request.
        let config = weed().client(&proxy.endpoint).config().to_builder();
        let config = config.retry_config(aws_sdk_s3::config::retry::RetryConfig::disabled());
        Scene { client: aws_sdk_s3::Client::from_conf(config.build()), proxy, bucket }
    }

    async fn put(&self) -> Option<u16> {
        let put = self.client.put_object().bucket(&self.bucket).key(KEY).body(ByteStream::from_static(BODY));
        match put.send().await {
            Ok(_) => Some(200),
            Err(error) => error.raw_response().map(|response| response.status().as_u16()),
        }
    }

    async fn get(&self) -> Option<Vec<u8>> {
        let object = self.client.get_object().bucket(&self.bucket).key(KEY).send().await.ok()?;
        object.body.collect().await.ok().map(|body| body.to_vec())
    }

    // Past the proxy.
    async fn is_there(&self) -> bool {
        weed().client(&weed().endpoint).head_object().bucket(&self.bucket).key(KEY).send().await.is_ok()
    }
}

#[tokio::test]
async fn requests_pass_unchanged_and_are_counted_by_kind() {
    let scene = Scene::new().await;
    assert_eq!(scene.put().await, Some(200));
    assert_eq!(scene.get().await.as_deref(), Some(BODY));
    let (client, bucket) = (&scene.client, &scene.bucket);
    client.list_objects_v2().bucket(bucket).send().await.unwrap();
    client.list_objects().bucket(bucket).send().await.unwrap();
    client.head_bucket().bucket(bucket).send().await.unwrap();
    client.head_object().bucket(bucket).key(KEY).send().await.unwrap();
    let upload = client.create_multipart_upload().bucket(bucket).key("m").send().await.unwrap();
    let id = upload.upload_id().unwrap();
    let part = client.upload_part().bucket(bucket).key("m").upload_id(id).part_number(1);
    part.body(ByteStream::from_static(BODY)).send().await.unwrap();
    client.list_parts().bucket(bucket).key("m").upload_id(id).send().await.unwrap();
    client.list_multipart_uploads().bucket(bucket).send().await.unwrap();
    client.abort_multipart_upload().bucket(bucket).key("m").upload_id(id).send().await.unwrap();
    client.delete_object().bucket(bucket).key(KEY).send().await.unwrap();

    use Kind::*;
    let once = [Head, Get, Put, Create, Part, ListParts, ListUploads, Abort, Delete, Bucket];
    let expected = once.map(|kind| (kind, 1)).into_iter().chain([(List, 2)]).collect();
    assert_eq!(scene.proxy.counts(), expected);
    assert_eq!(scene.proxy.writes(), 5);
    scene.proxy.reset();
    assert_eq!(scene.proxy.counts().len(), 0);
}

#[tokio::test]
async fn a_lost_request_has_no_effect_and_a_lost_answer_has() {
    let scene = Scene::new().await;
    scene
        .proxy
        .inject(Rule::on(Kind::Put, Fault::Respond(503, "<Error><Code>SlowDown</Code></Error>".into())).times(1));
    scene.proxy.inject(Rule::on(Kind::Put, Fault::CloseBefore).times(1));
    assert_eq!(scene.put().await, Some(503));
    assert_eq!(scene.put().await, None);
    assert!(!scene.is_there().await);

    scene.proxy.heal();
    scene.proxy.inject(Rule::on(Kind::Put, Fault::CloseAfter).containing("odd"));
    assert_eq!(scene.put().await, None);
    assert!(scene.is_there().await);
    scene.proxy.heal();
    assert_eq!(scene.put().await, Some(200));
}

#[tokio::test]
async fn bodies_are_cut_flipped_and_stalled_as_asked() {
    let scene = Scene::new().await;
    scene.proxy.inject(Rule::on(Kind::Put, Fault::FlipRequest(299_999)).after(1));
    scene.put().await;
    assert_eq!(scene.get().await.as_deref(), Some(BODY));

    scene.proxy.inject(Rule::on(Kind::Get, Fault::FlipResponse(100_000)).times(1));
    scene.proxy.inject(Rule::on(Kind::Get, Fault::CutResponse(100_000)).times(1));
    scene.proxy.inject(Rule::on(Kind::Get, Fault::StallResponse(100_000)).times(1));
    let flipped = scene.get().await.unwrap();
    let differing: Vec<_> = (0..BODY.len()).filter(|at| flipped[*at] != BODY[*at]).collect();
    assert_eq!(differing, [100_000]);
    assert_eq!(scene.get().await, None);
    assert!(tokio::time::timeout(Duration::from_millis(300), scene.get()).await.is_err());
    assert_eq!(scene.get().await.as_deref(), Some(BODY));
}
