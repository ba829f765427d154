//! Providers: which requests each gets, and which features an unknown store is found to have.

use super::*;

/// A page as stores answer that do not know `ListObjectsV2`.
fn old_page(keys: &[&str], goes_on: bool) -> String {
    let page = page(keys, None).replace("content-length", "x-length");
    let page = page.replace(&format!("<KeyCount>{}</KeyCount>", keys.len()), "<Marker></Marker>");
    page.replace("<IsTruncated>false</IsTruncated>", &format!("<IsTruncated>{goes_on}</IsTruncated>"))
}

async fn of(scheme: Scheme, server: &Server) -> S3Store {
    store_of(scheme, server.port).await
}

#[tokio::test]
async fn a_store_without_v2_listings_is_listed_by_v1() {
    let pages = [old_page(&["a", "b"], true), old_page(&["a", "b"], true), old_page(&["c"], false)];
    let server = Server::start(pages.to_vec()).await;
    let store = server.store().await;
    assert_eq!(list_all(&store, KeyRange::default()).await.unwrap(), ["a", "b", "c"]);
    let asked = server.asked();
    assert!(asked[0].contains("list-type=2") && !asked[1].contains("list-type=2"), "{asked:?}");
    assert!(asked[2].contains("marker=b") && !asked[2].contains("list-type=2"), "{asked:?}");
}

#[tokio::test]
async fn the_list_mode_is_found_out_once_by_two_listings() {
    let server = Server::start(vec![old_page(&["a"], false)]).await;
    let store = server.store().await;
    for requests in [2, 4, 5, 6] {
        assert_eq!(list_all(&store, KeyRange::default()).await.unwrap(), ["a"]);
        assert_eq!(server.count(), requests);
    }
}

#[tokio::test]
async fn a_store_that_refuses_v2_and_encoded_keys_is_listed_without() {
    let refusal = || error("501 Not Implemented", "NotImplemented");
    let server = Server::start(vec![refusal(), refusal(), old_page(&["a%2Fb"], true), old_page(&["c"], false)]).await;
    assert_eq!(list_all(&server.store().await, KeyRange::default()).await.unwrap(), ["a%2Fb", "c"]);
    let plain = |text: &String| !text.contains("list-type") && !text.contains("encoding-type");
    assert!(server.asked()[2..].iter().all(plain), "{:?}", server.asked());
}

#[tokio::test]
async fn one_refusal_by_a_fault_turns_no_feature_off() {
    let understood = page(&["a"], None).replace("content-length", "x-length");
    let server = Server::start(vec![
        error("501 Not Implemented", "NotImplemented"),
        old_page(&["a"], false),
        understood.replace("<KeyCount>", "<EncodingType>url</EncodingType><KeyCount>"),
        error("501 Not Implemented", "NotImplemented"),
    ])
    .await;
    let store = server.store().await;
    for _ in 0..2 {
        assert_eq!(list_all(&store, KeyRange::default()).await.unwrap(), ["a"]);
    }
    assert!(server.asked()[2].contains("list-type=2"));
    // Once it was understood, a refusal is an error and no reason to list otherwise.
    assert_eq!(kind(list_all(&store, KeyRange::default()).await), ErrorKind::Unsupported);
    assert_eq!(server.count(), 4);
}

#[tokio::test]
async fn a_known_provider_gets_only_requests_that_it_supports() {
    for (scheme, v2, encoded, checksums) in [
        (Scheme::Oss, true, true, false),
        (Scheme::Cos, false, true, false),
        (Scheme::Kodo, true, false, false),
        (Scheme::Gs, true, true, false),
        (Scheme::S3, true, true, true),
    ] {
        let server = Server::start(vec![page(&["a"], None), answer("200 OK", TIME, "x")]).await;
        let store = of(scheme, &server).await;
        list_all(&store, KeyRange::default()).await.unwrap();
        store.head("a", &Pin::default()).await.unwrap();
        let asked = server.asked();
        let found = (
            asked[0].contains("list-type=2"),
            asked[0].contains("encoding-type=url"),
            asked[1].contains("x-amz-checksum-mode"),
        );
        assert_eq!(found, (v2, encoded, checksums), "{scheme:?}");
    }
}

/// Google changes the header on its way and unpacks what was stored packed, unless it says `gzip`.
#[tokio::test]
async fn a_read_from_google_takes_packed_bytes_and_sends_no_x_id() {
    let server = Server::start(vec![answer("200 OK", TIME, "x")]).await;
    read(&of(Scheme::Gs, &server).await, None).await.unwrap();
    read(&of(Scheme::S3, &server).await, None).await.unwrap();
    let asked = server.asked();
    assert!(asked[0].starts_with("get /bucket/key http") && asked[0].contains("accept-encoding: gzip"), "{asked:?}");
    assert!(asked[1].contains("x-id=getobject") && !asked[1].contains("accept-encoding"), "{asked:?}");
}

#[tokio::test]
async fn regression_a_read_from_r2_takes_packed_bytes_as_they_are() {
    let server = Server::start(vec![answer("200 OK", TIME, "x")]).await;
    read(&of(Scheme::R2, &server).await, None).await.unwrap();
    assert!(server.asked()[0].contains("accept-encoding: gzip"), "{:?}", server.asked());
}

#[tokio::test]
async fn regression_a_packed_object_without_a_length_names_gzip() {
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-encoding: gzip\r\n{TIME}\r\nx");
    let server = Server::start(vec![head]).await;
    let error = read(&of(Scheme::S3, &server).await, None).await.unwrap_err();
    assert!(error.message().contains("Content-Encoding: gzip"), "{error}");
}

/// Bytes of Latin-1 in place of each `é`.
fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

#[tokio::test]
async fn regression_metadata_that_is_not_utf8_is_named_at_once() {
    let long = "é".repeat(1000);
    for (header, shown) in [
        ("x-amz-meta-name: café".to_owned(), r#"header x-amz-meta-name is not UTF-8: "caf\xe9": write"#),
        ("content-disposition: café".to_owned(), r#"header content-disposition is not UTF-8: "caf\xe9": write"#),
        (format!("x-amz-meta-a: plain\r\nx-amz-meta-b: {long}"), r#"x-amz-meta-b is not UTF-8: "\xe9\xe9"#),
    ] {
        let server = Server::start(vec![latin1(&answer("200 OK", &format!("{TIME}{header}\r\n"), "x"))]).await;
        let store = server.store().await;
        for error in [
            store.head("key", &Pin::default()).await.unwrap_err(),
            store.get("key", &Read::default()).await.err().expect("it cannot be read"),
        ] {
            assert_eq!(error.kind(), ErrorKind::Unrepresentable, "{error}");
            assert!(error.message().contains(shown) && error.message().len() < 400, "{error}");
        }
        assert_eq!(server.count(), 2, "each is asked once");
    }
}

#[tokio::test]
async fn regression_a_refused_part_number_says_too_many_parts() {
    for (code, message) in [
        ("InvalidArgument", "Part number must be an integer between 1 and 1000, inclusive"),
        ("TooManyParts", "You have attempted to upload more parts than are allowed"),
        ("InvalidRequest", "You have attempted to upload too many parts"),
    ] {
        let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
        let server = Server::start(vec![answer("400 Bad Request", "", &body)]).await;
        let upload = Upload { key: "key".into(), id: "id".into() };
        let part = PartWrite { number: 1001, offset: 0, size: 1, checksum: None };
        let refused = server.store().await.upload_part(&upload, &part, body_of_one()).await;
        assert_eq!(kind(refused), ErrorKind::TooManyParts, "{code}: {message}");
    }
    let server = Server::start(vec![error("400 Bad Request", "InvalidArgument")]).await;
    let upload = Upload { key: "key".into(), id: "id".into() };
    let part = PartWrite { number: 1001, offset: 0, size: 1, checksum: None };
    let refused = server.store().await.upload_part(&upload, &part, body_of_one()).await;
    assert_eq!(kind(refused), ErrorKind::Invalid);
}

fn body_of_one() -> Body {
    body(&["x"])
}

#[tokio::test]
async fn regression_a_delete_marker_answered_by_405_is_not_found() {
    let server = Server::start(vec![answer("405 Method Not Allowed", "x-amz-delete-marker: true\r\n", "")]).await;
    let store = of(Scheme::S3, &server).await;
    assert_eq!(store.head("key", &Pin::default()).await.unwrap_err().kind(), ErrorKind::NotFound);
    let server = Server::start(vec![answer("405 Method Not Allowed", "", "")]).await;
    let store = of(Scheme::S3, &server).await;
    assert_eq!(store.head("key", &Pin::default()).await.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn regression_a_web_page_for_a_listing_names_the_endpoint_url() {
    let server = Server::start(vec![answer("200 OK", "", "<html><body>hello</body></html>")]).await;
    let error = of(Scheme::S3, &server).await.probe().await.unwrap_err();
    assert!(error.message().contains("check endpoint-url") && !error.message().contains("SDK"), "{error}");
}

#[tokio::test]
async fn google_reports_the_objects_checksum_in_its_own_header() {
    let hashes = "x-goog-hash: crc32c=yZRlqg==\r\nx-goog-hash: md5=XrY7u+Ae7tCTyyK7j1rNww==\r\n";
    let server = Server::start(vec![answer("200 OK", &format!("{TIME}{hashes}"), "")]).await;
    let known = of(Scheme::Gs, &server).await.head("key", &Pin::default()).await.unwrap().checksums;
    assert_eq!(known, [Checksum::from_base64(Algorithm::Crc32c, "yZRlqg==").unwrap()]);
    assert!(of(Scheme::S3, &server).await.head("key", &Pin::default()).await.unwrap().checksums.is_empty());
}

#[tokio::test]
async fn what_a_provider_lacks_is_not_asked_of_it() {
    let server = Server::start(vec![answer("200 OK", TIME, "")]).await;
    assert_eq!(kind(of(Scheme::Oss, &server).await.list_uploads("key").await), ErrorKind::Unsupported);
    let source = CopySource { bucket: "bucket".into(), key: "key".into(), requester_pays: false };
    let upload = Upload { key: "key".into(), id: "id".into() };
    let part = PartWrite { number: 1, offset: 0, size: 1, checksum: None };
    let google = of(Scheme::Gs, &server).await;
    let copied = google.copy_part(&source, &Pin::default(), 0..1, &upload, &part).await;
    assert_eq!(kind(copied), ErrorKind::Unsupported);
    assert!(!google.capabilities().copies_parts);
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn a_store_that_names_itself_is_known_by_its_first_good_answer() {
    let named = |status: &str| answer(status, &format!("server: SeaweedFS 4.48\r\n{TIME}"), "");
    let server = Server::start(vec![named("404 Not Found"), named("200 OK")]).await;
    let store = server.store().await;
    assert_eq!(kind(store.head("a", &Pin::default()).await), ErrorKind::NotFound);
    assert_eq!(store.capabilities().etags, shared::store::EtagMeaning::Md5);
    store.head("a", &Pin::default()).await.unwrap();
    assert_eq!(store.capabilities().etags, shared::store::EtagMeaning::Md5AndParts);
}

/// The pages before were in byte order only by chance, or were another store's.
#[tokio::test]
async fn a_folder_order_first_reported_in_mid_listing_is_an_error() {
    let named = page(&["b"], None).replacen("\r\n", "\r\nserver: SeaweedFS\r\n", 1);
    let server = Server::start(vec![page(&["a"], Some("t")), named]).await;
    let store = server.store().await;
    let mut listing = store.list(KeyRange::default());
    assert_eq!(listing.next_page().await.unwrap().unwrap().len(), 1);
    assert_eq!(kind(listing.next_page().await), ErrorKind::Corrupt);
}

#[tokio::test]
async fn checksums_are_asked_for_until_they_were_refused_twice() {
    let server = Server::start(vec![
        error("400 Bad Request", "InvalidArgument"),
        answer("200 OK", TIME, "x"),
        error("501 Not Implemented", "NotImplemented"),
        answer("200 OK", TIME, "x"),
    ])
    .await;
    let store = server.store().await;
    for _ in 0..3 {
        assert_eq!(read(&store, None).await.unwrap(), b"x");
    }
    let asks: Vec<bool> = server.asked().iter().map(|text| text.contains("x-amz-checksum-mode")).collect();
    assert_eq!(asks, [true, false, true, false, false]);
}

#[tokio::test]
async fn a_scheme_that_says_too_little_is_refused_in_one_line() {
    let location = Location::bucket_at(Scheme::R2, "bucket", "");
    let connection = Connection { credentials: Some("anonymous".into()), ..Connection::default() };
    let side = Side { location, connection, addressing_style: Addressing::Auto, requester_pays: false };
    let error = S3Store::open(&side).await.unwrap_err();
    let expected = "open r2://bucket: give the endpoint-url, https://{ACCOUNT_ID}.r2.cloudflarestorage.com";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn requests_go_to_the_providers_host_in_its_style_and_region() {
    use aws_sdk_s3::presigning::PresigningConfig;
    let keys = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(keys.path(), r#"{"access_key_id":"id","secret_access_key":"secret"}"#).unwrap();
    for (scheme, region, url, signed_for) in [
        (Scheme::Oss, Some("cn-beijing"), "https://bucket.s3.oss-cn-beijing.aliyuncs.com/key?", "cn-beijing"),
        (Scheme::Cos, Some("ap-beijing"), "https://bucket.cos.ap-beijing.myqcloud.com/key?", "ap-beijing"),
        (Scheme::Kodo, Some("cn-east-1"), "https://s3.cn-east-1.qiniucs.com/bucket/key?", "cn-east-1"),
        (Scheme::Gs, None, "https://storage.googleapis.com/bucket/key?", "auto"),
        (Scheme::S3, Some("eu-west-1"), "https://bucket.s3.eu-west-1.amazonaws.com/key?", "eu-west-1"),
    ] {
        let connection = Connection {
            region: region.map(str::to_owned),
            credentials: Some(format!("file:{}", keys.path().display())),
            ..Connection::default()
        };
        let location = Location::bucket_at(scheme, "bucket", "");
        let store =
            S3Store::open(&Side { location, connection, addressing_style: Addressing::Auto, requester_pays: false })
                .await
                .unwrap();
        let request = store.0.client.get_object().bucket("bucket").key("key");
        let signed = request.presigned(PresigningConfig::expires_in(Duration::from_secs(60)).unwrap()).await.unwrap();
        assert!(signed.uri().starts_with(url), "{}", signed.uri());
        assert!(signed.uri().contains(&format!("%2F{signed_for}%2Fs3%2Faws4_request")), "{}", signed.uri());
    }
}

#[tokio::test]
async fn a_bucket_in_another_region_is_an_error_that_names_it() {
    let body = "<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>";
    let moved = answer("301 Moved Permanently", "x-amz-bucket-region: eu-west-1\r\n", body);
    let error = Server::start(vec![moved]).await.store().await.probe().await.unwrap_err();
    let why =
        "PermanentRedirect: elsewhere (HTTP 301); the bucket is in region eu-west-1: give that as this side's region";
    assert_eq!((error.kind(), error.message()), (ErrorKind::Invalid, why));
}

#[tokio::test(start_paused = true)]
async fn a_failed_completion_asks_whether_the_upload_is_gone() {
    let failure = || error("500 Internal Server Error", "InternalError");
    let upload = Upload { key: "key".into(), id: "id".into() };
    let parts =
        [Part { number: 1, size: 3, etag: shared::object::ETag::new("p"), etag_is_opaque: false, checksum: None }];
    let attempts = shared::retry::COMPLETE.attempts as usize;
    for (last, expected) in [
        (error("404 Not Found", "NoSuchUpload"), ErrorKind::NoSuchUpload),
        (answer("200 OK", "", "<ListPartsResult></ListPartsResult>"), ErrorKind::Unavailable),
    ] {
        let server = Server::start((0..attempts).map(|_| failure()).chain([last]).collect()).await;
        let ended = server.store().await.complete_upload(&upload, &parts, &sized(3)).await;
        assert_eq!((kind(ended), server.count()), (expected, attempts + 1));
    }
}
