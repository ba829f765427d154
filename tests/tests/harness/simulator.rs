//! The simulated store for measurements answers as a store does.

use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use flotilla_tests::emulators::{ACCESS_KEY, SECRET_KEY, s3_client};
use flotilla_tests::simulator::Simulator;
use flotilla_tests::simulator::settings::SimulatorSettings;

/// A store with these settings, and a client.
async fn start(settings: &[(&str, u64)]) -> (Simulator, Client) {
    let chosen = SimulatorSettings::default();
    settings.iter().for_each(|(name, value)| assert!(chosen.set(name, *value), "{name}"));
    let simulator = Simulator::start(0, chosen).await.unwrap();
    let client = s3_client(&simulator.endpoint, ACCESS_KEY, SECRET_KEY);
    (simulator, client)
}

fn count(simulator: &Simulator, operation: &str) -> u64 {
    simulator.counters()["requests"][operation].as_u64().unwrap_or(0)
}

/// All keys and folders of a listing, and its number of pages.
async fn list(client: &Client, bucket: &str, prefix: &str, by_folder: bool) -> (Vec<String>, Vec<String>, u32) {
    let (mut keys, mut folders, mut pages, mut token) = (Vec::new(), Vec::new(), 0, None);
    loop {
        let request = client.list_objects_v2().bucket(bucket).prefix(prefix).set_continuation_token(token);
        let page = request.set_delimiter(by_folder.then(|| "/".to_owned())).send().await.unwrap();
        pages += 1;
        keys.extend(page.contents().iter().map(|object| object.key().unwrap().to_owned()));
        folders.extend(page.common_prefixes().iter().map(|folder| folder.prefix().unwrap().to_owned()));
        token = page.next_continuation_token().map(str::to_owned);
        assert_eq!(page.is_truncated(), Some(token.is_some()));
        if token.is_none() {
            return (keys, folders, pages);
        }
    }
}

#[tokio::test]
async fn the_simulator_lists_each_key_once_and_in_order() {
    let (simulator, client) = start(&[]).await;
    for bucket in ["flat-2500x1", "deep-2500x1"] {
        let (keys, _, pages) = list(&client, bucket, "", false).await;
        assert!(keys.len() == 2500 && pages == 3 && keys.is_sorted(), "{bucket}");
    }
    assert_eq!(count(&simulator, "ListObjectsV2"), 6);
    let (keys, _, pages) = list(&client, "flat-2000x1", "", false).await;
    assert_eq!((keys.len(), pages), (2000, 2), "a full last page is the last one");
    let (keys, folders, _) = list(&client, "deep-25000x1", "", true).await;
    assert_eq!((keys.len(), folders), (0, ["00000000/", "00000001/", "00000002/"].map(String::from).to_vec()));
    let (keys, folders, _) = list(&client, "deep-25000x1", "00000001/07/", true).await;
    assert_eq!((keys.len(), folders.len()), (100, 0));
    let after = client.list_objects_v2().bucket("flat-1000000x1").start_after(&keys[0][12..]).max_keys(2).send().await;
    let after = after.unwrap();
    let after: Vec<&str> = after.contents().iter().filter_map(|object| object.key()).collect();
    assert_eq!(after, ["object-000000010701", "object-000000010702"]);
}

#[tokio::test]
async fn the_simulator_reads_ranges_of_one_sequence() {
    let (_simulator, client) = start(&[]).await;
    let get = client.get_object().bucket("flat-3x300000").key("object-000000000001").send().await.unwrap();
    let tag = get.e_tag().unwrap().to_owned();
    let whole = get.body.collect().await.unwrap().into_bytes();
    assert_eq!((whole.len(), tag), (300_000, format!("\"{:x}\"", md5::compute(&whole))));
    let get = client.get_object().bucket("flat-3x300000").key("object-000000000001").range("bytes=70000-200000");
    let get = get.send().await.unwrap();
    assert_eq!(get.content_range(), Some("bytes 70000-200000/300000"));
    assert_eq!(get.body.collect().await.unwrap().into_bytes(), whole.slice(70_000..200_001));
    let beyond = client.get_object().bucket("flat-3x3").key("object-000000000001").range("bytes=3-4").send().await;
    assert_eq!(beyond.unwrap_err().code(), Some("InvalidRange"));
    let missing = client.head_object().bucket("flat-3x3").key("object-000000000003").send().await;
    assert_eq!(missing.unwrap_err().raw_response().unwrap().status().as_u16(), 404);
}

#[tokio::test]
async fn the_simulator_keeps_what_was_written_but_its_bytes() {
    let (simulator, client) = start(&[]).await;
    let put = |key: &str, bytes: &'static [u8]| {
        client.put_object().bucket("sink").key(key).body(ByteStream::from_static(bytes)).send()
    };
    for key in ["b/2", "a&b c", "b/1"] {
        put(key, b"12345").await.unwrap();
    }
    let head = client.head_object().bucket("sink").key("a&b c").send().await.unwrap();
    let md5 = format!("\"{:x}\"", md5::compute(b"12345"));
    assert_eq!((head.content_length(), head.e_tag()), (Some(5), Some(md5.as_str())));
    let (keys, folders, _) = list(&client, "sink", "", true).await;
    assert_eq!((keys, folders), (vec!["a&b c".to_owned()], vec!["b/".to_owned()]));
    assert_eq!(list(&client, "sink", "b/", false).await.0, ["b/1", "b/2"]);
    client.delete_object().bucket("sink").key("b/1").send().await.unwrap();
    assert_eq!(list(&client, "sink", "", false).await.0, ["a&b c", "b/2"]);
    assert_eq!(simulator.counters()["foreign"], 3);
}

#[tokio::test]
async fn the_simulator_completes_uploads_from_their_parts() {
    let (simulator, client) = start(&[]).await;
    let source = client.get_object().bucket("flat-1x131072").key("object-000000000000").send().await.unwrap();
    let bytes = source.body.collect().await.unwrap().into_bytes();
    let upload = client.create_multipart_upload().bucket("sink").key("k").send().await.unwrap();
    let id = upload.upload_id().unwrap();
    let (mut parts, mut hash) = (Vec::new(), md5::Context::new());
    for number in 1..=2 {
        let part = client.upload_part().bucket("sink").key("k").upload_id(id).part_number(number);
        let part = part.body(ByteStream::from(bytes.clone())).send().await.unwrap();
        assert_eq!(part.e_tag(), Some(format!("\"{:x}\"", md5::compute(&bytes)).as_str()));
        hash.consume(md5::compute(&bytes).0);
        parts.push(CompletedPart::builder().part_number(number).set_e_tag(part.e_tag).build());
    }
    let listed = client.list_parts().bucket("sink").key("k").upload_id(id).send().await.unwrap();
    assert_eq!(listed.parts().len(), 2);
    let list = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let complete = client.complete_multipart_upload().bucket("sink").key("k").upload_id(id);
    let done = complete.clone().multipart_upload(list).send().await.unwrap();
    assert_eq!(done.e_tag(), Some(format!("\"{:x}-2\"", hash.finalize()).as_str()));
    assert_eq!(complete.send().await.unwrap_err().code(), Some("NoSuchUpload"));
    let head = client.head_object().bucket("sink").key("k").send().await.unwrap();
    assert_eq!((head.content_length(), simulator.counters()["foreign"].as_u64()), (Some(2 * 131_072), Some(0)));
    let counters = simulator.counters();
    assert_eq!(counters["arrived"], counters["received"], "all bodies have come to their end");
}

#[tokio::test]
async fn the_simulator_gives_each_key_an_etag_of_its_own_if_it_is_set() {
    let (_simulator, client) = start(&[("distinct", 1)]).await;
    let page = client.list_objects_v2().bucket("real-300x131072").send().await.unwrap();
    let listed: Vec<_> =
        page.contents().iter().map(|object| (object.key().unwrap(), object.e_tag().unwrap())).collect();
    let tags: std::collections::BTreeSet<&str> = listed.iter().map(|(_, tag)| *tag).collect();
    assert_eq!((listed.len(), tags.len()), (300, 300));
    let (key, tag) = listed[7];
    let get = client.get_object().bucket("real-300x131072").key(key).send().await.unwrap();
    assert_eq!(get.e_tag(), Some(tag));
    let bytes = get.body.collect().await.unwrap().into_bytes();
    // The bytes of a source, written under the key, are the source's object; other bytes are not.
    for (bytes, is_equal) in [(bytes, true), (vec![7; 131_072].into(), false)] {
        let put = client.put_object().bucket("sink").key(key).body(ByteStream::from(bytes)).send().await.unwrap();
        assert_eq!(put.e_tag() == Some(tag), is_equal);
    }
}

#[tokio::test]
async fn the_simulator_holds_listings_back_until_an_object_is_written() {
    let (_simulator, client) = start(&[("lists-before-put", 2)]).await;
    let list = || client.list_objects_v2().bucket("flat-10x1").send();
    list().await.unwrap();
    list().await.unwrap();
    let mut third = std::pin::pin!(list());
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut third).await.is_err());
    client.put_object().bucket("sink").key("k").body(ByteStream::from_static(b"x")).send().await.unwrap();
    third.await.unwrap();
}

#[tokio::test]
async fn the_simulator_throttles_and_delays_as_it_is_set() {
    let (simulator, client) = start(&[("rate", 1)]).await;
    let heads = (0..20).map(|_| client.head_object().bucket("flat-3x3").key("object-000000000001").send());
    let answers = futures::future::join_all(heads).await;
    let refused = answers.iter().filter_map(|answer| answer.as_ref().err()?.raw_response());
    assert!(refused.clone().all(|answer| answer.status().as_u16() == 503));
    let throttled = simulator.counters()["throttled"].as_u64().unwrap();
    assert!(throttled >= 10 && throttled >= refused.count() as u64, "{throttled}");
    let (_simulator, client) = start(&[("latency-us", 50_000), ("bandwidth", 10_000_000)]).await;
    let began = Instant::now();
    let get = client.get_object().bucket("flat-3x1000000").key("object-000000000001").send().await.unwrap();
    get.body.collect().await.unwrap();
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(140), "50 ms, then 100 ms for the bytes: {took:?}");
}
