//! Coalescing: many events of one key, few copies.
//!
//! Of the events of a key that a worker has at the same time, one leads and does the work; the others follow. A
//! follower is covered when the leader looks at the source after the follower came: the change that its event reports
//! had happened by then. Followers that came after the leader's last look are covered together by one more look. Until
//! then the worker keeps their messages: if another worker has taken the leader's message meanwhile, and the leader's
//! work is dropped, the followers begin anew.
//!
//! Between the beginnings of two writes to a key lies [`APART`]. So the events of a key, however many, cost a worker
//! at most one write in that time, and one more; and while one is in flight, some requests for each look.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Mutex;
use std::time::Duration;

use shared::sync::lock;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

/// Least time between the beginnings of two writes to one key for events: an object that changes now and then is
/// copied at once, a log that is appended to all the time once a second.
const APART: Duration = Duration::from_secs(1);

/// Most events that follow one leader. Their messages stay with this worker meanwhile; others come again later, so that
/// a key that takes long does not keep a worker's hands full.
const MAX_FOLLOWERS: usize = 100;

/// Keys that were written to of late are remembered; with more than this, the older ones are sorted out.
const SWEEP_AT: usize = 4_096;

/// The keys that events are followed for at this moment.
#[derive(Debug, Default)]
pub(crate) struct Coalescer {
    active: Mutex<HashMap<String, State>>,
    /// When the last write to a key began.
    written: Mutex<HashMap<String, Instant>>,
}

#[derive(Debug, Default)]
struct State {
    /// Looks at the source begun so far.
    looks: u64,
    /// The followers, each after how many looks it came.
    waiting: Vec<(u64, oneshot::Sender<()>)>,
}

/// What an event is to the work on its key.
pub(crate) enum Role<'a> {
    /// It leads.
    Lead(Leader<'a>),
    /// Another leads.
    Follow(Follower),
    /// Another leads, and too many follow already.
    Full,
}

impl Coalescer {
    /// Takes in an event of a key.
    pub fn enter<'a>(&'a self, key: &'a str) -> Role<'a> {
        match lock(&self.active).entry(key.to_owned()) {
            Entry::Occupied(mut leader) => {
                let state = leader.get_mut();
                // Those that were dropped wait no more.
                state.waiting.retain(|(_, covered)| !covered.is_closed());
                if state.waiting.len() >= MAX_FOLLOWERS {
                    return Role::Full;
                }
                let (covered, waits) = oneshot::channel();
                state.waiting.push((state.looks, covered));
                Role::Follow(Follower(waits))
            }
            Entry::Vacant(leader) => {
                leader.insert(State::default());
                Role::Lead(Leader { coalescer: self, key, is_active: true })
            }
        }
    }
}

/// The work on a key for events. Dropped before it is finished, it makes its followers begin anew.
pub(crate) struct Leader<'a> {
    coalescer: &'a Coalescer,
    key: &'a str,
    is_active: bool,
}

impl Leader<'_> {
    /// The source is about to be looked at: this look covers no follower that joins later.
    pub fn begin_look(&self) {
        if let Some(state) = lock(&self.coalescer.active).get_mut(self.key) {
            state.looks += 1;
        }
    }

    /// The destination has what the last look found, or somebody sees to that. `false`: others have come since
    /// that look, and another one is needed.
    pub fn finish(&mut self) -> bool {
        let mut active = lock(&self.coalescer.active);
        let Some(state) = active.get_mut(self.key) else { return true };
        let looks = state.looks;
        let (covered, late): (Vec<_>, Vec<_>) =
            std::mem::take(&mut state.waiting).into_iter().partition(|(after, _)| *after < looks);
        state.waiting = late;
        self.is_active = !state.waiting.is_empty();
        if !self.is_active {
            active.remove(self.key);
        }
        drop(active);
        for (_, covered) in covered {
            // Who is gone was given up, and comes again.
            let _ = covered.send(());
        }
        !self.is_active
    }

    /// Waits until the key may be written to. Whether there was anything to wait for: then what was seen of the source
    /// is old.
    pub async fn may_write(&self) -> bool {
        let last = lock(&self.coalescer.written).get(self.key).copied();
        let Some(next) = last.map(|last| last + APART).filter(|next| *next > Instant::now()) else { return false };
        sleep_until(next).await;
        true
    }

    /// A write begins.
    pub fn writes(&self) {
        let (mut written, now) = (lock(&self.coalescer.written), Instant::now());
        if written.len() >= SWEEP_AT {
            written.retain(|_, at| *at + APART > now);
        }
        written.insert(self.key.to_owned(), now);
    }
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        if self.is_active {
            lock(&self.coalescer.active).remove(self.key);
        }
    }
}

/// An event that follows another's work on its key.
pub(crate) struct Follower(oneshot::Receiver<()>);

impl Follower {
    /// Waits until it is covered; `false`: the leader's work was dropped, and the follower must enter anew.
    pub async fn covered(self) -> bool {
        self.0.await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn lead<'a>(coalescer: &'a Coalescer, key: &'a str) -> Leader<'a> {
        match coalescer.enter(key) {
            Role::Lead(leader) => leader,
            _ => panic!("{key} is active"),
        }
    }

    fn join(coalescer: &Coalescer, key: &str) -> Follower {
        match coalescer.enter(key) {
            Role::Follow(following) => following,
            _ => panic!("{key} has no work to follow"),
        }
    }

    #[tokio::test]
    async fn a_follower_is_covered_only_by_a_later_look() {
        let coalescer = Coalescer::default();
        let mut leader = lead(&coalescer, "k");
        let before = join(&coalescer, "k");
        leader.begin_look();
        let after = join(&coalescer, "k");
        assert!(!leader.finish(), "one came after the look");
        assert!(before.covered().await);
        let mut after = Box::pin(after.covered());
        assert!(after.as_mut().now_or_never().is_none());
        leader.begin_look();
        assert!(leader.finish());
        assert!(after.await);
        lead(&coalescer, "k");
    }

    #[test]
    fn a_leader_has_room_for_so_many_present_followers() {
        let coalescer = Coalescer::default();
        let _leader = lead(&coalescer, "k");
        let following: Vec<Follower> = (0..MAX_FOLLOWERS).map(|_| join(&coalescer, "k")).collect();
        assert!(matches!(coalescer.enter("k"), Role::Full));
        drop(following);
        join(&coalescer, "k");
    }

    #[tokio::test]
    async fn followers_enter_again_after_their_leader_gave_up() {
        let coalescer = Coalescer::default();
        let leader = lead(&coalescer, "k");
        leader.begin_look();
        let (one, other) = (join(&coalescer, "k"), join(&coalescer, "k"));
        drop(leader);
        let leader = lead(&coalescer, "k");
        assert!(!one.covered().await && !other.covered().await);
        lead(&coalescer, "other");
        drop(leader);
    }

    #[tokio::test(start_paused = true)]
    async fn two_writes_to_a_key_lie_apart() {
        let coalescer = Coalescer::default();
        let leader = lead(&coalescer, "k");
        assert!(!leader.may_write().await);
        leader.writes();
        let began = Instant::now();
        assert!(leader.may_write().await && began.elapsed() >= APART);
        assert!(!leader.may_write().await);
        let other = lead(&coalescer, "other");
        leader.writes();
        assert!(!other.may_write().await);
        for n in 0..3 * SWEEP_AT {
            tokio::time::advance(APART / 1_000).await;
            lead(&coalescer, &n.to_string()).writes();
        }
        assert!(lock(&coalescer.written).len() <= SWEEP_AT, "what was written long ago is forgotten");
    }
}
