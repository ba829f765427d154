//! Messages that are none of the task's, or no events at all.

use flotilla_tests::cloud::{Cloud, Profile};
use serde_json::json;
use shared::objects::reasons::OUT_OF_SCOPE;

use super::bodies::{EventRecord, FORMS, What, records};
use super::following::Following;
use super::side::Side;

/// A task that copies the folder `p` of its source.
async fn below_p(cloud: &Cloud, own_queue: bool) -> Following {
    let (from, to) = (Side::cloud(cloud, "source").await, Side::cloud(cloud, "destination").await);
    Following::below(from, to, "/p", own_queue, "delete = true\n", "").await
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_events_are_out_of_scope_and_copy_nothing() {
    let cloud = Cloud::start(Profile::AMAZON).await;
    let mut following = below_p(&cloud, true).await;
    let bucket = following.from.bucket.clone();
    let other = cloud.create_bucket("other");
    // None of these is the folder's: its namesakes, what lies beside it, its own marker.
    let outside = ["p2/a", "q/a", "p", "p/", "a", "P/a"];
    for key in outside.into_iter().chain(["p/a"]) {
        cloud.put(&other, key, "another bucket's");
        following.from.put(key, "the source's").await;
    }
    following.from.put("p/b", "the only one").await;
    for key in ["a", "2/a"] {
        following.to.put(key, "is at the destination").await;
    }
    let mut bodies: Vec<String> = Vec::new();
    for what in [What::Created, What::Removed] {
        bodies.extend(outside.map(|key| records([&EventRecord { bucket: &bucket, key, what }])));
        // Of another bucket, in every form that names the bucket. Two forms do not, and one vendor's names are others.
        let forms = FORMS.iter().filter(|(name, _)| !name.starts_with("minimal") && *name != "kodo");
        bodies.extend(forms.map(|(_, form)| form(&EventRecord { bucket: &other, key: "p/a", what })));
    }
    following.follow(bodies).await;
    following.start_workers(1);
    following.until_followed().await;
    let settled = following.settled().await;
    let counted = (settled.skipped_by.of(OUT_OF_SCOPE), settled.skipped, settled.objects());
    assert_eq!(counted, (following.records, following.records, following.records), "{settled:?}");
    assert_eq!((following.to.proxy.writes(), following.from.proxy.writes()), (0, 0));
    assert_eq!(following.to.keys().await, ["2/a", "a"]);
    assert_eq!(following.dead_letters().await, []);
    let skipped = following.metric("flotilla_events_total", &["verdict=\"out-of-scope\""]).await;
    let all = following.metric("flotilla_events_total", &[]).await;
    assert_eq!((skipped, all), (following.records as f64, following.records as f64));

    // One of its own is followed by then.
    following.follow([records([&EventRecord { bucket: &bucket, key: "p/b", what: What::Created }])]).await;
    following.until_followed().await;
    following.stop().await;
    assert_eq!(following.to.get("b").await.map(|object| object.bytes), Some("the only one".into()));
    assert_eq!(following.settled().await.copied, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_messages_are_dead_letters_with_a_reason() {
    for own_queue in [true, false] {
        let cloud = Cloud::start(Profile::AMAZON).await;
        let mut following = below_p(&cloud, own_queue).await;
        let bucket = following.from.bucket.clone();
        let nameless =
            records([&EventRecord { bucket: &bucket, key: "p/a", what: What::Created }]).replace("\"key\"", "\"kee\"");
        let confirm = json!({"Type": "SubscriptionConfirmation", "MessageId": "165545c9", "Token": "2336412f37",
            "TopicArn": "arn:aws:sns:us-west-2:123456789012:MyTopic", "Message": "You have chosen to subscribe …",
            "SubscribeURL": "https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription", "Timestamp": "2012-04-26T20:45:04.751Z"})
        .to_string();
        // Each with a part of its reason.
        let others = [
            ("no event".to_owned(), "neither a JSON object nor a list"),
            (json!({"detail": 1, "what": "?"}).to_string(), "unknown format"),
            ("[]".to_owned(), "empty"),
            (nameless, "record 1"),
            (json!({"v": 1, "task": "another", "run": "r"}).to_string(), ""),
            (confirm, "open the SubscribeURL"),
        ];
        let mut bodies: Vec<String> = others.iter().map(|(body, _)| body.clone()).collect();
        let test = json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2014-10-13T15:57:02.089Z",
            "Bucket": bucket, "RequestId": "5582815E1AEA5ADF", "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3e"});
        bodies.push(test.to_string());
        following.send(bodies).await;
        let keys: Vec<String> = (0..5).map(|index| format!("p/{index}")).collect();
        let mut bodies = Vec::new();
        for key in &keys {
            following.from.put(key, key.clone()).await;
            bodies.push(records([&EventRecord { bucket: &bucket, key, what: What::Created }]));
        }
        following.follow(bodies).await;
        following.start_workers(1);
        following.until_followed().await;
        following.stop().await;
        let settled = following.settled().await;
        assert_eq!((settled.copied, settled.objects()), (5, 5), "{settled:?}");
        assert_eq!(following.to.keys().await, ["0", "1", "2", "3", "4"]);
        let letters = following.dead_letters().await;
        for (body, part) in &others {
            let of: Vec<&String> = letters.iter().filter(|(dead, _)| dead == body).map(|(_, reason)| reason).collect();
            assert!(matches!(of[..], [reason] if !reason.is_empty() && reason.contains(part)), "{body}: {of:?}");
        }
        assert_eq!(letters.len(), others.len(), "the test event is no letter: {letters:?}");
    }
}
