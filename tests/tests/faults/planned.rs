//! The requests that a plan counts, against those of the run itself.

use std::collections::BTreeMap;
use std::time::Duration;

use flotilla_tests::cloud::Profile;
use flotilla_tests::emulators::fresh_folder;
use flotilla_tests::proxy::{Kind, Proxy};
use tokio_util::sync::CancellationToken;

use crate::stage::{Objects, Stage, content};

/// A store that has tags and does not report their number, so that each object costs a request for them. (One that has
/// none is asked for tags until it has refused them, by as many requests as are on their way by then.)
const STORE: Profile = Profile { has_tags: true, reports_tag_counts: false, ..Profile::UNKNOWN };

/// The operations of a plan, with the requests that each of them counts.
const OPERATIONS: [(&str, &[Kind]); 7] = [
    ("list", &[Kind::List, Kind::ListParts, Kind::ListUploads]),
    ("head", &[Kind::Head, Kind::Attributes]),
    ("get", &[Kind::Get]),
    ("tags", &[Kind::Detail]),
    ("put", &[Kind::Put, Kind::Copy, Kind::Create, Kind::Part, Kind::PartCopy, Kind::Complete]),
    ("delete", &[Kind::Delete, Kind::Abort]),
    ("delete-many", &[Kind::DeleteMany]),
];

fn asked(proxies: &[&Proxy]) -> BTreeMap<&'static str, u64> {
    let count = |kinds: &[Kind]| proxies.iter().flat_map(|proxy| kinds.iter().map(|kind| proxy.count(*kind))).sum();
    OPERATIONS.into_iter().map(|(operation, kinds)| (operation, count(kinds))).filter(|(_, count)| *count > 0).collect()
}

/// Plans a run, makes it, and compares both: the sides apart, or together if one service has both.
async fn assert_planned(stage: &Stage, case: &str) {
    let (source, destination) = stage.stores().await;
    // As the program does before it plans: a store is known by its first answer.
    source.probe().await.expect("the source answers");
    destination.probe().await.expect("the destination answers");
    let stop = CancellationToken::new();
    let plan = finder::plan(source, destination, &stage.find, &stage.work, stop, Default::default()).await;
    let plan = plan.expect("a plan");
    let is_one = stage.source.connection.endpoint_url == stage.destination.connection.endpoint_url;
    let planned = |services: &[&str]| {
        let mut counts = BTreeMap::new();
        for requests in plan.cost.requests.iter().filter(|requests| services.contains(&&*requests.service)) {
            *counts.entry(&*requests.operation).or_default() += requests.count;
        }
        counts
    };
    stage.from.reset();
    stage.to.reset();
    let (source, destination) = stage.stores().await;
    source.probe().await.expect("the source answers");
    destination.probe().await.expect("the destination answers");
    stage.sync().await.done(case);
    if is_one {
        assert_eq!(planned(&["source", "destination"]), asked(&[&stage.to]), "{case}");
    } else {
        assert_eq!(planned(&["source"]), asked(&[&stage.from]), "{case}, source");
        assert_eq!(planned(&["destination"]), asked(&[&stage.to]), "{case}, destination");
    }
}

/// Objects whole and in parts, and a key to delete; with and without a second look at the source.
async fn assert_planned_with(shape: impl Fn(Stage) -> Stage, case: &str) {
    for look_again in [false, true] {
        let mut stage = shape(Stage::at(STORE, Objects::with_parts()).await.with_a_stale_key());
        stage.work.look_again = Some(look_again);
        assert_planned(&stage, &format!("{case}, looks again: {look_again}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_plan_counts_the_requests_of_its_run() {
    assert_planned_with(|stage| stage, "two stores").await;
}

/// A store whose listings are consistent, so that pages replace HEADs: 2 LISTs for 30 deletes, 1 for 30 copies.
#[tokio::test(flavor = "multi_thread")]
async fn pages_replace_requests_for_each_key() {
    for look_again in [false, true] {
        let mut stage = Stage::at(Profile::UNKNOWN, Objects::small(30)).await;
        // The scheme names the provider before its first answer.
        for side in [&mut stage.source, &mut stage.destination] {
            side.location = format!("r2://{}", side.location.bucket()).parse().expect("a location");
        }
        stage.find.delete = true;
        stage.work.look_again = Some(look_again);
        for n in 0..30 {
            stage.cloud.put(stage.destination.location.bucket(), &format!("stale/{n:02}"), "stale");
        }
        // Objects that were written in this second are looked at one by one.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        assert_planned(&stage, &format!("looks again: {look_again}")).await;
        let asked = asked(&[&stage.from]);
        assert_eq!(asked.get("head"), None, "{asked:?}");
        assert_eq!((stage.to.count(Kind::DeleteMany), stage.to.count(Kind::Delete)), (1, 0));
        // The probe, one page of the listing, one look before the deletes; two looks after all writes.
        assert_eq!(asked["list"], if look_again { 5 } else { 3 }, "{asked:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_plan_counts_the_requests_of_service_copies() {
    assert_planned_with(Stage::within_one_service, "one service").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_counts_the_heads_for_object_lock() {
    let store = Profile { configures_buckets: true, ..STORE };
    for is_locked in [false, true] {
        let stage = Stage::at(store.clone(), Objects::with_parts()).await.within_one_service();
        if is_locked {
            stage.cloud.lock(stage.source.location.bucket());
        }
        assert_planned(&stage, &format!("locked: {is_locked}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_plan_counts_the_requests_from_a_folder() {
    let from_a_folder = |mut stage: Stage| {
        let folder = fresh_folder("source");
        for (key, size) in &stage.objects.0 {
            let path = folder.join(key);
            std::fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("a folder");
            std::fs::write(path, content(key, *size)).expect("a file");
        }
        stage.source.location = folder.to_str().expect("UTF-8").parse().expect("a location");
        stage
    };
    assert_planned_with(from_a_folder, "from a folder").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_plan_counts_the_requests_to_a_folder() {
    let to_a_folder = |mut stage: Stage| {
        let folder = fresh_folder("destination");
        std::fs::write(folder.join("stale"), "stale").expect("a file");
        stage.destination.location = folder.to_str().expect("UTF-8").parse().expect("a location");
        stage
    };
    assert_planned_with(to_a_folder, "to a folder").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_plan_counts_the_requests_of_comparing() {
    let mut stage = Stage::at(STORE, Objects::small(9)).await;
    stage.find.metadata = true;
    assert_planned(&stage, "first run").await;
    assert_planned(&stage, "nothing to do").await;
}
