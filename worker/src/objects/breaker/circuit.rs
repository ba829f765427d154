//! A circuit breaker for each store of a worker: it distinguishes a store that fails from an object that fails.
//!
//! Closed, all calls pass. It opens when [`OPENS_AT`] different objects in a row fail by errors of the store (no
//! connection, no answer, 5xx, …) and no call succeeds in between, or at once if credentials are refused. Then it refuses
//! calls, no object is begun, and the objects under way wait to be done again, without using up an attempt.
//!
//! Open, it probes the store after growing pauses. Once the store answers, the circuit is half open: it admits one
//! object at a time. One success closes the circuit. A failure counts for the object as always, because only objects
//! can distinguish a store that answers and does nothing from a row of bad objects. [`MAX_QUICK_RETRIES`] objects
//! follow each other at once, then after growing pauses.
//!
//! Only the number distinguishes a store that *refuses* every object (`Denied`, no such bucket) from a forbidden
//! prefix: [`REFUSALS_AT_START`] half-open objects if nothing has ever succeeded, else [`REFUSALS`] in a row.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use shared::location::Location;
use shared::retry::{ACL, COMPLETE, COPY, DELETE, GET, LIST_UPLOADS, PART, PUT, RESTORE, TAGS};
use shared::store::Store;
use shared::telemetry::endpoint::Health;
use shared::{Error, ErrorKind, metrics, terminal};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::engine::executor::Outage;

/// Different objects that fail in a row, without a success, before the circuit opens.
const OPENS_AT: usize = 5;

/// A store without room opens the circuit at the first error, and ends the work after this: waiting makes no room.
const NO_ROOM_LIMIT: Duration = Duration::from_secs(3);

/// First pause before a probe; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// Half-open objects in a row that fail without a pause: enough for the last attempts of some ten bad objects at the
/// end of a run.
const MAX_QUICK_RETRIES: u32 = 30;
const QUICK_RETRY_PAUSE: Duration = Duration::from_millis(50);

/// Half-open objects in a row that a store may refuse before it counts as one that refuses everything: if nothing has
/// ever succeeded, and if a call has. A refusal is cheap, and no load.
const REFUSALS_AT_START: u32 = 20;
const REFUSALS: u32 = 1_000;

/// Verbs that move or remove objects. Their success shows that the store works; that of the others only
/// that they do.
const MOVES: [&str; 6] = [GET.verb, PUT.verb, PART.verb, COPY.verb, COMPLETE.verb, DELETE.verb];

/// How a call ended, as far as it says something of the store.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CallResult<'a> {
    /// Well.
    Success,
    /// By an error.
    Failure(&'a Error),
}

/// What an error says of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blame {
    /// It does not work at present.
    Fails,
    /// It works and does not let us.
    Refuses,
}

/// What objects may do without: a refused copy is streamed, refused tags give a warning.
const DISPENSABLE: [&str; 5] = [COPY.verb, TAGS.verb, ACL.verb, RESTORE.verb, LIST_UPLOADS.verb];

fn blame(verb: &str, kind: ErrorKind) -> Option<Blame> {
    use ErrorKind::*;
    match kind {
        Connection | Timeout | Unavailable | Throttled | ExpiredCredentials | ClockSkew | Corrupt | Exhausted => {
            Some(Blame::Fails)
        }
        Denied | NoSuchContainer if !DISPENSABLE.contains(&verb) => Some(Blame::Refuses),
        _ => None,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Closed,
    Open,
    /// One object may try.
    HalfOpen {
        taken: bool,
    },
}

/// The circuit of one store.
#[derive(Debug)]
pub(crate) struct CircuitBreaker {
    side: &'static str,
    health: Health,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Different objects that failed, with the verb, since the last success.
    suspects: Vec<(&'static str, String)>,
    /// Whether a verb of [`MOVES`] has ever succeeded.
    has_worked: bool,
    /// The last error that speaks of the store.
    last: Option<(Blame, ErrorKind, String)>,
    /// The verb whose failure opened it, and when.
    opened: Option<(&'static str, Instant)>,
    /// Objects that failed while it was half open.
    failures_half_open: u32,
    half_open_failed: bool,
    pause: Duration,
}

/// A store has failed for every object, for longer than the worker was to wait. Displays as one line.
#[derive(Debug, Clone)]
struct StoreOutage {
    side: &'static str,
    location: String,
    kind: ErrorKind,
    error: String,
    lasted: Duration,
    is_refusal: bool,
}

impl fmt::Display for StoreOutage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StoreOutage { side, location, error, .. } = self;
        match self.is_refusal {
            true => write!(f, "{side} {location} refuses every object: {error}")?,
            false if self.kind == ErrorKind::Exhausted => write!(f, "{side} {location}: {error}")?,
            false => write!(f, "{side} {location} has failed for {} s: {error}", self.lasted.as_secs())?,
        }
        match self.kind {
            ErrorKind::Denied if location.starts_with('/') => write!(f, "; check the folder's permissions")?,
            ErrorKind::Denied => write!(f, "; check the permissions of the {side}'s credentials")?,
            ErrorKind::ExpiredCredentials => write!(f, "; renew the {side}'s credentials")?,
            ErrorKind::NoSuchContainer => write!(f, "; check its name")?,
            ErrorKind::Connection | ErrorKind::Timeout => write!(f, "; check its endpoint-url and the network")?,
            ErrorKind::Exhausted => write!(f, "; free space there")?,
            ErrorKind::Throttled => write!(f, "; use a lower concurrency")?,
            ErrorKind::ClockSkew => write!(f, "; set this machine's clock")?,
            _ => write!(f, "; wait until it works again")?,
        }
        f.write_str(", then run the same command to resume")
    }
}

impl CircuitBreaker {
    /// A closed circuit; `health` reports when it opens and closes.
    pub fn new(side: &'static str, health: Health) -> Arc<Self> {
        let state = State {
            phase: Phase::Closed,
            suspects: Vec::new(),
            has_worked: false,
            last: None,
            opened: None,
            failures_half_open: 0,
            half_open_failed: false,
            pause: FIRST_PAUSE,
        };
        metrics::store_used(side);
        Arc::new(CircuitBreaker { side, health, state: Mutex::new(state), changed: Notify::new() })
    }

    /// Why no call may be made now, if none may.
    pub fn refusal(&self) -> Option<String> {
        let state = self.lock();
        let last = state.last.as_ref().filter(|_| state.phase == Phase::Open);
        last.map(|(.., error)| format!("not sent, because the {} fails: {error}", self.side))
    }

    /// Takes notice of how a call about `key` ended.
    pub fn note(&self, verb: &'static str, key: &str, result: CallResult<'_>) {
        let mut state = self.lock();
        let opened_by_this = state.opened.is_some_and(|(by, _)| by == verb);
        let is_half_open = matches!(state.phase, Phase::HalfOpen { .. });
        let error = match result {
            CallResult::Success if MOVES.contains(&verb) => {
                state.has_worked = true;
                return self.close(state);
            }
            CallResult::Success => {
                state.suspects.retain(|(suspect, _)| *suspect != verb);
                return if is_half_open && opened_by_this {
                    self.close(state)
                };
            }
            CallResult::Failure(error) => error,
        };
        let Some(blame) = blame(verb, error.kind()) else {
            // It answers, and means this object.
            return if is_half_open && opened_by_this {
                self.close(state)
            };
        };
        state.last = Some((blame, error.kind(), error.to_string()));
        match state.phase {
            Phase::HalfOpen { .. } => state.half_open_failed = true,
            Phase::Closed if state.suspects.iter().all(|(_, suspect)| suspect != key) => {
                state.suspects.push((verb, key.to_owned()));
                // A full disk, and credentials that were refused and read again, say nothing of the object.
                let is_of_no_object = matches!(error.kind(), ErrorKind::Exhausted | ErrorKind::ExpiredCredentials);
                if state.suspects.len() >= OPENS_AT || is_of_no_object {
                    self.open(state, verb);
                }
            }
            Phase::Closed | Phase::Open => {}
        }
    }

    /// Whether an object that failed so is not to blame: the store is known to fail.
    pub fn is_store_outage(&self, error: &Error) -> bool {
        let phase = self.lock().phase;
        // No object is to blame for a full disk, not even one that is tried while half open.
        let is_store = phase == Phase::Open || phase != Phase::Closed && error.kind() == ErrorKind::Exhausted;
        !error.is_backend() && is_store && blame(error.operation(), error.kind()).is_some()
    }

    /// Whether it is not closed.
    pub fn is_suspended(&self) -> bool {
        self.lock().phase != Phase::Closed
    }

    /// Waits until an object may be begun.
    pub async fn admit(self: &Arc<Self>) -> Admission {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.lock();
                match state.phase {
                    Phase::Closed => return Admission(None),
                    Phase::HalfOpen { taken: false } => {
                        (state.phase, state.half_open_failed) = (Phase::HalfOpen { taken: true }, false);
                        return Admission(Some(self.clone()));
                    }
                    Phase::HalfOpen { .. } | Phase::Open => {}
                }
            }
            changed.await;
        }
    }

    /// Looks after the circuit for as long as the worker lives: probes `store` while it is open. Ends when
    /// that has lasted for `limit`, or when the store refuses everything; without a limit never.
    pub async fn watch(&self, store: &Store, limit: Option<Duration>) -> Outage {
        loop {
            let changed = self.changed.notified();
            let Some((pause, needs_probe)) = self.next_probe() else {
                changed.await;
                continue;
            };
            if let Some(outage) = limit.and_then(|limit| self.outage(store.location(), limit)) {
                return outage;
            }
            sleep(limit.map_or(pause, |limit| pause.min(limit))).await;
            match if needs_probe { store.probe().await } else { Ok(()) } {
                Err(error) if blame("probe", error.kind()) == Some(Blame::Fails) => self.probe_failed(&error),
                // A bucket that must not be listed may still take objects.
                _ => self.try_an_object(),
            }
        }
    }

    /// The pause before the next probe, and whether one is needed, if it is open.
    fn next_probe(&self) -> Option<(Duration, bool)> {
        let state = self.lock();
        (state.phase == Phase::Open).then(|| (state.pause, !state.is_refused() || state.refuses_everything()))
    }

    fn probe_failed(&self, error: &Error) {
        let mut state = self.lock();
        if state.phase != Phase::Open {
            return;
        }
        state.last = Some((Blame::Fails, error.kind(), error.to_string()));
        state.pause = (state.pause * 2).min(MAX_PAUSE);
        let pause = terminal::elapsed(state.pause);
        tracing::warn!(side = self.side, %error, "{} still fails: trying again in {pause}", self.side);
    }

    fn try_an_object(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::HalfOpen { taken: false };
        }
        self.changed.notify_waiters();
    }

    fn half_open_ended(&self) {
        let mut state = self.lock();
        if state.phase != (Phase::HalfOpen { taken: true }) {
            return;
        }
        state.phase = Phase::HalfOpen { taken: false };
        if state.half_open_failed {
            state.phase = Phase::Open;
            state.failures_half_open += 1;
            let is_cheap = state.is_refused() && !state.refuses_everything();
            state.pause = match state.failures_half_open {
                _ if is_cheap => Duration::ZERO,
                ..=MAX_QUICK_RETRIES => QUICK_RETRY_PAUSE,
                _ => (state.pause * 2).clamp(FIRST_PAUSE, MAX_PAUSE),
            };
        }
        self.changed.notify_waiters();
    }

    fn outage(&self, location: &Location, limit: Duration) -> Option<Outage> {
        let state = self.lock();
        let lasted = state.opened.map(|(_, at)| at.elapsed()).unwrap_or_default();
        let is_refusal = state.refuses_everything();
        let has_no_room = matches!(state.last, Some((_, ErrorKind::Exhausted, _)));
        let limit = if has_no_room { limit.min(NO_ROOM_LIMIT) } else { limit };
        let (_, kind, error) = state.last.as_ref().filter(|_| is_refusal || lasted >= limit)?;
        let (location, error) = (location.to_string(), error.clone());
        let outage = StoreOutage { side: self.side, location, kind: *kind, error, lasted, is_refusal };
        Some(Outage { message: outage.to_string(), is_refusal })
    }

    fn open(&self, mut state: MutexGuard<'_, State>, verb: &'static str) {
        state.phase = Phase::Open;
        state.opened = Some((verb, Instant::now()));
        (state.failures_half_open, state.pause) = (0, FIRST_PAUSE);
        if state.is_refused() {
            state.pause = Duration::ZERO;
        }
        let error = state.last.as_ref().map(|(.., error)| error.as_str()).unwrap_or_default();
        tracing::warn!("{} fails for every object; waiting until it works again: {error}", self.side);
        metrics::store_fails(self.side);
        self.health.store_fails(self.side, error);
        self.changed.notify_waiters();
    }

    fn close(&self, mut state: MutexGuard<'_, State>) {
        state.suspects.clear();
        if state.phase == Phase::Closed {
            return;
        }
        state.phase = Phase::Closed;
        tracing::warn!(side = self.side, "{} works again: continuing", self.side);
        metrics::store_fails_no_more(self.side);
        self.health.store_works(self.side);
        self.changed.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        shared::sync::lock(&self.state)
    }
}

impl State {
    fn is_refused(&self) -> bool {
        matches!(self.last, Some((Blame::Refuses, ..)))
    }

    fn refuses_everything(&self) -> bool {
        self.is_refused() && self.failures_half_open >= if self.has_worked { REFUSALS } else { REFUSALS_AT_START }
    }
}

impl Drop for CircuitBreaker {
    fn drop(&mut self) {
        if self.is_suspended() {
            metrics::store_fails_no_more(self.side);
            self.health.store_works(self.side);
        }
    }
}

/// The permission to work on one object. In the half-open state its end decides.
#[derive(Debug)]
pub(crate) struct Admission(Option<Arc<CircuitBreaker>>);

impl Drop for Admission {
    fn drop(&mut self) {
        if let Some(circuit) = &self.0 {
            circuit.half_open_ended();
        }
    }
}

#[cfg(test)]
mod tests;
