//! Begins runs.

use adapters::open;
use shared::config::{RunOverrides, TaskDefinition};
use shared::queue::Outgoing;
use shared::tasks::{BeginRun, Change, Operation, OperationKind, Summary, TaskState};
use shared::terminal;

use super::actor::{Actor, deleting, gone, key_reused, paused};
use super::cancel::mark_cancelled;
use crate::refusal::{Code, Refusal};

/// A run that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// The run.
    pub run: String,
    /// The run that it replaces.
    pub superseded: Option<String>,
}

/// Begins a run of a task with options of its own.
pub async fn run(actor: &Actor, name: &str, overrides: &RunOverrides, supersede: bool) -> Result<Begun, Refusal> {
    let summary = actor.summary(name).await?;
    if let Some(begun) = begun_before(actor, &summary, &overrides.to_request()).await? {
        return Ok(begun);
    }
    check_may_begin(&summary, supersede)?;
    let definition = actor.definition(&summary).await?;
    TaskDefinition { find: overrides.apply(&definition.find), ..definition }.check()?;
    begin(actor, &summary, OperationKind::Find, overrides.to_request(), supersede).await
}

/// Records a run, then sends its job. If the program ends in between, the controller sends the job.
pub async fn begin(
    actor: &Actor,
    summary: &Summary,
    kind: OperationKind,
    request: String,
    supersede: bool,
) -> Result<Begun, Refusal> {
    if let Some(begun) = begun_before(actor, summary, &request).await? {
        return Ok(begun);
    }
    check_may_begin(summary, supersede)?;
    // Opened before the run is recorded: a run whose job cannot be sent does not begin.
    let queues = open::task_queues(actor.fleet(), summary).await.map_err(Refusal::service)?;
    let (id, author) = (actor.new_id(), actor.author(""));
    let operation = Operation::queued(id, (&summary.task.id, summary.version), kind, request, &author);
    let superseded = summary.run.as_ref().map(|run| run.id.clone());
    let begin = BeginRun { task: &summary.task, operation: &operation, due: None, supersedes: superseded.as_deref() };
    match actor.tasks().begin_run(&begin, &author).await.map_err(Refusal::service)? {
        Change::Made => {}
        Change::Conflict(None) => return Err(gone(&summary.task.name)),
        // Sent twice at once, the request began a run in the meantime.
        Change::Conflict(Some(now)) if now.run.as_ref().is_some_and(|run| actor.made(&run.id)) => {
            let run = now.run.map(|run| run.id).unwrap_or_default();
            return Ok(Begun { run, superseded: None });
        }
        Change::Conflict(Some(now)) => {
            check_may_begin(&now, supersede)?;
            let what = format!("somebody else changed task {:?} at the same time", summary.task.name);
            return Err(Refusal::new(Code::Changed, what).remedy("try again"));
        }
    }
    // Sent twice, it does no harm; not sent, the controller sends it.
    queues.events.send(&[Outgoing::now(operation.job(0).to_body())]).await.map_err(|error| {
        let id = terminal::run_id(&operation.id);
        Refusal::midway(error).hint(format!("run {id} is recorded: the controller sends its job in some minutes"))
    })?;
    if let Some(superseded) = &superseded {
        mark_cancelled(actor, superseded).await?;
    }
    Ok(Begun { run: operation.id, superseded })
}

/// The run that this request began when it was sent before. The run that it replaced is not named again. Its job is
/// sent again, which does no harm, unless a worker has begun it.
pub(super) async fn begun_before(actor: &Actor, summary: &Summary, request: &str) -> Result<Option<Begun>, Refusal> {
    let Some(operation) = actor.made_before(&summary.task.id).await? else { return Ok(None) };
    if operation.request != request {
        return Err(key_reused());
    }
    if operation.beat == 0 && operation.end.is_none() {
        let queues = open::task_queues(actor.fleet(), summary).await.map_err(Refusal::midway)?;
        let job = Outgoing::now(operation.job(0).to_body());
        queues.events.send(&[job]).await.map_err(Refusal::midway)?;
    }
    Ok(Some(Begun { run: operation.id, superseded: None }))
}

/// Refuses what would be a conflict, in words.
fn check_may_begin(summary: &Summary, supersede: bool) -> Result<(), Refusal> {
    let name = &summary.task.name;
    match (summary.state, &summary.run) {
        (TaskState::Deleting, _) => Err(deleting(name)),
        (TaskState::Paused, _) => Err(paused(name)),
        (TaskState::Active, Some(run)) if !supersede => {
            let what = format!("run {} of task {name:?} has not ended", terminal::run_id(&run.id));
            let remedy = "wait for its end, or give --supersede, which cancels it";
            Err(Refusal::new(Code::RunLive, what).remedy(remedy))
        }
        (TaskState::Active, _) => Ok(()),
    }
}
