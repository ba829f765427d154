//! The state of a fleet, as a pass reads it.

use std::time::Duration;

use adapters::open::TaskDepth;
use futures::{StreamExt as _, stream};
use shared::controller::task::{RunView, TaskView};
use shared::fleet::group::GroupState;
use shared::ledger::Run;
use shared::object::Timestamp;
use shared::queue::Depth;
use shared::tasks::{FleetRecord, Heartbeat, Operation, OperationClass, Sample, Summary, TaskState};
use shared::{ErrorKind, Result};

use super::context::ControllerContext;
use super::memory::ControllerMemory;
use super::report::PassReport;
use super::{deletion, events};

/// Most open operations of a class that a pass looks at. They are the oldest: the others come when these are done.
const MAX_OPERATIONS: usize = 1_000;

/// Tasks that are read at once: each takes some requests.
const TASKS_AT_ONCE: usize = 16;

/// What a worker has said within this time is believed.
const RECENT: Duration = Duration::from_secs(60);

/// Minutes whose samples teach how much a machine does.
const LEARNED_MINUTES: u64 = 15;

/// All that a pass has read. A part whose reading failed is `None`, and decides nothing.
#[derive(Debug)]
pub struct Seen {
    /// When the pass began, by this machine's clock.
    pub now: Timestamp,
    /// The fleet's tasks.
    pub tasks: Vec<TaskSeen>,
    /// Operations that are not done.
    pub operations: Option<Vec<Operation>>,
    /// The queue of operations whose tasks are not created yet. Read if there are any.
    pub operations_depth: Option<Depth>,
    /// The workers.
    pub heartbeats: Option<Vec<Heartbeat>>,
    /// The record of the controllers, with its version.
    pub memory: Option<(u64, ControllerMemory)>,
    /// The machines.
    pub group: Option<GroupState>,
}

/// A task, and all that was read about it.
#[derive(Debug)]
pub struct TaskSeen {
    /// Its record.
    pub summary: Summary,
    /// Its live run and those that are being cancelled, with their ids.
    pub runs: Option<Vec<(String, Option<Run>)>>,
    /// The counter of the finder's claim.
    pub claim: Option<Option<u64>>,
    /// Its queues; empty, and not read, if it has no work.
    pub depths: Option<TaskDepth>,
    /// Whether its queues were read.
    pub is_measured: bool,
    /// Its messages, if it has no work and its queues were read: once an hour. Of these messages nothing is decided.
    pub idle_depth: Option<Depth>,
    /// Whether its queues are gone.
    pub is_gone: bool,
    /// Whether a worker may have events of it, also of a queue that is not the fleet's.
    pub has_events_at_work: bool,
    /// How far its deletion is.
    pub deletion: Option<deletion::Deletion>,
    /// The samples of the last minutes, if it has work.
    pub samples: Vec<Sample>,
}

impl Seen {
    /// The minute of the pass since 1970.
    pub fn minute(&self) -> u64 {
        u64::try_from(self.now.0 / 60_000).unwrap_or(0)
    }

    /// The task of an id.
    pub fn task(&self, id: &str) -> Option<&TaskSeen> {
        self.tasks.iter().find(|task| task.summary.task.id == id)
    }
}

impl TaskSeen {
    /// All its queues together.
    pub fn depth(&self) -> Option<Depth> {
        Some(self.depths?.all)
    }

    /// The messages in its dead letters, if its queues were read.
    pub fn dead(&self) -> Option<u64> {
        self.read_depth().map(|depth| depth.dead)
    }

    /// The messages in its queues that are no dead letters, if its queues were read.
    pub fn waiting(&self) -> Option<u64> {
        self.read_depth().map(|depth| depth.waiting())
    }

    fn read_depth(&self) -> Option<Depth> {
        self.depth().filter(|_| self.is_measured).or(self.idle_depth)
    }

    /// The view that decisions are made by.
    pub fn view(&self) -> TaskView<'_> {
        let view = |(id, run): &(String, Option<Run>)| run.as_ref().map_or_else(|| RunView::queued(id), RunView::of);
        let runs = self.runs.as_ref().map(|runs| runs.iter().map(view).collect());
        TaskView { summary: &self.summary, runs, claim: self.claim, depth: self.depths.map(|depths| depths.jobs) }
    }

    /// Its live run, if the ledger has it.
    pub fn live(&self) -> Option<&Run> {
        let live = self.summary.run.as_ref()?;
        self.runs.as_ref()?.iter().find(|(id, _)| *id == live.id)?.1.as_ref()
    }

    /// Whether its live run is not in the ledger yet.
    pub fn has_queued_run(&self) -> bool {
        let is_live = |id: &str| self.summary.run.as_ref().is_some_and(|live| live.id == id);
        self.runs.iter().flatten().any(|(id, run)| run.is_none() && is_live(id))
    }

    /// Whether a run is live or being cancelled.
    pub fn has_runs(&self) -> bool {
        self.summary.run.is_some() || !self.summary.cancelled.is_empty()
    }
}

/// Reads everything. An error of one part is reported, and leaves that part out. The list of tasks is the one part
/// without which nothing is decided.
pub async fn read(context: &ControllerContext, report: &mut PassReport) -> Result<Seen> {
    // Before the tasks: an operation whose task is not among them is older than their list.
    let operations = report.noted("read operations", open_operations(context).await);
    let (summaries, heartbeats, record, group) = tokio::join!(
        context.tasks.summaries(),
        context.tasks.heartbeats(),
        context.tasks.fleet_record(),
        context.group.state()
    );
    let now = context.now();
    let minute = u64::try_from(now.0 / 60_000).unwrap_or(0);
    let open: Vec<&str> = operations.iter().flatten().map(|operation| operation.task.as_str()).collect();
    let reading = summaries?.into_iter().map(|summary| {
        let has_operation = open.contains(&summary.task.id.as_str());
        read_task(context, summary, has_operation, minute)
    });
    let read: Vec<(TaskSeen, PassReport)> = stream::iter(reading).buffered(TASKS_AT_ONCE).collect().await;
    let tasks: Vec<TaskSeen> = read
        .into_iter()
        .map(|(mut task, noted)| {
            report.add(noted);
            task.has_events_at_work = heartbeats.as_ref().map_or(true, |beats| has_events_at_work(&task, beats, now));
            task
        })
        .collect();
    let is_known = |operation: &Operation| tasks.iter().any(|task| task.summary.task.id == operation.task);
    let has_unknown = operations.iter().flatten().any(|operation| operation.version == 0 && !is_known(operation));
    let operations_depth = match has_unknown {
        true => report.noted("read the queue of operations", context.queues.operations_depth().await),
        false => Some(Depth::default()),
    };
    Ok(Seen {
        now,
        tasks,
        operations,
        operations_depth,
        heartbeats: report.noted("read heartbeats", heartbeats),
        memory: report.noted("read the fleet's record", record).map(remembered),
        group: report.noted("read the group", group),
    })
}

/// Whether a worker has said within the last minute that it has jobs of a task with events. A clock that is wrong by more
/// hides them; then the queue's count of leased messages is what is left. It is a hint, which spares late records: no
/// upload stays open where it is wrong, for the close finds what is opened late.
fn has_events_at_work(task: &TaskSeen, beats: &[Heartbeat], now: Timestamp) -> bool {
    let is_recent = |beat: &&Heartbeat| now.0.saturating_sub(beat.at.0) < RECENT.as_millis() as i64;
    task.summary.outline.events
        && beats.iter().filter(is_recent).any(|beat| beat.jobs.contains_key(&task.summary.task.id))
}

fn remembered(record: FleetRecord) -> (u64, ControllerMemory) {
    (record.version, ControllerMemory::read(&record.text))
}

async fn read_task(
    context: &ControllerContext,
    summary: Summary,
    has_operation: bool,
    minute: u64,
) -> (TaskSeen, PassReport) {
    let mut report = PassReport::default();
    let name = summary.task.name.clone();
    let mut task = TaskSeen {
        runs: Some(Vec::new()),
        claim: Some(None),
        depths: Some(TaskDepth::default()),
        is_measured: false,
        idle_depth: None,
        is_gone: false,
        has_events_at_work: false,
        deletion: None,
        samples: Vec::new(),
        summary,
    };
    if task.has_runs() {
        task.runs = report.noted(&format!("read the runs of task {name}"), runs(context, &task.summary).await);
        task.claim = report.noted(&format!("read the claim on task {name}"), claim(context, &task.summary).await);
    }
    let is_deleting = task.summary.state == TaskState::Deleting;
    let follows = task.summary.outline.events && task.summary.state == TaskState::Active;
    let is_its_minute = events::minute_of(&task.summary.task.id) == minute % events::EVERY_MINUTES;
    if task.has_runs() || has_operation || follows || is_deleting {
        let depth = context.queues.depth(&task.summary).await;
        task.is_gone = depth.as_ref().is_err_and(|error| is_deleting && error.kind() == ErrorKind::NoSuchContainer);
        task.depths = match task.is_gone {
            true => Some(TaskDepth::default()),
            false => report.noted(&format!("read the queues of task {name}"), depth),
        };
        task.is_measured = task.depths.is_some();
    } else if is_its_minute {
        // These messages ask for no machine.
        let depth = context.queues.depth(&task.summary).await;
        task.idle_depth = report.noted(&format!("read the queues of task {name}"), depth).map(|depth| depth.all);
    }
    if is_deleting && !task.has_runs() {
        task.deletion = report.noted(&format!("read task {name}"), deletion::read(context, &task.summary).await);
    }
    if task.has_runs() && task.summary.state == TaskState::Active {
        let samples = context
            .tasks
            .samples(&task.summary.task.id, minute.saturating_sub(LEARNED_MINUTES), minute, LEARNED_MINUTES as usize)
            .await;
        task.samples = report.noted(&format!("read the samples of task {name}"), samples).unwrap_or_default();
    }
    (task, report)
}

async fn runs(context: &ControllerContext, summary: &Summary) -> Result<Vec<(String, Option<Run>)>> {
    let live = summary.run.iter().map(|run| run.id.clone()).filter(|id| !summary.cancelled.contains(id));
    let mut runs = Vec::new();
    for id in live.chain(summary.cancelled.iter().cloned()) {
        let run = context.ledger.run(&id).await?;
        runs.push((id, run));
    }
    Ok(runs)
}

/// A number that changes with each beat of the claim, and with each owner.
async fn claim(context: &ControllerContext, summary: &Summary) -> Result<Option<u64>> {
    let claim = context.ledger.claimed(&summary.task.id).await?;
    Ok(claim.map(|claim| claim.fence.wrapping_mul(1 << 32).wrapping_add(claim.beat)))
}

/// The operations that are not done, of all classes.
async fn open_operations(context: &ControllerContext) -> Result<Vec<Operation>> {
    let of = |class| context.tasks.open_operations(class, MAX_OPERATIONS);
    let (runs, notices, others) =
        futures::try_join!(of(OperationClass::Run), of(OperationClass::Notice), of(OperationClass::Other))?;
    Ok([runs, notices, others].concat())
}

/// Whether an operation is a run of its task: those are decided with the task.
pub fn is_run(operation: &Operation) -> bool {
    operation.kind.class() == OperationClass::Run
}
