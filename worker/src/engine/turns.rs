//! Whose turn it is to poll, in a process that serves many tasks.
//!
//! A task is busy while its owner says so (a live run, jobs on its queue), and for a minute after each message. The
//! lanes of busy tasks long-poll, at most [`MAX_LONG_POLLS`] of a process at once, in turn. The other tasks are polled
//! once a minute, shortly, by one of the fleet's workers each. Workers that disagree about their number or the time
//! poll a task twice in a minute, or leave it out for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use shared::object::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep_until};

use crate::engine::receive::POLL;

/// Most long polls of a process at once.
const MAX_LONG_POLLS: usize = 64;

/// A long poll: Amazon SQS's longest.
const LONG_POLL: Duration = Duration::from_secs(20);

/// The poll of an idle task. Amazon SQS asks all its servers only if a poll waits at all.
const SHORT_POLL: Duration = Duration::from_secs(1);

/// A task is busy for so long after a message.
const BUSY_AFTER_MESSAGE: Duration = Duration::from_secs(60);

/// Each idle task is polled once in this time.
const IDLE_EVERY: Duration = Duration::from_secs(60);

/// The polls of a process. Clones share them.
#[derive(Debug, Clone)]
pub struct Polls(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    slots: Arc<Semaphore>,
    /// Lanes that wait for a slot.
    waiting: AtomicUsize,
    /// The place of this worker among those of the fleet, and their number.
    workers: watch::Sender<(u64, u64)>,
    /// Two readings of one moment: minutes count by the system's clock, and waits by the monotonic one.
    began: (Instant, Timestamp),
}

/// The turns of one task.
#[derive(Debug)]
pub struct Turns {
    polls: Polls,
    /// Distributes tasks among workers and over the minute.
    hash: u64,
    busy: watch::Sender<Busy>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Busy {
    is_set: bool,
    until: Option<Instant>,
}

impl Busy {
    fn is_busy(self) -> bool {
        self.is_set || self.until.is_some_and(|until| until > Instant::now())
    }
}

/// The right to one poll.
#[derive(Debug)]
pub(crate) struct Turn {
    /// How long the poll waits for the first message.
    pub wait: Duration,
    _slot: Option<OwnedSemaphorePermit>,
}

impl Turn {
    /// A worker of one task polls whenever it can work.
    pub fn alone() -> Self {
        Turn { wait: POLL, _slot: None }
    }
}

impl Default for Polls {
    fn default() -> Self {
        Polls(Arc::new(Shared {
            slots: Arc::new(Semaphore::new(MAX_LONG_POLLS)),
            waiting: AtomicUsize::new(0),
            workers: watch::Sender::new((0, 1)),
            began: (Instant::now(), Timestamp::now()),
        }))
    }
}

impl Polls {
    /// This worker is the one of this index, from 0, among `of` live ones of the fleet.
    pub fn set_workers(&self, index: u64, of: u64) {
        self.0.workers.send_if_modified(|workers| std::mem::replace(workers, (index, of.max(1))) != (index, of.max(1)));
    }

    /// The turns of a task, which is idle at first. `id` is the same at all workers.
    pub fn of_task(&self, id: &str) -> Arc<Turns> {
        // FNV-1a, 64 bits: the same at all workers and in all releases.
        let hash = id
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        Arc::new(Turns { polls: self.clone(), hash: hash ^ (hash >> 32), busy: watch::Sender::default() })
    }
}

impl Turns {
    /// Whether the task has work: a live run, or jobs on its queues.
    pub fn set_busy(&self, is_busy: bool) {
        self.busy.send_if_modified(|busy| std::mem::replace(&mut busy.is_set, is_busy) != is_busy);
    }

    /// A message came: the task is busy for a minute.
    pub(crate) fn received(&self) {
        self.busy.send_modify(|busy| busy.until = Some(Instant::now() + BUSY_AFTER_MESSAGE));
    }

    /// Waits until a lane of the task may poll.
    pub(crate) async fn next(&self) -> Turn {
        let mut busy = self.busy.subscribe();
        let mut workers = self.polls.0.workers.subscribe();
        loop {
            let is_busy = busy.borrow_and_update().is_busy();
            if is_busy {
                return self.polls.long().await;
            }
            let (index, of) = *workers.borrow_and_update();
            tokio::select! {
                () = sleep_until(self.next_idle(index, of)) => return Turn { wait: SHORT_POLL, _slot: None },
                // The senders live as long as this.
                _ = busy.changed() => {}
                _ = workers.changed() => {}
            }
        }
    }

    /// When this worker polls the task next, if it stays idle: in a minute whose number, with the task's, is the
    /// worker's, and at the task's moment of the minute.
    fn next_idle(&self, index: u64, of: u64) -> Instant {
        let (began, began_at) = self.polls.0.began;
        let every = IDLE_EVERY.as_millis() as u64;
        // Milliseconds of the system's clock, at the beginning and now.
        let first = u64::try_from(began_at.0).unwrap_or_default();
        let now = first + began.elapsed().as_millis() as u64;
        let moment = self.hash % every;
        let mut minute = now / every;
        // At most `of` steps, for one of so many minutes in a row is this worker's.
        while (self.hash.wrapping_add(minute)) % of != index % of || minute * every + moment <= now {
            minute += 1;
        }
        began + Duration::from_millis(minute * every + moment - first)
    }
}

impl Polls {
    /// Waits for the right to a long poll. While others wait for theirs it is shorter.
    async fn long(&self) -> Turn {
        let waiting = Waiting::new(&self.0.waiting);
        // Never closed; without the permit the poll would only be one too many.
        let slot = self.0.slots.clone().acquire_owned().await.ok();
        drop(waiting);
        let wait = if self.0.waiting.load(SeqCst) > 0 { POLL } else { LONG_POLL };
        Turn { wait, _slot: slot }
    }
}

/// Counts a lane among those that wait for a slot.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, SeqCst);
        Waiting(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;
    use tokio::time::sleep;

    use super::*;

    /// Polls of a task's two lanes, none of which brings a message.
    fn poll(lanes: &mut JoinSet<()>, turns: &Arc<Turns>, polls: &Arc<AtomicUsize>, open: &Arc<AtomicUsize>) {
        for _ in 0..2 {
            let (turns, polls, open) = (turns.clone(), polls.clone(), open.clone());
            lanes.spawn(async move {
                loop {
                    let turn = turns.next().await;
                    polls.fetch_add(1, SeqCst);
                    assert!(open.fetch_add(1, SeqCst) < MAX_LONG_POLLS, "too many polls at once");
                    sleep(turn.wait).await;
                    open.fetch_sub(1, SeqCst);
                }
            });
        }
    }

    #[tokio::test(start_paused = true)]
    async fn ten_workers_poll_each_of_200_idle_tasks_once_a_minute() {
        let (mut lanes, polls) = (JoinSet::new(), Arc::default());
        let processes: Vec<Polls> = (0..10).map(|_| Polls::default()).collect();
        for (index, process) in (0..).zip(&processes) {
            process.set_workers(index, 10);
            // An hour's polls of one process are spread over each minute.
            let open = Arc::default();
            (0..200).for_each(|task| poll(&mut lanes, &process.of_task(&format!("task {task}")), &polls, &open));
        }
        sleep(Duration::from_secs(3600)).await;
        let polls = polls.load(SeqCst);
        // Two queues a task. Each worker has its own share of the first and the last minute.
        assert!((23_600..=24_000).contains(&polls), "{polls} polls in an hour");
    }

    #[tokio::test(start_paused = true)]
    async fn busy_tasks_poll_in_turn_and_at_most_64_at_once() {
        let (mut lanes, process, open) = (JoinSet::new(), Polls::default(), Arc::default());
        let counts: Vec<Arc<AtomicUsize>> = (0..100).map(|_| Arc::default()).collect();
        for (task, count) in counts.iter().enumerate() {
            let turns = process.of_task(&task.to_string());
            turns.set_busy(true);
            poll(&mut lanes, &turns, count, &open);
        }
        sleep(Duration::from_secs(600)).await;
        let counts: Vec<usize> = counts.iter().map(|count| count.load(SeqCst)).collect();
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(*least > 60 && most - least <= 4, "{least} to {most} polls a task");
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_task_is_polled_at_once_and_a_minute_after_a_message() {
        let turns = Polls::default().of_task("task");
        let began = Instant::now();
        let set = async {
            sleep(Duration::from_millis(10)).await;
            turns.set_busy(true);
        };
        let (turn, ()) = tokio::join!(turns.next(), set);
        assert_eq!((turn.wait, began.elapsed()), (LONG_POLL, Duration::from_millis(10)));
        drop(turn);
        turns.set_busy(false);
        turns.received();
        assert_eq!(turns.next().await.wait, LONG_POLL);
        sleep(BUSY_AFTER_MESSAGE).await;
        let (before, turn) = (Instant::now(), turns.next().await);
        assert!(turn.wait == SHORT_POLL && before.elapsed() <= IDLE_EVERY);
        let before = Instant::now();
        turns.next().await;
        assert_eq!(before.elapsed(), IDLE_EVERY);
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_polls_an_idle_task_in_its_own_minutes() {
        let processes: Vec<Polls> = (0..3).map(|_| Polls::default()).collect();
        let mut moments = Vec::new();
        for (index, process) in (0..).zip(&processes) {
            process.set_workers(index, 3);
            let turns = process.of_task("task");
            moments.push(turns.next_idle(index, 3));
        }
        moments.sort();
        let gaps: Vec<Duration> = moments.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(gaps, [IDLE_EVERY; 2]);
    }
}
