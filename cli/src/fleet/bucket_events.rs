//! Receives the events of a source bucket from the queue at SQS that the definition names. A fleet with a state folder has
//! embedded queues, which no bucket can send to.
//!
//! The queue has a worker of its own, with the task's executors, and one task as its receiver. Its messages are events. The
//! jobs that follow from them, and events that wait, are sent to the task's own queue of events: the user's queue never
//! has a job, which outlives its task there.

use std::sync::Arc;
use std::time::Duration;

use adapters::open;
use async_trait::async_trait;
use shared::Result;
use shared::config::QueueConfig;
use shared::queue::{Depth, JobQueue, Message, Outgoing, Queue};
use shared::tasks::TaskRef;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use worker::{Stop, Worker};

use super::backoff::Backoff;
use super::status::Status;

/// A worker that received for so long did not fail at once: the next error is the first one again.
const LONG: Duration = Duration::from_secs(300);

/// Most of what a task that leaves its queue waits until the queue is free for others.
const LEAVE_LIMIT: Duration = Duration::from_secs(10);

/// A receiver of a bucket's events.
pub struct BucketEvents {
    task: TaskRef,
    queue: QueueConfig,
    stop: Stop,
    receiver: JoinHandle<()>,
}

impl BucketEvents {
    /// Begins to receive, with a worker that is the task's but for the queue. What fails is tried again.
    pub fn follow(
        worker: Worker,
        task: TaskRef,
        queue: QueueConfig,
        status: Arc<Status>,
        abort: &CancellationToken,
    ) -> BucketEvents {
        let stop = Stop { drain: CancellationToken::new(), abort: abort.child_token() };
        let receiver = Receiver { worker, task: task.clone(), queue: queue.clone(), status, stop: stop.clone() };
        BucketEvents { task, queue, stop, receiver: tokio::spawn(receiver.keep()) }
    }

    /// Where it receives from.
    pub fn queue(&self) -> &QueueConfig {
        &self.queue
    }

    /// As [`end`](Self::end), and makes the queue free for another task. Cut off or failed, the queue keeps the task's tag,
    /// which another task's error names.
    pub async fn leave(self, drain: Duration, release_time: Duration) {
        let (queue, task) = (self.queue.clone(), self.task.clone());
        self.end(drain, release_time).await;
        if let Ok(Err(error)) = timeout(LEAVE_LIMIT, open::leave_bucket_queue(&queue, &task)).await {
            tracing::warn!(task = task.name, %error, "queue {} keeps its tag of this task", queue.name);
        }
    }

    /// Ends: finishes what it can within `drain`, and releases the rest within `release_time`. What is left then comes
    /// again when its lease ends.
    pub async fn end(mut self, drain: Duration, release_time: Duration) {
        self.stop.drain.cancel();
        tracing::info!(task = self.task.name, "no longer receiving events from queue {}", self.queue.name);
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
    task: TaskRef,
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
            tracing::error!(task = self.task.name, "{why}; trying again in {} s", delay.as_secs());
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
            opened = open::bucket_queue(&self.queue, &self.task) => opened,
            () = self.stop.drain.cancelled() => return None,
        };
        let (from, claim) = match opened {
            Ok(opened) => opened,
            Err(error) => return Some(error.to_string()),
        };
        self.status.set_events_error(None);
        tracing::info!(task = self.task.name, "receiving events from queue {}", self.queue.name);
        let own = self.worker.events.clone().unwrap_or_else(|| self.worker.queue.clone());
        let queue: Queue = Arc::new(EventsOnly { from, own });
        // Another receiver ends this one alone, not the stop of the task.
        let stop = Stop { drain: self.stop.drain.child_token(), abort: self.stop.abort.child_token() };
        let worked = Worker { queue, events: None, ..self.worker.clone() }.run(stop.clone());
        tokio::pin!(worked);
        let ended = tokio::select! {
            ended = &mut worked => ended,
            other = claim.lost() => {
                stop.drain.cancel();
                // What it has is done, or released.
                let _ = worked.await;
                return Some(other.to_string());
            }
        };
        match ended {
            // It may also end because it was stopped while the queue failed.
            Ok(()) => None,
            Err(_) if self.stop.drain.is_cancelled() => None,
            Err(why) => Some(why.to_string()),
        }
    }
}

/// Receives from a user's queue, and sends to the task's own.
#[derive(Debug)]
struct EventsOnly {
    from: Queue,
    own: Queue,
}

#[async_trait]
impl JobQueue for EventsOnly {
    async fn send(&self, messages: &[Outgoing]) -> Result<()> {
        self.own.send(messages).await
    }

    async fn receive(&self, max: usize, wait: Duration, lease: Duration) -> Result<Vec<Message>> {
        self.from.receive(max, wait, lease).await
    }

    fn outlives_callers(&self) -> bool {
        self.from.outlives_callers()
    }

    async fn extend(&self, message: &Message, lease: Duration) -> Result<()> {
        self.from.extend(message, lease).await
    }

    async fn acknowledge(&self, message: &Message) -> Result<()> {
        self.from.acknowledge(message).await
    }

    async fn release(&self, message: &Message, delay: Duration) -> Result<()> {
        self.from.release(message, delay).await
    }

    async fn dead_letter(&self, message: &Message, reason: &str) -> Result<()> {
        self.from.dead_letter(message, reason).await
    }

    async fn depth(&self) -> Result<Depth> {
        self.from.depth().await
    }
}
