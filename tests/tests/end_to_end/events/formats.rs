//! Every vendor's message, sent as it is to a queue, makes the destination equal.

use flotilla_tests::cloud::{Cloud, Profile};

use super::bodies::{EventRecord, FORMS, What, records};
use super::following::Following;
use super::side::Side;

/// What forms, form encodings and Base64 have bent in somebody's program.
const AWKWARD: &str = "a b+c%20d/\u{e9}\u{6f22} & \u{1f980}";

/// A key of each form's own, and one more that is plain.
fn keys(form: &str) -> [String; 2] {
    [format!("{form}/plain"), format!("{form}/{AWKWARD}")]
}

/// Of each form a message about each of its keys.
fn bodies(bucket: &str, what: What) -> Vec<String> {
    let bodies = |(name, form): &(&str, super::bodies::Form)| {
        keys(name).map(|key| form(&EventRecord { bucket, key: &key, what })).into_iter()
    };
    FORMS.iter().flat_map(bodies).collect()
}

async fn put_all(side: &Side, text: &str) {
    for (name, _) in FORMS {
        for key in keys(name) {
            side.put(&key, format!("{text} of {key}")).await;
        }
    }
}

async fn formats_bring_and_remove(from: Side, to: Side, own_queue: bool) {
    let mut following = Following::new(from, to, own_queue, "delete = true\n", "").await;
    following.start_workers(1);
    put_all(&following.from, "the first").await;
    following.follow(bodies(&following.from.bucket.clone(), What::Created)).await;
    following.until_followed().await;
    following.assert_followed().await;
    let settled = following.settled().await;
    assert_eq!(settled.copied, 2 * FORMS.len() as u64, "{settled:?}; {}", following.workers[0].stderr());

    put_all(&following.from, "the next").await;
    following.follow(bodies(&following.from.bucket.clone(), What::Created)).await;
    following.until_followed().await;
    following.assert_followed().await;

    for (name, _) in FORMS {
        for key in keys(name) {
            following.from.delete(&key).await;
        }
    }
    following.follow(bodies(&following.from.bucket.clone(), What::Removed)).await;
    following.until_followed().await;
    following.stop().await;
    following.assert_followed().await;
    assert_eq!(following.to.keys().await, Vec::<String>::new());
    assert_eq!(following.settled().await.deleted, 2 * FORMS.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_format_copies_overwrites_and_removes() {
    let cloud = Cloud::start(Profile::AMAZON).await;
    let (from, to) = (Side::cloud(&cloud, "source").await, Side::weed("destination").await);
    formats_bring_and_remove(from, to, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_of_event_does_so_on_the_queue_of_jobs_too() {
    let cloud = Cloud::start(Profile::UNKNOWN).await;
    let (from, to) = (Side::weed("source").await, Side::cloud(&cloud, "destination").await);
    formats_bring_and_remove(from, to, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_records_of_one_message_are_followed_and_counted_each() {
    let cloud = Cloud::start(Profile::AMAZON).await;
    let (from, to) = (Side::cloud(&cloud, "source").await, Side::cloud(&cloud, "destination").await);
    let mut following = Following::new(from, to, true, "delete = true\n", "").await;
    let keys: Vec<String> = (0..40).map(|index| format!("folder/{index} {AWKWARD}")).collect();
    for key in &keys {
        following.from.put(key, key.clone()).await;
    }
    following.to.put(&keys[0], "what is gone at the source").await;
    following.from.delete(&keys[0]).await;
    let bucket = following.from.bucket.clone();
    // The last comes twice, and the first as if it had been written.
    let all: Vec<EventRecord<'_>> =
        keys.iter().chain(keys.last()).map(|key| EventRecord { bucket: &bucket, key, what: What::Created }).collect();
    following.follow([records(&all)]).await;
    following.start_workers(1);
    following.until_followed().await;
    following.stop().await;
    following.assert_followed().await;
    let settled = following.settled().await;
    assert_eq!((settled.deleted, settled.objects()), (1, 41), "{settled:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_delete_removed_keys_stay_at_the_destination() {
    let cloud = Cloud::start(Profile::AMAZON).await;
    let (from, to) = (Side::cloud(&cloud, "source").await, Side::cloud(&cloud, "destination").await);
    let mut following = Following::new(from, to, true, "", "").await;
    following.start_workers(1);
    for (name, _) in FORMS {
        for key in keys(name) {
            following.to.put(&key, "kept").await;
        }
    }
    following.follow(bodies(&following.from.bucket.clone(), What::Removed)).await;
    following.until_followed().await;
    following.stop().await;
    let settled = following.settled().await;
    assert_eq!((settled.skipped, settled.objects()), (following.records, following.records), "{settled:?}");
    assert_eq!(following.to.keys().await.len(), 2 * FORMS.len());
    assert_eq!(following.to.proxy.writes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_marker_removes_the_copy_until_it_is_removed() {
    let cloud = Cloud::start(Profile::AMAZON).await;
    let (from, to) = (Side::cloud(&cloud, "source").await, Side::cloud(&cloud, "destination").await);
    cloud.keep_versions(&from.bucket);
    let mut following = Following::new(from, to, true, "delete = true\n", "").await;
    following.start_workers(1);
    let bucket = following.from.bucket.clone();
    let record = |what| EventRecord { bucket: &bucket, key: "a", what };
    following.from.put("a", "the first").await;
    following.from.put("a", "the second").await;
    following.follow([records([&record(What::Created)])]).await;
    following.until_followed().await;
    following.assert_followed().await;

    following.from.delete("a").await;
    let marker = records([&record(What::Removed)]).replace("ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated");
    following.follow([marker]).await;
    following.until_followed().await;
    following.assert_followed().await;
    assert!(!following.to.has("a").await);

    let versions = cloud.versions(&bucket, "a");
    let marker = versions.last().filter(|version| version.is_delete_marker).expect("the newest is a marker");
    let delete = following.from.client.delete_object().bucket(&bucket).key("a").set_version_id(marker.version.clone());
    delete.send().await.expect("a version is deleted");
    following.follow([records([&record(What::Removed)])]).await;
    following.until_followed().await;
    following.stop().await;
    following.assert_followed().await;
    assert_eq!(following.to.get("a").await.map(|object| object.bytes), Some("the second".into()));
}
