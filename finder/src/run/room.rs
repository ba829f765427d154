//! Room on the queue: a finder that is faster than the workers pauses.
//!
//! Messages live for 14 days. A run of a billion objects whose workers do a thousand a second would lose the last of
//! them.

use std::time::Duration;

use shared::queue::Queue;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::error::FindError;

/// While more jobs than this wait, the finder sends no more. Some 50 million objects.
pub const MAX_WAITING: u64 = 100_000;

/// Time between two reads of the queue's depth.
pub const LOOK_EVERY: Duration = Duration::from_secs(15);

/// The room on a queue, as it was when its depth was read last.
#[derive(Debug)]
pub struct Room {
    queue: Queue,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    is_full: bool,
    /// When the depth is read again.
    due: Instant,
}

impl Room {
    /// The room on a queue. In a run that is resumed the depth is read before the first job is sent: slices that each
    /// sent some jobs first would fill the queue without bound. A new run sends for a while, and a small one never asks.
    pub fn of(queue: Queue, is_new: bool) -> Room {
        let now = Instant::now();
        let due = if is_new { now + LOOK_EVERY } else { now };
        Room { queue, seen: Mutex::new(Seen { is_full: false, due }) }
    }

    /// Waits until at most [`MAX_WAITING`] jobs wait. All callers share one answer: the lock is held while it is read.
    /// An error is no answer, and ends the run; the adapter has tried again by then.
    pub async fn wait(&self) -> Result<(), FindError> {
        let mut seen = self.seen.lock().await;
        loop {
            if Instant::now() < seen.due {
                if !seen.is_full {
                    return Ok(());
                }
                sleep_until(seen.due).await;
            }
            let waiting = self.queue.depth().await.map_err(FindError::Queue)?.waiting();
            let is_full = waiting > MAX_WAITING;
            if is_full != seen.is_full {
                match is_full {
                    true => tracing::info!(waiting, "the listing pauses: too many jobs wait"),
                    false => tracing::info!(waiting, "the listing goes on: the queue has room again"),
                }
            }
            *seen = Seen { is_full, due: Instant::now() + LOOK_EVERY };
        }
    }
}
