//! Runs of numbers, as operations of a fleet.

use std::time::{Duration, Instant};

use shared::config::{MachineSettings, TaskDefinition};
use shared::ledger::Phase;
use shared::limits::LiveLimits;
use shared::queue::{Outgoing, Queue};
use shared::tasks::{Author, BeginRun, EndedRun, NewTask, Operation, OperationKind, RunEnd, TaskRef};
use shared::telemetry::endpoint::Health;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use worker::{Stop, WorkError, Worker};

use super::*;
use crate::fixtures::Process;
use crate::operations::{OpenedTasks, OperationExecutor};

/// Longest wait for anything: far beyond what it takes.
const PATIENCE: Duration = Duration::from_secs(120);

fn me() -> Author {
    Author::new("me", Timestamp::now(), "")
}

fn definition(root: &Path) -> TaskDefinition {
    let at = |side: &str| format!("[{side}]\nlocation = {:?}\n", root.join(side).display().to_string());
    TaskDefinition::parse(&format!("task = \"numbers\"\n{}{}", at("source"), at("destination"))).expect("it is valid")
}

/// A process whose planner and executor hang after so many steps.
fn process(root: &Path, steps: usize) -> Process {
    STEPS_LEFT.store(steps, SeqCst);
    let mut process = Process::of(&root.join("state"), &definition(root), "0198-numbers");
    process.config.kind = KIND;
    process
}

/// A worker that executes jobs of this queue.
async fn work(process: &Process, queue: &Queue, stop: &Stop) -> JoinHandle<Result<(), WorkError>> {
    let machine = MachineSettings { lease: Duration::from_secs(1), ..MachineSettings::default() };
    let task = process.opened(1, Opening::Ready).await.expect("it opens");
    let (ledger, limits) = (process.backend.ledger.clone(), LiveLimits::of(&machine));
    let operations = OperationExecutor::new(Arc::new(process.clone()), process.tasks.clone(), "worker".into());
    let worker = Worker::new(&process.config.task, "worker", queue.clone(), ledger, machine).with(operations);
    let terms =
        ExecutorTerms { health: Health::default(), limits, events: None, outage_limit: None, settles_only: false };
    task.kind.add_executor(&task, &worker.executors, 1, terms).expect("it is added");
    tokio::spawn(worker.run(stop.clone()))
}

async fn begin(process: &Process, task: &TaskRef, id: &str) {
    let operation = Operation::queued(id.into(), (&task.id, 1), OperationKind::Find, String::new(), &me());
    let begin = BeginRun { task, operation: &operation, due: None, supersedes: None };
    assert!(process.tasks.begin_run(&begin, &me()).await.expect("it answers").is_made());
    process.events().send(&[Outgoing::now(operation.job(0).to_body())]).await.expect("the queue takes it");
}

async fn until(reached: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !reached().await {
        assert!(began.elapsed() < PATIENCE, "not in time");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Aborts the worker as a crash does. Its process is dropped with it.
async fn kill(worker: JoinHandle<Result<(), WorkError>>, _process: Process) {
    worker.abort();
    let _ = worker.await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_numbers_is_copied_and_counted_through_crashes() {
    let (folder, stop) = (tempfile::tempdir().expect("a folder"), Stop::default());
    let list: Vec<u64> = (0..100).map(|n| n * n + 7).collect();
    let text: String = list.iter().map(|number| format!("{number}\n")).collect();
    let side = |name: &str| folder.path().join(name);
    for name in ["source", "destination"] {
        std::fs::create_dir(side(name)).expect("a folder");
    }
    std::fs::write(side("source/list"), text).expect("the list can be written");

    let finder = process(folder.path(), 4);
    let task = TaskRef { name: "numbers".into(), id: finder.config.task.clone() };
    let new = NewTask {
        task: task.clone(),
        definition: definition(folder.path()).kept().expect("it is kept"),
        next_due: None,
    };
    assert!(finder.tasks.create(&new, &me()).await.expect("it answers").is_made());
    begin(&finder, &task, "first").await;
    let worker = work(&finder, finder.events(), &stop).await;
    until(async || finder.backend.queue.depth().await.expect("it answers").waiting() == 4).await;
    kill(worker, finder).await;

    let copier = process(folder.path(), 3);
    let worker = work(&copier, &copier.backend.queue, &stop).await;
    until(async || copier.run("first").await.is_some_and(|run| run.settled.objects() == 3 * GROUP as u64)).await;
    kill(worker, copier).await;

    let all = process(folder.path(), usize::MAX);
    let workers = [work(&all, all.events(), &stop).await, work(&all, &all.backend.queue, &stop).await];
    until(async || all.run("first").await.is_some_and(|run| run.is_done())).await;
    assert_eq!(Numbers::read(&side("destination/list")), list);
    let run = all.run("first").await.expect("the run is recorded");
    let tenth = all.backend.ledger.outcome(&task.id, "9").await.expect("it answers").expect("an outcome");
    assert_eq!(tenth.detail.read::<NumberDetail>().expect("of this kind"), NumberDetail { number: list[9] });
    assert_eq!((run.phase, run.found.listed, run.found.enqueued), (Phase::Listed, 100, 100));
    assert_eq!((run.settled.copied, run.settled.objects(), run.settled.bytes), (100, 100, 100 * RECORD_BYTES));

    let end = EndedRun::new("first", RunEnd::Done, Timestamp::now());
    assert!(all.tasks.end_run(&task, &end).await.expect("it answers").is_made());
    begin(&all, &task, "second").await;
    until(async || all.run("second").await.is_some_and(|run| run.is_done())).await;
    assert_eq!(all.run("second").await.expect("the run is recorded").found.enqueued, 0);
    stop.drain.cancel();
    for worker in workers {
        worker.await.expect("no panic").expect("the worker ends well");
    }
}
