//! The worker of one task is ended in a process that goes on: no message stays leased.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flotilla_tests::probe::{Fate, QueueProbe};
use shared::Result;
use shared::queue::{Depth, JobQueue, Message, Outgoing, Queue};

use crate::stage::{Stage, until};

async fn depth(stage: &Stage) -> Depth {
    stage.queue.depth().await.expect("the queue answers")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_then_an_abort_leave_no_lease_behind() {
    let stage = Stage::new().await;
    stage.ledger.calls.decide(|call, _| if call == "settle" { Fate::Hang } else { Fate::Pass });
    let objects = stage.files([1; 5]);
    for _ in 0..20 {
        stage.copy(&objects).await;
    }
    let working = stage.start();
    until(async || depth(&stage).await.leased > 5).await;
    working.stop.drain.cancel();
    tokio::time::sleep(Duration::from_millis(50)).await;
    working.stop.abort.cancel();
    working.ended().await.expect("the worker ends well");
    until(async || depth(&stage).await.leased == 0).await;
    let depth = depth(&stage).await;
    assert_eq!((depth.ready, depth.delayed, depth.dead), (20, 0, 0), "all of them can be received at once");
}

/// A queue whose receives go on after their callers are gone, as those of a service.
#[derive(Debug)]
struct Outliving(Queue);

#[async_trait]
impl JobQueue for Outliving {
    async fn send(&self, messages: &[Outgoing]) -> Result<()> {
        self.0.send(messages).await
    }

    async fn receive(&self, max: usize, wait: Duration, lease: Duration) -> Result<Vec<Message>> {
        let inner = self.0.clone();
        tokio::spawn(async move { inner.receive(max, wait, lease).await }).await.expect("it does not panic")
    }

    fn outlives_callers(&self) -> bool {
        true
    }

    async fn extend(&self, message: &Message, lease: Duration) -> Result<()> {
        self.0.extend(message, lease).await
    }

    async fn acknowledge(&self, message: &Message) -> Result<()> {
        self.0.acknowledge(message).await
    }

    async fn release(&self, message: &Message, delay: Duration) -> Result<()> {
        self.0.release(message, delay).await
    }

    async fn dead_letter(&self, message: &Message, reason: &str) -> Result<()> {
        self.0.dead_letter(message, reason).await
    }

    async fn depth(&self) -> Result<Depth> {
        self.0.depth().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_poll_brings_after_the_abort_is_released() {
    let mut stage = Stage::new().await;
    stage.queue = Arc::new(QueueProbe::new(Arc::new(Outliving(stage.queue.clone()))));
    let working = stage.start();
    stage.until_called("receive", 1).await;
    working.stop.drain.cancel();
    working.stop.abort.cancel();
    working.ended().await.expect("the worker ends well");
    // The poll of the ended worker is still open at the queue.
    let objects = stage.files([1]);
    stage.copy(&objects).await;
    stage.until_called("release", 1).await;
    until(async || depth(&stage).await.leased == 0).await;
    assert_eq!(depth(&stage).await.ready, 1);
}
