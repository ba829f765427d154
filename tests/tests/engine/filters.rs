//! Keys that the present filters exclude.

use shared::config::Find;
use shared::filter::Filter;
use shared::ledger::{Ledger, events_run};
use shared::objects::job::{JobChange, JobObject, ObjectWork};
use shared::objects::reasons::NOT_FOLLOWED;
use shared::queue::{JobQueue, Outgoing};
use worker::Follow;

use crate::stage::{Stage, TASK, until};

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_retried_event_skips_a_newly_excluded_key() {
    let mut stage = Stage::new().await;
    let find = Find { filters: vec!["- file-00000".to_owned()], ..Find::default() };
    let filter = Filter::load(&find, None).expect("the filter is valid");
    stage.follow = Follow { delete: true, filter, ..Follow::alone() };
    let files = stage.files([1, 2]);
    std::fs::write(stage.destination.join("file-00000"), "older").expect("files can be written");
    // A run of its own, and not the events' run, counts what a retry brings again.
    let change =
        |object: &JobObject| JobChange { index: object.index, key: object.key.clone(), time: None, no_delete: false };
    let objects = files.iter().map(change).collect();
    stage.send(&Stage::job(ObjectWork::Changed { objects }, 2)).await;
    let working = stage.start();
    stage.until_settled(2).await;
    working.stop().await.expect("the worker ends well");
    let settled = stage.settled().await;
    assert_eq!((settled.copied, settled.skipped), (1, 1));
    let at_destination = |key: &str| std::fs::read(stage.destination.join(key)).expect("the file is there");
    assert_eq!((at_destination("file-00000"), at_destination("file-00001")), (b"older".to_vec(), b"xx".to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_a_removal_is_skipped_unless_followed() {
    for removals in [false, true] {
        let mut stage = Stage::new().await;
        stage.follow = Follow { delete: true, removals, ..Follow::alone() };
        std::fs::write(stage.destination.join("gone"), "older").expect("files can be written");
        let object = r#"{"object":{"key":"gone"}}"#;
        let record = format!(r#"{{"eventSource":"aws:s3","eventName":"ObjectRemoved:Delete","s3":{object}}}"#);
        stage.queue.send(&[Outgoing::now(format!(r#"{{"Records":[{record}]}}"#))]).await.expect("it is queued");
        let working = stage.start();
        let settled = async || stage.ledger.run(&events_run(TASK)).await.expect("the ledger answers");
        until(async || settled().await.is_some_and(|run| run.settled.objects() == 1)).await;
        working.stop().await.expect("the worker ends well");
        let settled = settled().await.expect("the run of events").settled;
        assert_eq!((settled.deleted, settled.skipped_by.of(NOT_FOLLOWED)), (u64::from(removals), u64::from(!removals)));
        assert_eq!(stage.destination.join("gone").exists(), !removals, "{settled:?}");
    }
}
