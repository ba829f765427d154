//! `flotilla task run`

use adapters::open::{self, FleetBackend};
use serde_json::json;
use shared::config::TaskDefinition;
use shared::queue::Outgoing;
use shared::tasks::{BeginRun, Change, Operation, OperationKind, Summary, TaskState};
use shared::terminal;

use super::cancel::tell_workers;
use super::state::{deleting, paused};
use super::{author, backend, found, gone, present};
use crate::args::RunArgs;
use crate::exit::{CommandResult, Exit, Failure};
use crate::stdout;

/// Records a run, then sends its `find` job. If the command ends in between, the controller sends the job.
pub async fn run(args: &RunArgs) -> CommandResult {
    let fleet = args.fleet.read()?;
    let backend = backend(&fleet).await?;
    let summary = found(&backend.tasks, &fleet, &args.name).await?;
    check_may_begin(&summary, args.supersede)?;
    let overrides = args.overrides();
    let definition = present(&backend.tasks, &summary).await?;
    TaskDefinition { find: overrides.apply(&definition.find), ..definition }.check()?;
    let begun = begin(&backend, &summary, OperationKind::Find, overrides.to_request(), args.supersede).await?;
    let Begun { run, superseded } = &begun;
    match args.json {
        true => stdout::line(json!({"task": args.name, "run": run, "superseded": superseded}))?,
        false => stdout::line(format_args!("began run {} of task {}", terminal::run_id(run), args.name))?,
    }
    Ok(Exit::InSync)
}

/// A run that was begun.
pub struct Begun {
    /// The run.
    pub run: String,
    /// The run that it replaces.
    pub superseded: Option<String>,
}

/// Records a run, then sends its job.
pub async fn begin(
    backend: &FleetBackend,
    summary: &Summary,
    kind: OperationKind,
    request: String,
    supersede: bool,
) -> Result<Begun, Failure> {
    check_may_begin(summary, supersede)?;
    // Opened before the run is recorded: a run whose job cannot be sent does not begin.
    let queues = open::task_queues(backend.fleet(), summary).await.map_err(Failure::usage)?;
    let operation = Operation::queued(
        uuid::Uuid::now_v7().to_string(),
        (&summary.task.id, summary.version),
        kind,
        request,
        &author(""),
    );
    let superseded = summary.run.as_ref().map(|run| run.id.clone());
    let begin = BeginRun { task: &summary.task, operation: &operation, due: None, supersedes: superseded.as_deref() };
    match backend.tasks.begin_run(&begin, &author("")).await.map_err(Failure::usage)? {
        Change::Made => {}
        Change::Conflict(None) => return Err(gone(&summary.task.name)),
        Change::Conflict(Some(now)) => {
            check_may_begin(&now, supersede)?;
            let why = format!("somebody else changed task {:?} at the same time: try again", summary.task.name);
            return Err(Failure::usage(why));
        }
    }
    // Sent twice, it does no harm; not sent, the controller sends it.
    queues.events.send(&[Outgoing::now(operation.job(0).to_body())]).await.map_err(|error| {
        let id = terminal::run_id(&operation.id);
        Failure::midway(error).hint(&format!("run {id} is recorded: the controller sends its job in some minutes"))
    })?;
    if let Some(superseded) = &superseded {
        tell_workers(&backend.ledger, superseded).await?;
    }
    Ok(Begun { run: operation.id, superseded })
}

/// Refuses what would be a conflict, in words.
fn check_may_begin(summary: &Summary, supersede: bool) -> Result<(), Failure> {
    let name = &summary.task.name;
    match (summary.state, &summary.run) {
        (TaskState::Deleting, _) => Err(deleting(name)),
        (TaskState::Paused, _) => Err(paused(name)),
        (TaskState::Active, Some(run)) if !supersede => Err(Failure::usage(format!(
            "run {} of task {name:?} has not ended: wait for its end, or give --supersede, which cancels it",
            terminal::run_id(&run.id)
        ))),
        (TaskState::Active, _) => Ok(()),
    }
}
