//! Keys that the present filters exclude.

use shared::config::Find;
use shared::filter::Filter;
use shared::objects::job::{JobChange, JobObject, ObjectWork};
use worker::Follow;

use crate::stage::Stage;

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
