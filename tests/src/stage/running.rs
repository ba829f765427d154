//! A worker that runs beside the test, and the wait for what it does.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use worker::{Stop, TransferProgress, WorkError, Worker};

/// Longest wait for anything: far beyond what it takes.
const PATIENCE: Duration = Duration::from_secs(300);

/// A worker at work.
#[derive(Debug)]
pub struct Running {
    /// Stops it.
    pub stop: Stop,
    /// What it transfers.
    pub moved: Arc<TransferProgress>,
    worker: JoinHandle<Result<(), WorkError>>,
}

impl Running {
    /// Starts a worker.
    pub fn start(worker: Worker) -> Running {
        let (stop, moved) = (Stop::default(), worker.moved.clone());
        let worker = tokio::spawn(worker.run(stop.clone()));
        Running { stop, moved, worker }
    }

    /// Whether it has ended by itself.
    pub fn is_finished(&self) -> bool {
        self.worker.is_finished()
    }

    /// Drains.
    ///
    /// # Errors
    /// As the worker's end.
    pub async fn stop(self) -> Result<(), WorkError> {
        self.stop.drain.cancel();
        self.ended().await
    }

    /// Has it release its jobs, and end.
    ///
    /// # Panics
    /// If it does not end well.
    pub async fn finish(self) {
        self.stop.escalate();
        self.ended().await.expect("the worker ends well");
    }

    /// As SIGKILL: nothing is written or released any more.
    pub async fn kill(self) {
        self.worker.abort();
        let _ = self.worker.await;
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// As the worker's end.
    ///
    /// # Panics
    /// If it does not end, or panics.
    pub async fn ended(self) -> Result<(), WorkError> {
        timeout(PATIENCE, self.worker).await.expect("the worker ends").expect("the worker does not panic")
    }
}

/// Waits until `reached`.
///
/// # Panics
/// If that takes far longer than it may.
pub async fn until(reached: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !reached().await {
        assert!(started.elapsed() < PATIENCE, "not reached in time");
        sleep(Duration::from_millis(5)).await;
    }
}
