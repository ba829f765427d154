//! Keys that leave the source after a job was made for them.

use std::path::Path;
use std::time::Duration;

use flotilla_tests::stage::run_start;
use shared::config::Find;
use shared::filter::Filter;
use shared::ledger::{Ledger, NO_FENCE, Phase, RunOptions, RunStart, events_run};
use shared::object::Timestamp;
use shared::objects::job::{JobChange, JobKey, JobObject, ObjectWork};
use shared::queue::JobQueue;
use worker::Follow;

use crate::stage::{RUN, Stage, TASK};

/// A fleet with `delete`, and a redelivered job for a key that only the destination has by now.
async fn left_the_source() -> Stage {
    let mut stage = Stage::new().await;
    stage.follow = Follow { look_again: true, delete: true, ..Follow::alone() };
    std::fs::write(stage.destination.join("key"), "x").expect("files can be written");
    let object = JobObject { key: "key".into(), size: 1, modified: Timestamp::now(), ..JobObject::default() };
    stage.copy(&[object]).await;
    let lease = Duration::from_secs(60);
    let message = stage.queue.receive(1, Duration::ZERO, lease).await.expect("answers").pop().expect("is there");
    stage.queue.release(&message, Duration::ZERO).await.expect("is released");
    stage
}

async fn is_kept(stage: &Stage) -> bool {
    let working = stage.start();
    stage.until_settled(1).await;
    stage.until_empty().await;
    working.stop().await.expect("the worker ends well");
    stage.destination.join("key").exists()
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_without_events_only_a_scan_deletes() {
    let stage = left_the_source().await;
    assert!(is_kept(&stage).await, "the next scan counts it under max-delete");
    assert_eq!((stage.settled().await.skipped, stage.settled().await.deleted), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_events_a_key_that_left_the_source_is_deleted_at_once() {
    let stage = left_the_source().await;
    follow_events(&stage).await;
    assert!(!is_kept(&stage).await);
    assert_eq!(stage.settled().await.deleted, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retried_event_deletes_though_nobody_looks_again() {
    let mut stage = Stage::new().await;
    stage.follow = Follow { delete: true, ..Follow::alone() };
    std::fs::write(stage.destination.join("key"), "x").expect("files can be written");
    let change = shared::objects::job::JobChange { index: 0, key: "key".into(), time: None, no_delete: false };
    stage.send(&Stage::job(ObjectWork::Changed { objects: vec![change] }, 1)).await;
    follow_events(&stage).await;
    assert!(!is_kept(&stage).await);
}

async fn follow_events(stage: &Stage) {
    let start = RunStart { options: RunOptions::default(), ..run_start(&events_run(TASK)) };
    stage.ledger.start_run(&start, NO_FENCE).await.expect("the run of events is recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_look_for_a_scan_deletes_only_as_the_scan_would() {
    let mut stage = Stage::new().await;
    stage.follow = Follow { look_again: true, delete: true, ..Follow::alone() };
    std::fs::write(stage.destination.join("key"), "x").expect("files can be written");
    let change = shared::objects::job::JobChange { index: 0, key: "key".into(), time: None, no_delete: false };
    stage.send(&Stage::job(ObjectWork::Changed { objects: vec![change] }, 1)).await;
    assert!(is_kept(&stage).await);
}

/// A worker follows an event of each of these keys, of which the source has files; the destination has `old` ones. Gives
/// the files of the destination after that.
async fn followed(follow: Follow, old: &[&str], keys: &[&str], no_delete: bool) -> Vec<String> {
    let mut stage = Stage::new().await;
    stage.follow = follow;
    let write = |root: &Path, key: &str| {
        let path = root.join(key);
        std::fs::create_dir_all(path.parent().expect("it has a parent")).expect("folders can be made");
        std::fs::write(path, key).expect("files can be written");
    };
    old.iter().for_each(|key| write(&stage.destination, key));
    keys.iter().for_each(|key| write(&stage.source, key));
    let change = |(index, key): (u32, &&str)| JobChange { index, key: (*key).to_owned(), time: None, no_delete };
    let objects = (0..).zip(keys).map(change).collect();
    follow_events(&stage).await;
    stage.send(&Stage::job(ObjectWork::Changed { objects }, keys.len())).await;
    let working = stage.start();
    stage.until_settled(keys.len() as u64).await;
    stage.until_empty().await;
    working.stop().await.expect("the worker ends well");
    let settled = stage.settled().await;
    assert_eq!(settled.copied + settled.failed, keys.len() as u64);
    old.iter().chain(keys).filter(|key| stage.destination.join(key).is_file()).map(|key| (*key).to_owned()).collect()
}

fn mirror() -> Follow {
    Follow { look_again: true, delete: true, ..Follow::alone() }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_an_event_replaces_a_folder_that_is_a_file_now() {
    assert_eq!(followed(mirror(), &["a/b", "a/c/d"], &["a"], false).await, ["a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_an_event_replaces_a_file_that_is_a_folder_now() {
    assert_eq!(followed(mirror(), &["a", "b/c"], &["a/x", "a/y/z", "b/c/d"], false).await, ["a/x", "a/y/z", "b/c/d"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_replaces_nothing_that_it_may_not_delete() {
    let kept = ["a/b", "c"];
    let keys = ["a", "c/d"];
    assert_eq!(followed(Follow { delete: false, ..mirror() }, &kept, &keys, false).await, kept);
    assert_eq!(followed(mirror(), &kept, &keys, true).await, kept);
    let filters = vec!["- a/b".to_owned(), "- c".to_owned()];
    let filter = Filter::load(&Find { filters, ..Find::default() }, None).expect("the rules are right");
    assert_eq!(followed(Follow { filter, ..mirror() }, &kept, &keys, false).await, kept);
}

/// A finder that dies between sending a job and recording that sends it again. The second message may be received when
/// the run is done, and a later run has other options.
#[tokio::test(flavor = "multi_thread")]
async fn regression_a_second_message_of_a_done_run_does_nothing() {
    let stage = Stage::new().await;
    for key in ["copied", "deleted"] {
        std::fs::write(stage.destination.join(key), "old").expect("files can be written");
    }
    std::fs::write(stage.source.join("copied"), "new!").expect("files can be written");
    let object = JobObject { key: "copied".into(), size: 4, modified: Timestamp::now(), ..JobObject::default() };
    let copy = Stage::job(ObjectWork::Copy { objects: vec![object] }, 1);
    let delete = JobKey { index: 0, key: "deleted".into(), may_block: false };
    let mut delete = Stage::job(ObjectWork::Delete { objects: vec![delete] }, 1);
    delete.origin.id = "0/2".into();
    for job in [&copy, &delete] {
        stage.send(job).await;
    }
    stage.ledger.set_phase(RUN, Phase::Listed, None, None).await.expect("the run moves on");
    let working = stage.start();
    stage.until_settled(2).await;
    stage.until_empty().await;
    assert!(!stage.destination.join("deleted").exists());
    // The user brings both back, and runs without deletes and with this key excluded.
    for key in ["copied", "deleted"] {
        std::fs::write(stage.destination.join(key), "mine").expect("files can be written");
    }
    for job in [&copy, &delete] {
        stage.send(job).await;
    }
    stage.until_empty().await;
    working.stop().await.expect("the worker ends well");
    for key in ["copied", "deleted"] {
        assert_eq!(std::fs::read(stage.destination.join(key)).expect("is left"), b"mine", "{key}");
    }
    assert_eq!(stage.settled().await.objects(), 2);
}
