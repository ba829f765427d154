//! A task whose store fails: its other jobs go on, and those that need the store wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use adapters::queue::sqlite::SqliteQueue;
use adapters::sqlite::Database;
use async_trait::async_trait;
use flotilla_tests::emulators::fresh_folder;
use flotilla_tests::probe::QueueProbe;
use shared::Result;
use shared::job::{Job, ParseError};
use shared::queue::{JobQueue, Outgoing};
use worker::{Delivery, Execution, Executor, LaneContext, Stop, Worker};

use crate::stage::{RUN, Stage, TASK, until};

/// Executes a kind; its store may fail for every job.
#[derive(Clone)]
struct Kind {
    name: &'static str,
    fails: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
}

impl Kind {
    fn new(name: &'static str, fails: bool) -> Kind {
        Kind { name, fails: Arc::new(AtomicBool::new(fails)), done: Arc::default() }
    }

    fn done(&self) -> usize {
        self.done.load(SeqCst)
    }

    async fn send(&self, queue: &QueueProbe, jobs: usize) {
        let origin = r#""origin":{"id":"o","items":1}"#;
        let head = format!(r#"{{"v":1,"task":"{TASK}","run":"{RUN}","attempt":1,{origin}"#);
        let body = format!(r#"{head},"kind":"{}","verb":"do","items":1,"body":{{}}}}"#, self.name);
        for _ in 0..jobs {
            queue.send(&[Outgoing::now(body.clone())]).await.expect("the job is queued");
        }
    }
}

impl Executor for Kind {
    fn kind(&self) -> &'static str {
        self.name
    }

    fn open(&self, _: &Arc<LaneContext>, _: &Job) -> Result<Box<dyn Execution>, ParseError> {
        Ok(Box::new(self.clone()))
    }

    fn is_suspended(&self) -> bool {
        self.fails.load(SeqCst)
    }
}

#[async_trait]
impl Execution for Kind {
    fn verb(&self) -> &'static str {
        "do"
    }

    fn run(&self) -> &str {
        RUN
    }

    fn transfers(&self) -> usize {
        1
    }

    async fn execute(&self, _: &Delivery) -> Result<()> {
        while self.is_suspended() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.done.fetch_add(1, SeqCst);
        Ok(())
    }

    async fn cancel(&self, _: &Delivery) -> Result<()> {
        Ok(())
    }

    async fn give_up(&self, _: &str) -> Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn regression_a_failing_store_delays_no_operation() {
    let mut stage = Stage::new().await;
    stage.machine.concurrency = 4;
    let database = Database::open(&fresh_folder("state")).expect("the state folder opens");
    let events = Arc::new(QueueProbe::new(Arc::new(SqliteQueue::open(&database, "events"))));
    let (objects, operations) = (Kind::new("objects", false), Kind::new("operation", false));
    let mut worker = Worker::new(TASK, "worker", stage.queue.clone(), stage.ledger.clone(), stage.machine.clone());
    worker.events = Some(events.clone());
    worker.executors.add(0, objects.clone());
    worker.executors.add(0, operations.clone());
    objects.send(&stage.queue, 3).await;
    objects.send(&events, 40).await;
    objects.fails.store(true, SeqCst);
    let stop = Stop::default();
    let working = tokio::spawn(worker.run(stop.clone()));
    until(async || events.depth().await.expect("the queue answers").leased > 0).await;
    operations.send(&events, 2).await;
    until(async || operations.done() == 2).await;
    let depth = events.depth().await.expect("the queue answers");
    assert_eq!((depth.dead, objects.done()), (0, 0), "they wait");
    assert!(depth.waiting() >= 40, "none is lost: {depth:?}");
    // A job that waits is sent anew, then acknowledged: in between it is there twice.
    until(async || events.depth().await.expect("the queue answers").waiting() == 40).await;
    assert_eq!(events.calls.count("release"), 0, "no delivery was counted");
    assert!(depth.leased > 0, "one of them is there to try the store with");
    objects.fails.store(false, SeqCst);
    until(async || objects.done() > 0).await;
    stop.drain.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(30), working).await.expect("the worker ends");
    ended.expect("no panic").expect("the worker ends well");
}
