//! Knowing when nothing in the runtime can go on by itself.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use tokio::runtime::{Builder, Runtime};

use shared::sync::lock;

/// Wakes the one task that waits for it when all others wait. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Idle(Arc<Mutex<Option<Waker>>>);

impl Idle {
    /// Waits until every other task of the runtime waits. As this wakes a task before the thread would sleep, the
    /// paused clock never moves by itself.
    pub async fn wait(&self) {
        let mut asked = false;
        poll_fn(|context| {
            if asked && lock(&self.0).is_none() {
                return Poll::Ready(());
            }
            asked = true;
            *lock(&self.0) = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn parks(&self) {
        let waiting = lock(&self.0).take();
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}

/// A runtime of one thread with a clock that stands, and a signal that it is idle.
pub fn runtime() -> (Runtime, Idle) {
    let idle = Idle::default();
    let parks = idle.clone();
    let mut builder = Builder::new_current_thread();
    builder.enable_time().start_paused(true).on_thread_park(move || parks.parks());
    (builder.build().expect("a runtime without I/O"), idle)
}
