//! A gateway over folders changes neither the order of keys nor their number.

use std::collections::BTreeSet;
use std::sync::Arc;

use adapters::store::s3::S3Store;
use flotilla_tests::conformance::store::{bytes_of, plain, put};
use flotilla_tests::emulators::{side, weed};
use futures::{StreamExt as _, stream};
use shared::ErrorKind;
use shared::object::Pin;
use shared::store::{KeyRange, ObjectStore as _, Store};

async fn open() -> (Store, aws_sdk_s3::Client) {
    let weed = weed();
    let bucket = weed.create_bucket("gateway").await;
    let store = S3Store::open(&side(&weed.endpoint, &bucket, "in/")).await.unwrap();
    (Arc::new(store), weed.client(&weed.endpoint))
}

async fn list(store: &Store, after: Option<&str>, until: Option<&str>) -> Vec<String> {
    let range = KeyRange { prefix: String::new(), after: after.map(Into::into), until: until.map(Into::into) };
    let mut listing = store.list(range);
    let mut keys = Vec::new();
    while let Some(page) = listing.next_page().await.unwrap() {
        keys.extend(page.into_iter().map(|listed| listed.position().to_owned()));
    }
    keys
}

async fn put_all(store: &Store, keys: impl Iterator<Item = &String>) {
    stream::iter(keys)
        .for_each_concurrent(16, |key| async move {
            let size = if key.ends_with('/') { 0 } else { 1 };
            put(store, key, &bytes_of(size, 1)).await;
        })
        .await;
}

/// Every ASCII character that a name can hold, before and beside a `/`, and folders of more names
/// than a page has.
fn keys() -> Vec<String> {
    let characters = (1..0x7f_u8).map(char::from).filter(|c| !matches!(c, '/' | '\\'));
    let names = characters.flat_map(|c| [format!("d{c}x"), format!("d{c}/k"), format!("d/{c}k"), format!("d{c}-")]);
    let flat = (0..1_100).map(|n| format!("flat/{n:04}")).chain((950..1_050).map(|n| format!("flat/{n:04}/x")));
    let folders = (0..300).map(|n| format!("many/{n:03}/k"));
    let fixed = ["a", "a/b", "a-b", "d", "d\u{e9}/k", "\u{1f680}/k", "marked/"].map(str::to_owned);
    names.chain(flat).chain(folders).chain(fixed).collect::<BTreeSet<_>>().into_iter().collect()
}

#[tokio::test]
async fn any_cut_of_a_large_tree_lists_each_key_once_and_in_order() {
    let (store, _) = open().await;
    let keys = keys();
    // SeaweedFS loses one of `a` and `a/x` if both are first written at the same moment.
    for below in [true, false] {
        let those = keys.iter().filter(|key| key.contains('/') == below && (!below || !key.ends_with("/x")));
        put_all(&store, those).await;
    }
    put_all(&store, keys.iter().filter(|key| key.ends_with("/x"))).await;
    assert_eq!(list(&store, None, None).await, keys);
    // Cut at keys, between keys, and where folders begin.
    let cut: Vec<String> = keys.iter().step_by(37).cloned().collect();
    let cuts = cut
        .iter()
        .flat_map(|key| [key.clone(), format!("{key}/"), format!("{key}-"), key[..key.len().min(2)].to_owned()]);
    let cuts: BTreeSet<String> = cuts.filter(|cut| !cut.is_empty()).collect();
    let mut found = Vec::new();
    let mut after: Option<&str> = None;
    for cut in cuts.iter().map(|cut| Some(cut.as_str())).chain([None]) {
        // Inclusive, as the finder ends a range.
        let until = cut.map(|cut| format!("{cut}\0"));
        found.extend(list(&store, after, until.as_deref()).await);
        after = cut;
    }
    assert_eq!(found, keys);
}

#[tokio::test]
async fn a_key_that_the_gateway_would_rewrite_changes_no_other_key() {
    let (store, client) = open().await;
    let bytes = bytes_of(9, 1);
    put(&store, "a/b", &bytes).await;
    for key in ["a//b", "/a/b", "a\\b", "a//", "a/", ".uploads/x", "x.versions/y"] {
        // A store that nobody has asked anything knows it too.
        let bucket = store.location().bucket();
        let store = S3Store::open(&side(&weed().endpoint, bucket, "in/")).await.unwrap();
        let body = flotilla_tests::conformance::store::body(&bytes);
        let error = store.put(key, &plain(&bytes), body).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unrepresentable, "{error}");
        let error = store.create_upload(key, &plain(&bytes)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unrepresentable, "{error}");
        if key != "a/" {
            assert_eq!(store.head(key, &Pin::default()).await.unwrap_err().kind(), ErrorKind::NotFound);
            store.delete(key).await.unwrap();
        }
    }
    let left = client.list_objects_v2().bucket(store.location().bucket()).send().await.unwrap();
    assert_eq!(left.contents().iter().filter_map(|object| object.key()).collect::<Vec<_>>(), ["in/a/b"]);
}
