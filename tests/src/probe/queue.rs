use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use shared::Result;
use shared::queue::{Depth, JobQueue, Message, Outgoing, Queue};
use shared::sync::lock;

use super::Calls;

/// A queue that counts its calls and fails as a test wants it.
#[derive(Debug)]
pub struct QueueProbe {
    inner: Queue,
    /// The calls.
    pub calls: Calls,
    /// How many messages each receive asked for.
    pub asked: Arc<Mutex<Vec<usize>>>,
    /// How long the service takes to extend a lease, whether or not the caller waits for it.
    pub extending: Duration,
}

impl QueueProbe {
    /// A probe over a queue.
    pub fn new(inner: Queue) -> Self {
        QueueProbe { inner, calls: Calls::default(), asked: Arc::default(), extending: Duration::ZERO }
    }

    /// How many messages each receive asked for.
    pub fn asked(&self) -> Vec<usize> {
        lock(&self.asked).clone()
    }
}

#[async_trait]
impl JobQueue for QueueProbe {
    async fn send(&self, messages: &[Outgoing]) -> Result<()> {
        self.calls.meet("send").await?;
        self.inner.send(messages).await
    }

    async fn receive(&self, max: usize, wait: Duration, lease: Duration) -> Result<Vec<Message>> {
        lock(&self.asked).push(max);
        self.calls.meet("receive").await?;
        self.inner.receive(max, wait, lease).await
    }

    fn outlives_callers(&self) -> bool {
        self.inner.outlives_callers()
    }

    async fn extend(&self, message: &Message, lease: Duration) -> Result<()> {
        self.calls.meet("extend").await?;
        let (inner, message, calls, takes) = (self.inner.clone(), message.clone(), self.calls.clone(), self.extending);
        // As a service does: a request that has arrived is carried out, also for a caller that is gone.
        let carried_out = tokio::spawn(async move {
            tokio::time::sleep(takes).await;
            let answer = inner.extend(&message, lease).await;
            calls.note("extended");
            answer
        });
        carried_out.await.expect("the extension does not panic")
    }

    async fn acknowledge(&self, message: &Message) -> Result<()> {
        self.calls.meet("acknowledge").await?;
        self.inner.acknowledge(message).await
    }

    async fn release(&self, message: &Message, delay: Duration) -> Result<()> {
        self.calls.meet("release").await?;
        self.inner.release(message, delay).await
    }

    async fn dead_letter(&self, message: &Message, reason: &str) -> Result<()> {
        self.calls.meet("dead-letter").await?;
        self.inner.dead_letter(message, reason).await
    }

    async fn depth(&self) -> Result<Depth> {
        self.inner.depth().await
    }
}
