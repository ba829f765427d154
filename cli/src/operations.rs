//! Operations on tasks: jobs of the kind [`OPERATION`], each of which is one slice of an operation.
//!
//! A slice takes at most 10 minutes. Then it saves its checkpoint, sends the job of the next slice, and is acknowledged.
//! `job` is the frame that all kinds of operations have in common; each kind has a module of its own.
//!
//! # Races and faults
//!
//! - Two finders of one task at once: the claim lets one work. The other sends its own job again, delayed.
//! - A job that comes twice: a slice that was begun goes on; of two at once the later one finds the operation stepped, or
//!   ended, and ends. `plan`, `verify`, `probe` and `close` may be carried out twice: their end is recorded once.
//! - Killed between checkpoint and message: the job comes again, and goes on from the checkpoint.
//! - The message is lost: the controller sends the job again, from the step that is recorded.
//! - Queue or ledger fail: the job comes again.

pub(crate) mod close;
mod erase;
mod find;
mod job;
mod live;
pub(crate) mod plan;
mod prefix_list;
pub(crate) mod probe;
mod slice;
pub(crate) mod verify;

use std::sync::Arc;
use std::time::Duration;

use adapters::open::Backend;
use async_trait::async_trait;
use shared::config::Config;
use shared::job::{Job, ParseError};
use shared::tasks::{OPERATION, OperationJob, OperationKind, SharedTasks};
use worker::{Execution, Executor, LaneContext};

use crate::kinds::{OpenKind, Opening};

pub use job::SliceBounds;
pub use probe::{Answer, ProbeResult, SideProbe};
pub use slice::{SliceCheckpoint, SliceEnd};
pub use verify::VerifyResult;

/// The longest that a slice works.
const SLICE: Duration = Duration::from_secs(10 * 60);

/// How often the progress of a slice is recorded while it works: a read and a write of the ledger, if it changed.
const SHOW_EVERY: Duration = Duration::from_secs(10);

/// When a slice that could not begin, or whose store failed, is tried again at first.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// A version of a task's definition, open.
pub struct OpenedTask {
    /// As configured.
    pub config: Config,
    /// Queues and ledger.
    pub backend: Backend,
    /// Its kind of data, open.
    pub kind: Arc<dyn OpenKind>,
}

/// Opens versions of a task's definition.
#[async_trait]
pub trait OpenedTasks: Send + Sync {
    /// A version of the definition, opened at least so when it is first asked for.
    async fn opened(&self, version: u32, opening: Opening) -> shared::Result<Arc<OpenedTask>>;

    /// The task's queues and ledger, without its stores; `None` for tasks that are not created.
    fn backend(&self) -> Option<&Backend>;

    /// The task's name, or that of the queue of operations on tasks that are not created.
    fn name(&self) -> &str;

    /// A definition that a request holds, of a task that is not created.
    async fn of_definition(&self, definition: &str) -> shared::Result<Arc<OpenedTask>>;
}

/// Executes the operations of one task.
pub struct OperationExecutor(Arc<Shared>);

/// The state that all operations of a task share.
struct Shared {
    opened: Arc<dyn OpenedTasks>,
    tasks: SharedTasks,
    owner: String,
    slice: Duration,
}

impl OperationExecutor {
    /// Operations in the name of a worker.
    pub fn new(opened: Arc<dyn OpenedTasks>, tasks: SharedTasks, owner: String) -> OperationExecutor {
        OperationExecutor::in_slices_of(SLICE, opened, tasks, owner)
    }

    /// The same, in slices of another length.
    pub fn in_slices_of(
        slice: Duration,
        opened: Arc<dyn OpenedTasks>,
        tasks: SharedTasks,
        owner: String,
    ) -> OperationExecutor {
        OperationExecutor(Arc::new(Shared { opened, tasks, owner, slice }))
    }
}

impl Executor for OperationExecutor {
    fn kind(&self) -> &'static str {
        OPERATION
    }

    fn open(&self, lane: &Arc<LaneContext>, job: &Job) -> Result<Box<dyn Execution>, ParseError> {
        let OperationJob { slice, seen } = OperationJob::of(job)?;
        let verb = OperationKind::ALL.iter().map(|kind| kind.as_str()).find(|verb| *verb == job.verb);
        let verb = verb.ok_or_else(|| job.invalid("the verb is no operation"))?;
        let (shared, lane) = (self.0.clone(), lane.clone());
        Ok(Box::new(job::Slice { shared, lane, task: job.task.clone(), id: job.run.clone(), slice, seen, verb }))
    }
}
