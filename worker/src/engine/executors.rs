//! The executors of a task, by kind and by the version of the task's definition.
//!
//! A run keeps the definition that it began with, so a task whose definition was edited has several executors of one
//! kind: each opened the stores, and has the options, of one version. They come and go while the worker works.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use shared::sync::lock;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::engine::executor::{Executor, Outage};

/// How often a removed executor is looked at, which is watched until the last of its jobs has ended.
const RELEASED_LOOK: Duration = Duration::from_secs(1);

/// The executors of a task. A handle: clones share them.
///
/// A job is executed by the executor of its kind and definition. An executor of definition 0 takes the jobs of every
/// definition. A job of definition 0 follows the present one: the one that [`set_present`](Self::set_present) names,
/// else the highest.
#[derive(Clone, Default)]
pub struct Executors(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Counts changes.
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    entries: Vec<Entry>,
    /// Kinds of which a job waits for its executor: those that were named, or had one.
    kinds: BTreeSet<&'static str>,
    present: Option<u32>,
    ignored_events: IgnoredEvents,
    /// Whether the main lane receives nothing.
    is_resting: bool,
    /// Executors that were ever added.
    added: u64,
}

#[derive(Clone)]
struct Entry {
    /// Unique within the handle.
    id: u64,
    definition: u32,
    executor: Arc<dyn Executor>,
    /// Whether it only settles jobs of cancelled runs.
    settles_only: bool,
    removed: CancellationToken,
}

/// Which events are acknowledged unexecuted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IgnoredEvents {
    /// None.
    #[default]
    None,
    /// Messages that are no jobs, from any sender: the task follows no events.
    Messages,
    /// These, and jobs that were made of events: the task is being deleted.
    All,
}

/// Who executes a job.
pub(crate) enum Choice {
    /// This executor, which was added under this definition.
    Found(Arc<dyn Executor>, u32),
    /// This executor, if the job's run is cancelled. Otherwise the job waits for another one.
    Settling(Arc<dyn Executor>),
    /// One that is not there yet, or not any more.
    Absent,
    /// Nobody: no executor of this task has the kind.
    UnknownKind,
}

impl Executors {
    /// No executor yet. Jobs of these kinds wait for theirs, also before the first one is added.
    pub fn of_kinds(kinds: impl IntoIterator<Item = &'static str>) -> Self {
        let executors = Executors::default();
        lock(&executors.0.state).kinds.extend(kinds);
        executors
    }

    /// Adds an executor of its kind for jobs of this definition, in place of an earlier one. 0: of all definitions.
    pub fn add(&self, definition: u32, executor: impl Executor + 'static) {
        self.insert(definition, executor, false);
    }

    /// The same, of an executor whose stores may not be there: it settles the jobs of cancelled runs, and those of others
    /// wait as if there were none.
    pub fn add_settling(&self, definition: u32, executor: impl Executor + 'static) {
        self.insert(definition, executor, true);
    }

    fn insert(&self, definition: u32, executor: impl Executor + 'static, settles_only: bool) {
        let executor: Arc<dyn Executor> = Arc::new(executor);
        let kind = executor.kind();
        self.change(|state| {
            state.remove(|entry| entry.definition == definition && entry.executor.kind() == kind);
            state.kinds.insert(kind);
            state.added += 1;
            let (id, removed) = (state.added, CancellationToken::new());
            state.entries.push(Entry { id, definition, executor, settles_only, removed });
        });
    }

    /// Removes the executors of a definition. Jobs that they have begun go on.
    pub fn remove(&self, definition: u32) {
        self.change(|state| state.remove(|entry| entry.definition == definition));
    }

    /// The definition that jobs of definition 0 follow; `None`: the highest. While it has no executor they wait.
    pub fn set_present(&self, definition: Option<u32>) {
        self.change(|state| state.present = definition);
    }

    /// Which events are acknowledged unexecuted from now on. Those that were begun go on.
    pub fn ignore_events(&self, ignored: IgnoredEvents) {
        lock(&self.0.state).ignored_events = ignored;
    }

    /// Whether the main lane receives nothing from now on, where events have a lane of their own: none of its jobs can be
    /// executed or settled, and each that is received is sent anew. Operations and events go on.
    pub fn rest(&self, rests: bool) {
        self.change(|state| state.is_resting = rests);
    }

    /// Waits until the main lane may receive.
    pub(crate) async fn rested(&self) {
        let mut changed = self.0.changed.subscribe();
        while lock(&self.0.state).is_resting {
            // The sender lives as long as this handle.
            let _ = changed.changed().await;
        }
    }

    /// Whether the main lane receives nothing.
    pub(crate) fn is_resting(&self) -> bool {
        lock(&self.0.state).is_resting
    }

    /// Which events are acknowledged unexecuted.
    pub(crate) fn ignored_events(&self) -> IgnoredEvents {
        lock(&self.0.state).ignored_events
    }

    /// The executor of a job.
    pub(crate) fn choose(&self, kind: &str, definition: u32) -> Choice {
        let state = lock(&self.0.state);
        let found = state.entries.iter().filter(|entry| entry.executor.kind() == kind);
        match found.filter(|entry| state.takes(entry, definition)).max_by_key(|entry| entry.definition) {
            Some(entry) if entry.settles_only => Choice::Settling(entry.executor.clone()),
            Some(entry) => Choice::Found(entry.executor.clone(), entry.definition),
            None if state.kinds.contains(kind) => Choice::Absent,
            None => Choice::UnknownKind,
        }
    }

    /// The executors that follow the present definition, one of each kind; whether a kind has none at the moment.
    pub(crate) fn present(&self) -> (Vec<Arc<dyn Executor>>, bool) {
        let kinds = lock(&self.0.state).kinds.clone();
        let mut is_one_absent = false;
        let mut found = Vec::with_capacity(kinds.len());
        for kind in kinds {
            match self.choose(kind, 0) {
                Choice::Found(executor, _) => found.push(executor),
                Choice::Settling(_) | Choice::Absent | Choice::UnknownKind => is_one_absent = true,
            }
        }
        (found, is_one_absent)
    }

    /// Whether a store fails for every item of an executor. The main lane then begins no new job.
    pub(crate) fn is_suspended(&self) -> bool {
        lock(&self.0.state).entries.iter().any(|entry| entry.executor.is_suspended())
    }

    /// Whether an executor can work.
    pub(crate) fn is_one_active(&self) -> bool {
        lock(&self.0.state).entries.iter().any(|entry| !entry.executor.is_suspended())
    }

    /// Watches the stores of all executors, also of those that are added later. Waits until one has failed for too long.
    pub(crate) async fn first_outage(&self) -> Outage {
        let mut changed = self.0.changed.subscribe();
        let mut watches = FuturesUnordered::new();
        let mut newest = 0;
        loop {
            let entries = lock(&self.0.state).entries.clone();
            for entry in entries.into_iter().filter(|entry| entry.id > newest).collect::<Vec<_>>() {
                newest = newest.max(entry.id);
                watches.push(watch_until_released(entry));
            }
            tokio::select! {
                // The sender lives as long as this handle.
                _ = changed.changed() => {}
                Some(Some(outage)) = watches.next() => return outage,
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut lock(&self.0.state));
        self.0.changed.send_modify(|changes| *changes += 1);
    }
}

impl State {
    fn remove(&mut self, is_removed: impl Fn(&Entry) -> bool) {
        self.entries.retain(|entry| {
            let removes = is_removed(entry);
            if removes {
                entry.removed.cancel();
            }
            !removes
        });
    }

    /// Whether the executor takes the jobs of this definition.
    fn takes(&self, entry: &Entry, definition: u32) -> bool {
        match (entry.definition, definition, self.present) {
            (0, ..) | (_, 0, None) => true,
            (own, 0, Some(present)) => own == present,
            (own, asked, _) => own == asked,
        }
    }
}

/// Watches the stores of an executor until it is removed and has no job left: jobs that wait for a store which fails go
/// on only while somebody probes it.
async fn watch_until_released(entry: Entry) -> Option<Outage> {
    let Entry { executor, removed, .. } = entry;
    let released = async {
        removed.cancelled().await;
        // This call has one.
        while Arc::strong_count(&executor) > 1 {
            sleep(RELEASED_LOOK).await;
        }
    };
    tokio::select! {
        outage = executor.watch() => Some(outage),
        () = released => None,
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use futures::FutureExt;
    use shared::Result;
    use shared::job::{Job, ParseError};

    use super::*;
    use crate::engine::context::LaneContext;
    use crate::engine::executor::Execution;

    /// Its store fails for good once the token is cancelled.
    struct Fake(&'static str, CancellationToken);

    #[async_trait]
    impl Executor for Fake {
        fn kind(&self) -> &'static str {
            self.0
        }

        fn open(&self, _: &Arc<LaneContext>, job: &Job) -> Result<Box<dyn Execution>, ParseError> {
            Err(job.invalid("no test executes it"))
        }

        async fn watch(&self) -> Outage {
            self.1.cancelled().await;
            Outage { message: self.0.to_owned(), is_refusal: false }
        }
    }

    fn fake(kind: &'static str) -> Fake {
        Fake(kind, CancellationToken::new())
    }

    fn choice(executors: &Executors, kind: &str, definition: u32) -> String {
        match executors.choose(kind, definition) {
            Choice::Found(_, version) => version.to_string(),
            Choice::Settling(_) => "settling".to_owned(),
            Choice::Absent => "absent".to_owned(),
            Choice::UnknownKind => "unknown".to_owned(),
        }
    }

    #[test]
    fn an_executor_is_chosen_by_kind_and_definition() {
        let executors = Executors::of_kinds(["objects"]);
        let clone = executors.clone();
        let all = |kind, definitions: [u32; 4]| definitions.map(|definition| choice(&executors, kind, definition));
        assert_eq!(all("objects", [0, 1, 2, 3]), ["absent"; 4]);
        assert_eq!(all("tables", [0, 1, 2, 3]), ["unknown"; 4]);
        clone.add(0, fake("operation"));
        clone.add(1, fake("objects"));
        assert_eq!(all("operation", [0, 1, 2, 3]), ["0"; 4]);
        assert_eq!(all("objects", [0, 1, 2, 3]), ["1", "1", "absent", "absent"]);
        clone.add(3, fake("objects"));
        assert_eq!(all("objects", [0, 1, 2, 3]), ["3", "1", "absent", "3"]);
        clone.set_present(Some(2));
        assert_eq!(all("objects", [0, 1, 2, 3]), ["absent", "1", "absent", "3"]);
        assert!(executors.present().1, "events wait for the executor of the present definition");
        clone.add(2, fake("objects"));
        assert_eq!(all("objects", [0, 1, 2, 3]), ["2", "1", "2", "3"]);
        let (present, is_one_absent) = executors.present();
        assert_eq!((present.len(), is_one_absent), (2, false));
        [1, 2, 3].iter().for_each(|definition| clone.remove(*definition));
        assert_eq!(all("objects", [0, 1, 2, 3]), ["absent"; 4], "its jobs wait for the next one");
        clone.add_settling(2, fake("objects"));
        assert_eq!(all("objects", [0, 1, 2, 3]), ["settling", "absent", "settling", "absent"]);
        assert!(executors.present().1, "events wait");
        clone.add(2, fake("objects"));
        assert_eq!(all("objects", [0, 1, 2, 3]), ["2", "absent", "2", "absent"]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_main_lane_rests_until_a_job_may_be_executed() {
        let executors = Executors::default();
        assert!(executors.rested().now_or_never().is_some());
        executors.rest(true);
        let mut rested = Box::pin(executors.rested());
        assert!(rested.as_mut().now_or_never().is_none());
        executors.add(1, fake("objects"));
        assert!(rested.as_mut().now_or_never().is_none());
        executors.rest(false);
        assert!(rested.as_mut().now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn an_executor_is_watched_until_its_last_job_has_ended() {
        let executors = Executors::default();
        let mut outage = Box::pin(executors.first_outage());
        assert!(outage.as_mut().now_or_never().is_none());
        let first = fake("objects");
        let fails = first.1.clone();
        executors.add(1, first);
        executors.add(2, fake("objects"));
        assert!(outage.as_mut().now_or_never().is_none());
        let Choice::Found(job, _) = executors.choose("objects", 1) else { panic!("it is there") };
        executors.remove(1);
        assert!(tokio::time::timeout(2 * RELEASED_LOOK, outage.as_mut()).await.is_err());
        drop(job);
        assert!(tokio::time::timeout(2 * RELEASED_LOOK, outage.as_mut()).await.is_err());
        fails.cancel();
        assert!(outage.as_mut().now_or_never().is_none(), "nothing of it is left");
        let last = fake("tables");
        let fails = last.1.clone();
        executors.add(0, last);
        assert!(outage.as_mut().now_or_never().is_none());
        fails.cancel();
        assert_eq!(outage.await.message, "tables");
    }
}
