//! Jobs of several versions of a task's definition: each is executed under its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use adapters::store::file::FileStore;
use adapters::store::unopened::UnopenedStore;
use flotilla_tests::emulators::fresh_folder;
use flotilla_tests::stage as objects;
use shared::ErrorKind;
use shared::job::Origin;
use shared::ledger::{Ledger, Phase};
use shared::location::Location;
use shared::objects::job::{JobChange, ObjectJob, ObjectWork};
use shared::queue::JobQueue;
use shared::store::Store;
use worker::{Executors, Stop};

use crate::stage::{RUN, Stage, TASK, until};

fn store(folder: &Path) -> Store {
    let location = Location::folder(folder).expect("a folder is a location");
    Arc::new(FileStore::open(&location).expect("the folder opens"))
}

/// Adds an executor that writes to a folder of its own.
fn add(stage: &Stage, executors: &Executors, definition: u32) -> PathBuf {
    let destination = fresh_folder(&format!("destination-{definition}"));
    let stores = (store(&stage.source), store(&destination));
    let worker = objects::worker(stores, stage.queue.clone(), stage.ledger.clone(), (&stage.machine, &stage.options));
    executors.add(definition, worker.objects.executor());
    destination
}

fn worker(stage: &Stage, executors: &Executors) -> worker::Worker {
    let (queue, ledger) = (stage.queue.clone(), stage.ledger.clone());
    let mut worker = worker::Worker::new(TASK, "worker", queue, ledger, stage.machine.clone());
    worker.executors = executors.clone();
    worker
}

/// A job that copies one file, with this number, under this definition.
async fn send(stage: &Stage, number: usize, definition: u32) {
    let objects = vec![stage.files(vec![1; number + 1]).remove(number)];
    let origin = Origin { id: format!("0/{number}"), items: number as u32 + 1 };
    let job = ObjectJob { definition, origin, ..Stage::job(ObjectWork::Copy { objects }, 1) };
    stage.send(&job).await;
}

fn keys(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"));
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn each_job_is_executed_under_its_own_definition_alone() {
    let (stage, executors) = (Stage::new().await, Executors::default());
    let [first, second] = [1, 2].map(|definition| add(&stage, &executors, definition));
    let stop = Stop::default();
    let working = tokio::spawn(worker(&stage, &executors).run(stop.clone()));
    for (number, definition) in [1, 2, 0, 3].into_iter().enumerate() {
        send(&stage, number, definition).await;
    }
    stage.until_settled(3).await;
    // The fourth waits for its executor; the others are acknowledged soon after they are settled.
    until(async || {
        let depth = stage.queue.depth().await.expect("the queue answers");
        (depth.ready, depth.leased, depth.delayed, depth.dead) == (0, 0, 1, 0)
    })
    .await;
    assert_eq!(
        (keys(&first), keys(&second)),
        (vec!["file-00000".into()], vec!["file-00001".into(), "file-00002".into()])
    );
    executors.remove(1);
    let third = add(&stage, &executors, 3);
    stage.until_settled(4).await;
    stage.until_empty().await;
    assert_eq!(keys(&third), ["file-00003"]);
    assert_eq!(stage.queue.calls.count("release"), 0, "no delivery was counted");
    stop.drain.cancel();
    working.await.expect("no panic").expect("the worker ends well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_without_an_executor_is_dropped_with_its_run() {
    let (stage, executors) = (Stage::new().await, Executors::of_kinds(["objects"]));
    let objects = stage.files([1]);
    let copy = ObjectWork::Copy { objects };
    stage.send(&ObjectJob { definition: 7, run: "forgotten".into(), ..Stage::job(copy.clone(), 1) }).await;
    stage.send(&ObjectJob { definition: 7, ..Stage::job(copy, 1) }).await;
    let stop = Stop::default();
    let working = tokio::spawn(worker(&stage, &executors).run(stop.clone()));
    until(async || {
        let depth = stage.queue.depth().await.expect("the queue answers");
        (depth.ready, depth.leased, depth.delayed) == (0, 0, 1)
    })
    .await;
    assert!(stage.ledger.run("forgotten").await.expect("the ledger answers").is_none());
    stop.drain.cancel();
    let drained = tokio::time::timeout(Duration::from_secs(30), working).await.expect("the worker ends");
    drained.expect("no panic").expect("the worker ends well");
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_cancelled_look_is_sent_on_without_stores() {
    let (stage, executors) = (Stage::new().await, Executors::of_kinds(["objects"]));
    let away = |folder: &str| -> Store {
        let why = shared::Error::new(ErrorKind::Denied, "open", folder, "the credentials are gone");
        Arc::new(UnopenedStore::new(Location::folder(Path::new(folder)).expect("a location"), &why))
    };
    let stores = (away("/from"), away("/to"));
    let of_stores =
        objects::worker(stores, stage.queue.clone(), stage.ledger.clone(), (&stage.machine, &stage.options));
    executors.add_settling(1, of_stores.objects.executor());
    executors.set_present(Some(1));
    // More keys than open the circuit of a store.
    let change = |index: u32| JobChange { index, key: format!("key-{index}"), time: None, no_delete: false };
    let objects: Vec<JobChange> = (0..8).map(change).collect();
    stage.send(&ObjectJob { definition: 1, ..Stage::job(ObjectWork::Changed { objects }, 8) }).await;
    stage.ledger.set_phase(RUN, Phase::Cancelling, None, None).await.expect("the run is cancelled");
    let stop = Stop::default();
    let working = tokio::spawn(worker(&stage, &executors).run(stop.clone()));
    stage.until_settled(8).await;
    assert_eq!(stage.settled().await.cancelled, 8);
    until(async || {
        let depth = stage.queue.depth().await.expect("the queue answers");
        (depth.ready, depth.leased, depth.delayed, depth.dead) == (0, 0, 1, 0)
    })
    .await;
    stop.drain.cancel();
    let drained = tokio::time::timeout(Duration::from_secs(30), working).await.expect("the worker ends");
    drained.expect("no panic").expect("the worker ends well");
}
