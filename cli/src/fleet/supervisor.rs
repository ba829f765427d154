//! Serves all tasks of a fleet: one server a task.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shared::Error;
use shared::sync::lock;
use shared::tasks::{OperationClass, Summary};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::context::FleetContext;
use super::server::Server;
use super::wanted::Wanted;

/// How often the tasks are read, in one query. Everybody learns of a change within 15 s.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The same of a state folder, where a query costs nothing.
const LOOK_AT_FOLDER_EVERY: Duration = Duration::from_secs(1);

/// A query that was not answered by then is repeated: tasks are paused and limited by its answer.
const LOOK_LIMIT: Duration = Duration::from_secs(5);

/// The same of the first query, without whose answer the program ends.
const FIRST_LOOK_LIMIT: Duration = Duration::from_secs(30);

/// The same of the open operations, which are read beside it.
const OPERATIONS_LIMIT: Duration = Duration::from_secs(30);

/// Most operations that a look reads.
const MAX_OPERATIONS: usize = 1_000;

/// Serves the tasks of a fleet.
pub struct Supervisor {
    context: Arc<FleetContext>,
    served: BTreeMap<String, Entry>,
    look_limit: Duration,
    /// Tasks that have an operation which is not done, as they were last read.
    asked: Arc<Mutex<BTreeSet<String>>>,
    /// Reads them.
    asking: Option<JoinHandle<()>>,
}

/// A task that is served.
struct Entry {
    wanted: watch::Sender<Option<Wanted>>,
    server: JoinHandle<()>,
}

impl Supervisor {
    /// Serves nothing yet.
    pub fn new(context: Arc<FleetContext>) -> Supervisor {
        let (served, asked) = Default::default();
        Supervisor { context, served, look_limit: FIRST_LOOK_LIMIT, asked, asking: None }
    }

    /// The time between two looks.
    pub fn look_every(&self) -> Duration {
        if self.context.fleet().state.is_some() { LOOK_AT_FOLDER_EVERY } else { LOOK_EVERY }
    }

    /// Reads the tasks, and has each served as its summary says. Without an answer, everything stays as it is.
    pub async fn look(&mut self) -> Result<Vec<Summary>, Error> {
        let overdue = |_| Error::new(shared::ErrorKind::Timeout, "read tasks", "ledger", "no answer in time");
        // Read-only: slow, cut off or failed, it is repeated.
        let summaries = timeout(self.look_limit, self.context.backend.tasks.summaries()).await.map_err(overdue)??;
        self.look_limit = LOOK_LIMIT;
        self.serve(&summaries);
        self.set_busy(&summaries);
        Ok(summaries)
    }

    /// Has the queues of tasks with work polled all the time: a live or cancelled run, or an operation that is not done.
    /// A message makes its task busy by itself, for a minute.
    fn set_busy(&mut self, summaries: &[Summary]) {
        if self.context.polls.is_none() {
            return;
        }
        if self.asking.as_ref().is_none_or(JoinHandle::is_finished) {
            self.asking = Some(tokio::spawn(read_asked(self.context.clone(), self.asked.clone())));
        }
        let asked = lock(&self.asked);
        let statuses = lock(&self.context.statuses);
        for summary in summaries {
            let id = summary.task.id.as_str();
            let has_run = summary.run.is_some() || !summary.cancelled.is_empty();
            if let Some(turns) = statuses.get(id).and_then(|status| status.turns.as_ref()) {
                turns.set_busy(has_run || asked.contains(id));
            }
        }
    }

    fn serve(&mut self, summaries: &[Summary]) {
        let present: BTreeSet<&str> = summaries.iter().map(|summary| summary.task.id.as_str()).collect();
        for (id, entry) in &self.served {
            if !present.contains(id.as_str()) {
                entry.want(None);
            }
        }
        // One that broke down is begun anew, one whose task is gone has ended.
        self.served.retain(|_, entry| !entry.server.is_finished());
        lock(&self.context.statuses).retain(|id, _| self.served.contains_key(id));
        for summary in summaries {
            let wanted = Wanted::of(summary);
            match self.served.get(&summary.task.id) {
                Some(entry) => entry.want(Some(wanted)),
                None => self.begin(summary, wanted),
            }
        }
    }

    fn begin(&mut self, summary: &Summary, wanted: Wanted) {
        let (sender, receiver) = watch::channel(Some(wanted));
        let server = Server::new(self.context.clone(), summary.clone(), receiver);
        lock(&self.context.statuses).insert(summary.task.id.clone(), server.status());
        let server = tokio::spawn(server.run());
        self.served.insert(summary.task.id.clone(), Entry { wanted: sender, server });
    }

    /// Ends all servers, each in good order.
    pub async fn end(self) {
        self.served.values().for_each(|entry| entry.want(None));
        for (_, entry) in self.served {
            let _ = entry.server.await;
        }
    }
}

/// Reads which tasks have an operation that is not done, and has their queues polled at once. Read-only: without an
/// answer everything stays as it is, and an operation waits until its task is polled for once, at most a minute.
async fn read_asked(context: Arc<FleetContext>, asked: Arc<Mutex<BTreeSet<String>>>) {
    let answer =
        timeout(OPERATIONS_LIMIT, context.backend.tasks.open_operations(OperationClass::Other, MAX_OPERATIONS)).await;
    let Ok(Ok(open)) = answer else { return };
    let tasks: BTreeSet<String> = open.into_iter().map(|operation| operation.task).collect();
    *lock(&asked) = tasks.clone();
    let statuses = lock(&context.statuses);
    for status in tasks.iter().filter_map(|task| statuses.get(task)) {
        if let Some(turns) = &status.turns {
            turns.set_busy(true);
        }
    }
}

impl Entry {
    /// Wakes the server only if something else is wanted.
    fn want(&self, wanted: Option<Wanted>) {
        self.wanted.send_if_modified(|present| {
            let differs = *present != wanted;
            *present = wanted;
            differs
        });
    }
}
