//! The activity of a worker, for heartbeats, for the end of an idle machine, and for health checks.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use shared::job::ParseError;
use shared::limits::Lane;
use shared::object::Timestamp;
use shared::sync::lock;
use shared::tasks::OldestReceived;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::oldest_received::ReceivedMessages;

/// A worker shows a sign of life within this time, if it is to do anything: a poll ends, a settlement ends, bytes move.
/// Longer than any poll, and than a call that is repeated while a service restarts.
const SILENT_LIMIT: Duration = Duration::from_secs(300);

/// What a worker does. Share it by [`Arc`] and read it at any time.
#[derive(Debug, Default)]
pub struct Activity {
    /// The activity of the process, where this is one task's.
    process: Option<Arc<Activity>>,
    /// Messages that are leased.
    leases: watch::Sender<usize>,
    times: Mutex<Times>,
    /// Notified when outcomes are recorded.
    settles: Notify,
    received: ReceivedMessages,
    /// Set once a job came that only a later release can execute.
    outdated: OnceLock<ParseError>,
}

#[derive(Debug, Default)]
struct Times {
    /// Lanes that receive.
    lanes: usize,
    /// Lanes among them that are to do nothing: their turn to poll has not come, or a store is away.
    resting: usize,
    message: Option<Instant>,
    poll: Option<Instant>,
    settlement: Option<Instant>,
    /// The last sign of life, or the moment since which one is expected.
    sign: Option<Instant>,
}

impl Activity {
    /// The activity of one task of a process, which is counted in that of the process too.
    pub fn of_task(process: &Arc<Activity>) -> Arc<Activity> {
        Arc::new(Activity { process: Some(process.clone()), ..Activity::default() })
    }

    /// The number of leased messages. The receiver lives as long as it likes; the number ends with the activity.
    pub fn leases(&self) -> watch::Receiver<usize> {
        self.leases.subscribe()
    }

    /// When a message was last received.
    pub fn last_message(&self) -> Option<Instant> {
        lock(&self.times).message
    }

    /// When the oldest messages were sent that were received lately.
    pub fn oldest_received(&self) -> OldestReceived {
        self.received.oldest()
    }

    /// When a poll last ended, well or by an error.
    pub fn last_poll(&self) -> Option<Instant> {
        lock(&self.times).poll
    }

    /// When outcomes were last recorded.
    pub fn last_settlement(&self) -> Option<Instant> {
        lock(&self.times).settlement
    }

    /// Waits until outcomes are recorded that were not waited for yet. For one caller at a time.
    pub async fn next_settlement(&self) {
        self.settles.notified().await;
    }

    /// Why the worker is outdated, once a job came that only a later release can execute.
    pub fn outdated(&self) -> Option<&ParseError> {
        self.outdated.get()
    }

    pub(crate) fn set_outdated(&self, why: ParseError) {
        self.all(&|activity| {
            let _ = activity.outdated.set(why.clone());
        });
    }

    /// Whether the worker is at work, or has nothing to do: `false` if no poll and no settlement has ended and no byte
    /// has moved for five minutes, while a lane was to receive.
    pub fn is_alive(&self) -> bool {
        let times = lock(&self.times);
        times.lanes <= times.resting || times.sign.is_none_or(|sign| sign.elapsed() < SILENT_LIMIT)
    }

    /// Counts one more leased message for as long as the guard lives.
    pub(crate) fn lease(self: &Arc<Self>) -> Counted {
        self.count(|activity, by| activity.leases.send_modify(|leases| *leases = leases.saturating_add_signed(by)))
    }

    /// Counts a lane that receives for as long as the guard lives.
    pub(crate) fn lane(self: &Arc<Self>) -> Counted {
        self.count(|activity, by| activity.times(|times| times.lanes = times.lanes.saturating_add_signed(by)))
    }

    /// Counts a lane that is to do nothing for as long as the guard lives.
    pub(crate) fn rest(self: &Arc<Self>) -> Counted {
        self.count(|activity, by| activity.times(|times| times.resting = times.resting.saturating_add_signed(by)))
    }

    /// A poll has ended, with so many messages.
    pub(crate) fn poll_ended(&self, messages: usize) {
        let now = Some(Instant::now());
        self.all(&|activity| {
            activity.times(|times| {
                times.poll = now;
                times.message = if messages > 0 { now } else { times.message };
            });
        });
    }

    /// A message was received that was sent at this time.
    pub(crate) fn received(&self, lane: Lane, sent: Timestamp) {
        self.received.add(lane, sent);
    }

    /// Outcomes are recorded.
    pub(crate) fn settled(&self) {
        self.all(&|activity| {
            activity.times(|times| times.settlement = Some(Instant::now()));
            // Kept for a caller that begins to wait later.
            activity.settles.notify_one();
        });
    }

    /// Bytes have moved.
    pub(crate) fn moved(&self) {
        self.all(&|activity| activity.times(|_| {}));
    }

    fn count(self: &Arc<Self>, change: fn(&Activity, isize)) -> Counted {
        self.all(&|activity| change(activity, 1));
        Counted { activity: self.clone(), change }
    }

    /// This activity, and that of its process.
    fn all(&self, change: &dyn Fn(&Activity)) {
        change(self);
        if let Some(process) = &self.process {
            process.all(change);
        }
    }

    /// Changes the times. Each change is a sign of life, or begins the time in which one is expected.
    fn times(&self, change: impl FnOnce(&mut Times)) {
        let mut times = lock(&self.times);
        change(&mut times);
        times.sign = Some(Instant::now());
    }
}

/// Counts something of an activity until it is dropped.
#[must_use]
pub(crate) struct Counted {
    activity: Arc<Activity>,
    change: fn(&Activity, isize),
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.activity.all(&|activity| (self.change)(activity, -1));
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_is_silent_while_it_is_to_receive_is_not_alive() {
        let activity = Arc::new(Activity::default());
        let silent = || tokio::time::advance(SILENT_LIMIT);
        silent().await;
        assert!(activity.is_alive(), "it has no lane yet");
        let lane = activity.lane();
        assert!(activity.is_alive(), "its first poll has just begun");
        silent().await;
        assert!(!activity.is_alive());
        for sign in [|activity: &Activity| activity.poll_ended(0), Activity::settled, Activity::moved] {
            sign(&activity);
            assert!(activity.is_alive());
            silent().await;
            assert!(!activity.is_alive());
        }
        let rest = activity.rest();
        silent().await;
        assert!(activity.is_alive(), "its turn has not come");
        drop(rest);
        assert!(activity.is_alive());
        silent().await;
        assert!(!activity.is_alive());
        drop(lane);
        assert!(activity.is_alive(), "nothing is to be done any more");
    }

    #[tokio::test]
    async fn a_settlement_before_the_wait_ends_it_too() {
        let activity = Activity::default();
        assert!(activity.next_settlement().now_or_never().is_none());
        activity.settled();
        activity.settled();
        assert!(activity.next_settlement().now_or_never().is_some());
        assert!(activity.next_settlement().now_or_never().is_none(), "two settlements end one wait");
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_is_alive_while_one_of_its_tasks_is() {
        let process = Arc::new(Activity::default());
        let [first, second] = [(); 2].map(|()| Activity::of_task(&process));
        let _lanes = (first.lane(), second.lane());
        let mut leases = process.leases();
        let lease = first.lease();
        assert_eq!((*leases.borrow_and_update(), *second.leases().borrow()), (1, 0));
        drop(lease);
        assert_eq!(*leases.borrow_and_update(), 0);
        tokio::time::advance(SILENT_LIMIT).await;
        second.poll_ended(3);
        assert_eq!([&process, &first, &second].map(|activity| activity.is_alive()), [true, false, true]);
        assert_eq!((first.last_message(), process.last_message()), (None, second.last_poll()));
        tokio::time::advance(SILENT_LIMIT).await;
        assert!(!process.is_alive());
    }
}
