//! Runs of numbers, as operations of a fleet.

use std::time::{Duration, Instant};

use shared::config::{FleetFile, MachineSettings, TaskDefinition};
use shared::ledger::{Phase, Run};
use shared::limits::LiveLimits;
use shared::queue::{Outgoing, Queue};
use shared::tasks::{Author, BeginRun, EndedRun, NewTask, Operation, OperationKind, RunEnd, SharedTasks, TaskRef};
use shared::telemetry::endpoint::Health;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use worker::{Stop, WorkError, Worker};

use super::*;
use crate::fixtures::process;
use crate::kinds::Opening;
use crate::operations::{OpenedTasks, OperationExecutor};

/// Longest wait for anything: far beyond what it takes.
const PATIENCE: Duration = Duration::from_secs(120);

fn me() -> Author {
    Author::new("me", Timestamp::now(), "")
}

/// The task has the name of the kind. Its definition, like all so far, is that of two stores, which nobody opens.
fn definition() -> TaskDefinition {
    let sides = "[source]\nlocation = \"/a\"\n[destination]\nlocation = \"/b\"\n";
    TaskDefinition::parse(&format!("task = \"{KIND}\"\n{sides}")).expect("a definition")
}

/// A process of the task.
#[derive(Clone)]
struct Process {
    tasks: SharedTasks,
    backend: Backend,
    config: Config,
    numbers: Numbers,
}

#[async_trait]
impl OpenedTasks for Process {
    async fn opened(&self, _: u32, _: Opening) -> Result<Arc<OpenedTask>> {
        let kind = Arc::new(self.numbers.clone());
        Ok(Arc::new(OpenedTask { config: self.config.clone(), backend: self.backend.clone(), kind }))
    }

    fn backend(&self) -> Option<&Backend> {
        Some(&self.backend)
    }

    fn name(&self) -> &str {
        KIND
    }

    async fn of_definition(&self, _: &str) -> Result<Arc<OpenedTask>> {
        unimplemented!("the task is created")
    }
}

impl Process {
    /// A process whose planner and executor hang after so many steps.
    fn of(fleet: &FleetFile, id: &str, numbers: &Numbers, steps: usize) -> Process {
        let (tasks, backend) = process(fleet.state.as_ref().expect("a folder"));
        let config = definition().on(fleet, id);
        let numbers = Numbers { steps_left: Arc::new(AtomicUsize::new(steps)), ..numbers.clone() };
        Process { tasks, backend, config, numbers }
    }

    /// A worker that executes jobs of this queue.
    async fn work(&self, queue: &Queue, stop: &Stop) -> JoinHandle<Result<(), WorkError>> {
        let machine = MachineSettings { lease: Duration::from_secs(1), ..MachineSettings::default() };
        let task = self.opened(1, Opening::Ready).await.expect("it opens");
        let worker =
            Worker::new(&self.config.task, "worker", queue.clone(), self.backend.ledger.clone(), machine.clone())
                .with(OperationExecutor::new(Arc::new(self.clone()), self.tasks.clone(), "worker".into()));
        let limits = LiveLimits::of(&machine);
        let terms =
            ExecutorTerms { health: Health::default(), limits, events: None, outage_limit: None, settles_only: false };
        task.kind.add_executor(&task, &worker.executors, 1, terms).expect("it is added");
        tokio::spawn(worker.run(stop.clone()))
    }

    async fn begin(&self, task: &TaskRef, id: &str) {
        let kind = OperationKind::Find;
        let operation = Operation::queued(id.into(), (&task.id, 1), kind, String::new(), &me());
        let begin = BeginRun { task, operation: &operation, due: None, supersedes: None };
        assert!(self.tasks.begin_run(&begin, &me()).await.expect("it answers").is_made());
        self.events().send(&[Outgoing::now(operation.job(0).to_body())]).await.expect("the queue takes it");
    }

    fn events(&self) -> &Queue {
        self.backend.events.as_ref().expect("a queue")
    }

    async fn run(&self, id: &str) -> Option<Run> {
        self.backend.ledger.run(id).await.expect("the ledger answers")
    }
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
    let folder = tempfile::tempdir().expect("a folder");
    let fleet = FleetFile::of_folder("fleet", folder.path());
    let task = TaskRef { name: KIND.into(), id: "0198-numbers".into() };
    let list: Vec<u64> = (0..100).map(|n| n * n + 7).collect();
    let text: String = list.iter().map(|number| format!("{number}\n")).collect();
    let (source, destination) = (folder.path().join("source"), folder.path().join("destination"));
    std::fs::write(&source, text).expect("the list can be written");
    let numbers = Numbers { source, destination, steps_left: Arc::default() };
    let (open, stop) = (|steps| Process::of(&fleet, &task.id, &numbers, steps), Stop::default());

    let finder = open(4);
    let new = NewTask { task: task.clone(), definition: definition().kept().expect("it is kept"), next_due: None };
    assert!(finder.tasks.create(&new, &me()).await.expect("it answers").is_made());
    finder.begin(&task, "first").await;
    let worker = finder.work(finder.events(), &stop).await;
    until(async || finder.backend.queue.depth().await.expect("it answers").waiting() == 4).await;
    kill(worker, finder).await;

    let copier = open(3);
    let worker = copier.work(&copier.backend.queue, &stop).await;
    until(async || copier.run("first").await.is_some_and(|run| run.settled.objects() == 3 * GROUP as u64)).await;
    kill(worker, copier).await;

    let all = open(usize::MAX);
    let workers = [all.work(all.events(), &stop).await, all.work(&all.backend.queue, &stop).await];
    until(async || all.run("first").await.is_some_and(|run| run.is_done())).await;
    assert_eq!(Numbers::read(&numbers.destination), list);
    let run = all.run("first").await.expect("the run is recorded");
    let tenth = all.backend.ledger.outcome(&task.id, "9").await.expect("it answers").expect("an outcome");
    assert_eq!(tenth.detail.read::<NumberDetail>().expect("of this kind"), NumberDetail { number: list[9] });
    assert_eq!((run.phase, run.found.listed, run.found.enqueued), (Phase::Listed, 100, 100));
    assert_eq!((run.settled.copied, run.settled.objects(), run.settled.bytes), (100, 100, 100 * RECORD_BYTES));

    let end = EndedRun::new("first", RunEnd::Done, Timestamp::now());
    assert!(all.tasks.end_run(&task, &end).await.expect("it answers").is_made());
    all.begin(&task, "second").await;
    until(async || all.run("second").await.is_some_and(|run| run.is_done())).await;
    assert_eq!(all.run("second").await.expect("the run is recorded").found.enqueued, 0);
    stop.drain.cancel();
    for worker in workers {
        worker.await.expect("no panic").expect("the worker ends well");
    }
}
