//! Several tasks in one process: each gets its share of the transfers, also beside one whose store hangs.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use adapters::queue::sqlite::SqliteQueue;
use adapters::sqlite::Database;
use async_trait::async_trait;
use flotilla_tests::emulators::fresh_folder;
use shared::Result;
use shared::config::MachineSettings;
use shared::job::{self, Job, Origin, ParseError, VERSION};
use shared::queue::{Outgoing, Queue};
use worker::{Activity, Delivery, Execution, Executor, FairShares, LaneContext, Polls, Stop, Worker};

use crate::stage::{Stage, until};

/// All transfers of the process.
const TOTAL: usize = 12;

/// How a task's transfers end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Store {
    Works,
    Hangs,
}

/// A kind whose jobs are one transfer each.
#[derive(Clone)]
struct Transfers {
    store: Store,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    in_progress: AtomicUsize,
    most: AtomicUsize,
    done: AtomicUsize,
    events: AtomicUsize,
}

impl Executor for Transfers {
    fn kind(&self) -> &'static str {
        "transfers"
    }

    fn open(&self, lane: &Arc<LaneContext>, job: &Job) -> Result<Box<dyn Execution>, ParseError> {
        Ok(Box::new(Transfer { of: self.clone(), lane: lane.clone(), is_event: job.verb == "event" }))
    }
}

struct Transfer {
    of: Transfers,
    lane: Arc<LaneContext>,
    is_event: bool,
}

#[async_trait]
impl Execution for Transfer {
    fn verb(&self) -> &'static str {
        "transfer"
    }

    fn run(&self) -> &str {
        "run"
    }

    fn is_judged(&self) -> bool {
        false
    }

    fn transfers(&self) -> usize {
        1
    }

    async fn execute(&self, _: &Delivery) -> Result<()> {
        let _permit = self.lane.limiter.acquire().await;
        let seen = &self.of.seen;
        seen.most.fetch_max(seen.in_progress.fetch_add(1, SeqCst) + 1, SeqCst);
        match self.of.store {
            Store::Works => tokio::time::sleep(Duration::from_millis(20)).await,
            Store::Hangs => std::future::pending().await,
        }
        seen.in_progress.fetch_sub(1, SeqCst);
        let count = if self.is_event { &seen.events } else { &seen.done };
        count.fetch_add(1, SeqCst);
        Ok(())
    }

    async fn cancel(&self, _: &Delivery) -> Result<()> {
        Ok(())
    }

    async fn give_up(&self, _: &str) -> Result<()> {
        Ok(())
    }
}

/// A process that serves tasks.
struct Process {
    stage: Stage,
    database: Database,
    shares: FairShares,
    polls: Polls,
    activity: Arc<Activity>,
    stops: Mutex<Vec<Stop>>,
}

/// A task of it, with a queue of jobs and one of events.
struct Task {
    name: String,
    queues: [Queue; 2],
    seen: Arc<Seen>,
}

impl Process {
    async fn new() -> Process {
        let database = Database::open(&fresh_folder("shares")).expect("the state folder opens");
        let (stage, polls, activity, stops) = (Stage::new().await, Polls::default(), Arc::default(), Mutex::default());
        Process { stage, database, shares: FairShares::new(TOTAL), polls, activity, stops }
    }

    async fn task(&self, name: &str, jobs: usize) -> Task {
        let queue = |name: &str| -> Queue { Arc::new(SqliteQueue::open(&self.database, name)) };
        let queues = [queue(name), queue(&format!("{name}/events"))];
        let task = Task { name: name.to_owned(), queues, seen: Arc::default() };
        task.send(0, "scan", jobs).await;
        task
    }

    /// Begins to serve a task.
    fn serve(&self, task: &Task, store: Store) {
        let [queue, events] = task.queues.clone();
        let mut worker =
            Worker::new(&task.name, "worker", queue, self.stage.ledger.clone(), MachineSettings::default());
        worker.events = Some(events);
        worker.limiter = Some(self.shares.of_task());
        worker.activity = Activity::of_task(&self.activity);
        let turns = self.polls.of_task(&task.name);
        turns.set_busy(true);
        worker.turns = Some(turns);
        let stop = Stop::default();
        self.stops.lock().expect("no panic").push(stop.clone());
        tokio::spawn(worker.with(Transfers { store, seen: task.seen.clone() }).run(stop));
    }

    async fn end(self) {
        for stop in self.stops.lock().expect("no panic").iter() {
            stop.drain.cancel();
            stop.abort.cancel();
        }
        until(async || *self.activity.leases().borrow() == 0).await;
    }
}

impl Task {
    async fn send(&self, queue: usize, verb: &str, jobs: usize) {
        let job = |number: usize| Job {
            v: VERSION,
            task: self.name.clone(),
            run: "run".into(),
            definition: 0,
            attempt: 1,
            origin: Origin { id: number.to_string(), items: 1 },
            not_before: None,
            kind: "transfers".into(),
            verb: verb.into(),
            items: 1,
            body: job::body(&()),
        };
        let messages: Vec<Outgoing> = (0..jobs).map(|number| Outgoing::now(job(number).to_body())).collect();
        self.queues[queue].send(&messages).await.expect("the jobs are queued");
    }

    fn done(&self) -> usize {
        self.seen.done.load(SeqCst)
    }

    fn in_progress(&self) -> usize {
        self.seen.in_progress.load(SeqCst)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_task_with_work_gets_its_share_of_the_transfers() {
    let process = Process::new().await;
    let mut tasks = Vec::new();
    for name in ["a", "b", "c"] {
        tasks.push(process.task(name, 300).await);
    }
    tasks.iter().for_each(|task| process.serve(task, Store::Works));
    until(async || tasks.iter().any(|task| task.done() >= 300)).await;
    let done: Vec<usize> = tasks.iter().map(Task::done).collect();
    assert!(done.iter().all(|done| *done > 150), "{done:?} of 300 each when the first one was done");
    until(async || tasks.iter().all(|task| task.done() == 300)).await;
    process.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_store_hangs_uses_no_more_than_its_share() {
    let process = Process::new().await;
    let (hanging, works) = (process.task("hanging", 100).await, process.task("works", 1_000).await);
    process.serve(&works, Store::Works);
    until(async || works.in_progress() > 0).await;
    process.serve(&hanging, Store::Hangs);
    until(async || works.done() > 500).await;
    // Later it may be alone.
    let share = TOTAL / 2;
    assert!((1..=share).contains(&hanging.seen.most.load(SeqCst)), "{:?}", hanging.seen.most);
    // A third one begins beside it at once.
    let third = process.task("third", 200).await;
    process.serve(&third, Store::Works);
    until(async || third.done() == 200).await;
    assert_eq!(hanging.done(), 0);
    process.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_task_wait_for_no_scan_of_another() {
    let process = Process::new().await;
    let (scan, other) = (process.task("scan", 100).await, process.task("other", 0).await);
    // Alone it has all transfers, and never returns one.
    process.serve(&scan, Store::Hangs);
    until(async || scan.in_progress() == TOTAL).await;
    process.serve(&other, Store::Works);
    other.send(1, "event", 30).await;
    let began = std::time::Instant::now();
    until(async || other.seen.events.load(SeqCst) == 30).await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    // Neither do those of the same task.
    scan.send(1, "event", 1).await;
    until(async || scan.in_progress() > TOTAL).await;
    process.end().await;
}
