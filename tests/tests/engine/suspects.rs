//! Marks of keys whose object at the destination may hold wrong bytes.

use shared::object::Timestamp;
use shared::objects::{Suspect, SuspectKeys};

use crate::stage::{Stage, TASK};

async fn marked(stage: &Stage) -> Vec<String> {
    let marks = stage.ledger.suspects(TASK, "", 10).await.expect("the ledger answers");
    marks.into_iter().map(|mark| mark.key).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_copy_job_without_marked_keys_reads_no_marks() {
    let stage = Stage::new().await;
    let mut objects = stage.files([1; 40]);
    stage.copy(&objects).await;
    let working = stage.start();
    stage.until_settled(40).await;
    stage.until_empty().await;
    assert_eq!(stage.ledger.calls.count("suspects"), 0);

    // A mark that the finder has seen comes with the job, is read by one call, and is cleared.
    let key = objects[7].key.clone();
    stage.ledger.suspect(TASK, &Suspect { key, since: Timestamp(1) }).await.expect("the ledger answers");
    objects[7].refresh = true;
    let mut job = Stage::job(shared::objects::job::ObjectWork::Copy { objects }, 40);
    job.origin.id = "0/2".to_owned();
    stage.send(&job).await;
    stage.until_settled(80).await;
    stage.until_empty().await;
    assert_eq!(stage.ledger.calls.count("suspects"), 1);
    assert_eq!(marked(&stage).await, [""; 0]);
    working.stop().await.expect("the worker ends well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_comes_after_the_listing_stays_for_the_next_run() {
    let stage = Stage::new().await;
    let objects = stage.files([1; 2]);
    let key = objects[1].key.clone();
    stage.ledger.suspect(TASK, &Suspect { key: key.clone(), since: Timestamp(1) }).await.expect("the ledger answers");
    stage.copy(&objects).await;
    let working = stage.start();
    stage.until_settled(2).await;
    stage.until_empty().await;
    assert_eq!(marked(&stage).await, [key]);
    working.stop().await.expect("the worker ends well");
}
