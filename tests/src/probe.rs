//! A ledger and a queue that count their calls and fail as a test wants it, over any others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use shared::retry::{self, Policy};
use shared::sync::lock;
use shared::{Error, ErrorKind, Result};

mod ledger;
mod queue;
mod upload_log;

pub use ledger::LedgerProbe;
pub use queue::QueueProbe;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is passed on.
    Pass,
    /// It fails so, without having been passed on.
    Fail(ErrorKind),
    /// It never ends.
    Hang,
}

type Condition = Box<dyn Fn() -> bool + Send>;
type Decide = Box<dyn FnMut(&'static str, u64) -> Fate + Send>;

/// The calls so far, and what decides of the next one. Clones share it.
#[derive(Clone, Default)]
pub struct Calls(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    counts: BTreeMap<&'static str, u64>,
    log: Vec<&'static str>,
    decide: Option<Decide>,
    waits: Option<(&'static str, Condition)>,
}

impl std::fmt::Debug for Calls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Calls").field(&self.lock().counts).finish()
    }
}

impl Calls {
    /// Decides of each call by its name and its number among those of the name, from 1.
    pub fn decide(&self, decide: impl FnMut(&'static str, u64) -> Fate + Send + 'static) {
        self.lock().decide = Some(Box::new(decide));
    }

    /// Makes calls of a name wait until this is so.
    pub fn wait_for(&self, name: &'static str, condition: impl Fn() -> bool + Send + 'static) {
        self.lock().waits = Some((name, Box::new(condition)));
    }

    /// How many calls of a name there were.
    pub fn count(&self, name: &str) -> u64 {
        self.lock().counts.get(name).copied().unwrap_or(0)
    }

    /// All calls, by name.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.lock().counts.clone()
    }

    /// All calls, in order.
    pub fn log(&self) -> Vec<&'static str> {
        self.lock().log.clone()
    }

    /// Notes an event in the log.
    pub fn note(&self, name: &'static str) {
        let mut state = self.lock();
        state.log.push(name);
        *state.counts.entry(name).or_default() += 1;
    }

    async fn meet(&self, name: &'static str) -> Result<()> {
        self.note(name);
        let fate = {
            let mut state = self.lock();
            let number = state.counts[name];
            state.decide.as_mut().map_or(Fate::Pass, |decide| decide(name, number))
        };
        while !self.may_go_on(name) {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        match fate {
            Fate::Pass => Ok(()),
            Fate::Fail(kind) => Err(backend_error(kind).await),
            Fate::Hang => std::future::pending().await,
        }
    }

    fn may_go_on(&self, name: &str) -> bool {
        self.lock().waits.as_ref().is_none_or(|(of, condition)| *of != name || condition())
    }

    /// The lock is held for moments and never across an await.
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

/// An error as a call to queue or ledger ends after all its retries.
async fn backend_error(kind: ErrorKind) -> Error {
    let once = Policy { attempts: 1, patience: Some(std::time::Duration::ZERO), ..retry::LEDGER };
    let failed = || async { Err::<(), _>(Error::new(kind, "ledger", "probe", "as the test wants it")) };
    match retry::run(&once, "probe", failed).await {
        Err(error) => error,
        Ok(()) => unreachable!("it fails"),
    }
}
