//! A worker at work in this process.

use std::sync::Arc;
use std::time::Duration;

use shared::queue::Queue;
use shared::report::Listener;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use worker::{Activity, Outage, Stop, WorkError};

use crate::exit::Failure;
use crate::task::Task;

/// Time beyond its own drain that a worker gets to end in, before it is left behind.
const GRACE: Duration = Duration::from_millis(1_200);

/// A task's worker, at work until it is ended, or ends by itself.
pub struct WorkerHandle {
    worker: Option<JoinHandle<Result<(), WorkError>>>,
    /// What it does.
    pub activity: Arc<Activity>,
    halt: Stop,
    queue: Queue,
    drain: Duration,
}

impl WorkerHandle {
    /// Lets a worker begin.
    pub fn begin(task: &Task, report: Option<Listener>) -> WorkerHandle {
        let (halt, worker) = (Stop::default(), task.worker(report));
        let activity = worker.activity.clone();
        let worker = Some(tokio::spawn(worker.run(halt.clone())));
        WorkerHandle { worker, activity, halt, queue: task.backend.queue.clone(), drain: task.config.machine.drain }
    }

    /// Whether it has not been seen to end.
    pub fn is_at_work(&self) -> bool {
        self.worker.is_some()
    }

    /// Waits until it ends by itself: when queue or ledger fail for good, a store for too long, or its machine is
    /// about to go. A second call waits for ever. Cut off, nothing is lost.
    pub async fn ended(&mut self) -> Result<Outage, Failure> {
        let Some(worker) = &mut self.worker else { return std::future::pending().await };
        let ended = worker.await;
        self.worker = None;
        match ended {
            Ok(Err(WorkError::Outage(why))) => Ok(why),
            Ok(Err(WorkError::Outdated(error))) => Err(Failure::usage(error)),
            Ok(Err(WorkError::Backend(error))) => Err(Failure::resumable(error)),
            Ok(Ok(())) => Err(Failure::resumable("the worker stopped before the run was done")),
            Err(_) => Err(Failure::midway("internal error in the worker; run the same command to resume")),
        }
    }

    /// Lets the worker drain. One whose run is `done` holds at most acknowledgements: once the queue is
    /// empty nothing is lost by not waiting for its last poll.
    pub async fn end(mut self, done: bool) {
        let Some(mut worker) = self.worker.take() else { return };
        self.halt.drain.cancel();
        let emptied = async {
            while !done || self.queue.depth().await.is_ok_and(|depth| depth.waiting() > 0) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let ended = async {
            tokio::select! { _ = &mut worker => {}, () = emptied => {} }
        };
        if timeout(self.drain + GRACE, ended).await.is_err() {
            tracing::warn!("the worker did not stop in time: its jobs will be redelivered when their leases end");
        }
        if !worker.is_finished() {
            worker.abort();
            let _ = worker.await;
        }
    }
}
