//! Objects that change while they are uploaded in parts.

use std::time::Duration;

use flotilla_tests::cloud::{Cloud, Profile};
use flotilla_tests::proxy::{Fault, Kind, Rule};

use super::bodies::{EventRecord, What, records};
use super::following::Following;
use super::side::Side;
use crate::support::{MIB, content};

const PARTS: &str = "part-size = \"5MiB\"\nmultipart-threshold = \"6MiB\"\nconcurrency = 4\n";

/// Puts an object again each time a part of it has been sent, and sends an event; in the end the last version is there.
async fn change_between_parts(profile: Profile, work: &str, size: usize) {
    let cloud = Cloud::start(profile).await;
    let (from, to) = (Side::cloud(&cloud, "source").await, Side::cloud(&cloud, "destination").await);
    let mut following = Following::new(from, to, true, "delete = true\n", work).await;
    let bucket = following.from.bucket.clone();
    let record = EventRecord { bucket: &bucket, key: "large", what: What::Created };
    following.to.proxy.inject(Rule::on(Kind::Part, Fault::Delay(Duration::from_millis(100))));
    following.start_workers(2);
    for change in 0..6 {
        let parts = following.to.proxy.count(Kind::Part);
        // Of the same size, mostly: only its version differs.
        let size = if change == 3 { size - 5 * MIB } else { size };
        following.from.put("large", content(&format!("large@{change}"), size)).await;
        following.follow([records([&record])]).await;
        following
            .until("a part is sent", async |following| following.to.proxy.count(Kind::Part) > parts + change % 3)
            .await;
    }
    // Gone, and there again as another.
    following.from.delete("large").await;
    following.follow([records([&EventRecord { what: What::Removed, ..record }])]).await;
    following.from.put("large", content("the last", size)).await;
    following.follow([records([&record])]).await;
    following.to.proxy.heal();
    following.until_followed().await;
    following
        .until("a giant's parts are done", async |following| {
            following.to.get("large").await == following.from.get("large").await && following.waiting().await == 0
        })
        .await;
    following.stop().await;
    following.assert_followed().await;
    let ledger = &following.task.ledger;
    use shared::objects::UploadLog as _;
    assert_eq!(ledger.upload(&following.task.name, "large").await.expect("answers"), None);
    assert_eq!(ledger.intents(&following.task.name, "large").await.expect("answers"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_changed_during_its_upload_arrives_as_the_last() {
    change_between_parts(Profile::AMAZON, PARTS, 17 * MIB).await;
    change_between_parts(Profile::UNKNOWN, PARTS, 17 * MIB).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_giant_changed_during_its_upload_arrives_as_the_last() {
    let work = format!("{PARTS}giant-threshold = \"6MiB\"\n");
    change_between_parts(Profile::AMAZON, &work, 27 * MIB).await;
    change_between_parts(Profile::UNKNOWN, &work, 27 * MIB).await;
}
