//! The stop signals of a worker.

use tokio_util::sync::CancellationToken;

/// Two levels of stopping; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Take no more jobs, and finish or release the leased ones.
    pub drain: CancellationToken,
    /// Release all jobs at once.
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
