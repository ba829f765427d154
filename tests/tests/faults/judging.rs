//! What a store refuses to say while objects are compared is no answer.

use flotilla_tests::cloud::Encryption;
use flotilla_tests::emulators::fresh_folder;
use flotilla_tests::proxy::{Fault, Kind, Rule};
use shared::config::{Compare, Find};

use crate::outage::flotilla;
use crate::stage::{Objects, Stage};

fn denied() -> Fault {
    Fault::Respond(403, String::new())
}

/// Two buckets in sync, of which nothing was asked yet.
async fn in_sync(encrypt: bool, find: Find) -> Stage {
    let mut stage = Stage::new(Objects::small(6)).await;
    if encrypt {
        let encryption = Encryption { kind: "aws:kms".into(), key: None };
        stage.cloud.encrypt(stage.destination.location.bucket(), encryption);
    }
    stage.find = find;
    let end = stage.sync().await;
    assert_eq!(end.done("first").settled.copied, 6);
    stage.from.reset();
    stage.to.reset();
    stage
}

fn find() -> Find {
    Find { list_concurrency: 1, ..Find::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_kms_destination_that_denies_heads_is_not_copied_again() {
    let stage = in_sync(true, find()).await;
    stage.to.inject(Rule::on(Kind::Head, denied()));
    let end = stage.sync().await;
    let found = end.done("second").found;
    assert_eq!((found.enqueued, found.unchanged, found.not_judged), (0, 6, 0));
    assert_eq!(stage.to.writes(), 0);
    assert!(stage.to.count(Kind::Head) > 0, "nothing was in doubt");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_objects_that_cannot_be_compared_are_counted_and_left() {
    let stage = in_sync(false, find()).await;
    stage.to.inject(Rule::on(Kind::Head, denied()).containing("/small/0003"));
    let ended = flotilla(&stage, &fresh_folder("state"), &["--metadata"]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let summary: serde_json::Value = serde_json::from_str(ended.stdout.trim()).expect("a line of JSON");
    assert_eq!((&summary["not_judged"], &summary["copied"], &summary["skipped"]), (&1.into(), &0.into(), &5.into()));
    assert_eq!(stage.to.writes(), 0);
    for part in ["not compared", "small/0003", "allow s3:GetObject", "1 object could not be compared"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    stage.to.heal();
    let ended = flotilla(&stage, &fresh_folder("state"), &["--metadata"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_sizes_that_only_a_listing_shows_are_not_copied_for_ever() {
    let mut stage = in_sync(false, find()).await;
    let page = stage.cloud.objects(stage.source.location.bucket());
    let entry = |(key, held): (&String, &flotilla_tests::cloud::Held)| {
        let (bytes, etag) = (held.bytes.len() + 16, &held.etag);
        format!(
            "<Contents><Key>{key}</Key><LastModified>2020-01-01T00:00:00.000Z</LastModified><ETag>&quot;{etag}&quot;\
             </ETag><Size>{bytes}</Size></Contents>"
        )
    };
    let entries: String = page.iter().map(entry).collect();
    let listing = format!("<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>");
    stage.from.inject(Rule::on(Kind::List, Fault::Respond(200, listing)));
    for compare in [Compare::Auto, Compare::SizeMtime] {
        stage.find.compare = compare;
        let end = stage.sync().await;
        let found = end.done("second").found;
        assert_eq!((found.enqueued, found.unchanged), (0, 6), "{compare:?}");
    }
    assert_eq!(stage.to.writes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_tag_that_a_head_spells_otherwise_is_no_change() {
    for (metadata, compare) in [(true, Compare::Auto), (false, Compare::Checksum)] {
        let find = Find { metadata, compare, ..find() };
        let stage = in_sync(true, find).await;
        let held = stage.cloud.objects(stage.destination.location.bucket());
        for (key, held) in &held {
            let weak: &'static str = Box::leak(format!("W/\"{}\"", held.etag.to_uppercase()).into_boxed_str());
            stage.to.inject(Rule::on(Kind::Head, Fault::Header("etag", Some(weak))).containing(key));
        }
        let end = stage.sync().await;
        let found = end.done("second").found;
        assert_eq!((found.enqueued, found.unchanged, found.not_judged), (0, 6, 0), "{compare:?}");
    }
}
