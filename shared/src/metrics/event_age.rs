//! The highest age of a task's events in the last minute.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use crate::sync::lock;

/// Ages are remembered by slots of this length.
const SLOT: Duration = Duration::from_secs(5);

/// Slots that are remembered. A controller reads heartbeats once a minute, and they are up to 5 s old: 65 s leave no gap
/// between two readings, and the slot that has begun is one more.
const SLOTS: usize = 14;

/// The highest age in each of the last slots.
#[derive(Debug)]
pub struct EventAge {
    began: Instant,
    slots: Mutex<[Option<(u64, Duration)>; SLOTS]>,
}

impl Default for EventAge {
    fn default() -> Self {
        EventAge { began: Instant::now(), slots: Mutex::default() }
    }
}

impl EventAge {
    /// An event was settled, this long after the change that it reports.
    pub fn record(&self, age: Duration) {
        let now = self.slot();
        let slot = &mut lock(&self.slots)[(now % SLOTS as u64) as usize];
        match slot {
            Some((number, highest)) if *number == now => *highest = age.max(*highest),
            _ => *slot = Some((now, age)),
        }
    }

    /// The highest age of the last minute; `None`: no event was settled.
    pub fn highest(&self) -> Option<Duration> {
        let oldest = (self.slot() + 1).saturating_sub(SLOTS as u64);
        let slots = lock(&self.slots);
        slots.iter().flatten().filter(|(number, _)| *number >= oldest).map(|(_, age)| *age).max()
    }

    fn slot(&self) -> u64 {
        self.began.elapsed().as_secs() / SLOT.as_secs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_highest_age_is_kept_for_a_minute() {
        let (age, wait) = (EventAge::default(), |seconds| tokio::time::advance(Duration::from_secs(seconds)));
        assert_eq!(age.highest(), None);
        for seconds in [3, 40, 7] {
            age.record(Duration::from_secs(seconds));
        }
        wait(30).await;
        age.record(Duration::from_secs(9));
        assert_eq!(age.highest(), Some(Duration::from_secs(40)));
        wait(35).await;
        assert_eq!(age.highest(), Some(Duration::from_secs(40)), "after 65 s");
        wait(5).await;
        assert_eq!(age.highest(), Some(Duration::from_secs(9)));
        wait(3_600).await;
        assert_eq!(age.highest(), None);
    }
}
