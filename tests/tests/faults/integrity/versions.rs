//! Objects that change while they are copied: they arrive wholly old or wholly new.

use std::sync::Arc;
use std::time::Duration;

use flotilla_tests::cloud::{Cloud, Profile};
use flotilla_tests::proxy::{Fault, Kind, Rule};
use futures::stream::{self, StreamExt};
use shared::ledger::{Outcome, State};
use tokio::time::sleep;

use super::pair::SideKind::{Folder, Md5, Nothing};
use super::pair::{PART, Pair, SideKind, TestSide, content};

const SIZE: usize = 2 * PART + 1000;

/// A store that does not know `If-Match`.
const HEEDLESS: Profile = Profile { heeds_if_match: false, ..Profile::UNKNOWN };

/// Long enough for a test to do something meanwhile. If it does not, the old one arrives.
const DELAY: Fault = Fault::Delay(Duration::from_millis(300));

/// Wholly one of these, as the outcome says.
fn assert_one_of(pair: &Pair, outcome: &Outcome, versions: &[&[u8]], case: &str) {
    assert_eq!(outcome.state, State::Copied, "{case}: {outcome:?}");
    let stored = pair.destination.stored("k").expect("it is there");
    assert!(versions.iter().any(|version| stored == *version), "{case}: it is mixed");
    assert_eq!(outcome.size, stored.len() as u64, "{case}");
}

async fn seen(side: &TestSide, kind: Kind, count: u64) {
    while side.proxy().count(kind) < count {
        sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_overwritten_between_its_parts_is_never_mixed() {
    let cases = [
        (Md5, Profile::UNKNOWN, SIZE),
        (Md5, Profile::UNKNOWN, SIZE - 500),
        (Md5, Profile::UNKNOWN, SIZE + 500),
        (Md5, HEEDLESS, SIZE),
        (Nothing, Profile::UNKNOWN, SIZE),
        (Nothing, HEEDLESS, SIZE),
        (Md5, Profile::AMAZON, SIZE),
    ];
    let check = async |(kind, profile, size_after): (SideKind, Profile, usize)| {
        let name = profile.name;
        let mut pair = Pair::new(TestSide::new(kind, profile).await, TestSide::new(Md5, Profile::UNKNOWN).await).await;
        pair.machine.concurrency = 1;
        let (old, new) = (content(1, SIZE), content(2, size_after));
        pair.source.put("k", &old);
        pair.source.proxy().inject(Rule::on(Kind::Get, DELAY).after(1).times(1));
        let overwrite = async {
            seen(&pair.source, Kind::Get, 2).await;
            pair.source.put("k", &new);
        };
        let (outcome, ()) = tokio::join!(pair.copy("k"), overwrite);
        assert_one_of(&pair, &outcome, &[&old, &new], name);
    };
    stream::iter(cases).for_each_concurrent(2, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_overwritten_while_a_worker_is_down_is_never_mixed() {
    for (kind, profile) in [(Md5, Profile::UNKNOWN), (Md5, HEEDLESS), (Folder, Profile::UNKNOWN)] {
        let mut pair = Pair::new(TestSide::new(kind, profile).await, TestSide::new(Md5, Profile::UNKNOWN).await).await;
        pair.machine.concurrency = 1;
        pair.machine.lease = Duration::from_secs(1);
        let (old, new) = (content(1, SIZE), content(2, SIZE));
        pair.source.put("k", &old);
        pair.enqueue("k").await;
        pair.destination.proxy().inject(Rule::on(Kind::Part, Fault::Stall).containing("partNumber=3"));
        pair.work_until(async || pair.recorded_parts("k").await == 2).await;
        pair.destination.proxy().heal();
        pair.source.put("k", &new);
        let outcome = pair.work("k").await;
        assert_eq!(outcome.state, State::Copied, "{outcome:?}");
        assert!(pair.destination.stored("k") == Some(new), "{kind:?}: it is not the new one");
    }
}

/// A service that copies parts by itself may not know `x-amz-copy-source-if-match`.
#[tokio::test(flavor = "multi_thread")]
async fn parts_that_the_service_copies_are_of_one_version() {
    for profile in [Profile::UNKNOWN, HEEDLESS] {
        let cloud = Arc::new(Cloud::start(profile.clone()).await);
        let source = TestSide::within(Md5, cloud.clone()).await;
        let mut destination = TestSide::within(Md5, cloud.clone()).await;
        destination.reach_as(&source);
        let mut pair = Pair::new(source, destination).await;
        pair.machine.concurrency = 1;
        let (old, new) = (content(1, SIZE), content(2, SIZE));
        pair.source.put("k", &old);
        pair.source.proxy().inject(Rule::on(Kind::PartCopy, DELAY).after(1).times(1));
        let overwrite = async {
            seen(&pair.source, Kind::PartCopy, 2).await;
            pair.source.put("k", &new);
        };
        let (outcome, ()) = tokio::join!(pair.copy("k"), overwrite);
        assert_one_of(&pair, &outcome, &[&old, &new], profile.name);
    }
}

/// As a worker may that lost its lease: its request comes when others have gone on.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_part_of_another_worker_is_not_taken_for_ours() {
    let mut pair = Pair::of(Md5, Md5).await;
    pair.machine.concurrency = 1;
    pair.machine.lease = Duration::from_secs(1);
    let bytes = content(1, SIZE);
    pair.source.put("k", &bytes);
    pair.enqueue("k").await;
    pair.destination.proxy().inject(Rule::on(Kind::Part, Fault::Stall).containing("partNumber=3"));
    pair.work_until(async || pair.recorded_parts("k").await == 2).await;
    pair.destination.proxy().heal();
    let (cloud, _, bucket) = pair.destination.cloud.as_ref().expect("a store");
    let upload = cloud.uploads(bucket).pop().expect("the upload is open");
    let part = cloud.client().upload_part().bucket(bucket).key("k").upload_id(&upload.id).part_number(2);
    part.body(vec![0; PART].into()).send().await.expect("the late part is taken");
    let outcome = pair.work("k").await;
    assert_eq!(outcome.state, State::Copied, "{outcome:?}");
    assert!(pair.destination.stored("k") == Some(bytes), "the late part was taken for ours");
}

/// Same size, and the time set back: inode and change time differ.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_replaced_between_its_parts_is_never_mixed() {
    let mut pair = Pair::of(SideKind::Folder, Md5).await;
    pair.machine.concurrency = 1;
    let (old, new) = (content(1, SIZE), content(2, SIZE));
    pair.source.put("k", &old);
    let time = pair.source.modified("k");
    pair.destination.proxy().inject(Rule::on(Kind::Part, DELAY).times(1));
    let overwrite = async {
        seen(&pair.destination, Kind::Part, 1).await;
        pair.source.put("k", &new);
        pair.source.set_modified("k", time);
    };
    let (outcome, ()) = tokio::join!(pair.copy("k"), overwrite);
    assert_one_of(&pair, &outcome, &[&old, &new], "a file");
}
