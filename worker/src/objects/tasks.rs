//! The tasks of a job: each works on one object, so that one job uses all cores of its machine.
//!
//! Guards of dropped work record what it leaves behind, or what may still take effect. An aborted task is dropped a
//! moment after its abort, perhaps by another thread. So the code that reads these records waits for [`Running::ended`]
//! first.

use std::iter::Fuse;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::BoxFuture;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Counts the tasks of a job that have not ended. Clones share the count.
#[derive(Debug, Clone, Default)]
pub(crate) struct Running(Arc<Count>);

#[derive(Debug, Default)]
struct Count {
    tasks: AtomicUsize,
    /// Notified when the last task has ended.
    none: Notify,
}

impl Running {
    /// Waits until no task is left. By then the guards of aborted tasks have run.
    pub async fn ended(&self) {
        loop {
            // Made before the count is read: it misses no task that ends after that.
            let none = self.0.none.notified();
            if self.0.tasks.load(Ordering::Acquire) == 0 {
                return;
            }
            none.await;
        }
    }

    fn begin(&self) -> RunningTask {
        self.0.tasks.fetch_add(1, Ordering::Relaxed);
        RunningTask(self.0.clone())
    }
}

/// Counts one task, for as long as it lives.
struct RunningTask(Arc<Count>);

impl Drop for RunningTask {
    fn drop(&mut self) {
        if self.0.tasks.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.none.notify_waiters();
        }
    }
}

/// Works of a job, each in a task of its own, at most `at_once` at the same time. Dropped, it aborts the tasks;
/// [`Running::ended`] waits for their end.
pub(crate) struct Tasks<W, T> {
    works: Fuse<W>,
    at_once: usize,
    tasks: JoinSet<T>,
    begun: usize,
    running: Running,
}

impl<W, T> Tasks<W, T>
where
    W: Iterator<Item = BoxFuture<'static, T>>,
    T: Send + 'static,
{
    /// No work has begun yet.
    pub fn new(works: W, at_once: usize, running: &Running) -> Self {
        Tasks { works: works.fuse(), at_once, tasks: JoinSet::new(), begun: 0, running: running.clone() }
    }

    /// How many works have begun so far, in their order.
    pub fn begun(&self) -> usize {
        self.begun
    }

    /// The result of the work that ends next; `None` after the last one. Panics if that work has panicked. A call that
    /// is dropped loses no result.
    pub async fn next(&mut self) -> Option<T> {
        while self.tasks.len() < self.at_once {
            let Some(work) = self.works.next() else { break };
            let task = self.running.begin();
            self.begun += 1;
            self.tasks.spawn(async move {
                let result = work.await;
                // After the work, also where both are dropped.
                drop(task);
                result
            });
        }
        match self.tasks.join_next().await? {
            Ok(result) => Some(result),
            // Nobody aborts a single task, so it has panicked.
            Err(error) => resume_unwind(error.into_panic()),
        }
    }

    /// Ends all works that have begun, and waits for that. Returns the results that nobody has taken yet.
    pub async fn end(mut self) -> Vec<T> {
        self.tasks.abort_all();
        let mut results = Vec::new();
        while let Some(ended) = self.tasks.join_next().await {
            match ended {
                Ok(result) => results.push(result),
                Err(error) if error.is_cancelled() => {}
                Err(error) => resume_unwind(error.into_panic()),
            }
        }
        results
    }
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;
    use std::sync::Mutex;
    use std::time::{Duration, Instant};

    use futures::FutureExt;
    use shared::sync::lock;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn works_run_on_several_threads_at_the_same_time() {
        let arrived = Arc::new(AtomicUsize::new(0));
        let work = |number: u32| {
            let arrived = arrived.clone();
            let work = async move {
                let since = Instant::now();
                arrived.fetch_add(1, Ordering::SeqCst);
                // Each keeps its thread until the other one is there.
                while arrived.load(Ordering::SeqCst) < 2 {
                    assert!(since.elapsed() < Duration::from_secs(20), "work {number} is alone");
                    std::thread::yield_now();
                }
                number
            };
            work.boxed()
        };
        let mut tasks = Tasks::new((1..=2).map(work), 2, &Running::default());
        let mut ended = [tasks.next().await, tasks.next().await];
        ended.sort_unstable();
        assert_eq!((ended, tasks.next().await), ([Some(1), Some(2)], None));
    }

    #[tokio::test]
    async fn no_more_works_run_at_once_than_may() {
        let counts = Arc::new(Mutex::new((0_usize, 0_usize)));
        let work = |_| {
            let counts = counts.clone();
            let work = async move {
                {
                    let mut counts = lock(&counts);
                    counts.0 += 1;
                    counts.1 = counts.0.max(counts.1);
                }
                tokio::task::yield_now().await;
                lock(&counts).0 -= 1;
            };
            work.boxed()
        };
        let (mut tasks, mut ended) = (Tasks::new((0..10).map(work), 3, &Running::default()), 0);
        while tasks.next().await.is_some() {
            ended += 1;
        }
        assert_eq!((ended, tasks.begun(), *lock(&counts)), (10, 10, (0, 3)));
    }

    /// Counts its drops.
    struct Guard(Arc<AtomicUsize>);

    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[tokio::test]
    async fn guards_of_dropped_works_have_run_once_all_tasks_ended() {
        let (running, dropped) = (Running::default(), Arc::new(AtomicUsize::new(0)));
        let work = |_| {
            let guard = Guard(dropped.clone());
            let work = async move {
                std::future::pending::<()>().await;
                drop(guard);
            };
            work.boxed()
        };
        running.ended().await;
        let mut tasks = Tasks::new((0..3).map(work), 2, &running);
        assert!(tasks.next().now_or_never().is_none());
        tokio::task::yield_now().await;
        assert!(running.ended().now_or_never().is_none());
        drop(tasks);
        running.ended().await;
        assert_eq!(dropped.load(Ordering::SeqCst), 2, "the third has not begun");
    }

    #[tokio::test]
    async fn works_that_ended_before_the_others_are_dropped_count() {
        let (running, dropped) = (Running::default(), Arc::new(AtomicUsize::new(0)));
        let work = |number| {
            let guard = Guard(dropped.clone());
            let work = async move {
                if number == 1 {
                    std::future::pending::<()>().await;
                }
                drop(guard);
                number
            };
            work.boxed()
        };
        let mut tasks = Tasks::new((0..3).map(work), 3, &running);
        assert!(tasks.next().now_or_never().is_none());
        tokio::task::yield_now().await;
        let mut ended = tasks.end().await;
        ended.sort_unstable();
        assert_eq!((ended, dropped.load(Ordering::SeqCst)), (vec![0, 2], 3));
        assert!(running.ended().now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_panic_of_a_work_reaches_its_job() {
        let work = |number: u32| {
            let work = async move { assert!(number == 0, "as the test wants it") };
            work.boxed()
        };
        let mut tasks = Tasks::new((1..=1).map(work), 1, &Running::default());
        let panic = AssertUnwindSafe(tasks.next()).catch_unwind().await.expect_err("it panics");
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"as the test wants it"));
    }
}
