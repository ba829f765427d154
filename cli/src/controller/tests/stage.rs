//! A fleet in a folder, and the controllers that tests start on it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use adapters::open::{FleetBackend, TaskQueues, task_queues};
use async_trait::async_trait;
use shared::config::{FleetFile, TaskDefinition};
use shared::fleet::Ended;
use shared::fleet::group::{Group, GroupMachine, GroupState};
use shared::job::{Job, Origin};
use shared::ledger::{Checkpoint, Found, NO_FENCE, Outcome, Phase, RunStart, Settlement, State};
use shared::notify::{Channel, Notice, Notifier};
use shared::object::Timestamp;
use shared::sync::lock;
use shared::tasks::{
    Author, Change, Heartbeat, NewTask, OldestReceived, Operation, OperationKind, Summary, TaskRef, WorkerState,
};
use shared::{Error, ErrorKind, Result};
use tempfile::TempDir;

use crate::controller::{ControllerContext, PassReport, pass};

pub const MINUTE_MS: i64 = 60_000;

/// An error of a part.
fn broken() -> Error {
    Error::new(ErrorKind::Denied, "test", "part", "as the test wants it")
}

/// A group that does as it is asked.
#[derive(Debug, Default)]
pub struct FakeGroup(pub Mutex<FakeGroupState>);

#[derive(Debug, Default, Clone, PartialEq)]
pub struct FakeGroupState {
    pub group: GroupState,
    pub calls: Vec<String>,
    pub is_at_minimum: bool,
    pub fails: bool,
}

#[async_trait]
impl Group for FakeGroup {
    async fn state(&self) -> Result<GroupState> {
        let state = lock(&self.0).clone();
        if state.fails { Err(broken()) } else { Ok(state.group) }
    }

    async fn grow(&self, desired: u32) -> Result<()> {
        let mut state = lock(&self.0);
        state.group.desired = state.group.desired.max(desired);
        state.calls.push(format!("grow {desired}"));
        Ok(())
    }

    async fn terminate(&self, machine: &str, is_smaller: bool) -> Result<Ended> {
        let mut state = lock(&self.0);
        state.calls.push(format!("terminate {machine} {is_smaller}"));
        if is_smaller && state.is_at_minimum {
            return Ok(Ended::Refused);
        }
        state.group.machines.retain(|known| known.id != machine);
        Ok(Ended::Going)
    }
}

/// Keeps the notices, and fails as often as it is asked to.
#[derive(Debug, Default)]
pub struct Receiver {
    pub got: Mutex<Vec<(Channel, String, Notice)>>,
    pub failures: AtomicI64,
}

#[async_trait]
impl Notifier for Receiver {
    async fn send(&self, channel: Channel, target: &str, notice: &Notice) -> Result<()> {
        lock(&self.got).push((channel, target.to_owned(), notice.clone()));
        // As slow as a network: two controllers are under way at the same time.
        tokio::task::yield_now().await;
        if self.failures.fetch_sub(1, Relaxed) > 0 { Err(broken()) } else { Ok(()) }
    }
}

/// The fleet. Its clock stands still until a test moves it.
pub struct Stage {
    _dir: TempDir,
    pub fleet: FleetFile,
    pub backend: FleetBackend,
    pub group: Arc<FakeGroup>,
    pub receiver: Arc<Receiver>,
    clock: Arc<AtomicI64>,
}

impl Stage {
    pub async fn new() -> Stage {
        let dir = tempfile::tempdir().unwrap();
        let fleet = FleetFile::of_folder("f", dir.path());
        let backend = FleetBackend::open(&fleet).await.unwrap();
        let group = Arc::new(FakeGroup::default());
        lock(&group.0).group.max = 10;
        // Records with a limited life are read by the real clock.
        let begin = Timestamp::now().0 / MINUTE_MS * MINUTE_MS;
        let clock = Arc::new(AtomicI64::new(begin));
        Stage { _dir: dir, fleet, backend, group, receiver: Arc::default(), clock }
    }

    /// A controller whose clock differs by `skew_ms`.
    pub async fn controller(&self, skew_ms: i64) -> ControllerContext {
        let mut context = ControllerContext::of(&self.backend, false).await.unwrap();
        context.group = self.group.clone();
        context.notifier = self.receiver.clone();
        let clock = self.clock.clone();
        context.clock = Arc::new(move || Timestamp(clock.load(Relaxed) + skew_ms));
        context
    }

    pub fn now(&self) -> Timestamp {
        Timestamp(self.clock.load(Relaxed))
    }

    pub fn minutes_pass(&self, minutes: i64) {
        self.clock.fetch_add(minutes * MINUTE_MS, Relaxed);
    }

    /// A minute later, a pass of one controller, in which nothing fails.
    pub async fn pass(&self) -> PassReport {
        self.minutes_pass(1);
        let report = pass(&self.controller(0).await).await.unwrap();
        assert_eq!(report.errors, Vec::<String>::new());
        report
    }

    /// Creates a task with these lines at the top of its definition, and these sections.
    pub async fn task(&self, name: &str, top: &str, sections: &str, due: Option<Timestamp>) -> Summary {
        let text = format!(
            "task = {name:?}\n{top}\n[source]\nlocation = \"/a\"\n[destination]\nlocation = \"/b\"\n{sections}"
        );
        let definition = TaskDefinition::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let task = TaskRef { name: name.to_owned(), id: uuid::Uuid::now_v7().to_string() };
        let new = NewTask { task, definition: definition.kept().unwrap(), next_due: due };
        let created = self.backend.tasks.create(&new, &self.author()).await.unwrap();
        assert!(matches!(created, Change::Made));
        self.summary(name).await.unwrap()
    }

    pub fn author(&self) -> Author {
        Author::new("test", self.now(), "")
    }

    /// A run that is asked for.
    pub fn operation(&self, task: &Summary, run: &str, kind: OperationKind, request: &str) -> Operation {
        Operation {
            id: run.to_owned(),
            task: task.task.id.clone(),
            kind,
            version: task.version,
            who: "test".to_owned(),
            requested: self.now(),
            request: request.to_owned(),
            beat: 0,
            worker: None,
            progress: None,
            end: None,
        }
    }

    pub async fn summary(&self, name: &str) -> Option<Summary> {
        self.backend.tasks.summary(name).await.unwrap()
    }

    pub async fn queues(&self, task: &Summary) -> TaskQueues {
        task_queues(&self.fleet, task).await.unwrap()
    }

    /// Receives all messages of the task's queue of events, and acknowledges them.
    pub async fn take(&self, task: &Summary) -> Vec<Job> {
        let queue = self.queues(task).await.events;
        let mut jobs = Vec::new();
        loop {
            let wait = std::time::Duration::ZERO;
            let received = queue.receive(10, wait, std::time::Duration::from_secs(60)).await.unwrap();
            if received.is_empty() {
                return jobs;
            }
            for message in received {
                jobs.push(Job::parse(&message.body).unwrap());
                queue.acknowledge(&message).await.unwrap();
            }
        }
    }

    /// Records that a finder has found so many objects of the live run, and has ended in this phase.
    pub async fn find(&self, task: &str, objects: u64, phase: Phase) -> String {
        let found = Found { listed: objects, enqueued: objects, ..Found::default() };
        self.find_these(task, found, phase).await
    }

    /// The same, with all its counters.
    pub async fn find_these(&self, task: &str, found: Found, phase: Phase) -> String {
        let summary = self.summary(task).await.unwrap();
        let (run, ledger) = (summary.run.unwrap().id, &self.backend.ledger);
        let start = RunStart {
            id: run.clone(),
            task: summary.task.id,
            source: "/a".into(),
            destination: "/b".into(),
            options: Default::default(),
            started: self.now(),
        };
        ledger.start_run(&start, NO_FENCE).await.unwrap();
        let checkpoint = Checkpoint { version: 1, done: true, found, ..Checkpoint::default() };
        ledger.checkpoint(&run, &checkpoint, NO_FENCE).await.unwrap();
        if phase != Phase::Listing {
            ledger.set_phase(&run, phase, None, None).await.unwrap();
        }
        run
    }

    /// Settles the first objects of a run.
    pub async fn settle(&self, task: &str, run: &str, objects: u32, state: State) {
        let id = self.summary(task).await.unwrap().task.id;
        let origin = Origin { id: "r0-0".into(), items: 100 };
        let outcome = |index| (index, Outcome::new(format!("k{index}"), state));
        let outcomes: Vec<_> = (0..objects).map(outcome).collect();
        let settlement = Settlement { task: &id, run, origin: &origin, reasons: &[], outcomes: &outcomes, span: None };
        self.backend.ledger.settle(&settlement).await.unwrap();
    }

    /// A machine of the group, in service.
    pub fn machine(&self, id: &str) {
        let mut state = lock(&self.group.0);
        state.group.machines.push(GroupMachine { id: id.to_owned(), is_in_service: true });
        state.group.desired += 1;
    }

    /// A heartbeat of the worker on a machine.
    pub async fn beat(&self, machine: &str, counter: u64) {
        self.beat_with(machine, counter, BTreeMap::new()).await;
    }

    /// A heartbeat of a worker with so many jobs of each task.
    pub async fn beat_with(&self, machine: &str, counter: u64, jobs: BTreeMap<String, u32>) {
        let heartbeat = Heartbeat { jobs, ..heartbeat(machine, counter) };
        self.backend.tasks.beat(&heartbeat).await.unwrap();
    }

    /// A heartbeat of a worker that received messages of a task, by the test's clock.
    pub async fn beat_receiving(&self, machine: &str, counter: u64, (task, oldest): (&str, OldestReceived)) {
        let oldest = [(task.to_owned(), oldest)].into();
        let heartbeat = Heartbeat { oldest, ..heartbeat(machine, counter) };
        self.backend.tasks.beat(&heartbeat).await.unwrap();
    }

    /// A heartbeat of a worker that reports this error of a task, or has jobs of it.
    pub async fn beat_with_error(&self, machine: &str, counter: u64, (task, error): (&str, Option<&str>)) {
        let errors = error.map(|error| (task.to_owned(), error.to_owned())).into_iter().collect();
        let jobs = [(task.to_owned(), 1)].into();
        let heartbeat = Heartbeat { errors, jobs, at: self.now(), ..heartbeat(machine, counter) };
        self.backend.tasks.beat(&heartbeat).await.unwrap();
    }

    pub fn group_calls(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.group.0).calls)
    }

    pub fn notices(&self) -> Vec<(Channel, String, Notice)> {
        lock(&self.receiver.got).clone()
    }
}

/// Of the worker on a machine, which has no jobs.
pub fn heartbeat(machine: &str, counter: u64) -> Heartbeat {
    Heartbeat {
        worker: format!("worker-on-{machine}"),
        counter,
        machine: Some(machine.to_owned()),
        version: String::new(),
        state: WorkerState::Working,
        jobs: BTreeMap::new(),
        errors: Default::default(),
        event_ages: Default::default(),
        oldest: Default::default(),
        // Readers ignore old ones by their own clock.
        at: Timestamp::now(),
    }
}
