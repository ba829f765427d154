//! Programs of two releases at work on one fleet, and the removal of all of it.

mod stage;

use std::collections::BTreeSet;

use flotilla_tests::emulators::ministack;

use crate::many_tasks::stage::{Fleet, stop};
use stage::{OBJECTS, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn two_releases_beside_each_other_and_back_lose_nothing() {
    let scene = Scene::new().await;
    let mut present = vec![scene.worker()];
    scene.fleet.command(&["task", "run", "present"]).await;
    scene.until_under_way("present", &mut present).await;

    // The upgrade, in mid-run. The next release begins runs of its own, whose jobs the present one sends back.
    let mut next = vec![scene.next("worker", &[])];
    tokio::join!(scene.create_later(), scene.next_command(&["task", "run", "next"]));
    scene.next_command(&["task", "run", "later"]).await;
    scene.until_outdated(&mut present).await;
    scene.until_under_way("next", &mut next).await;
    scene.until_under_way("later", &mut next).await;

    // Back to the present release, in mid-run. It reads all records, and leaves jobs and definitions that it does not know.
    stop(present.into_iter().chain(next).collect()).await;
    let copied = [scene.copied("next").await, scene.copied("later").await];
    let mut present = vec![scene.worker()];
    scene.until_outdated(&mut present).await;
    scene.assert_present_reads_all().await;
    assert_eq!([scene.copied("next").await, scene.copied("later").await], copied, "the next release's runs wait");
    assert!(copied.iter().all(|copied| *copied < OBJECTS as u64), "{copied:?}");
    stop(present).await;

    // And forth again.
    let next = vec![scene.next("worker", &[])];
    scene.until_done().await;
    scene.assert_nothing_lost().await;
    scene.uninstall(next).await;
    assert_uninstalled(&scene.fleet).await;
}

/// Of the fleet its own queues and table are left, the objects of both sides, and no open upload.
async fn assert_uninstalled(fleet: &Fleet) {
    let name = &fleet.backend.fleet().name;
    let sqs = aws_sdk_sqs::Client::new(&ministack().sdk_config());
    let left = sqs.list_queues().queue_name_prefix(format!("{name}--")).send().await.expect("the queues are listed");
    let mut queues: Vec<&str> = left.queue_urls().iter().filter_map(|url| url.rsplit('/').next()).collect();
    queues.sort_unstable();
    assert_eq!(queues, [format!("{name}--operations"), format!("{name}--operations-dead")]);
    assert_eq!(fleet.open_uploads().await, 0);
    let table = aws_sdk_dynamodb::Client::new(&ministack().sdk_config());
    let mut pages = table.scan().table_name(name).into_paginator().items().send();
    let (mut stay, mut expire) = (Vec::new(), BTreeSet::new());
    while let Some(item) = pages.next().await {
        let item = item.expect("the table is read");
        let kind = item["pk"].as_s().expect("a text").split('#').next().expect("a kind").to_owned();
        match item.contains_key("expires") {
            true => _ = expire.insert(kind),
            false => stay.push(kind),
        }
    }
    assert_eq!(stay, LASTING);
    assert_eq!(expire, EXPIRING.map(str::to_owned).into());
}

/// Kinds of records that stay: the controller's memory, once.
const LASTING: [&str; 1] = ["fleet"];

/// Kinds of records that stay until they expire: who changed what, operations and how far they were, samples.
const EXPIRING: [&str; 5] = ["audits", "audits-of-all", "operation-checkpoints", "operations", "samples"];
