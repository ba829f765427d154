//! Fakes of the ports, as small as the finder's tests need them.

mod ledger;
mod queue;
mod store;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use shared::object::{ETag, Entry, Timestamp};
use shared::{Error, ErrorKind, Result};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use ledger::{ALIVE, Book};
pub use queue::Belt;
pub use store::Shelf;

pub fn entry(key: &str, size: u64, seconds: i64) -> Entry {
    Entry { key: key.into(), size, modified: Timestamp(seconds * 1000), etag: None, version: None, storage_class: None }
}

pub fn tagged(key: &str, etag: &str) -> Entry {
    Entry { etag: Some(ETag::new(etag)), ..entry(key, 1, 1) }
}

fn error(kind: ErrorKind) -> Error {
    Error::new(kind, "fake", "subject", "as the test wants it")
}

fn unsupported<T>() -> Result<T> {
    Err(error(ErrorKind::Unsupported))
}

/// Lets the `n`th write fail, before it has an effect or after; and, as after a crash, all that follow.
#[derive(Debug, Default)]
pub struct Faults {
    pub steps: AtomicUsize,
    plan: Mutex<Option<(usize, bool)>>,
    /// Writes from this one on wait until the gate is open.
    pub pause_at: Option<usize>,
    met: AtomicUsize,
    pub gate: Gate,
}

/// Where writes wait.
#[derive(Debug, Default)]
pub struct Gate {
    pub reached: Notify,
    pub open: CancellationToken,
}

impl Faults {
    /// Faults of a process that is stopped at its `at`th write, until the gate opens.
    pub fn pausing_at(at: usize) -> Faults {
        Faults { pause_at: Some(at), ..Faults::default() }
    }

    async fn pass(&self) {
        let met = self.met.fetch_add(1, SeqCst);
        if self.pause_at.is_some_and(|at| met >= at) {
            self.gate.reached.notify_one();
            self.gate.open.cancelled().await;
        }
    }

    pub fn crash_at(&self, plan: Option<(usize, bool)>) {
        self.steps.store(0, SeqCst);
        *self.plan.lock().unwrap() = plan;
    }

    fn step(&self, effect: impl FnOnce()) -> Result<()> {
        let step = self.steps.fetch_add(1, SeqCst);
        match *self.plan.lock().unwrap() {
            Some((at, after)) if step == at && after => effect(),
            Some((at, _)) if step >= at => {}
            _ => {
                effect();
                return Ok(());
            }
        }
        Err(error(ErrorKind::Unavailable))
    }
}
