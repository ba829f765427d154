//! How a worker is told to stop.

use tokio_util::sync::CancellationToken;

/// Two levels of stopping; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Take no more jobs, and finish or hand back the ones that are held.
    pub drain: CancellationToken,
    /// Hand back at once.
    pub abort: CancellationToken,
}

impl Stop {
    /// Goes one level further: drain first, abort when already draining.
    pub fn escalate(&self) {
        if self.drain.is_cancelled() {
            self.abort.cancel();
        }
        self.drain.cancel();
    }
}
