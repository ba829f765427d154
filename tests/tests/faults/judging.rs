//! An error while objects are compared is no answer.

use std::path::Path;
use std::time::Duration;

use flotilla_tests::binaries::{self, Ended, Process};
use flotilla_tests::cloud::Encryption;
use flotilla_tests::emulators::fresh_folder;
use flotilla_tests::proxy::{Fault, Kind, Rule};
use shared::config::{Compare, Find, Side};

use crate::outage::flotilla;
use crate::stage::{Objects, Stage, content};

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
async fn regression_a_kms_destination_without_head_is_not_recopied() {
    let stage = in_sync(true, find()).await;
    stage.to.inject(Rule::on(Kind::Head, denied()));
    let end = stage.sync().await;
    let found = end.done("second").found;
    assert_eq!((found.enqueued, found.unchanged, found.not_judged), (0, 6, 0));
    assert_eq!(stage.to.writes(), 0);
    assert!(stage.to.count(Kind::Head) > 0, "nothing was in doubt");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_incomparable_objects_are_counted_and_left() {
    let stage = in_sync(false, find()).await;
    stage.to.inject(Rule::on(Kind::Head, denied()).containing("/small/0003"));
    let ended = flotilla(&stage, &fresh_folder("state"), &["--metadata"]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    let summary: serde_json::Value = serde_json::from_str(ended.stdout.trim()).expect("a line of JSON");
    assert_eq!((&summary["not_judged"], &summary["copied"], &summary["skipped"]), (&1.into(), &0.into(), &5.into()));
    assert_eq!(stage.to.writes(), 0);
    for part in ["neither copied nor deleted", "small/0003", "allow s3:GetObject", "1 object could not be compared"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    stage.to.heal();
    let ended = flotilla(&stage, &fresh_folder("state"), &["--metadata"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_sizes_that_only_listings_show_end_after_one_copy() {
    let mut stage = in_sync(false, find()).await;
    let page = stage.cloud.objects(stage.source.location.bucket());
    let entry = |(key, stored): (&String, &flotilla_tests::cloud::StoredObject)| {
        let (bytes, etag) = (stored.bytes.len() + 16, &stored.etag);
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
        let stored = stage.cloud.objects(stage.destination.location.bucket());
        for (key, stored) in &stored {
            let weak: &'static str = Box::leak(format!("W/\"{}\"", stored.etag.to_uppercase()).into_boxed_str());
            stage.to.inject(Rule::on(Kind::Head, Fault::Header("etag", Some(weak))).containing(key));
        }
        let end = stage.sync().await;
        let found = end.done("second").found;
        assert_eq!((found.enqueued, found.unchanged, found.not_judged), (0, 6, 0), "{compare:?}");
    }
}

/// Runs the built program from a folder to the stage's destination.
async fn from_folder(stage: &Stage, folder: &Path, state: &Path, compare: &str) -> Ended {
    let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    let Side { location, connection, .. } = &stage.destination;
    let mut arguments = vec!["sync".to_owned(), text(folder), location.to_string(), "--json".to_owned()];
    for (option, value) in [
        ("--destination-endpoint-url", connection.endpoint_url.clone().expect("is given")),
        ("--destination-credentials", connection.credentials.clone().expect("is given")),
        ("--compare", compare.to_owned()),
        ("--retry-delay", "10ms".to_owned()),
        ("--state", text(state)),
    ] {
        arguments.extend([option.to_owned(), value]);
    }
    Process::start(&binaries::flotilla(), arguments, []).wait(Duration::from_secs(60)).await
}

/// A file whose copy is found to be wrong each time, and cannot be removed, is copied by each run until one is right.
#[tokio::test(flavor = "multi_thread")]
async fn regression_wrong_bytes_that_remain_are_never_in_sync() {
    for compare in ["auto", "size-mtime"] {
        let stage = Stage::new(Objects::small(0)).await;
        let bucket = stage.destination.location.bucket();
        // Its tags say nothing of the bytes, so what was written is read again.
        stage.cloud.encrypt(bucket, Encryption { kind: "aws:kms".into(), key: None });
        let (folder, state) = (fresh_folder("source"), fresh_folder("state"));
        for name in ["bad", "good"] {
            std::fs::write(folder.join(name), content(name, 1_000)).expect("the file is written");
        }
        stage.to.inject(Rule::on(Kind::Get, Fault::FlipResponse(0)).containing("/bad"));
        stage.to.inject(Rule::on(Kind::Delete, denied()));
        for run in ["first", "second"] {
            let ended = from_folder(&stage, &folder, &state, compare).await;
            assert_eq!(ended.code, Some(1), "{compare} {run}: {}", ended.stderr);
            assert!(ended.stderr.contains("bad"), "{compare} {run}: {}", ended.stderr);
            // What the store holds is wrong indeed, and younger than the file.
            stage.cloud.change(bucket, "bad", |stored| stored.bytes = vec![0; 1_000].into());
        }
        stage.to.heal();
        stage.to.reset();
        let ended = from_folder(&stage, &folder, &state, compare).await;
        assert_eq!(ended.code, Some(0), "{compare}: {}", ended.stderr);
        let stored = stage.cloud.object(bucket, "bad").expect("it is there");
        assert!(stored.bytes == content("bad", 1_000), "{compare}: the wrong bytes are still there");
        assert_eq!(stage.to.count(Kind::Put), 1, "{compare}: the good one is left");
        // It was verified, so it is trusted again.
        let ended = from_folder(&stage, &folder, &state, compare).await;
        assert_eq!((ended.code, stage.to.count(Kind::Put)), (Some(0), 1), "{compare}: {}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_source_that_lists_nothing_says_so() {
    let mut stage = Stage::new(Objects::small(3)).await;
    let bucket = stage.source.location.bucket().to_owned();
    let list = fresh_folder("list").join("prefixes");
    std::fs::write(&list, "small/\nnone/\n").expect("the list is written");
    let state = fresh_folder("state");
    let ended = flotilla(&stage, &state, &["--prefix-list", list.to_str().expect("UTF-8")]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("begin with \"none/\"") && !ended.stderr.contains("\"small/\""), "{}", ended.stderr);
    stage.source.location = format!("s3://{bucket}/nothing/here").parse().expect("a location");
    for options in [&[][..], &["--dry-run"]] {
        let ended = flotilla(&stage, &state, options).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stderr.contains("has no objects"), "{}", ended.stderr);
    }
}
