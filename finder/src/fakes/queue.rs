//! A queue that remembers what was sent.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use shared::Result;
use shared::queue::{Depth, JobQueue, Message, Outgoing};

use super::{Faults, unsupported};

/// A queue that remembers what was sent.
#[derive(Debug, Default)]
pub struct Belt {
    pub faults: Arc<Faults>,
    pub sent: Arc<Mutex<Vec<String>>>,
    /// Nothing is left of what was sent.
    pub is_empty: AtomicBool,
    /// Jobs that others sent.
    pub others: AtomicU64,
    /// How often the depth was read.
    pub depths: AtomicU64,
}

#[async_trait]
impl JobQueue for Belt {
    async fn send(&self, messages: &[Outgoing]) -> Result<()> {
        // A failed send may have stored some: half of them.
        let bodies = |n: usize| messages[..n].iter().map(|m| m.body.clone()).collect::<Vec<_>>();
        self.faults.pass().await;
        let sent = self.faults.step(|| self.sent.lock().unwrap().extend(bodies(messages.len())));
        if sent.is_err()
            && self.faults.plan.lock().unwrap().is_some_and(|(at, _)| self.faults.steps.load(SeqCst) == at + 1)
        {
            self.sent.lock().unwrap().extend(bodies(messages.len() / 2));
        }
        sent
    }
    async fn receive(&self, _: usize, _: Duration, _: Duration) -> Result<Vec<Message>> {
        unsupported()
    }
    fn outlives_callers(&self) -> bool {
        false
    }
    async fn extend(&self, _: &Message, _: Duration) -> Result<()> {
        unsupported()
    }
    async fn acknowledge(&self, _: &Message) -> Result<()> {
        unsupported()
    }
    async fn release(&self, _: &Message, _: Duration) -> Result<()> {
        unsupported()
    }
    async fn dead_letter(&self, _: &Message, _: &str) -> Result<()> {
        unsupported()
    }
    async fn depth(&self) -> Result<Depth> {
        self.depths.fetch_add(1, SeqCst);
        let sent = if self.is_empty.load(SeqCst) { 0 } else { self.sent.lock().unwrap().len() as u64 };
        Ok(Depth { ready: sent + self.others.load(SeqCst), ..Depth::default() })
    }
}
