//! Receives the events of a source bucket from the queue at SQS that the definition names. A fleet with a state folder has
//! embedded queues, which no bucket can send to.
//!
//! The queue has a worker of its own, with the task's executors: as under `flotilla watch`, its messages are events, and
//! the jobs that follow from them.

use std::sync::Arc;
use std::time::Duration;

use adapters::open;
use shared::config::QueueConfig;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use worker::{Stop, Worker};

use super::backoff::Backoff;
use super::status::Status;

/// A worker that received for so long did not fail at once: the next error is the first one again.
const LONG: Duration = Duration::from_secs(300);

/// A receiver of a bucket's events.
pub struct BucketEvents {
    /// The task's name.
    name: String,
    queue: QueueConfig,
    stop: Stop,
    receiver: JoinHandle<()>,
}

impl BucketEvents {
    /// Begins to receive, with a worker that is the task's but for the queue. What fails is tried again.
    pub fn follow(
        worker: Worker,
        name: &str,
        queue: QueueConfig,
        status: Arc<Status>,
        abort: &CancellationToken,
    ) -> BucketEvents {
        let (name, stop) = (name.to_owned(), Stop { drain: CancellationToken::new(), abort: abort.child_token() });
        let receiver = Receiver { worker, name: name.clone(), queue: queue.clone(), status, stop: stop.clone() };
        BucketEvents { name, queue, stop, receiver: tokio::spawn(receiver.keep()) }
    }

    /// Where it receives from.
    pub fn queue(&self) -> &QueueConfig {
        &self.queue
    }

    /// Ends: finishes what it can within `drain`, and releases the rest within `release_time`. What is left then comes
    /// again when its lease ends.
    pub async fn end(mut self, drain: Duration, release_time: Duration) {
        self.stop.drain.cancel();
        tracing::info!(task = self.name, "no longer receiving events from queue {}", self.queue.name);
        if timeout(drain, &mut self.receiver).await.is_err() {
            self.stop.abort.cancel();
            if timeout(release_time, &mut self.receiver).await.is_err() {
                self.receiver.abort();
                let _ = self.receiver.await;
            }
        }
    }
}

struct Receiver {
    worker: Worker,
    /// The task's name.
    name: String,
    queue: QueueConfig,
    status: Arc<Status>,
    stop: Stop,
}

impl Receiver {
    async fn keep(self) {
        let mut backoff = Backoff::default();
        loop {
            let began = Instant::now();
            let Some(why) = self.receive().await else { return };
            if began.elapsed() > LONG {
                backoff.reset();
            }
            let (name, delay) = (&self.queue.name, backoff.next());
            let why = format!("cannot receive events from queue {name}: {why}");
            tracing::error!(task = self.name, "{why}; trying again in {} s", delay.as_secs());
            self.status.set_events_error(Some(why));
            tokio::select! {
                () = sleep(delay) => {}
                () = self.stop.drain.cancelled() => return,
            }
        }
    }

    /// Receives until it is stopped; the text says what failed.
    async fn receive(&self) -> Option<String> {
        let opened = tokio::select! {
            opened = open::bucket_queue(&self.queue, &self.name) => opened,
            () = self.stop.drain.cancelled() => return None,
        };
        let queue = match opened {
            Ok(queue) => queue,
            Err(error) => return Some(error.to_string()),
        };
        self.status.set_events_error(None);
        tracing::info!(task = self.name, "receiving events from queue {}", self.queue.name);
        let ended = Worker { queue, events: None, ..self.worker.clone() }.run(self.stop.clone()).await;
        match ended {
            // It may also end because it was stopped while the queue failed.
            Ok(()) => None,
            Err(_) if self.stop.drain.is_cancelled() => None,
            Err(why) => Some(why.to_string()),
        }
    }
}
