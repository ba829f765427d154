//! Every emulator serves.

use flotilla_tests::emulators::{ministack, moto, unique_name, weed};

#[tokio::test]
async fn both_gateways_of_weed_serve_the_same_bucket_and_guard_it() {
    let weed = weed();
    let bucket = weed.create_bucket("harness").await;
    let body = aws_sdk_s3::primitives::ByteStream::from_static(b"hello");
    weed.client(&weed.endpoint).put_object().bucket(&bucket).key("a").body(body).send().await.unwrap();

    let reader = weed.read_only_client(&weed.second_endpoint);
    let object = reader.get_object().bucket(&bucket).key("a").send().await.unwrap();
    assert_eq!(&object.body.collect().await.unwrap().into_bytes()[..], b"hello");
    let denied = reader.delete_object().bucket(&bucket).key("a").send().await.unwrap_err();
    assert_eq!(denied.raw_response().unwrap().status().as_u16(), 403);
}

#[tokio::test]
async fn ministack_and_moto_have_queues_and_tables() {
    for emulator in [ministack(), moto()] {
        let config = emulator.sdk_config();
        let name = unique_name("harness");
        aws_sdk_sqs::Client::new(&config).create_queue().queue_name(&name).send().await.unwrap();
        aws_sdk_dynamodb::Client::new(&config).list_tables().send().await.unwrap();
    }
}

#[test]
fn each_exception_names_a_component_that_is_installed() {
    use flotilla_tests::conformance::exceptions;
    let requirements = flotilla_tests::sources::text("tests/requirements.txt");
    for list in exceptions::ALL {
        assert!(requirements.lines().any(|line| line == list.component), "{} is not installed", list.component);
    }
}
