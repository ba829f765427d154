//! Rights that a store does not give: lost metadata is named, and nothing else fails.

use flotilla_tests::cloud::{Cloud, Encryption, Profile, StoredObject};
use flotilla_tests::emulators::fresh_folder;
use flotilla_tests::proxy::{Fault, Kind, Proxy, Rule};

use crate::fidelity::{CUT, Sync, count, map, stage, summary};
use crate::support::{MIB, content};

/// An object goes whole, or in parts, under the options of [`CUT`].
const SIZES: [(&str, usize); 2] = [("whole", 1000), ("parts", 6 * MIB)];

const READ_TAGS: [&str; 2] = ["GetObjectTagging", "GetObjectVersionTagging"];

fn tagged(stored: &mut StoredObject) {
    stored.tags = map([("team", "blue")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_unreadable_tags_are_named_and_strict_fails() {
    for (one_store, versioned) in [(false, false), (false, true), (true, false), (true, true)] {
        let (from, other) = stage(one_store).await;
        let to = other.as_ref().unwrap_or(&from);
        let (source, destination) = (from.create_bucket("source"), to.create_bucket("destination"));
        if versioned {
            from.keep_versions(&source);
        }
        SIZES.iter().for_each(|(key, size)| from.put_as(&source, key, content(key, *size), tagged));
        from.deny(&source, &READ_TAGS);
        let case = format!("one store: {one_store}, versioned: {versioned}");
        let ended = Sync::between(&from, &source, to, &destination).run(&CUT).await;
        assert_eq!(count(&summary(&ended, 0), "copied"), 2, "{case}: {}", ended.stderr);
        assert_eq!(ended.stderr.matches("allow s3:GetObjectTagging").count(), 1, "{case}: {}", ended.stderr);
        let strict = to.create_bucket("strict");
        let ended = Sync::between(&from, &source, to, &strict).run(&[&CUT[..], &["--strict"]].concat()).await;
        assert_eq!(count(&summary(&ended, 1), "failed"), 2, "{case}: {}", ended.stderr);
        assert_eq!(to.keys(&strict), [""; 0], "{case}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_tags_of_a_versioned_source_need_one_right_only() {
    let (from, to) = (Cloud::start(Profile::AMAZON).await, Cloud::start(Profile::AMAZON).await);
    let (source, destination) = (from.create_bucket("source"), to.create_bucket("destination"));
    from.keep_versions(&source);
    SIZES.iter().for_each(|(key, size)| from.put_as(&source, key, content(key, *size), tagged));
    from.deny(&source, &["GetObjectVersionTagging"]);
    let ended = Sync::between(&from, &source, &to, &destination).run(&[&CUT[..], &["--strict"]].concat()).await;
    assert_eq!(count(&summary(&ended, 0), "copied"), 2, "{}", ended.stderr);
    for (key, copy) in to.objects(&destination) {
        assert_eq!(copy.tags, map([("team", "blue")]), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_tags_arrive_from_a_store_that_reports_no_counts() {
    let silent = Profile { has_tags: true, reports_tag_counts: false, ..Profile::UNKNOWN };
    let (from, to) = (Cloud::start(silent).await, Cloud::start(Profile::AMAZON).await);
    let (source, destination) = (from.create_bucket("source"), to.create_bucket("destination"));
    (0..5).for_each(|n| from.put(&source, &format!("a/{n}"), "x"));
    SIZES.iter().for_each(|(key, size)| from.put_as(&source, key, content(key, *size), tagged));
    let ended = Sync::between(&from, &source, &to, &destination).run(&CUT).await;
    assert_eq!(count(&summary(&ended, 0), "copied"), 7, "{}", ended.stderr);
    for (key, _) in SIZES {
        assert_eq!(to.object(&destination, key).expect("it was copied").tags, map([("team", "blue")]), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_without_tags_cost_one_request_for_tags_a_run() {
    let (from, to) = (Cloud::start(Profile::MINIO).await, Cloud::start(Profile::AMAZON).await);
    let (source, destination) = (from.create_bucket("source"), to.create_bucket("destination"));
    (0..40).for_each(|n| from.put(&source, &format!("a/{n}"), "x"));
    let ended = Sync::between(&from, &source, &to, &destination).run(&["--concurrency", "1"]).await;
    assert_eq!(count(&summary(&ended, 0), "copied"), 40, "{}", ended.stderr);
    assert_eq!(from.count(Kind::Detail), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_denied_tags_fail_only_tagged_objects() {
    for one_store in [false, true] {
        let (from, other) = stage(one_store).await;
        let to = other.as_ref().unwrap_or(&from);
        let (source, destination) = (from.create_bucket("source"), to.create_bucket("destination"));
        (0..40).for_each(|n| from.put_as(&source, &format!("a/{n}"), "x", tagged));
        (0..40).for_each(|n| from.put(&source, &format!("b/{n}"), "x"));
        to.deny(&destination, &["PutObjectTagging"]);
        let sync = Sync::between(&from, &source, to, &destination);
        let ended = sync.run(&[]).await;
        let totals = summary(&ended, 1);
        assert_eq!((count(&totals, "copied"), count(&totals, "failed")), (40, 40), "{}", ended.stderr);
        assert!(ended.stderr.contains("allow s3:PutObjectTagging"), "{}", ended.stderr);
        let ended = sync.run(&["--no-tags"]).await;
        assert_eq!(count(&summary(&ended, 0), "copied"), 40, "one store: {one_store}: {}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_unreadable_destination_tags_are_one_warning() {
    let (from, to) = (Cloud::start(Profile::AMAZON).await, Cloud::start(Profile::AMAZON).await);
    let (source, destination) = (from.create_bucket("source"), to.create_bucket("destination"));
    ["a", "b"].iter().for_each(|key| from.put_as(&source, key, *key, tagged));
    to.deny(&destination, &READ_TAGS);
    let sync = Sync::between(&from, &source, &to, &destination);
    assert_eq!(count(&summary(&sync.run(&["--metadata"]).await, 0), "copied"), 2);
    from.change(&source, "a", |stored| stored.tags = map([("team", "red")]));
    let ended = sync.run(&["--metadata"]).await;
    assert_eq!(count(&summary(&ended, 0), "copied"), 0, "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("changes of tags alone are not copied").count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("allow s3:GetObjectTagging"), "{}", ended.stderr);
    let ended = sync.run(&["--metadata", "--strict"]).await;
    assert_eq!(count(&summary(&ended, 1), "copied"), 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("with strict, tags must be comparable"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_redirects_and_locks_are_named_and_strict_fails() {
    let kinds = [
        ("x-amz-website-redirect-location", "/there", "website redirects"),
        ("x-amz-object-lock-mode", "GOVERNANCE", "retention by object lock"),
        ("x-amz-object-lock-legal-hold", "ON", "legal holds"),
    ];
    for one_store in [false, true] {
        let (from, other) = stage(one_store).await;
        let to = other.as_ref().unwrap_or(&from);
        for (header, value, words) in kinds {
            let (source, destination) = (from.create_bucket("source"), to.create_bucket("destination"));
            for (key, size) in SIZES {
                from.put_as(&source, key, content(key, size), |stored| {
                    drop(stored.headers.insert(header.into(), value.into()))
                });
            }
            from.put(&source, "plain", "x");
            let strict = to.create_bucket("strict");
            let ended = Sync::between(&from, &source, to, &strict).run(&[&CUT[..], &["--strict"]].concat()).await;
            let totals = summary(&ended, 1);
            assert_eq!((count(&totals, "copied"), count(&totals, "failed")), (1, 2), "{header}: {}", ended.stderr);
            let ended = Sync::between(&from, &source, to, &destination).run(&CUT).await;
            assert_eq!(count(&summary(&ended, 0), "copied"), 3, "{header}: {}", ended.stderr);
            assert_eq!(ended.stderr.matches(words).count(), 1, "{header}: {}", ended.stderr);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_losses_of_service_copies_are_named_at_little_cost() {
    const COPIES: u64 = 5;
    let (website, lock) = ("GetBucketWebsite", "GetBucketObjectLockConfiguration");
    let kinds = [
        ("x-amz-website-redirect-location", "website redirects", website),
        ("x-amz-object-lock-mode", "retention by object lock", lock),
        ("x-amz-object-lock-legal-hold", "legal holds", lock),
    ];
    for (header, words, right) in kinds {
        for may_ask in [true, false] {
            let store = Cloud::start(Profile::AMAZON).await;
            let (source, destination) = (store.create_bucket("source"), store.create_bucket("destination"));
            match may_ask {
                false => store.deny(&source, &[right]),
                true if right == website => store.serve_website(&source),
                true => store.lock(&source),
            }
            (1..COPIES).for_each(|n| store.put(&source, &format!("a{n}"), "x"));
            store.put_as(&source, "b", "x", |stored| drop(stored.headers.insert(header.into(), "ON".into())));
            let ended = Sync::between(&store, &source, &store, &destination).run(&[]).await;
            let case = format!("{header}, may ask: {may_ask}: {}", ended.stderr);
            assert_eq!(count(&summary(&ended, 0), "copied"), COPIES, "{case}");
            assert_eq!(ended.stderr.matches(words).count(), 1, "{case}");
            assert_eq!((store.count(Kind::Copy), store.count(Kind::Head)), (COPIES, COPIES), "{case}");
        }
    }
    let store = Cloud::start(Profile::AMAZON).await;
    let (source, destination) = (store.create_bucket("source"), store.create_bucket("destination"));
    (0..COPIES).for_each(|n| store.put(&source, &format!("a{n}"), "x"));
    let ended = Sync::between(&store, &source, &store, &destination).run(&[]).await;
    assert_eq!(count(&summary(&ended, 0), "copied"), COPIES, "{}", ended.stderr);
    assert_eq!((store.count(Kind::Copy), store.count(Kind::Head)), (COPIES, 0), "a bucket that has none of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_bucket_with_object_lock_gets_checksums() {
    for profile in [Profile::AMAZON, Profile::UNKNOWN, Profile::MINIO] {
        let (from, to) = (Cloud::start(Profile::AMAZON).await, Cloud::start(profile.clone()).await);
        let (source, opaque) = (from.create_bucket("source"), from.create_bucket("opaque"));
        let folder = fresh_folder("source");
        for (key, size) in SIZES.into_iter().chain([("empty", 0)]) {
            from.put(&source, key, content(key, size));
            from.put_as(&opaque, key, content(key, size), |stored| {
                stored.encryption = Some(Encryption { kind: "aws:kms".to_owned(), key: None });
                stored.checksum = None;
            });
            std::fs::write(folder.join(key), content(key, size)).expect("the file is written");
        }
        let at = |bucket: &str| (from.endpoint.as_str(), format!("s3://{bucket}"));
        for side in [at(&source), at(&opaque), ("", folder.display().to_string())] {
            let destination = to.create_bucket("locked");
            to.lock(&destination);
            let ended = Sync::new(side.clone(), (&to.endpoint, format!("s3://{destination}"))).run(&CUT).await;
            let case = format!("{} from {side:?}", profile.name);
            assert_eq!(count(&summary(&ended, 0), "copied"), 3, "{case}: {}", ended.stderr);
            for (key, copy) in to.objects(&destination) {
                let size = SIZES.iter().find(|(known, _)| *known == key).map_or(0, |(_, size)| *size);
                assert!(copy.bytes == content(&key, size), "{case}: bytes of {key} differ");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_one_refused_copy_leaves_the_others_to_the_service() {
    let store = Cloud::start(Profile::AMAZON).await;
    let (source, destination) = (store.create_bucket("source"), store.create_bucket("destination"));
    (0..20).for_each(|n| store.put(&source, &format!("a/{n:02}"), "x"));
    let proxy = Proxy::start(&store.endpoint).await;
    let denied = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    proxy.inject(Rule::on(Kind::Copy, Fault::Respond(403, denied.to_owned())).containing("a/00"));
    let side = |bucket: &str| (proxy.endpoint.as_str(), format!("s3://{bucket}"));
    let ended = Sync::new(side(&source), side(&destination)).run(&["--concurrency", "1"]).await;
    assert_eq!(count(&summary(&ended, 0), "copied"), 20, "{}", ended.stderr);
    assert_eq!((store.count(Kind::Copy), store.count(Kind::Put)), (19, 1), "{}", ended.stderr);
}
