//! Turns: every call of a fake waits here until it is resumed, and takes effect then.
//!
//! A write has two turns: its effect, and its answer. A write whose caller goes away before the first (its worker
//! was killed, or gave its job up) is in doubt: its body was sent completely, and it may still take effect.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use shared::sync::lock;
use shared::{Error, ErrorKind, Result};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// After this time a store has executed or dropped a complete request: the worker relies on that.
pub const IN_DOUBT_FOR: Duration = Duration::from_secs(60);

/// What a call is, to the code that chooses between calls. Calls are chosen from in this order, which does not depend on
/// the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// The worker's number.
    pub worker: u32,
    /// The key that it is about; empty if it is about none.
    pub key: String,
    /// How it works.
    pub kind: Kind,
    /// What the trace calls it.
    pub what: String,
}

/// How a call works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Effect and answer are one step.
    Ask,
    /// Effect and answer are two, and a caller that goes away before the first takes the call with it.
    Open,
    /// Effect and answer are two, and the effect may come long after its caller is gone.
    Write,
    /// Waits for messages of the queue of this number: it is resumed when there are some for it.
    Receive(usize),
}

/// A waiting call.
pub type Id = u64;

/// A call's effect. It keeps the answer for its caller, and describes it in words.
type Effect = Box<dyn FnOnce() -> String + Send>;

struct Waiting {
    call: Call,
    effect: Option<Effect>,
    resume: oneshot::Sender<Heard>,
    /// When it began, if nobody may begin it by then.
    forbidden: Option<Instant>,
}

enum Heard {
    Answer,
    Nothing,
}

/// A write that nobody waits for any more.
struct InDoubt {
    call: Call,
    effect: Effect,
    until: Instant,
}

#[derive(Default)]
struct State {
    next: Id,
    waiting: BTreeMap<Id, Waiting>,
    in_doubt: BTreeMap<Id, InDoubt>,
    trace: Vec<String>,
    /// The call that the trace's last line is about.
    last: Option<Id>,
    /// From then on nobody may begin to write keys that begin so.
    forbidden: Option<(Instant, char)>,
    /// What was written all the same.
    forbidden_writes: Vec<String>,
}

impl State {
    /// When the call begins, if nobody may begin it now.
    fn forbidden(&self, call: &Call) -> Option<Instant> {
        let ((since, first), now) = (self.forbidden?, Instant::now());
        let is_write = matches!(call.kind, Kind::Open | Kind::Write) && call.key.starts_with(first);
        (is_write && now > since).then_some(now)
    }

    /// Records a call that was forbidden. One that its worker drops at the moment when it begins was never sent: a step
    /// of the clock ends the wait before a repetition and the wait for the run's state together.
    fn record(&mut self, call: &Call, forbidden: Option<Instant>, is_dropped: bool) {
        if forbidden.is_some_and(|began| !is_dropped || Instant::now() > began) {
            self.forbidden_writes.push(format!("worker {}: {}", call.worker, call.what));
        }
    }
}

/// Who waits for a turn. Clones share it.
#[derive(Clone, Default)]
pub struct Schedule(Option<Arc<Mutex<State>>>);

impl std::fmt::Debug for Schedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Schedule")
    }
}

impl Schedule {
    /// One that every call waits on.
    pub fn new() -> Self {
        Schedule(Some(Arc::default()))
    }

    /// Whether calls wait. Where they do not, they take effect at once.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Waits for the call's turn; then `effect` happens, which gives the answer and says it in words.
    pub async fn call<T, F>(&self, call: Call, effect: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce() -> (Result<T>, String) + Send + 'static,
    {
        let Some(shared) = &self.0 else { return effect().0 };
        let slot = Arc::new(Mutex::new(None));
        let filled = slot.clone();
        let effect: Effect = Box::new(move || {
            let (answer, words) = effect();
            *lock(&filled) = Some(answer);
            words
        });
        let (resume, resumed) = oneshot::channel();
        let lost = Error::new(ErrorKind::Timeout, "wait", call.what.clone(), "no answer");
        let ticket = {
            let mut state = lock(shared);
            let forbidden = state.forbidden(&call);
            state.next += 1;
            let id = state.next;
            state.waiting.insert(id, Waiting { call, effect: Some(effect), resume, forbidden });
            Ticket { shared: shared.clone(), id }
        };
        let heard = resumed.await;
        drop(ticket);
        match (heard, lock(&slot).take()) {
            (Ok(Heard::Answer), Some(answer)) => answer,
            _ => Err(lost),
        }
    }

    /// The calls that wait, in order.
    pub fn waiting(&self) -> Vec<(Call, Id)> {
        let state = self.lock();
        let mut calls: Vec<_> = state.waiting.iter().map(|(id, waiting)| (waiting.call.clone(), *id)).collect();
        calls.sort();
        calls
    }

    /// The next step of a call: its effect, or its answer, or both at once. A call that is gone by now is passed over.
    pub fn resume(&self, id: Id) {
        let Some(two_steps) = self.take_effect(id) else { return };
        if !two_steps {
            self.answer(id, Heard::Answer);
        }
    }

    /// The call's answer is lost; its effect is not.
    pub fn lose(&self, id: Id) {
        let Some(_) = self.take_effect(id) else { return };
        self.say_of(id, "its answer is lost");
        self.answer(id, Heard::Nothing);
    }

    /// The call is lost on its way.
    pub fn fail(&self, id: Id) {
        self.say_of(id, "never arrives");
        self.answer(id, Heard::Nothing);
    }

    /// `None` if there is no such call; whether only the effect happened now.
    fn take_effect(&self, id: Id) -> Option<bool> {
        let (call, effect) = {
            let mut state = self.lock();
            let waiting = state.waiting.get_mut(&id)?;
            let (call, effect, forbidden) = (waiting.call.clone(), waiting.effect.take(), waiting.forbidden.take());
            state.record(&call, forbidden, false);
            (call, effect)
        };
        let Some(effect) = effect else {
            if self.lock().last != Some(id) {
                self.say_of(id, "answered");
            }
            return Some(false);
        };
        // Outside of the lock: it takes those of the stores.
        let words = effect();
        self.log_call(id, &call, &words);
        Some(matches!(call.kind, Kind::Open | Kind::Write))
    }

    fn answer(&self, id: Id, heard: Heard) {
        let waiting = self.lock().waiting.remove(&id);
        if let Some(waiting) = waiting {
            self.lock().record(&waiting.call, waiting.forbidden, false);
            // Gone meanwhile: nobody is left to hear it.
            let _ = waiting.resume.send(heard);
        }
    }

    /// The writes in doubt, oldest first: whose, and until when they may take effect.
    pub fn in_doubt(&self) -> Vec<(Id, u32, Instant)> {
        self.lock().in_doubt.iter().map(|(id, write)| (*id, write.call.worker, write.until)).collect()
    }

    /// The writes in doubt with their workers and keys.
    pub fn keys_in_doubt(&self) -> Vec<(Id, u32, String)> {
        self.lock().in_doubt.iter().map(|(id, write)| (*id, write.call.worker, write.call.key.clone())).collect()
    }

    /// A write in doubt takes effect, or never does.
    pub fn end_write_in_doubt(&self, id: Id, takes_effect: bool) {
        let Some(write) = self.lock().in_doubt.remove(&id) else { return };
        if takes_effect {
            let words = (write.effect)();
            self.say(format!("worker {}, long after: {} {words}", write.call.worker, write.call.what));
        }
    }

    /// From `since` on nobody may begin to write keys that begin with this character.
    pub fn forbid(&self, since: Instant, first: char) {
        self.lock().forbidden = Some((since, first));
    }

    /// The first write that was forbidden.
    pub fn forbidden_write(&self) -> Option<String> {
        self.lock().forbidden_writes.first().cloned()
    }

    /// Writes a line into the trace.
    pub fn say(&self, line: String) {
        let mut state = self.lock();
        state.last = None;
        state.trace.push(line);
    }

    fn say_of(&self, id: Id, words: &str) {
        let call = self.lock().waiting.get(&id).map(|waiting| waiting.call.clone());
        if let Some(call) = call {
            self.log_call(id, &call, words);
        }
    }

    fn log_call(&self, id: Id, call: &Call, words: &str) {
        let mut state = self.lock();
        state.last = Some(id);
        state.trace.push(format!("worker {}: {} {words}", call.worker, call.what).trim_end().to_owned());
    }

    /// One line a step.
    pub fn trace(&self) -> Vec<String> {
        self.lock().trace.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(self.0.as_ref().expect("a schedule that is used for exploring"))
    }
}

/// A place among those that wait, given up with the call's future.
struct Ticket {
    shared: Arc<Mutex<State>>,
    id: Id,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = lock(&self.shared);
        let Some(waiting) = state.waiting.remove(&self.id) else { return };
        state.record(&waiting.call, waiting.forbidden, true);
        if waiting.call.kind == Kind::Write
            && let Some(effect) = waiting.effect
        {
            let write = InDoubt { call: waiting.call, effect, until: Instant::now() + IN_DOUBT_FOR };
            state.in_doubt.insert(self.id, write);
        }
    }
}
