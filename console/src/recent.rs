//! Records of the whole fleet that many requests read: each is read at most once a second.

use std::sync::Arc;
use std::time::Duration;

use shared::Result;
use shared::tasks::{Heartbeat, SharedTasks, Summary};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// A list shows a record for this long before it is read again.
pub const RECENT: Duration = Duration::from_secs(1);

/// All tasks and heartbeats, as they were read last. Callers at the same time wait for one read. An error is kept for
/// nobody: the next caller reads again.
#[derive(Debug, Default)]
pub struct Recent {
    summaries: Slot<Vec<Summary>>,
    heartbeats: Slot<Vec<Heartbeat>>,
}

#[derive(Debug)]
struct Slot<T>(Mutex<Option<(Instant, Arc<T>)>>);

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Slot(Mutex::new(None))
    }
}

impl<T> Slot<T> {
    async fn get(&self, kept: Duration, read: impl Future<Output = Result<T>>) -> Result<Arc<T>> {
        let mut slot = self.0.lock().await;
        if let Some((_, value)) = slot.as_ref().filter(|(at, _)| at.elapsed() < kept) {
            return Ok(value.clone());
        }
        let value = Arc::new(read.await?);
        *slot = Some((Instant::now(), value.clone()));
        Ok(value)
    }
}

impl Recent {
    /// All tasks of the fleet, by name.
    pub async fn summaries(&self, tasks: &SharedTasks) -> Result<Arc<Vec<Summary>>> {
        self.summaries_within(tasks, RECENT).await
    }

    /// All tasks of the fleet, as they were at most so long ago.
    pub async fn summaries_within(&self, tasks: &SharedTasks, kept: Duration) -> Result<Arc<Vec<Summary>>> {
        self.summaries.get(kept, tasks.summaries()).await
    }

    /// The heartbeats of all workers.
    pub async fn heartbeats(&self, tasks: &SharedTasks) -> Result<Arc<Vec<Heartbeat>>> {
        self.heartbeats.get(RECENT, tasks.heartbeats()).await
    }

    /// Has the next caller read the tasks again: this process changed one.
    pub async fn forget(&self) {
        *self.summaries.0.lock().await = None;
    }
}
