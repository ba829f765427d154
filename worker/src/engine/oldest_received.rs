//! When the oldest messages were sent that a worker received lately, for its heartbeat.

use std::sync::Mutex;
use std::time::Duration;

use shared::limits::Lane;
use shared::object::Timestamp;
use shared::sync::lock;
use shared::tasks::OldestReceived;
use tokio::time::Instant;

/// A message counts for this long, and at most for twice as long. A message that waits for its executor comes again after
/// 15 minutes at the latest.
const KEPT: Duration = Duration::from_secs(20 * 60);

/// The oldest messages of each lane.
#[derive(Debug, Default)]
pub(crate) struct ReceivedMessages(Mutex<Windows>);

#[derive(Debug, Default)]
struct Windows {
    /// When `current` began.
    began: Option<Instant>,
    current: OldestReceived,
    before: OldestReceived,
}

impl Windows {
    fn advance(&mut self) {
        let elapsed = self.began.get_or_insert_with(Instant::now).elapsed();
        if elapsed >= KEPT {
            let current = std::mem::take(&mut self.current);
            self.before = if elapsed < KEPT * 2 { current } else { OldestReceived::default() };
            self.began = Some(Instant::now());
        }
    }
}

impl ReceivedMessages {
    pub(crate) fn add(&self, lane: Lane, sent: Timestamp) {
        let mut windows = lock(&self.0);
        windows.advance();
        let one = match lane {
            Lane::Scan => OldestReceived { jobs: Some(sent), events: None },
            Lane::Events => OldestReceived { jobs: None, events: Some(sent) },
        };
        windows.current = windows.current.and(&one);
    }

    pub(crate) fn oldest(&self) -> OldestReceived {
        let mut windows = lock(&self.0);
        windows.advance();
        windows.current.and(&windows.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_oldest_message_of_each_lane_counts_for_a_while() {
        let received = ReceivedMessages::default();
        let oldest = || {
            let OldestReceived { jobs, events } = received.oldest();
            (jobs.map(|sent| sent.0), events.map(|sent| sent.0))
        };
        assert_eq!(oldest(), (None, None));
        for sent in [7, 5, 9] {
            received.add(Lane::Scan, Timestamp(sent));
        }
        received.add(Lane::Events, Timestamp(3));
        assert_eq!(oldest(), (Some(5), Some(3)));
        tokio::time::advance(KEPT).await;
        received.add(Lane::Scan, Timestamp(8));
        assert_eq!(oldest(), (Some(5), Some(3)));
        tokio::time::advance(KEPT).await;
        assert_eq!(oldest(), (Some(8), None));
        tokio::time::advance(KEPT * 2).await;
        assert_eq!(oldest(), (None, None));
    }
}
