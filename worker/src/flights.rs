//! Coalescing: many events of one key, few copies.
//!
//! Of the events of a key that a worker holds at the same time one is the leader, whose work is a flight;
//! the others join it. A joiner is covered as soon as the leader looks at the source after it came: what it tells of
//! had happened by then. Those that came after the leader's last look are covered by one look more, not by one each.
//! Until then its message is held: should the leader's have been taken by another worker meanwhile, and its work be dropped,
//! whoever joined begins anew.
//!
//! Between the beginnings of two writes to a key lies [`APART`]. So the events of a key, however many, cost a worker
//! at most one write in that time, and one more; and while one is under way, some requests for each look.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

/// Least time between the beginnings of two writes to one key for events: an object that changes now and then is
/// copied at once, a log that is appended to all the time once a second.
const APART: Duration = Duration::from_secs(1);

/// Most events that join one flight. Their messages are held meanwhile; others come again later, so that a key that
/// takes long does not keep a worker's hands full.
const MAX_JOINED: usize = 100;

/// Keys that were written to of late are remembered; with more than this, the older ones are sorted out.
const SWEEP_AT: usize = 4_096;

/// The keys that events are followed for at this moment.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    flying: Mutex<HashMap<String, State>>,
    /// When the last write to a key began.
    written: Mutex<HashMap<String, Instant>>,
}

#[derive(Debug, Default)]
struct State {
    /// Looks at the source begun so far.
    looks: u64,
    /// Who joined, after how many looks.
    waiting: Vec<(u64, oneshot::Sender<()>)>,
}

/// What an event is to its key's flight.
pub(crate) enum Board<'a> {
    /// It makes the flight.
    Lead(Flight<'a>),
    /// Another makes it.
    Join(Joined),
    /// Another makes it, and too many have joined already.
    Full,
}

impl Flights {
    /// Takes in an event of a key.
    pub fn board<'a>(&'a self, key: &'a str) -> Board<'a> {
        match locked(&self.flying).entry(key.to_owned()) {
            Entry::Occupied(mut flight) => {
                let state = flight.get_mut();
                // Those that were dropped wait no more.
                state.waiting.retain(|(_, covered)| !covered.is_closed());
                if state.waiting.len() >= MAX_JOINED {
                    return Board::Full;
                }
                let (covered, waits) = oneshot::channel();
                state.waiting.push((state.looks, covered));
                Board::Join(Joined(waits))
            }
            Entry::Vacant(flight) => {
                flight.insert(State::default());
                Board::Lead(Flight { flights: self, key, is_flying: true })
            }
        }
    }
}

/// The work on a key for events. Whoever drops it before it has landed makes those who joined begin anew.
pub(crate) struct Flight<'a> {
    flights: &'a Flights,
    key: &'a str,
    is_flying: bool,
}

impl Flight<'_> {
    /// The source is about to be looked at: whoever joins later is not covered by it.
    pub fn looks(&self) {
        if let Some(state) = locked(&self.flights.flying).get_mut(self.key) {
            state.looks += 1;
        }
    }

    /// The destination has what the last look found, or somebody sees to that. `false`: others have joined since
    /// that look, and another one is needed.
    pub fn lands(&mut self) -> bool {
        let mut flying = locked(&self.flights.flying);
        let Some(state) = flying.get_mut(self.key) else { return true };
        let looks = state.looks;
        let (covered, late): (Vec<_>, Vec<_>) =
            std::mem::take(&mut state.waiting).into_iter().partition(|(after, _)| *after < looks);
        state.waiting = late;
        self.is_flying = !state.waiting.is_empty();
        if !self.is_flying {
            flying.remove(self.key);
        }
        drop(flying);
        for (_, covered) in covered {
            // Who is gone was given up, and comes again.
            let _ = covered.send(());
        }
        !self.is_flying
    }

    /// Waits until the key may be written to. Whether there was anything to wait for: then what was seen of the source
    /// is old.
    pub async fn may_write(&self) -> bool {
        let last = locked(&self.flights.written).get(self.key).copied();
        let Some(next) = last.map(|last| last + APART).filter(|next| *next > Instant::now()) else { return false };
        sleep_until(next).await;
        true
    }

    /// A write begins.
    pub fn writes(&self) {
        let (mut written, now) = (locked(&self.flights.written), Instant::now());
        if written.len() >= SWEEP_AT {
            written.retain(|_, at| *at + APART > now);
        }
        written.insert(self.key.to_owned(), now);
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        if self.is_flying {
            locked(&self.flights.flying).remove(self.key);
        }
    }
}

/// An event that has joined another's flight.
pub(crate) struct Joined(oneshot::Receiver<()>);

impl Joined {
    /// Waits until it is covered; `false`: the flight was given up, and it must board anew.
    pub async fn covered(self) -> bool {
        self.0.await.is_ok()
    }
}

/// The locks are held for moments and never across an await; a panic while one was held cannot have left
/// anything half changed.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn lead<'a>(flights: &'a Flights, key: &'a str) -> Flight<'a> {
        match flights.board(key) {
            Board::Lead(flight) => flight,
            _ => panic!("{key} is flying"),
        }
    }

    fn join(flights: &Flights, key: &str) -> Joined {
        match flights.board(key) {
            Board::Join(joined) => joined,
            _ => panic!("{key} is not to be joined"),
        }
    }

    #[tokio::test]
    async fn who_joins_is_covered_by_a_look_that_began_later_and_by_no_other() {
        let flights = Flights::default();
        let mut flight = lead(&flights, "k");
        let before = join(&flights, "k");
        flight.looks();
        let after = join(&flights, "k");
        assert!(!flight.lands(), "one came after the look");
        assert!(before.covered().await);
        let mut after = Box::pin(after.covered());
        assert!(after.as_mut().now_or_never().is_none());
        flight.looks();
        assert!(flight.lands());
        assert!(after.await);
        lead(&flights, "k");
    }

    #[test]
    fn a_flight_has_room_for_so_many_and_those_that_are_gone_make_room() {
        let flights = Flights::default();
        let _flight = lead(&flights, "k");
        let joined: Vec<Joined> = (0..MAX_JOINED).map(|_| join(&flights, "k")).collect();
        assert!(matches!(flights.board("k"), Board::Full));
        drop(joined);
        join(&flights, "k");
    }

    #[tokio::test]
    async fn who_has_joined_a_flight_that_is_given_up_boards_anew() {
        let flights = Flights::default();
        let flight = lead(&flights, "k");
        flight.looks();
        let (one, other) = (join(&flights, "k"), join(&flights, "k"));
        drop(flight);
        let flight = lead(&flights, "k");
        assert!(!one.covered().await && !other.covered().await);
        lead(&flights, "other");
        drop(flight);
    }

    #[tokio::test(start_paused = true)]
    async fn two_writes_to_a_key_lie_apart() {
        let flights = Flights::default();
        let flight = lead(&flights, "k");
        assert!(!flight.may_write().await);
        flight.writes();
        let began = Instant::now();
        assert!(flight.may_write().await && began.elapsed() >= APART);
        assert!(!flight.may_write().await);
        let other = lead(&flights, "other");
        flight.writes();
        assert!(!other.may_write().await);
        for n in 0..3 * SWEEP_AT {
            tokio::time::advance(APART / 1_000).await;
            lead(&flights, &n.to_string()).writes();
        }
        assert!(locked(&flights.written).len() <= SWEEP_AT, "what was written long ago is forgotten");
    }
}
