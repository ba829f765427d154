//! The store in this process behaves as its callers expect.

use flotilla_tests::cloud::{Cloud, Profile, READ_ONLY_KEY, READ_ONLY_SECRET, Restore};
use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, s3_client};
use flotilla_tests::proxy::{Kind, Proxy};
use http::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;

/// The status and code of an answer to a request that is sent as it is.
async fn send(endpoint: &str, method: Method, path: &str, authorization: Option<&str>) -> StatusCode {
    let address = endpoint.strip_prefix("http://").unwrap();
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).header("host", address);
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    sender.send_request(request.body(String::new()).unwrap()).await.unwrap().status()
}

fn code<T, E>(result: Result<T, aws_sdk_s3::error::SdkError<E>>) -> String
where
    E: aws_sdk_s3::error::ProvideErrorMetadata,
{
    let error = result.err().expect("it is refused");
    error.as_service_error().and_then(|error| error.code()).unwrap_or("no code").to_owned()
}

#[tokio::test]
async fn only_signed_requests_of_its_own_time_are_answered() {
    let cloud = Cloud::start(Profile::AMAZON).await;
    let bucket = cloud.create_bucket("signed");
    cloud.put(&bucket, "key", "bytes");
    let path = format!("/{bucket}/key");
    assert_eq!(send(&cloud.endpoint, Method::GET, &path, None).await, 403);
    assert_eq!(send(&cloud.endpoint, Method::GET, &path, Some("AWS4-HMAC-SHA256 x")).await, 400);
    let get = |key, secret| s3_client(&cloud.endpoint, key, secret).get_object().bucket(&bucket).key("key").send();
    assert!(get(ACCESS_KEY, SECRET_KEY).await.is_ok());
    assert_eq!(code(get(ACCESS_KEY, "another").await), "SignatureDoesNotMatch");
    assert_eq!(code(get("another", SECRET_KEY).await), "InvalidAccessKeyId");
    cloud.set_clock_ahead(20 * 60);
    cloud.reset();
    // The client tries again by the clock that it was shown.
    assert!(get(ACCESS_KEY, SECRET_KEY).await.is_ok());
    assert_eq!(cloud.count(Kind::Get), 2);
    cloud.set_clock_ahead(60);
    let reader = s3_client(&cloud.endpoint, READ_ONLY_KEY, READ_ONLY_SECRET);
    assert!(reader.get_object().bucket(&bucket).key("key").send().await.is_ok());
    assert_eq!(code(reader.delete_object().bucket(&bucket).key("key").send().await), "AccessDenied");
    assert_eq!(code(reader.put_object().bucket(&bucket).key("key").send().await), "AccessDenied");
    assert_eq!(cloud.object(&bucket, "key").unwrap().bytes, "bytes");
}

#[tokio::test]
async fn what_was_asked_is_in_its_log_also_behind_a_proxy() {
    let cloud = Cloud::start(Profile::AMAZON).await;
    let bucket = cloud.create_bucket("logged");
    let proxy = Proxy::start(&cloud.endpoint).await;
    let client = s3_client(&proxy.endpoint, ACCESS_KEY, SECRET_KEY);
    client
        .put_object()
        .bucket(&bucket)
        .key("a b/../c")
        .body("12345".to_owned().into_bytes().into())
        .send()
        .await
        .unwrap();
    let upload = client.create_multipart_upload().bucket(&bucket).key("big").send().await.unwrap();
    let part = client.upload_part().bucket(&bucket).key("big").upload_id(upload.upload_id().unwrap()).part_number(3);
    part.body(b"1234567".to_vec().into()).send().await.unwrap();
    assert_eq!(cloud.keys(&bucket), ["a b/../c"]);
    assert_eq!((cloud.count(Kind::Put), cloud.count(Kind::Part), cloud.writes()), (1, 1, 3));
    assert_eq!(cloud.counts(), proxy.counts());
    let parts: Vec<_> =
        cloud.received().into_iter().map(|body| (body.part.map(|(_, number)| number), body.bytes)).collect();
    assert_eq!((parts, cloud.bytes_received()), (vec![(None, 5), (Some(3), 7)], 12));
    let open = cloud.uploads(&bucket);
    assert_eq!((open.len(), open[0].parts[&3].bytes.len()), (1, 7));
    cloud.reset();
    assert_eq!((cloud.writes(), cloud.seen().len(), cloud.bytes_received()), (0, 0, 0));
}

#[tokio::test]
async fn parts_are_joined_by_amazons_rules() {
    use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
    let cloud = Cloud::start(Profile { min_part_bytes: 10, ..Profile::AMAZON }).await;
    let bucket = cloud.create_bucket("parts");
    let client = cloud.client();
    let complete = |id: String, parts: Vec<(i32, String)>| {
        let parts = parts.into_iter().map(|(n, tag)| CompletedPart::builder().part_number(n).e_tag(tag).build());
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build();
        client.complete_multipart_upload().bucket(&bucket).key("k").upload_id(id).multipart_upload(parts).send()
    };
    let upload = client.create_multipart_upload().bucket(&bucket).key("k").send().await.unwrap();
    let id = upload.upload_id().unwrap().to_owned();
    let mut tags = Vec::new();
    for (number, size) in [(1, 10), (2, 9), (3, 1)] {
        let part = client.upload_part().bucket(&bucket).key("k").upload_id(&id).part_number(number);
        let part = part.body(vec![b'x'; size].into()).send().await.unwrap();
        tags.push((number, part.e_tag().unwrap().to_owned()));
    }
    assert_eq!(code(complete(id.clone(), tags.clone()).await), "EntityTooSmall");
    assert_eq!(code(complete(id.clone(), vec![tags[1].clone(), tags[0].clone()]).await), "InvalidPartOrder");
    assert_eq!(code(complete(id.clone(), vec![(1, tags[1].1.clone())]).await), "InvalidPart");
    let made = complete(id.clone(), vec![tags[0].clone(), tags[2].clone()]).await.unwrap();
    let digests = [md5::compute([b'x'; 10]).0, md5::compute([b'x'; 1]).0].concat();
    assert_eq!(made.e_tag().unwrap(), format!("\"{:x}-2\"", md5::compute(digests)));
    assert_eq!(cloud.object(&bucket, "k").unwrap().bytes.len(), 11);
    assert_eq!(code(complete(id, tags).await), "NoSuchUpload");
}

#[tokio::test]
async fn an_archived_object_is_read_after_it_was_restored() {
    let cloud = Cloud::start(Profile::AMAZON).await;
    let bucket = cloud.create_bucket("archive");
    cloud.put_as(&bucket, "cold", "bytes", |object| object.class = "DEEP_ARCHIVE".to_owned());
    let client = cloud.client();
    let get = || client.get_object().bucket(&bucket).key("cold").send();
    let restore = || {
        let request = aws_sdk_s3::types::RestoreRequest::builder().days(1).build();
        client.restore_object().bucket(&bucket).key("cold").restore_request(request).send()
    };
    assert_eq!(code(get().await), "InvalidObjectState");
    restore().await.unwrap();
    assert_eq!(code(restore().await), "RestoreAlreadyInProgress");
    let head = client.head_object().bucket(&bucket).key("cold").send().await.unwrap();
    assert_eq!(head.restore(), Some("ongoing-request=\"true\""));
    cloud.finish_restores(&bucket);
    assert_eq!(cloud.object(&bucket, "cold").unwrap().restore, Some(Restore::Done));
    assert!(get().await.is_ok());
}
