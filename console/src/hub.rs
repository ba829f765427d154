//! Things that somebody looks at: one poller each, however many look, and none when nobody does.
//!
//! Each change gets the next number of this process. A reader that comes back with the number of its last event gets
//! what changed since, and nothing twice. After a restart of the program it gets everything once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shared::sync::lock;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::session::secret;

/// Most things that are polled.
const MAX_THINGS: usize = 2_000;

/// Most things that one person looks at, counted once for each of their streams.
const MAX_OF_ONE: usize = 600;

/// Time between two looks at what is not there.
const LOOK_AT_GONE_EVERY: Duration = Duration::from_secs(30);

/// A thing that changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Thing {
    /// A task, by name.
    Task(String),
    /// A run, by id.
    Run(String),
    /// An operation, by the name of its task and its id.
    Operation(Option<String>, String),
    /// The counts of tasks by status.
    Counts,
}

/// A thing as it changed.
#[derive(Debug, Clone)]
pub struct Event {
    /// Grows with each change in this process.
    pub number: u64,
    /// `task`, `run`, `operation`, `counts` or `gone`.
    pub name: &'static str,
    /// JSON.
    pub data: Arc<str>,
}

/// What a poller saw: the name of the event and its data.
pub type Seen = (&'static str, String);

/// All things that somebody looks at.
#[derive(Debug)]
pub struct Hub {
    /// Distinguishes this process from the one before it.
    epoch: String,
    /// The number of the last change. Changes are numbered and kept under the lock of `things`.
    last: watch::Sender<u64>,
    things: Mutex<HashMap<Thing, Watched>>,
    /// How many things each person looks at. Taken after the lock of `things`.
    people: Mutex<HashMap<String, usize>>,
}

#[derive(Debug, Default)]
struct Watched {
    event: Option<Event>,
    readers: usize,
}

impl Default for Hub {
    fn default() -> Self {
        // Without random numbers nobody can sign in either.
        let epoch = secret().map_or_else(|_| "0".to_owned(), |secret| secret[..12].to_owned());
        Hub { epoch, last: watch::Sender::new(0), things: Mutex::default(), people: Mutex::default() }
    }
}

/// A reader of some things. Dropped, it looks no more.
pub struct Reader {
    hub: Arc<Hub>,
    person: String,
    things: Vec<Thing>,
    last: watch::Receiver<u64>,
    /// The number up to which it has everything.
    seen: u64,
}

impl Hub {
    /// The text that a reader comes back with.
    pub fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.epoch)
    }

    /// The number in such a text; 0 of another process.
    fn number(&self, id: &str) -> u64 {
        let number = id.strip_prefix(&self.epoch).and_then(|rest| rest.strip_prefix('-')?.parse().ok());
        number.unwrap_or(0)
    }

    /// Has a person look at these things, from what `last_id` has seen on. `poll` begins a poller of a thing that nobody
    /// looked at. `None`: too many things are looked at, by this person or by all.
    pub fn look(
        self: &Arc<Self>,
        person: &str,
        things: Vec<Thing>,
        last_id: &str,
        poll: impl Fn(Thing),
    ) -> Option<Reader> {
        let mut watched = lock(&self.things);
        let new = things.iter().filter(|thing| !watched.contains_key(thing)).count();
        let mut people = lock(&self.people);
        let of_one = people.get(person).copied().unwrap_or(0) + things.len();
        if watched.len() + new > MAX_THINGS || of_one > MAX_OF_ONE {
            return None;
        }
        people.insert(person.to_owned(), of_one);
        drop(people);
        for thing in &things {
            let entry = watched.entry(thing.clone()).or_insert_with(|| {
                poll(thing.clone());
                Watched::default()
            });
            entry.readers += 1;
        }
        drop(watched);
        Some(Reader {
            hub: self.clone(),
            person: person.to_owned(),
            things,
            last: self.last.subscribe(),
            seen: self.number(last_id),
        })
    }

    /// Keeps what a poller saw, if it differs from what it saw before. `false`: nobody looks any more, and the poller
    /// ends.
    fn keep(&self, thing: &Thing, seen: Option<Seen>) -> bool {
        let mut things = lock(&self.things);
        let Some(watched) = things.get_mut(thing) else { return false };
        if watched.readers == 0 {
            things.remove(thing);
            return false;
        }
        let Some((name, data)) = seen else { return true };
        let is_same = watched.event.as_ref().is_some_and(|event| event.name == name && *event.data == *data);
        if !is_same {
            let number = *self.last.borrow() + 1;
            watched.event = Some(Event { number, name, data: data.into() });
            self.last.send_replace(number);
        }
        true
    }

    /// Polls a thing until nobody looks at it. `read` answers `None` where it failed: it is asked again.
    pub async fn poll<F: Future<Output = Option<Seen>>>(&self, thing: Thing, every: Duration, read: impl Fn() -> F) {
        loop {
            let began = Instant::now();
            let seen = read().await;
            let is_gone = matches!(seen, Some(("gone", _)));
            if !self.keep(&thing, seen) {
                return;
            }
            // A read that takes long is not followed by the next one at once.
            let every = if is_gone { LOOK_AT_GONE_EVERY } else { every };
            sleep(every.max(began.elapsed())).await;
        }
    }
}

impl Reader {
    /// The next changes, in their order. Never empty.
    pub async fn next(&mut self) -> Vec<Event> {
        loop {
            let changes = self.changes();
            if !changes.is_empty() {
                return changes;
            }
            if self.last.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    fn changes(&mut self) -> Vec<Event> {
        let things = lock(&self.hub.things);
        self.last.mark_unchanged();
        let events = self.things.iter().filter_map(|thing| things.get(thing)?.event.clone());
        let mut changes: Vec<Event> = events.filter(|event| event.number > self.seen).collect();
        drop(things);
        changes.sort_by_key(|event| event.number);
        self.seen = changes.last().map_or(self.seen, |event| event.number);
        changes
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut things = lock(&self.hub.things);
        for thing in &self.things {
            if let Some(watched) = things.get_mut(thing) {
                watched.readers = watched.readers.saturating_sub(1);
            }
        }
        let mut people = lock(&self.hub.people);
        if let Some(looked_at) = people.get_mut(&self.person) {
            *looked_at = looked_at.saturating_sub(self.things.len());
            if *looked_at == 0 {
                people.remove(&self.person);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(name: &str) -> Thing {
        Thing::Task(name.to_owned())
    }

    fn seen(data: &str) -> Option<Seen> {
        Some(("task", data.to_owned()))
    }

    #[tokio::test]
    async fn a_reader_that_comes_back_gets_what_it_missed() {
        let hub = Arc::new(Hub::default());
        let mut keeps = hub.look("ada", vec![task("a"), task("b")], "", |_| {}).unwrap();
        assert!(hub.keep(&task("b"), seen("1")) && hub.keep(&task("a"), seen("1")) && hub.keep(&task("a"), seen("1")));
        let first = keeps.next().await;
        assert_eq!(first.iter().map(|event| event.number).collect::<Vec<_>>(), [1, 2], "in their order, once");
        let last_id = hub.id(2);
        hub.keep(&task("b"), seen("2"));
        let mut back = hub.look("ada", vec![task("a"), task("b")], &last_id, |_| {}).unwrap();
        let missed = back.next().await;
        assert_eq!((missed.len(), &*missed[0].data, missed[0].number), (1, "2", 3));
        let mut other = hub.look("ada", vec![task("a"), task("b")], "another-2", |_| {}).unwrap();
        assert_eq!(other.next().await.len(), 2, "another process numbered otherwise");
    }

    #[tokio::test]
    async fn regression_one_person_does_not_use_up_all_streams() {
        let hub = Arc::new(Hub::default());
        let things = |from: usize, number: usize| (from..from + number).map(|i| task(&i.to_string())).collect();
        let readers: Vec<_> = (0..3).map(|i| hub.look("ada", things(i * 200, 200), "", |_| {}).unwrap()).collect();
        assert!(hub.look("ada", things(0, 1), "", |_| {}).is_none(), "one more than a person may look at");
        assert!(hub.look("bob", things(0, 200), "", |_| {}).is_some());
        drop(readers);
        assert!(hub.look("ada", things(0, 200), "", |_| {}).is_some() && lock(&hub.people).is_empty());
    }

    #[tokio::test]
    async fn ten_thousand_readers_have_one_poller_for_each_thing() {
        let hub = Arc::new(Hub::default());
        let begun = std::cell::RefCell::new(Vec::new());
        let look = |i: usize| {
            let things = (0..20).map(|n| task(&n.to_string())).collect();
            let reader = hub.look(&format!("person-{i}"), things, "", |thing| begun.borrow_mut().push(thing));
            reader.expect("each person looks at few things")
        };
        let mut readers: Vec<Reader> = (0..10_000).map(look).collect();
        assert_eq!(begun.borrow().len(), 20);
        for n in 0..20 {
            assert!(hub.keep(&task(&n.to_string()), seen("1")));
        }
        for reader in &mut readers {
            assert_eq!(reader.next().await.len(), 20, "each reader has each change");
        }
        drop(readers);
        assert!((0..20).all(|n| !hub.keep(&task(&n.to_string()), seen("2"))), "nobody looks any more");
        assert!(lock(&hub.people).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn one_poller_serves_all_readers_and_ends_with_them() {
        let hub = Arc::new(Hub::default());
        let begun = std::cell::Cell::new(0);
        let look = || hub.look("ada", vec![task("a")], "", |_| begun.set(begun.get() + 1)).unwrap();
        let readers = [look(), look(), look()];
        assert_eq!(begun.get(), 1);
        drop(readers);
        hub.poll(task("a"), Duration::from_secs(2), async || seen("1")).await;
        assert!(lock(&hub.things).is_empty());
        drop(look());
        assert_eq!(begun.get(), 2, "it begins again for the next reader");
    }
}
