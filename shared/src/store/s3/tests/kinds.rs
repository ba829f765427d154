//! Kinds of stores: what each is asked, and what is learned of one that nothing is known of.

use super::*;

/// A page as stores answer that do not know `ListObjectsV2`.
fn old_page(keys: &[&str], goes_on: bool) -> String {
    let page = page(keys, None).replace("content-length", "x-length");
    let page = page.replace(&format!("<KeyCount>{}</KeyCount>", keys.len()), "<Marker></Marker>");
    page.replace("</ListBucketResult>", &format!("<IsTruncated>{goes_on}</IsTruncated></ListBucketResult>"))
}

async fn of(scheme: Scheme, server: &Server) -> S3Store {
    store_of(scheme, server.port).await
}

#[tokio::test]
async fn a_store_that_takes_v2_for_v1_is_listed_by_v1_after_the_last_key() {
    let pages = [old_page(&["a", "b"], true), old_page(&["a", "b"], true), old_page(&["c"], false)];
    let server = Server::start(pages.to_vec()).await;
    let store = server.store().await;
    assert_eq!(list_all(&store, KeyRange::default()).await.unwrap(), ["a", "b", "c"]);
    let asked = server.asked();
    assert!(asked[0].contains("list-type=2") && !asked[1].contains("list-type=2"), "{asked:?}");
    assert!(asked[2].contains("marker=b") && !asked[2].contains("list-type=2"), "{asked:?}");
}

#[tokio::test]
async fn how_a_store_lists_is_found_out_by_two_listings_and_asked_no_more() {
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
async fn one_refusal_by_a_fault_teaches_nothing_for_good() {
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
async fn a_kind_that_is_known_is_asked_for_what_it_knows_and_nothing_else() {
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
async fn a_read_from_google_takes_packed_bytes_as_they_are_and_no_x_id() {
    let server = Server::start(vec![answer("200 OK", TIME, "x")]).await;
    read(&of(Scheme::Gs, &server).await, None).await.unwrap();
    read(&of(Scheme::S3, &server).await, None).await.unwrap();
    let asked = server.asked();
    assert!(asked[0].starts_with("get /bucket/key http") && asked[0].contains("accept-encoding: gzip"), "{asked:?}");
    assert!(asked[1].contains("x-id=getobject") && !asked[1].contains("accept-encoding"), "{asked:?}");
}

#[tokio::test]
async fn what_a_kind_lacks_is_not_asked_of_it() {
    let server = Server::start(vec![answer("200 OK", TIME, "")]).await;
    assert_eq!(kind(of(Scheme::Oss, &server).await.list_uploads().await), ErrorKind::Unsupported);
    let source = CopySource { bucket: "bucket".into(), key: "key".into() };
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
    assert_eq!(store.capabilities().etags, crate::store::EtagMeaning::Md5);
    store.head("a", &Pin::default()).await.unwrap();
    assert_eq!(store.capabilities().etags, crate::store::EtagMeaning::Md5AndParts);
}

/// The pages before were in byte order only by chance, or were another store's.
#[tokio::test]
async fn a_store_that_says_in_mid_listing_that_it_lists_by_folder_is_not_believed_before() {
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
    let side = Side { location, connection, addressing_style: Addressing::Auto };
    let error = S3Store::open(&side).await.unwrap_err();
    let expected = "open r2://bucket: give the endpoint-url, https://{ACCOUNT_ID}.r2.cloudflarestorage.com";
    assert_eq!(error.to_string(), expected);
}
