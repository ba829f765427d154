//! A large object of an event, and workers with different options.

use std::time::Duration;

use shared::job::Origin;
use shared::ledger::{Ledger, Run, events_run};
use shared::objects::job::{JobChange, ObjectJob, ObjectWork};

use crate::stage::{Stage, TASK, until};

const PART_BYTES: u64 = 100;
const PARTS: usize = 400;

async fn giants() -> Stage {
    let mut stage = Stage::new().await;
    stage.options.part_size = Some(PART_BYTES);
    stage.options.multipart_threshold = Some(PART_BYTES);
    stage.options.giant_threshold = PART_BYTES;
    stage.options.attempts = 2;
    stage
}

/// A worker of the same task whose write options differ.
fn with_other_options(stage: &Stage) -> Stage {
    let (source, destination) = (stage.source.clone(), stage.destination.clone());
    let (queue, ledger, fleet) = (stage.queue.clone(), stage.ledger.clone(), stage.fleet.clone());
    let (mut follow, limits) = (stage.follow.clone(), stage.limits.clone());
    follow.metadata = !follow.metadata;
    let (machine, options) = (stage.machine.clone(), stage.options.clone());
    Stage { source, destination, queue, ledger, machine, options, fleet, follow, limits }
}

/// An event of the key of a large file.
async fn change(stage: &Stage) -> String {
    let key = stage.files([PARTS * PART_BYTES as usize]).remove(0).key;
    let change = JobChange { index: 0, key: key.clone(), time: None, no_delete: false };
    let origin = Origin { id: "event".into(), items: 1 };
    stage.send(&ObjectJob::new(TASK, &events_run(TASK), origin, ObjectWork::Changed { objects: vec![change] })).await;
    key
}

async fn events(stage: &Stage) -> Option<Run> {
    stage.ledger.run(&events_run(TASK)).await.expect("the ledger answers")
}

async fn until_copied(stage: &Stage) {
    until(async || events(stage).await.is_some_and(|run| run.settled.objects() == 1)).await;
    stage.until_empty().await;
    let settled = events(stage).await.expect("it is recorded").settled;
    let (failures, _) = stage.ledger.failures(&events_run(TASK), None, 9).await.expect("the ledger answers");
    assert!(failures.is_empty(), "{failures:?}");
    // One that is begun anew may find the object in place: the other worker has completed it meanwhile.
    assert_eq!((settled.copied + settled.skipped, settled.failed), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_of_mixed_options_copy_a_giant_after_few_restarts() {
    let stage = giants().await;
    let other = with_other_options(&stage);
    let key = change(&stage).await;
    let workers = [stage.start(), other.start()];
    until_copied(&stage).await;
    for worker in workers {
        worker.stop().await.expect("the worker ends well");
    }
    assert_eq!(std::fs::read(stage.destination.join(&key)).expect("it is there").len(), PARTS * PART_BYTES as usize);
    let opened = stage.ledger.calls.count("open-upload");
    // Both workers may find at the same moment that the options differ: then each of the three restarts is begun twice.
    assert!((1..=32).contains(&opened), "{opened} uploads");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_events_giant_follows_new_options_at_no_attempt() {
    let mut stage = giants().await;
    stage.options.attempts = 1;
    stage.machine.lease = Duration::from_secs(2);
    let other = with_other_options(&stage);
    change(&stage).await;
    let working = stage.start();
    stage.until_called("send", 2).await;
    working.kill().await;
    // The jobs of the parts are left.
    let working = other.start();
    until_copied(&stage).await;
    working.stop().await.expect("the worker ends well");
    let opened = stage.ledger.calls.count("open-upload");
    assert!((2..=4).contains(&opened), "it was begun anew under the present options: {opened} uploads");
}
